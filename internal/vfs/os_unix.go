//go:build unix

package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// errPipe is returned for a pipe that stands where a file is expected.
var errPipe error = pipeError{}

// A pipeError is an [ErrNotFile] that says what it is.
type pipeError struct{}

func (pipeError) Error() string { return ErrNotFile.Error() + " but a pipe" }
func (pipeError) Unwrap() error { return ErrNotFile }

// A fileID tells files of one machine apart for as long as they are open.
type fileID struct{ dev, ino uint64 }

// openFile does not wait for somebody to open the other end, where the name is
// that of a pipe: identify refuses it.
//
// What is emptied is a file that the log makes for itself. Where a symbolic link has
// its name, whoever can write the directory has put it there, and it may lead to any
// file of the user's.
func openFile(name string, flag int, perm fs.FileMode) (*handle, error) {
	own := flag&(os.O_TRUNC|NoLink) != 0
	if flag &^= NoLink; own {
		flag |= unix.O_NOFOLLOW
	}
	h, err := openHandle(name, flag|unix.O_NONBLOCK, perm)
	if own && err != nil && isLink(name) { // the systems have three errors for that
		err = fmt.Errorf("%w: %w", ErrLink, err)
	}
	if errors.Is(err, unix.EISDIR) { // identify refuses one that is opened for reading
		err = fmt.Errorf("%w: %w", ErrNotFile, err)
	}
	return h, err
}

// isLink reports whether a name is that of a symbolic link.
func isLink(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// openShared opens a file to be read by package os. It does not wait for a pipe's other
// end either.
func openShared(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
}

func rename(oldName, newName string) error { return os.Rename(oldName, newName) }

// syncDir flushes the directory itself: fsync on a file leaves the entry that
// names it in memory.
func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// identify also refuses directories, which unix opens for reading and fails
// on only at the first read, and pipes, which never end.
func identify(fd uintptr) (fileID, error) {
	var st unix.Stat_t
	if err := fstat(fd, &st); err != nil {
		return fileID{}, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return fileID{}, fmt.Errorf("%w: %w", ErrNotFile, unix.EISDIR)
	case unix.S_IFIFO:
		return fileID{}, errPipe
	}
	return idOf(&st), nil
}

func idOf(st *unix.Stat_t) fileID {
	return fileID{dev: uint64(st.Dev), ino: st.Ino}
}

// sizeOf does not ask for the file's times, which fstat(2) does: see place. The
// position that it moves is nobody's, reading and writing say where.
func sizeOf(fd uintptr) (int64, error) { return unix.Seek(int(fd), 0, io.SeekEnd) }

func fstat(fd uintptr, st *unix.Stat_t) error {
	for {
		if err := unix.Fstat(int(fd), st); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }
