package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// DirFS returns a directory as [os.DirFS] does, whose files are open as those of
// [OS] are: nobody who renames or removes one has to wait for who reads it. Its
// files are [io.ReaderAt] and [io.Seeker].
func DirFS(dir string) fs.FS { return dirFS{os.DirFS(dir), dir} }

type dirFS struct {
	fs.FS
	dir string
}

// Open opens directories as package os does: they are not kept open.
func (d dirFS) Open(name string) (fs.File, error) {
	info, err := fs.Stat(d.FS, name) // checks the name too
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return d.FS.Open(name)
	}
	local, err := filepath.Localize(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f, err := openShared(filepath.Join(d.dir, local))
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = &fs.PathError{Op: e.Op, Path: name, Err: e.Err} // as every fs.FS names it
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d dirFS) Stat(name string) (fs.FileInfo, error)      { return fs.Stat(d.FS, name) }
func (d dirFS) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(d.FS, name) }
