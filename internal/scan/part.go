package scan

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
)

// errShort is what a file that ends before the end of the scan is told as.
var errShort error = shortError{}

type shortError struct{}

func (shortError) Error() string { return segment.ErrPartial.Error() + ": the file has become shorter" }

// Unwrap returns [segment.ErrPartial].
func (shortError) Unwrap() error { return segment.ErrPartial }

// A part is the bytes that decide about the lines of a block: from the one
// before it to the end of its last line, or to where that should have ended.
type part struct {
	block
	base int64 // offset of data[0]
	data []byte
	room []byte // that data is in, where it was read
	err  error  // why data ends too soon; nil
}

// aligned is what the offset of a byte and the address that it is read to agree in,
// modulo. Blocks begin a byte before a power of two: read to where one begins, they
// would take the processor four times as long to copy.
const aligned = 64

// begin returns where data begins in the room. Rooms begin as Go allocates what
// is large: with a page.
func (p *part) begin() []byte { return p.room[min(int(p.base&(aligned-1)), len(p.room)):][:0] }

// offset returns that of the end of the data.
func (p *part) offset() int64 { return p.base + int64(len(p.data)) }

// fill reads up to an offset.
func (p *part) fill(src io.ReaderAt, to int64) {
	have, want := len(p.data), int(to-p.offset())
	if cap(p.data) < have+want {
		p.room = make([]byte, aligned+have+want+more)
		p.data = append(p.begin(), p.data...)
	}
	n, err := src.ReadAt(p.data[have:have+want], p.offset())
	p.data = p.data[:have+n]
	switch {
	case n == want:
	case err == nil || errors.Is(err, io.EOF):
		p.err = errShort
	default:
		p.err = fmt.Errorf("%w: %w", segment.ErrRead, err)
	}
}

// A finding is what a block holds besides lines.
type finding struct {
	// some is false where nothing begins in the block that the block before
	// or behind would not tell of.
	some bool
	// edge is the offset between the lines that were scanned and what was
	// not: in reverse the beginning of the block's lines, else their end.
	edge   int64
	damage error // what is at the edge, where the scan ends
}

// body returns the lines that begin in the block, with what may follow them
// that is no line, and the offset of the first; nil where none begins. x says
// whether there is anything before and behind the block.
func (p *part) body(x *extent) ([]byte, int64) {
	first, some := p.first(x.from)
	if !some {
		return nil, 0
	}
	return p.data[first:p.last(x.to)], p.base + int64(first)
}

// whole returns which of the bytes of the body at offset start are whole lines
// before the first damage, or in reverse behind the last.
func (p *part) whole(body []byte, start int64, reverse bool) (from, to int, f finding) {
	switch {
	case body == nil:
		return 0, 0, finding{damage: p.err}
	case reverse:
		return p.backward(body, start)
	}
	n, damage := p.forward(body)
	return 0, n, finding{true, start + int64(n), damage}
}

// first returns the index of the first line that begins in the block, and
// whether there is one.
func (p *part) first(from int64) (int, bool) {
	if p.lo == from {
		return 0, true
	}
	before := p.data[:min(int64(len(p.data)), p.hi-1-p.base)] // a line that begins at hi is the next block's
	i := bytes.IndexByte(before, '\n')
	return i + 1, i >= 0
}

// last returns the index behind the last line that begins in the block, or
// behind all that is there of it. An error that concerns what is behind that
// line is forgotten.
func (p *part) last(to int64) int {
	if p.hi == to {
		return len(p.data)
	}
	if end := int(p.hi - 1 - p.base); end < len(p.data) {
		if i := bytes.IndexByte(p.data[end:], '\n'); i >= 0 {
			p.err = nil
			return end + i + 1
		}
	}
	return len(p.data)
}

// forward returns how many of the bytes are whole lines, and what comes then.
// It looks for the last end of a line that may be, so that it touches few lines.
func (p *part) forward(body []byte) (int, error) {
	n := 0
	for n < len(body) {
		rest := body[n:]
		i := bytes.LastIndexByte(rest[:min(len(rest), record.MaxLine+1)], '\n')
		switch {
		case i >= 0:
			n += i + 1
		case len(rest) > record.MaxLine:
			return n, fmt.Errorf("%w: over %d bytes", segment.ErrPartial, record.MaxLine)
		case p.err != nil:
			return n, p.err
		default:
			return n, fmt.Errorf("%w: no line feed in its last %d bytes", segment.ErrPartial, len(rest))
		}
	}
	return n, p.err
}

// backward is forward from the end.
func (p *part) backward(body []byte, start int64) (from, to int, f finding) {
	end := len(body)
	switch {
	case p.err != nil:
		return end, end, finding{damage: p.err}
	case end > 0 && body[end-1] != '\n':
		return end, end, finding{damage: fmt.Errorf("%w: no line feed before offset %d", segment.ErrPartial, start+int64(end))}
	}
	for n := end; n > record.MaxLine+1; {
		i := bytes.IndexByte(body[n-2-record.MaxLine:n-1], '\n')
		if i < 0 {
			at := start + int64(n)
			return n, end, finding{true, at, fmt.Errorf("%w: over %d bytes before offset %d", segment.ErrPartial, record.MaxLine, at)}
		}
		n += i - 1 - record.MaxLine
	}
	return 0, end, finding{true, start, nil}
}
