//go:build unix

package site

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// MayWrite returns an error where this process cannot write to a file, or make
// files in a directory: permissions, access lists, read-only file systems.
func MayWrite(path string) error {
	if err := unix.Access(path, unix.W_OK); err != nil {
		return &fs.PathError{Op: "access", Path: path, Err: err}
	}
	return nil
}

// ownerID returns the number of a file's owner, and whether the system has such.
func ownerID(info fs.FileInfo) (int, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}
