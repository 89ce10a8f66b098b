//go:build unix && !(linux && (amd64 || arm64))

package vfs

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// A place is a path and the file that was opened there.
type place struct {
	path string
	id   fileID
}

func newPlace(abs string, id fileID) place { return place{path: abs, id: id} }

// linked reports whether the path still names the file.
func (p *place) linked() (bool, error) {
	var st unix.Stat_t
	for {
		switch err := unix.Stat(p.path, &st); err {
		case nil:
			return idOf(&st) == p.id, nil
		case unix.EINTR:
		case unix.ENOENT, unix.ENOTDIR:
			return false, nil
		default:
			return false, &fs.PathError{Op: "stat", Path: p.path, Err: err}
		}
	}
}
