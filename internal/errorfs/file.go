package errorfs

import (
	"errors"

	"github.com/etch-audit/etch/internal/vfs"
)

// A file is an open file with faults.
type file struct {
	fs    *FS
	under vfs.File
	path  string
}

// A syncFailer is a file that can play a failed fsync: what was unsynced is
// not durable and will not become so by another. That of memfs is one.
type syncFailer interface{ FailSync() }

func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.fs.do(Op{Kind: Read, Path: f.path, Off: off, N: len(p)}, action{
		run:  func() (err error) { n, err = f.under.ReadAt(p, off); return err },
		part: func(k int) (err error) { n, err = f.under.ReadAt(p[:k], off); return err },
	})
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.fs.do(Op{Kind: Write, Path: f.path, Off: off, N: len(p)}, action{
		run:  func() (err error) { n, err = f.under.WriteAt(p, off); return err },
		part: func(k int) (err error) { n, err = f.under.WriteAt(p[:k], off); return err },
	})
	return n, err
}

func (f *file) Truncate(size int64) error {
	return f.fs.do(Op{Kind: Truncate, Path: f.path, Off: size}, action{run: func() error {
		return f.under.Truncate(size)
	}})
}

func (f *file) Sync() error {
	a := action{run: f.under.Sync}
	if under, ok := f.under.(syncFailer); ok {
		a.failed = under.FailSync
	}
	return f.fs.do(Op{Kind: Sync, Path: f.path}, a)
}

func (f *file) Size() (size int64, err error) {
	err = f.fs.do(Op{Kind: Size, Path: f.path}, action{run: func() (err error) {
		size, err = f.under.Size()
		return err
	}})
	if err != nil {
		return 0, err
	}
	return size, nil
}

func (f *file) Linked() (linked bool, err error) {
	err = f.fs.do(Op{Kind: Linked, Path: f.path}, action{run: func() (err error) {
		linked, err = f.under.Linked()
		return err
	}})
	return linked && err == nil, err
}

// Close closes the file also when it is made to fail, as close(2) does.
func (f *file) Close() error {
	var closeErr error
	err := f.fs.do(Op{Kind: Close, Path: f.path}, action{
		run:    func() error { return f.under.Close() },
		failed: func() { closeErr = f.under.Close() },
	})
	return errors.Join(err, closeErr)
}
