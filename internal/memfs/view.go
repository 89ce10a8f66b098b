package memfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/etch-audit/etch/internal/vfs"
)

// Sub returns the tree below dir for reading. It shows the file system as it
// is at each moment. Its files are an [io.ReaderAt] and an [io.Seeker].
func (m *FS) Sub(dir string) fs.FS { return view{fs: m, dir: clean(dir)} }

// A view is the part of a file system below dir, by the rules of io/fs.
type view struct {
	fs  *FS
	dir string
}

var (
	_ fs.ReadDirFS = view{}
	_ fs.StatFS    = view{}
)

// path checks a name by the rules of io/fs and makes it one of ours.
func (v view) path(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return path.Join(v.dir, name), nil
}

// renamed makes an error speak of the name within the view.
func renamed(err error, name string) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: e.Op, Path: name, Err: e.Err}
	}
	return err
}

func (v view) Stat(name string) (fs.FileInfo, error) {
	full, err := v.path("stat", name)
	if err != nil {
		return nil, err
	}
	info, err := v.fs.Stat(full)
	if err != nil {
		return nil, renamed(err, name)
	}
	return named(info, name), nil
}

// named gives the root of a view the name that io/fs wants.
func named(info fs.FileInfo, name string) fs.FileInfo {
	i := info.(fileInfo)
	i.name = path.Base(name)
	return i
}

func (v view) ReadDir(name string) ([]fs.DirEntry, error) {
	full, err := v.path("open", name)
	if err != nil {
		return nil, err
	}
	entries, err := v.fs.ReadDir(full)
	return entries, renamed(err, name)
}

func (v view) Open(name string) (fs.File, error) {
	info, err := v.Stat(name)
	if err != nil {
		return nil, err
	}
	full := path.Join(v.dir, name)
	if info.IsDir() {
		entries, err := v.fs.ReadDir(full)
		if err != nil {
			return nil, renamed(err, name)
		}
		return &viewDir{info: info, name: name, rest: entries}, nil
	}
	f, err := v.fs.OpenFile(full, os.O_RDONLY, 0)
	if err != nil {
		return nil, renamed(err, name)
	}
	return &viewFile{file: f, name: name, section: io.NewSectionReader(f, 0, 1<<63-1)}, nil
}

// A viewFile is an open file. The section gives it a place to read from; it is
// as long as can be, and ends where the file does at the time.
type viewFile struct {
	file    vfs.File
	name    string
	section *io.SectionReader
}

func (f *viewFile) Read(p []byte) (int, error)              { return f.section.Read(p) }
func (f *viewFile) ReadAt(p []byte, off int64) (int, error) { return f.file.ReadAt(p, off) }
func (f *viewFile) Close() error                            { return f.file.Close() }

func (f *viewFile) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekEnd {
		return f.section.Seek(offset, whence)
	}
	size, err := f.file.Size()
	if err != nil {
		return 0, err
	}
	return f.section.Seek(size+offset, io.SeekStart)
}

func (f *viewFile) Stat() (fs.FileInfo, error) {
	open := f.file.(*file)
	if err := open.enter("stat"); err != nil {
		return nil, err
	}
	defer open.fs.mu.Unlock()
	return open.node.info(path.Base(f.name)), nil
}

// A viewDir is an open directory.
type viewDir struct {
	info fs.FileInfo
	name string
	rest []fs.DirEntry
}

func (d *viewDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *viewDir) Close() error               { return nil }

func (d *viewDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("is a directory")}
}

func (d *viewDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(d.rest)
	} else if len(d.rest) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.rest))
	entries := d.rest[:n:n]
	d.rest = d.rest[n:]
	return entries, nil
}
