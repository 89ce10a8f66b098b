package vfs

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// syncFile uses fdatasync: it flushes the bytes and the size that makes them
// readable, and leaves out the times, which would cost a journal commit more.
func syncFile(f *handle, fd uintptr) error {
	for {
		switch err := unix.Fdatasync(int(fd)); err {
		case nil:
			return nil
		case unix.EINTR:
		default:
			return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
	}
}
