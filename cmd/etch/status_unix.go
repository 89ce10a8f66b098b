//go:build unix

package main

import (
	"io/fs"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownerOf returns the name, or else the number, of a file's owner.
func ownerOf(info fs.FileInfo) string {
	id := ownerID(info)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// ownerID returns the number of a file's owner; "" where it is not known.
func ownerID(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return strconv.FormatUint(uint64(st.Uid), 10)
}

// freeSpace returns the bytes that this user can still write in a directory.
func freeSpace(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}
