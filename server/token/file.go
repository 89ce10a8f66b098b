package token

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
)

// ErrPermissions is returned for a file that others may read or write, or that
// somebody else owns: what it says of who may come in is then not the owner's word.
var ErrPermissions = errors.New("the file of tokens is not its owner's alone")

// maxFile bounds a file, which is read whole: that many bytes are 10,000 tokens.
const maxFile = 1 << 20

// lockWait bounds the wait for somebody else who changes the file.
const lockWait = 5 * time.Second

// A File is a file of tokens that is read again whenever it has changed, so that
// a token which is revoked lets nobody in from then on. It is safe for concurrent
// use.
type File struct {
	path string
	fs   vfs.FS

	mu   sync.Mutex
	list *List       // guarded by mu; nil: to be read
	info fs.FileInfo // guarded by mu: of the file that list was read from
}

// Open returns the file at path, which need not be there: then there is no token.
// Nothing is read yet.
func Open(path string) *File { return &File{path: path, fs: vfs.OS()} }

// Path returns the path that the file was opened with.
func (f *File) Path() string { return f.path }

// List returns what the file says now, not to be changed. The error is
// [ErrPermissions] where the file is not to be trusted; whatever it is, nobody may
// come in.
func (f *File) List() (*List, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := f.fs.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		f.list, f.info = nil, nil
		return new(List), nil
	}
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	if f.list != nil && same(f.info, info) {
		return f.list, nil
	}
	f.list, f.info = nil, nil
	list, err := f.read(info)
	if err != nil {
		return nil, err
	}
	f.list, f.info = list, info
	return list, nil
}

// same reports whether a file is as it was.
func same(before, now fs.FileInfo) bool {
	return os.SameFile(before, now) && before.ModTime().Equal(now.ModTime()) && before.Size() == now.Size() && before.Mode() == now.Mode()
}

// read reads the file, whose properties are info.
func (f *File) read(info fs.FileInfo) (*List, error) {
	if err := f.trusted(info); err != nil {
		return nil, err
	}
	file, err := f.fs.OpenFile(f.path, os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	defer func() { _ = file.Close() }() // it is only read
	text, err := io.ReadAll(io.NewSectionReader(file, 0, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("tokens: %s is longer than %d bytes", f.path, maxFile)
	}
	list, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("tokens: %s: %w", f.path, err)
	}
	return list, nil
}

// trusted returns an error where somebody else may read or write the file.
func (f *File) trusted(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return fmt.Errorf("%w: %s is not a regular file", ErrPermissions, f.path)
	case runtime.GOOS != "windows" && mode.Perm()&0o077 != 0:
		return fmt.Errorf("%w: %s has mode %04o: run chmod 600 %[2]s", ErrPermissions, f.path, mode.Perm())
	case !owned(info):
		return fmt.Errorf("%w: %s belongs neither to this user nor to root", ErrPermissions, f.path)
	}
	return nil
}

// Change lets change change what the file says, and writes that: the file is the
// old one or the new one at any moment, and the new one is on disk when Change
// returns. Others who change it wait. The directory is made, for its owner alone,
// where it is missing and the one above is not.
func (f *File) Change(change func(*List) error) (err error) {
	dir := filepath.Dir(f.path)
	if err := f.fs.Mkdir(dir, 0o700); err == nil {
		err = f.fs.SyncDir(filepath.Dir(dir))
		if err != nil {
			return fmt.Errorf("tokens: %w", err)
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("tokens: %w", err)
	}
	lock, err := f.fs.OpenLock(f.path + ".lock")
	if err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := lock.Acquire(lockWait); err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	now, err := f.List()
	if err != nil {
		return err
	}
	next, err := Parse(now.Format()) // a copy: the list that is known belongs to its readers
	if err != nil {
		return err
	}
	if err := change(next); err != nil {
		return err
	}
	return f.write(next.Format())
}

// write replaces the file: write aside, sync, rename, sync the directory.
func (f *File) write(text []byte) error {
	aside := f.path + ".tmp"
	if err := f.fs.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("tokens: %w", err)
	}
	file, err := f.fs.OpenFile(aside, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	_, err = file.WriteAt(text, 0)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("tokens: write %s: %w", aside, err)
	}
	if err := f.fs.Rename(aside, f.path); err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	if err := f.fs.SyncDir(filepath.Dir(f.path)); err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	return nil
}
