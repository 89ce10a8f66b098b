package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxBlock is the most that a block may have (RFC 8878, section 3.1.1.2.4),
// compressed or not.
const maxBlock = 128 << 10

// blockHeader is how many bytes stand before those of a block.
const blockHeader = 3

var (
	// errCut says that the file ends within a frame.
	errCut = errors.New("the file ends within a frame")
	// errEmpty says that there is no frame: even an empty segment makes one.
	errEmpty = errors.New("the file is empty")
)

// A source remembers why its bytes could not be read, which says nothing of
// the archive.
type source struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// A walker goes from frame to frame through a file, by what their headers and
// blocks say of their sizes. It decodes nothing.
type walker struct {
	src   *source
	in    *bufio.Reader
	at    int64 // in the file, of what is read next
	frame frame // that next returned
}

// newWalker returns a walker over a file.
func newWalker(r io.Reader) *walker {
	src := &source{Reader: r}
	return &walker{src: src, in: bufio.NewReaderSize(src, 64<<10)}
}

// next returns the next frame, the whole of which is to be read before the
// next call. The error is io.EOF after the last.
func (w *walker) next() (*frame, error) {
	b, err := w.in.Peek(zstd.HeaderMaxSize)
	if len(b) == 0 || err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	f := &w.frame
	*f = frame{w: w}
	if err := f.Decode(b); errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errCut
	} else if err != nil {
		return nil, fmt.Errorf("no frame of zstd begins here: %w", err)
	}
	f.left = int64(f.HeaderSize)
	if f.Skippable {
		f.magic = binary.LittleEndian.Uint32(b)
		f.left += int64(f.SkippableSize)
	}
	return f, nil
}

// A frame is the bytes of one frame, for one reading.
type frame struct {
	zstd.Header
	w      *walker
	magic  uint32 // of a skippable one
	left   int64  // of its header, or of the block or checksum being read
	packed int64  // bytes read
	ending int    // how much of its end was begun: 1, the last block; 2, the checksum
}

// Read implements io.Reader. The error is io.EOF at the end of the frame.
func (f *frame) Read(p []byte) (int, error) {
	for f.left == 0 {
		if err := f.piece(); err != nil {
			return 0, err
		}
	}
	n, err := f.w.in.Read(p[:min(int64(len(p)), f.left)])
	f.left -= int64(n)
	f.packed += int64(n)
	f.w.at += int64(n)
	if errors.Is(err, io.EOF) {
		err = errCut
	}
	return n, err
}

// piece begins the next block, or the checksum.
func (f *frame) piece() error {
	switch {
	case f.Skippable || f.ending == 2 || f.ending == 1 && !f.HasCheckSum:
		return io.EOF
	case f.ending == 1:
		f.ending, f.left = 2, 4
		return nil
	}
	b, err := f.w.in.Peek(blockHeader)
	if errors.Is(err, io.EOF) {
		return errCut
	}
	if err != nil {
		return err
	}
	last, size, err := blockSize(b)
	if err != nil {
		return err
	}
	if f.left = size; last {
		f.ending = 1
	}
	return nil
}

// blockSize returns how many bytes the block has that b begins with, its header
// included, and whether it is the last of its frame (RFC 8878, section 3.1.1.2).
func blockSize(b []byte) (last bool, size int64, err error) {
	if len(b) < blockHeader {
		return false, 0, errCut
	}
	head := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
	last, size = head&1 == 1, int64(head>>3)
	switch kind := head >> 1 & 3; {
	case kind == 3:
		return false, 0, errors.New("a block is of the reserved kind")
	case size > maxBlock:
		return false, 0, fmt.Errorf("a block has %d bytes", size)
	case kind == 1: // one byte that is repeated
		size = 1
	}
	return last, blockHeader + size, nil
}

// drain reads the rest of the frame.
func (f *frame) drain() error {
	_, err := io.Copy(io.Discard, f)
	return err
}

// supported returns an error where the frame needs more to be decoded than
// this package gives.
func (f *frame) supported() error {
	window := f.WindowSize
	if f.SingleSegment {
		window = f.FrameContentSize
	}
	switch {
	case f.DictionaryID != 0:
		return needError(fmt.Sprintf("dictionary %d", f.DictionaryID))
	case window > maxWindow:
		return needError(fmt.Sprintf("a window of %d bytes, and %d are supported", window, maxWindow))
	}
	return nil
}
