package memfs

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"syscall"
	"time"
)

// A file is an open file. Everything but path and writable is guarded by the
// file system's mutex.
type file struct {
	fs       *FS
	node     *node
	path     string
	writable bool
	closed   bool
	told     int // failures of the node that need not be told here any more
}

// enter locks the file system for an operation on an open file; the caller
// unlocks it when there was no error.
func (f *file) enter(op string) error {
	if err := f.fs.enter(op, f.path); err != nil {
		return err
	}
	if f.closed {
		f.fs.mu.Unlock()
		return f.failed(op, fs.ErrClosed)
	}
	return nil
}

func (f *file) failed(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.path, Err: err}
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.enter("read"); err != nil {
		return 0, err
	}
	defer f.fs.mu.Unlock()
	if off < 0 {
		return 0, f.failed("read", fs.ErrInvalid)
	}
	n := f.node.content.now.readAt(p, off)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if err := f.enter("write"); err != nil {
		return 0, err
	}
	defer f.fs.mu.Unlock()
	switch {
	case !f.writable:
		return 0, f.failed("write", syscall.EBADF)
	case off < 0, off > math.MaxInt64-int64(len(p)):
		return 0, f.failed("write", fs.ErrInvalid)
	case len(p) == 0:
		return 0, nil
	}
	room := f.fs.room(f.node.content.now.size)
	part := p[:min(int64(len(p)), max(room-off, 0))]
	if len(part) > 0 {
		f.resized(func(c *content) { c.writeAt(part, off) })
	}
	if len(part) < len(p) {
		return len(part), f.failed("write", syscall.ENOSPC)
	}
	return len(p), nil
}

// room returns the size that a file of the given size may grow to.
func (m *FS) room(size int64) int64 {
	if m.capacity < 0 {
		return math.MaxInt64
	}
	return size + max(m.capacity-m.used, 0)
}

// resized changes the file's content and accounts for its size.
func (f *file) resized(change func(*content)) {
	before := f.node.content.now.size
	change(f.node.content)
	f.fs.used += f.node.content.now.size - before
	f.node.modified = time.Now()
}

func (f *file) Truncate(size int64) error {
	if err := f.enter("truncate"); err != nil {
		return err
	}
	defer f.fs.mu.Unlock()
	switch {
	case !f.writable, size < 0:
		return f.failed("truncate", fs.ErrInvalid)
	case size > f.fs.room(f.node.content.now.size):
		return f.failed("truncate", syscall.ENOSPC)
	}
	f.resized(func(c *content) { c.truncate(size) })
	return nil
}

func (f *file) Size() (int64, error) {
	if err := f.enter("stat"); err != nil {
		return 0, err
	}
	defer f.fs.mu.Unlock()
	return f.node.content.now.size, nil
}

// Sync fails once after somebody else's sync of the file has failed that was
// open then, as Linux tells an error of writing back to each open file.
func (f *file) Sync() error {
	if err := f.enter("sync"); err != nil {
		return err
	}
	defer f.fs.mu.Unlock()
	f.node.content.sync()
	if f.told != f.node.failures {
		f.told = f.node.failures
		return f.failed("sync", syscall.EIO)
	}
	return nil
}

// FailSync does what a failed fsync does in Linux: the file's unsynced pages
// and size pass for clean from now on, while what stable storage holds of
// them is unknown. A later Sync succeeds without them, but for the first of
// each other File that is open on it now.
func (f *file) FailSync() {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.node.content.failSync()
	f.node.failures++
	f.told = f.node.failures
}

func (f *file) Linked() (bool, error) {
	if err := f.enter("stat"); err != nil {
		return false, err
	}
	defer f.fs.mu.Unlock()
	return f.fs.names(f.path, f.node)
}

// names reports whether the path names the node.
func (m *FS) names(path string, n *node) (bool, error) {
	found, err := m.lookup(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return false, nil
	}
	return found == n, err
}

func (f *file) Close() error {
	if err := f.enter("close"); err != nil {
		return err
	}
	defer f.fs.mu.Unlock()
	f.closed = true
	f.node.opens--
	f.fs.discard(f.node)
	return nil
}
