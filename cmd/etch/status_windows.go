package main

import (
	"io/fs"

	"golang.org/x/sys/windows"
)

// ownerOf returns nothing: the owner of a file here is not what decides who may
// read it.
func ownerOf(fs.FileInfo) string { return "" }

// ownerID returns nothing, likewise.
func ownerID(fs.FileInfo) string { return "" }

// freeSpace returns the bytes that this user can still write in a directory.
func freeSpace(dir string) (uint64, error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, nil, nil); err != nil {
		return 0, &fs.PathError{Op: "GetDiskFreeSpaceEx", Path: dir, Err: err}
	}
	return free, nil
}
