package site

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/vfs"
)

// Make makes the directories of the default place: those of any other are their
// owner's to make.
func Make(resolved *config.Resolved) error {
	if !resolved.DefaultPlace || resolved.Options().Disabled {
		return nil
	}
	return MakeDirectories(vfs.OS(), filepath.Dir(resolved.LogPath()))
}

// MakeDirectories makes a directory and those above it, for nobody but the
// owner. A log in a directory that a crash takes away again is lost too, so
// each is on disk before the next: mkdir, then sync of its parent.
func MakeDirectories(files vfs.FS, dir string) error {
	_, err := files.Stat(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := MakeDirectories(files, parent); err != nil {
			return err
		}
	}
	if err := files.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return files.SyncDir(parent)
}
