//go:build unix && !(linux && (amd64 || arm64))

package vfs

import "golang.org/x/sys/unix"

// A place is a path and the file that was opened there.
type place struct {
	path string
	id   fileID
}

func newPlace(abs string, id fileID) place { return place{path: abs, id: id} }

func (p *place) stat(st *unix.Stat_t) error {
	for {
		if err := unix.Stat(p.path, st); err != unix.EINTR {
			return err
		}
	}
}
