package main

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// ownerOf returns nothing: the owner of a file here is not what decides who may
// read it.
func ownerOf(fs.FileInfo) string { return "" }

// mayWrite returns an error where this process cannot write to a file. Of a
// directory only trying would tell.
func mayWrite(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

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

// ownerID returns nothing: owners have no numbers here.
func ownerID(fs.FileInfo) (int, bool) { return 0, false }
