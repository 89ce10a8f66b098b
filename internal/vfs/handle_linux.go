package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// A handle is an open file of the system. It is less than an [os.File]: that one finds
// out of each file that it opens whether it can be waited for, which regular files
// cannot, at the price of up to nine system calls, and in a process that does little
// else of what package os waits with. Nobody closes a handle that is forgotten, and
// nobody may use one that is closed: who has it keeps the two apart.
type handle struct {
	fd   int
	name string
}

// mostAtOnce is how much is read or written in one call, as package os does it.
const mostAtOnce = 1 << 30

var errOffset = errors.New("negative offset")

// openHandle opens a file as [os.OpenFile] does.
func openHandle(name string, flag int, perm fs.FileMode) (*handle, error) {
	for {
		fd, err := unix.Open(name, flag|unix.O_CLOEXEC, uint32(perm.Perm()))
		switch err {
		case nil:
			return &handle{fd, name}, nil
		case unix.EINTR:
		default:
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
	}
}

// Fd returns the descriptor, which is valid until Close.
func (h *handle) Fd() uintptr { return uintptr(h.fd) }

// Name returns the path that the file was opened by.
func (h *handle) Name() string { return h.name }

// ReadAt implements [io.ReaderAt].
func (h *handle) ReadAt(p []byte, off int64) (int, error) { return h.all("read", unix.Pread, p, off) }

// WriteAt implements [io.WriterAt].
func (h *handle) WriteAt(p []byte, off int64) (int, error) {
	n, err := h.all("write", unix.Pwrite, p, off)
	if errors.Is(err, io.EOF) {
		err = h.failed("write", io.ErrUnexpectedEOF) // nothing was written, and nobody says why
	}
	return n, err
}

// all calls until all of p was read or written. The error is io.EOF where a call did
// nothing.
func (h *handle) all(op string, call func(fd int, p []byte, off int64) (int, error), p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, h.failed(op, errOffset)
	}
	for n < len(p) {
		got, err := call(h.fd, p[n:min(len(p), n+mostAtOnce)], off+int64(n))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return n, h.failed(op, err)
		case got == 0:
			return n, io.EOF
		}
		n += got
	}
	return n, nil
}

// Truncate cuts the file or makes it longer.
func (h *handle) Truncate(size int64) error {
	for {
		switch err := unix.Ftruncate(h.fd, size); err {
		case nil:
			return nil
		case unix.EINTR:
		default:
			return h.failed("truncate", err)
		}
	}
}

// Close closes the file, which is closed whatever the error says.
func (h *handle) Close() error {
	if h.fd < 0 {
		return h.failed("close", os.ErrClosed)
	}
	err := unix.Close(h.fd)
	h.fd = -1
	if err != nil && err != unix.EINTR {
		return h.failed("close", err)
	}
	return nil
}

func (h *handle) failed(op string, err error) error {
	return &fs.PathError{Op: op, Path: h.name, Err: err}
}
