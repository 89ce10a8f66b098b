package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// OS returns the file system of the operating system.
func OS() FS { return osFS{} }

type osFS struct{}

// knownFlags are the flags that every [FS] understands alike.
const knownFlags = os.O_RDONLY | os.O_RDWR | os.O_CREATE | os.O_EXCL | os.O_TRUNC | NoLink

// CheckFlags returns an error that is [fs.ErrInvalid] for flags that
// [FS.OpenFile] does not promise the same behaviour for everywhere. It is for
// implementations of [FS].
func CheckFlags(flag int) error {
	switch {
	case flag&^knownFlags != 0:
		return fmt.Errorf("flags %#x are not supported: %w", flag&^knownFlags, fs.ErrInvalid)
	case flag&os.O_EXCL != 0 && flag&os.O_CREATE == 0:
		return fmt.Errorf("exclusive without create: %w", fs.ErrInvalid)
	case flag&os.O_TRUNC != 0 && flag&os.O_RDWR == 0:
		return fmt.Errorf("truncate without write: %w", fs.ErrInvalid)
	}
	return nil
}

func (osFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if err := CheckFlags(flag); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	// The path is kept absolute so that Linked means the same file after
	// the process changed its directory.
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f, err := openFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	file, err := newOSFile(f, abs)
	if err != nil {
		_ = f.Close() // the error at hand says more than a failed close
		return nil, err
	}
	return file, nil
}

func (osFS) Rename(oldName, newName string) error { return rename(oldName, newName) }

func (osFS) Remove(name string) error { return os.Remove(name) }

func (osFS) Mkdir(name string, perm fs.FileMode) error { return mkdir(name, perm) }

func (osFS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

func (osFS) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

func (osFS) SyncDir(name string) error { return syncDir(name) }

func (osFS) OpenLock(name string) (Lock, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return openLock(abs)
}

// An osFile adds to a handle the calls that must not allocate and the sync
// that a log needs. mu keeps the descriptor from being closed, and perhaps given to
// another file, during a call.
type osFile struct {
	file *handle
	at   place
	mu   sync.RWMutex // held for reading while file or fd is in use, for writing by Close
	fd   uintptr
	open bool
	gate gate
}

func newOSFile(f *handle, abs string) (*osFile, error) {
	fd := f.Fd()
	id, err := identify(fd)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: f.Name(), Err: err}
	}
	return &osFile{file: f, at: newPlace(abs, id), fd: fd, open: true}, nil
}

// ReadAt reads as [os.File.ReadAt] does. What is in memory it reads without the
// scheduler, what is not with it.
func (f *osFile) ReadAt(p []byte, off int64) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.open {
		return 0, f.failed("read", fs.ErrClosed)
	}
	n := readCached(f.fd, p, off)
	if n == len(p) {
		return n, nil
	}
	more, err := f.file.ReadAt(p[n:], off+int64(n))
	return n + more, err
}

func (f *osFile) WriteAt(p []byte, off int64) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.open {
		return 0, f.failed("write", fs.ErrClosed)
	}
	return f.file.WriteAt(p, off)
}

func (f *osFile) Truncate(size int64) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.open {
		return f.failed("truncate", fs.ErrClosed)
	}
	return f.file.Truncate(size)
}

func (f *osFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.open {
		return f.failed("close", fs.ErrClosed)
	}
	f.open = false
	return errors.Join(f.gate.close(), f.file.Close())
}

func (f *osFile) Size() (int64, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.open {
		return 0, f.failed("stat", fs.ErrClosed)
	}
	size, err := sizeOf(f.fd)
	if err != nil {
		return 0, f.failed("stat", err)
	}
	return size, nil
}

func (f *osFile) Sync() error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.open {
		return f.failed("sync", fs.ErrClosed)
	}
	return syncFile(f.file, f.fd)
}

func (f *osFile) Linked() (bool, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.open {
		return false, f.failed("stat", fs.ErrClosed)
	}
	return f.at.linked()
}

func (f *osFile) failed(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.file.Name(), Err: err}
}
