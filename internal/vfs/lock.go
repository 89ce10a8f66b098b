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
//
// Waiting is asking again and again: an operating system's own wait has no
// time limit and could not be called off by Close. The pauses follow how long
// the lock was last waited for, so that asking costs little and the handover
// adds a small part to however long others hold the lock. Those behind the one
// in turn all ask at a steady pace, mostly quicker than the lock changes hands:
// which of them comes next is a matter of chance, but none is favoured for
// being new.
type osLock struct {
	path  string
	files lockFiles
	held  bool
	open  bool
	// hold is how long others seem to hold the lock: a running mean of the
	// times it was waited for in turn.
	hold time.Duration
}

// A lockKind names one of the two locks.
type lockKind int

const (
	theTurn lockKind = iota
	theLock
)

const (
	// shortestPause bounds what the handover of a briefly held lock costs.
	shortestPause = 30 * time.Microsecond
	// longestPause bounds how late a lock is noticed that was held for long.
	longestPause = 2 * time.Millisecond
	// longestTurnPause is below the time of most disks' fsync: while one
	// holds the lock, the next finds out that the turn is free.
	longestTurnPause = time.Millisecond
	// firstHold is the guess before anything was measured.
	firstHold = 500 * time.Microsecond
)

var (
	errHeld    = errors.New("lock is already held by this Lock")
	errNotHeld = errors.New("lock is not held")
)

func openLock(abs string) (Lock, error) {
	l := &osLock{path: abs, open: true, hold: firstHold}
	if err := l.files.openAt(abs); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *osLock) Acquire(wait time.Duration) error {
	switch {
	case !l.open:
		return l.failed("lock", fs.ErrClosed)
	case l.held:
		return l.failed("lock", errHeld)
	}
	w := waiting{limit: wait}
	for {
		if err := l.acquireFiles(&w); err != nil {
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

// acquireFiles takes the lock of the files that are open, in turn.
func (l *osLock) acquireFiles(w *waiting) error {
	if err := l.takeTurn(w); err != nil {
		return err
	}
	err := l.takeLock(w)
	turnErr := l.files.unlock(theTurn)
	if err == nil && turnErr != nil {
		err = l.files.unlock(theLock)
	}
	return errors.Join(err, turnErr)
}

func (l *osLock) takeTurn(w *waiting) error {
	pause := min(max(l.hold/2, shortestPause), longestTurnPause)
	for {
		if got, err := l.files.try(theTurn); got || err != nil {
			return err
		}
		if w.over() {
			return ErrLocked
		}
		w.pause(pause)
	}
}

// takeLock asks at half of the time that remains until the lock is expected
// to come free, and after that each time another tenth has gone by.
func (l *osLock) takeLock(w *waiting) error {
	got, err := l.files.try(theLock)
	if got || err != nil {
		return err
	}
	began := time.Now()
	for {
		if w.over() {
			return ErrLocked
		}
		waited := time.Since(began)
		w.pause(min(max((l.hold-waited)/2, waited/10, shortestPause), longestPause))
		if got, err := l.files.try(theLock); got || err != nil {
			l.hold += (time.Since(began) - l.hold) / 8
			return err
		}
	}
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

func (w *waiting) over() bool {
	if w.since.IsZero() {
		w.since = time.Now()
	}
	return time.Since(w.since) >= w.limit
}

// pause sleeps, but not beyond the end of the wait.
func (w *waiting) pause(d time.Duration) {
	sleep(min(d, max(w.limit-time.Since(w.since), time.Microsecond)))
}
