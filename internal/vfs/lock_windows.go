package vfs

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// lockFiles is one file of which two single bytes are locked. They lie far
// behind any content: a locked range cannot be read by others.
type lockFiles struct {
	file *handle
	at   place
}

// LockFiles returns the paths of the files that [FS.OpenLock] of [OS] opens for
// a path, and creates where they are missing.
func LockFiles(path string) []string { return []string{path} }

func (l *lockFiles) openAt(path string) error {
	file, err := openFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	id, err := identify(file.Fd())
	if err != nil {
		return errors.Join(&fs.PathError{Op: "open", Path: path, Err: err}, file.Close())
	}
	*l = lockFiles{file: file, at: newPlace(path, id)}
	return nil
}

// lockedByte is the place in the file of the byte that stands for one of the two locks.
func lockedByte(kind lockKind) *windows.Overlapped {
	return &windows.Overlapped{Offset: uint32(kind), OffsetHigh: 1 << 30}
}

// Asking again and again is the only wait with a time limit. The pauses grow with
// the time that was waited: asking costs little, and the handover adds a small
// part to however long others hold the lock.
const (
	shortestPause = 100 * time.Microsecond
	longestPause  = 2 * time.Millisecond
)

// take takes a lock, waiting as long as w says.
func (l *lockFiles) take(kind lockKind, w *waiting) error {
	for {
		if got, err := l.try(kind); got || err != nil {
			return err
		}
		left := w.left()
		if left <= 0 {
			return ErrLocked
		}
		waited := w.limit - left
		time.Sleep(min(max(waited/10, shortestPause), longestPause, left))
	}
}

// try reports whether it took the lock. It does not wait.
func (l *lockFiles) try(kind lockKind) (bool, error) {
	const how = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(l.file.Fd()), how, 0, 1, 0, lockedByte(kind))
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return false, nil
	default:
		return false, err
	}
}

// turnIsFree reports false: there all wait in turn.
func (l *lockFiles) turnIsFree() bool { return false }

func (l *lockFiles) unlock(kind lockKind) error {
	return windows.UnlockFileEx(windows.Handle(l.file.Fd()), 0, 1, 0, lockedByte(kind))
}

// linked reports whether the path still names the open file.
func (l *lockFiles) linked() (bool, error) { return l.at.linked() }

func (l *lockFiles) close() error { return l.file.Close() }
