package errorfs

import (
	"errors"
	"sync"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
)

// A lock is an opened lock file with faults.
type lock struct {
	fs    *FS
	path  string
	under vfs.Lock

	mu     sync.Mutex
	busy   bool // an Acquire is under way
	closed bool // under is closed
}

// OpenLock implements [vfs.FS]. It is a [Create].
func (e *FS) OpenLock(name string) (vfs.Lock, error) {
	l := &lock{fs: e, path: name}
	err := e.do(Op{Kind: Create, Path: name}, action{run: func() (err error) {
		l.under, err = e.under.OpenLock(name)
		return err
	}})
	if err != nil {
		if l.under != nil {
			err = errors.Join(err, l.under.Close())
		}
		return nil, err
	}
	e.locksMu.Lock()
	defer e.locksMu.Unlock()
	e.locks[l] = true
	return l, nil
}

// Acquire waits outside of the operation, because a crash does not wait for
// those who wait. A fault with effect leaves the lock held.
func (l *lock) Acquire(wait time.Duration) error { return l.acquire(wait, l.under.Acquire) }

// Join is for faults as [lock.Acquire].
func (l *lock) Join(wait time.Duration) error { return l.acquire(wait, l.under.Join) }

// Overtake is for faults as [lock.Acquire].
func (l *lock) Overtake(wait time.Duration) error { return l.acquire(wait, l.under.Overtake) }

func (l *lock) acquire(wait time.Duration, take func(time.Duration) error) error {
	op := Op{Kind: Lock, Path: l.path}
	acquire := false
	err := l.fs.do(op, action{run: func() error {
		acquire = true
		l.setBusy(true)
		return nil
	}})
	if !acquire {
		return err
	}
	err = errors.Join(err, take(wait))
	l.setBusy(false)
	if l.fs.Crashed() {
		l.abandon() // the crash left it to us
		return op.failed(ErrCrashed)
	}
	return err
}

func (l *lock) setBusy(busy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = busy
}

// abandon closes the lock of a dead process, unless an Acquire is under way,
// which will do it then.
func (l *lock) abandon() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy || l.closed {
		return
	}
	l.closed = true
	_ = l.under.Close() // fails when the file system was frozen: nobody is there to be told
}

func (l *lock) Release() error {
	return l.fs.do(Op{Kind: Unlock, Path: l.path}, action{run: func() error { return l.under.Release() }})
}

// Close closes the lock also when it is made to fail, as close(2) does.
func (l *lock) Close() error {
	var closeErr error
	err := l.fs.do(Op{Kind: Close, Path: l.path}, action{
		run:    l.close,
		failed: func() { closeErr = l.close() },
	})
	return errors.Join(err, closeErr)
}

func (l *lock) close() error {
	l.fs.locksMu.Lock()
	delete(l.fs.locks, l)
	l.fs.locksMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return l.under.Close()
}
