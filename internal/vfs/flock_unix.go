//go:build unix

package vfs

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A flockWait takes a lock of flock(2) and can wait for it. The system's own
// wait hands a lock over at once and in turn, which asking again and again does
// not, but has no time limit. So a goroutine waits. When the time of who wanted
// the lock is over it goes on, for the next that wants it, or to give it back.
type flockWait struct {
	file    *handle
	fd      uintptr
	granted chan error // capacity 1

	mu     sync.Mutex
	blocks bool // the goroutine runs
	wanted bool // somebody is going to receive from granted
	taken  bool // the lock was taken while the goroutine ran
	stale  bool // it was given back since: the goroutine may have shared in it
	closed bool // the goroutine is to close the file
}

// try takes the lock without waiting, or returns EWOULDBLOCK.
func (w *flockWait) try() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := flock(w.fd, unix.LOCK_EX|unix.LOCK_NB)
	w.taken = err == nil && w.blocks
	return err
}

// share takes the lock together with others who do, without waiting. It returns
// EWOULDBLOCK where somebody has it alone, or a wait for it is still under way.
func (w *flockWait) share() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.blocks {
		return unix.EWOULDBLOCK
	}
	return flock(w.fd, unix.LOCK_SH|unix.LOCK_NB)
}

func (w *flockWait) unlock() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken, w.stale = false, w.blocks
	return flock(w.fd, unix.LOCK_UN)
}

// until waits for the lock, but no longer than limit.
func (w *flockWait) until(limit time.Duration) error {
	w.mu.Lock()
	w.wanted = true
	if !w.blocks {
		w.blocks = true
		go w.run()
	}
	w.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-w.granted:
		return err
	case <-timer.C:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.wanted { // granted at the last moment
		return <-w.granted
	}
	w.wanted = false
	return ErrLocked
}

// run waits for the lock, and hands it over or gives it back.
func (w *flockWait) run() {
	for !w.settle(flock(w.fd, unix.LOCK_EX)) {
	}
}

// settle ends the goroutine's wait. It reports false where the wait has to begin
// anew: the lock belongs to the open file, so that one taken by try was granted
// to the goroutine too, and is gone with it.
func (w *flockWait) settle(err error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && w.stale && w.wanted {
		w.stale = false
		return false
	}
	w.blocks, w.stale = false, false
	switch {
	case w.wanted:
		w.wanted = false
		w.granted <- err
	case err == nil && !w.taken:
		_ = flock(w.fd, unix.LOCK_UN) // nobody is there to be told, and closing the file releases it
	}
	w.taken = false
	if w.closed {
		_ = w.file.Close() // likewise
	}
	return true
}

// leave reports whether the goroutine runs. It is then the one to close the file.
func (w *flockWait) leave() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = w.blocks
	return w.blocks
}
