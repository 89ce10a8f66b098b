package verify

import (
	"errors"
	"io"
	"io/fs"
	"math"

	"github.com/etch-audit/etch/internal/commit"
)

// A source is the bytes of one segment, which may be read again from anywhere.
// It is not safe for concurrent use.
type source struct {
	io.ReaderAt
	size  int64 // of the segment as it was found; the most there is where reading alone tells
	close func() error
}

// from returns a reader of the segment's bytes from one of them on.
func (s *source) from(offset int64) io.Reader { return io.NewSectionReader(s, offset, s.size-offset) }

// open opens a segment, with what it lacks. The caller closes it.
func (v *verifier) open(f *file) (*source, error) {
	src, err := v.openAsIs(f)
	if err == nil && f.lacks != nil {
		src.ReaderAt = commit.Filled{ReaderAt: src.ReaderAt, Chain: f.lacks}
	}
	return src, err
}

// openAsIs opens a segment as its file is.
func (v *verifier) openAsIs(f *file) (*source, error) {
	if f.handle != nil { // its name may be another's by now
		return &source{f.handle.(io.ReaderAt), f.size, func() error { return nil }}, nil
	}
	if f.archived {
		s := &replay{open: func() (io.ReadCloser, error) { return v.unpacked(f) }}
		return &source{s, math.MaxInt64, s.Close}, nil
	}
	src, err := v.openPlain(f.name, f.size)
	if errors.Is(err, fs.ErrNotExist) && f.Number != 0 && v.opts.Decompress != nil { // archived since it was found
		s := &replay{open: func() (io.ReadCloser, error) { return v.unpacked(f) }}
		return &source{s, f.size, s.Close}, nil
	}
	return src, err
}

// openPlain opens a file whose bytes are what is wanted of it. The caller closes
// it.
func (v *verifier) openPlain(name string, size int64) (*source, error) {
	h, err := v.openRegular(name)
	if err != nil {
		return nil, err
	}
	if r, ok := h.(io.ReaderAt); ok {
		return &source{r, size, h.Close}, nil
	}
	s := &replay{r: h, open: func() (io.ReadCloser, error) { return v.openRegular(name) }}
	return &source{s, size, s.Close}, nil
}

// A replay makes what can only be read from its beginning on an [io.ReaderAt].
// Going back opens it again; who reads it in its order pays nothing.
type replay struct {
	open func() (io.ReadCloser, error)
	r    io.ReadCloser // nil: not open
	at   int64         // where r is
}

// ReadAt reads len(p) bytes from off on, or fewer where the stream ends.
func (s *replay) ReadAt(p []byte, off int64) (n int, err error) {
	if s.r == nil || off < s.at {
		if err := s.Close(); err != nil {
			return 0, err
		}
		r, err := s.open()
		if err != nil {
			return 0, err
		}
		s.r, s.at = r, 0
	}
	skipped, err := io.CopyN(io.Discard, s.r, off-s.at)
	if s.at += skipped; err != nil {
		return 0, err
	}
	n, err = io.ReadFull(s.r, p)
	s.at += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// Close closes what is open.
func (s *replay) Close() error {
	if s.r == nil {
		return nil
	}
	r := s.r
	s.r = nil
	return r.Close()
}
