package memfs

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
)

var (
	errHeld    = errors.New("lock is already held by this Lock")
	errNotHeld = errors.New("lock is not held")
)

// A lockState is the lock of one file. The queue is in the order of arrival,
// and only not empty while somebody holds the lock.
type lockState struct {
	holder *lock
	queue  []*waiter
}

// A waiter is one Acquire that waits. Exactly one value is sent on granted,
// by whoever takes the waiter out of the queue: nil with the lock, or why it
// will not have it. The channel is made by the Acquire itself, which keeps it
// inside the bubble of a synctest.
type waiter struct {
	lock    *lock
	granted chan error
}

// A lock is an opened lock file. Its fields are guarded by the file system's
// mutex.
type lock struct {
	fs     *FS
	path   string
	node   *node
	held   bool
	closed bool
	// waiting is the place in the queue of the Acquire that waits, or of the
	// last that did.
	waiting *waiter
}

// OpenLock implements [vfs.FS]. Locks of one file are granted strictly in the
// order in which they were asked for. Close may be called while Acquire
// waits, which then returns an error that is [fs.ErrClosed].
func (m *FS) OpenLock(name string) (vfs.Lock, error) {
	if err := m.enter("open", name); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	l := &lock{fs: m, path: clean(name)}
	if err := l.reopen(); err != nil {
		return nil, err
	}
	return l, nil
}

// reopen opens the file that the path names now, making it if necessary.
func (l *lock) reopen() error {
	n, err := l.fs.open(l.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return l.failed("open", err)
	}
	l.node = n
	return nil
}

func (l *lock) failed(op string, err error) error {
	return &fs.PathError{Op: op, Path: l.path, Err: err}
}

func (l *lock) Acquire(wait time.Duration) error { return l.acquire(wait, false) }

// Join implements [vfs.Lock]. It waits as Acquire does.
func (l *lock) Join(wait time.Duration) error { return l.acquire(wait, false) }

// Overtake implements [vfs.Lock].
func (l *lock) Overtake(wait time.Duration) error { return l.acquire(wait, true) }

func (l *lock) acquire(wait time.Duration, first bool) error {
	until := time.Now().Add(wait)
	for {
		w, err := l.ask(until, first)
		if err != nil {
			return err
		}
		if w != nil {
			err = l.await(w, until)
		}
		if err != nil {
			return l.failed("lock", err)
		}
		current, err := l.settle()
		if current || err != nil {
			return err
		}
	}
}

// ask takes the lock when it is free, and else returns a place in the queue.
func (l *lock) ask(until time.Time, first bool) (*waiter, error) {
	if err := l.enter("lock"); err != nil {
		return nil, err
	}
	defer l.fs.mu.Unlock()
	if l.held {
		return nil, l.failed("lock", errHeld)
	}
	if current, err := l.fs.names(l.path, l.node); err != nil {
		return nil, l.failed("lock", err)
	} else if !current {
		if err := l.reopen(); err != nil {
			return nil, err
		}
	}
	state := l.state()
	if state.holder == nil {
		state.holder, l.held = l, true
		return nil, nil
	}
	if time.Until(until) <= 0 {
		return nil, l.failed("lock", vfs.ErrLocked)
	}
	l.waiting = &waiter{lock: l, granted: make(chan error, 1)}
	at := len(state.queue)
	if first {
		at = 0
	}
	state.queue = slices.Insert(state.queue, at, l.waiting)
	return l.waiting, nil
}

func (l *lock) state() *lockState {
	state := l.fs.locks[l.node]
	if state == nil {
		state = &lockState{}
		l.fs.locks[l.node] = state
	}
	return state
}

// await waits for the lock to be granted.
func (l *lock) await(w *waiter, until time.Time) error {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case err := <-w.granted:
		return err
	case <-timer.C:
	}
	l.fs.mu.Lock()
	l.leave(w, vfs.ErrLocked)
	l.fs.mu.Unlock()
	return <-w.granted // which may still be the lock, granted at the last moment
}

// leave takes a waiter that is still there out of the queue.
func (l *lock) leave(w *waiter, why error) {
	state := l.fs.locks[l.node]
	if state == nil {
		return
	}
	if i := slices.Index(state.queue, w); i >= 0 {
		state.queue = slices.Delete(state.queue, i, i+1)
		w.granted <- why
	}
}

// settle reports whether the lock that was taken is that of the file which
// the path names now. If not, it gives the lock back.
func (l *lock) settle() (bool, error) {
	if err := l.enter("lock"); err != nil {
		return false, err
	}
	defer l.fs.mu.Unlock()
	current, err := l.fs.names(l.path, l.node)
	if !current || err != nil {
		l.handOver()
	}
	return current, err
}

// handOver gives the lock to the first that waits.
func (l *lock) handOver() {
	l.held = false
	state := l.state()
	if len(state.queue) == 0 {
		delete(l.fs.locks, l.node)
		return
	}
	next := state.queue[0]
	state.queue = state.queue[1:]
	state.holder, next.lock.held = next.lock, true
	next.granted <- nil
}

// enter locks the file system for an operation on an open lock; the caller
// unlocks it when there was no error.
func (l *lock) enter(op string) error {
	if err := l.fs.enter(op, l.path); err != nil {
		return err
	}
	if l.closed {
		l.fs.mu.Unlock()
		return l.failed(op, fs.ErrClosed)
	}
	return nil
}

func (l *lock) Release() error {
	if err := l.enter("unlock"); err != nil {
		return err
	}
	defer l.fs.mu.Unlock()
	if !l.held {
		return l.failed("unlock", errNotHeld)
	}
	l.handOver()
	return nil
}

func (l *lock) Close() error {
	if err := l.enter("close"); err != nil {
		return err
	}
	defer l.fs.mu.Unlock()
	l.closed = true
	if l.held {
		l.handOver()
	}
	if l.waiting != nil {
		l.leave(l.waiting, fs.ErrClosed)
	}
	return nil
}
