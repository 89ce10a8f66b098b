package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// ErrNotRegular is the error of what is no regular file where only one is read: a pipe,
// a device, a directory.
var ErrNotRegular = errors.New("it is not a regular file")

// OpenRegular opens a file of somebody else's for reading, which may have become
// anything: it never waits for the other end of a pipe. Of what is no regular file the
// error is [ErrNotRegular]. The caller closes the file.
func OpenRegular(name string) (*os.File, error) {
	f, err := openShared(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadRegular returns all of a file, which it opens as [OpenRegular] does. What it
// returns is not nil where there is no error.
func ReadRegular(name string) ([]byte, error) {
	f, err := OpenRegular(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(f)
}
