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

// cached reads what is in memory, and returns how many bytes that is.
func (f *osFile) cached(p []byte, at int64) int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.open {
		return 0
	}
	return readCached(f.fd, p, at)
}
