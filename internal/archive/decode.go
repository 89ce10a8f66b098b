package archive

import (
	"errors"
	"fmt"
	"io"

	"github.com/etch-audit/etch/internal/later"
	"github.com/klauspost/compress/zstd"
)

// whole decodes frames that are held, for all readers: it has as many decoders
// as there are processors, each of which keeps some memory.
var whole = later.Value[decoder]{Make: func() decoder {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxWindow(maxWindow))
	return decoder{dec, err}
}}

type decoder struct {
	*zstd.Decoder
	err error
}

// decodeWhole decodes the frames of which packed consists into dst, which they
// must fill.
func decodeWhole(dst, packed []byte) error {
	dec := whole.Get()
	if dec.err != nil {
		return dec.err
	}
	// Without room for more than they must have it never allocates any.
	got, err := dec.DecodeAll(packed, dst[:0:len(dst)])
	if err == nil && len(got) != len(dst) {
		err = fmt.Errorf("the frame has %d plain bytes, not %d", len(got), len(dst))
	}
	return err
}

// newStream returns a decoder of frames that are not held. It is used by one
// goroutine and has none of its own.
func newStream() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
}

// A needError says what a frame needs that this package does not give.
type needError string

// Error says what it is.
func (e needError) Error() string { return "it needs " + string(e) }

// unsupported returns the error for the frame at an offset of the file, where
// its error is about what it needs, and nil where it is about what is wrong.
func unsupported(err error, at int64) error {
	_, needs := errors.AsType[needError](err)
	if !needs && !errors.Is(err, zstd.ErrWindowSizeExceeded) && !errors.Is(err, zstd.ErrUnknownDictionary) {
		return nil
	}
	return fmt.Errorf("read archive: %w: the frame at byte %d: %w", ErrUnsupported, at, err)
}

// readAt reads all of p from the file. What lies behind its end is damage.
func readAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case errors.Is(err, io.EOF):
		return errCut
	}
	return &readError{err}
}

// A readError is that of the file, which says nothing of the archive.
type readError struct{ error }

// Unwrap returns the file's error.
func (e *readError) Unwrap() error { return e.error }
