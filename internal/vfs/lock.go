package vfs

import (
	"errors"
	"io/fs"
	"time"
)

// An osLock is two advisory locks of the operating system: the lock itself
// and the turn, which is the right to wait for it. Acquire takes the turn,
// then the lock, then gives the turn back. Whoever releases the lock and
// wants it again finds the turn taken by the one that waits, and so cannot
// overtake it.
type osLock struct {
	path  string
	files lockFiles
	held  bool
	open  bool
}

// A lockKind names one of the two locks.
type lockKind int

const (
	theTurn lockKind = iota
	theLock
)

var (
	errHeld    = errors.New("lock is already held by this Lock")
	errNotHeld = errors.New("lock is not held")
)

func openLock(abs string) (Lock, error) {
	l := &osLock{path: abs, open: true}
	if err := l.files.openAt(abs); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *osLock) Acquire(wait time.Duration) error { return l.acquire(wait, inTurn) }

func (l *osLock) Join(wait time.Duration) error { return l.acquire(wait, beside) }

func (l *osLock) Overtake(wait time.Duration) error { return l.acquire(wait, now) }

// A manner is how somebody waits for the lock.
type manner int

const (
	inTurn manner = iota
	beside        // without a turn, where it is nobody's
	now           // without a turn
)

// acquire takes the lock.
func (l *osLock) acquire(wait time.Duration, how manner) error {
	switch {
	case !l.open:
		return l.failed("lock", fs.ErrClosed)
	case l.held:
		return l.failed("lock", errHeld)
	}
	w := waiting{limit: wait}
	for {
		if err := l.files.takeAs(how, &w); err != nil {
			return l.failed("lock", err)
		}
		current, err := l.files.linked()
		if err == nil && current {
			l.held = true
			return nil
		}
		// The lock that was taken is not the one others will take.
		if err := errors.Join(err, l.files.unlock(theLock)); err != nil {
			return l.failed("lock", err)
		}
		if w.over() {
			return l.failed("lock", ErrLocked)
		}
		if err := l.reopen(); err != nil {
			return err
		}
	}
}

// takeAs takes the lock of the files that are open.
func (l *lockFiles) takeAs(how manner, w *waiting) error {
	if how == now || how == beside && l.turnIsFree() {
		return l.take(theLock, w)
	}
	return l.takeInTurn(w)
}

// takeInTurn takes the turn, then the lock, and gives the turn back.
func (l *lockFiles) takeInTurn(w *waiting) error {
	if err := l.take(theTurn, w); err != nil {
		return err
	}
	err := l.take(theLock, w)
	turnErr := l.unlock(theTurn)
	if err == nil && turnErr != nil {
		err = l.unlock(theLock)
	}
	return errors.Join(err, turnErr)
}

// reopen opens what the path names now. If that fails, the old files stay
// open, and the next Acquire finds out again that they are not the ones.
func (l *osLock) reopen() error {
	var files lockFiles
	if err := files.openAt(l.path); err != nil {
		return err
	}
	old := l.files
	l.files = files
	return old.close()
}

func (l *osLock) Release() error {
	switch {
	case !l.open:
		return l.failed("unlock", fs.ErrClosed)
	case !l.held:
		return l.failed("unlock", errNotHeld)
	}
	l.held = false
	if err := l.files.unlock(theLock); err != nil {
		return l.failed("unlock", err)
	}
	return nil
}

func (l *osLock) Close() error {
	if !l.open {
		return l.failed("close", fs.ErrClosed)
	}
	var err error
	if l.held {
		// A child process between fork and exec shares the descriptor, and
		// with it the lock: closing ours would not release it.
		err = l.Release()
	}
	l.open = false
	return errors.Join(err, l.files.close())
}

func (l *osLock) failed(op string, err error) error {
	return &fs.PathError{Op: op, Path: l.path, Err: err}
}

// A waiting is one bounded wait. The clock is first read when something had
// to be waited for.
type waiting struct {
	limit time.Duration
	since time.Time
}

// left returns what is left of the wait, 0 or less where it is over.
func (w *waiting) left() time.Duration {
	if w.since.IsZero() {
		w.since = time.Now()
	}
	return w.limit - time.Since(w.since)
}

func (w *waiting) over() bool { return w.left() <= 0 }
