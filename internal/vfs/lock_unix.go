//go:build unix

package vfs

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// turnSuffix names the file of the turn: flock(2) knows no parts of a file.
const turnSuffix = ".turn"

// lockFiles are the files of the turn and of the lock. They are locked with
// flock(2), which belongs to the open file and not to the process: two
// openings in one process exclude each other, and closing some other
// descriptor of the file does not release it, as it would with fcntl(2).
type lockFiles [2]lockFile

type lockFile struct {
	file *handle
	fd   uintptr
	at   place
	wait *flockWait
}

// LockFiles returns the paths of the files that [FS.OpenLock] of [OS] opens for
// a path, and creates where they are missing.
func LockFiles(path string) []string { return []string{path, path + turnSuffix} }

func (l *lockFiles) openAt(path string) error {
	if err := l[theLock].openAt(path); err != nil {
		return err
	}
	if err := l[theTurn].openAt(path + turnSuffix); err != nil {
		return errors.Join(err, l[theLock].file.Close())
	}
	return nil
}

func (f *lockFile) openAt(path string) error {
	file, err := openHandle(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	fd := file.Fd()
	id, err := identify(fd)
	if err != nil {
		return errors.Join(&fs.PathError{Op: "open", Path: path, Err: err}, file.Close())
	}
	wait := &flockWait{file: file, fd: fd, granted: make(chan error, 1)}
	*f = lockFile{file: file, fd: fd, at: newPlace(path, id), wait: wait}
	return nil
}

// take takes a lock, waiting as long as w says.
func (l *lockFiles) take(kind lockKind, w *waiting) error {
	wait := l[kind].wait
	if err := wait.try(); err != unix.EWOULDBLOCK {
		return err
	}
	left := w.left()
	if left <= 0 {
		return ErrLocked
	}
	return wait.until(left)
}

// turnIsFree reports whether nobody has the turn. It shares it with all who ask
// at the same moment, so that they do not see each other.
func (l *lockFiles) turnIsFree() bool {
	turn := l[theTurn].wait
	return turn.share() == nil && turn.unlock() == nil
}

func (l *lockFiles) unlock(kind lockKind) error { return l[kind].wait.unlock() }

func flock(fd uintptr, how int) error {
	for {
		if err := unix.Flock(int(fd), how); err != unix.EINTR {
			return err
		}
	}
}

// linked reports whether both paths still name the open files.
func (l *lockFiles) linked() (bool, error) {
	for i := range l {
		if is, err := l[i].at.linked(); !is || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (l *lockFiles) close() error {
	return errors.Join(l[theLock].close(), l[theTurn].close())
}

func (f *lockFile) close() error {
	if f.wait.leave() {
		return nil // the goroutine that waits still will close it
	}
	return f.file.Close()
}
