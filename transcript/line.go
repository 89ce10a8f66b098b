package transcript

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// What is kept of one line. A line is held whole in memory, so there has to be
// a limit, and a file that its agent can write must not choose it. What is
// longer is told of, never passed over in silence.
const (
	// MaxString is the longest string, as it stands in the file, that is kept in
	// a line longer than this. A longer one becomes {"clipped_bytes":N}.
	MaxString = 8 << 20
	// MaxLine is the longest line that is read at all, its long strings clipped.
	MaxLine = 64 << 20
)

// keptBuffer is how much memory is kept for the next line. One line of many
// megabytes says nothing about the others.
const keptBuffer = 1 << 20

// A Line is one line of a transcript.
type Line struct {
	Bytes    []byte // without its end; valid until the next line is read
	Number   int    // from 1
	Clipped  bool   // a string in it was too long to be kept
	Overlong bool   // it was too long to be read: Bytes is empty
	Open     bool   // the file ends in it, without a line feed
}

// A lineReader reads lines in bounded memory.
type lineReader struct {
	in     *bufio.Reader
	buf    []byte
	number int
	limits limits
}

// limits are MaxString and MaxLine, or what a test sets in their place.
type limits struct{ text, line int }

func newLineReader(r io.Reader, lim limits) *lineReader {
	in := bufio.NewReaderSize(r, 64<<10)
	if mark, err := in.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3) // it has just been seen
	}
	return &lineReader{in: in, limits: lim}
}

// next returns the next line that is not empty. It returns io.EOF behind the
// last one, and other errors as the file gave them.
func (r *lineReader) next() (Line, error) {
	for {
		line, err := r.read()
		line.Bytes = bytes.TrimSpace(line.Bytes)
		if err != nil || len(line.Bytes) > 0 || line.Overlong {
			return line, err
		}
	}
}

func (r *lineReader) read() (Line, error) {
	if cap(r.buf) > keptBuffer {
		r.buf = nil
	}
	r.buf = r.buf[:0]
	r.number++
	line := Line{Number: r.number}
	var long *clipper
	for {
		chunk, err := r.in.ReadSlice('\n')
		switch {
		case long != nil:
			long.add(chunk)
		case len(r.buf)+len(chunk) <= r.limits.text:
			r.buf = append(r.buf, chunk...)
		default:
			long = &clipper{limits: r.limits}
			long.add(r.buf)
			long.add(chunk)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if long != nil {
			r.buf = long.out
			line.Clipped, line.Overlong = long.clipped, long.overlong
		}
		line.Bytes = r.buf
		if errors.Is(err, io.EOF) && (len(r.buf) > 0 || line.Overlong) {
			line.Open = true
			return line, nil
		}
		return line, err
	}
}

// A clipper takes a long line in pieces and keeps it without its long strings.
type clipper struct {
	limits   limits
	out      []byte
	start    int // where in out the string begins that is being read
	inside   bool
	escaped  bool
	dropping bool // that string is too long
	dropped  int
	clipped  bool
	overlong bool
}

func (c *clipper) add(piece []byte) {
	for _, b := range piece {
		if c.overlong {
			return
		}
		if c.inside {
			c.text(b)
			continue
		}
		if b == '"' {
			c.inside, c.start = true, len(c.out)
		}
		c.keep(b)
	}
}

// text takes a byte of a string, its closing quote included.
func (c *clipper) text(b byte) {
	ends := b == '"' && !c.escaped
	c.escaped = b == '\\' && !c.escaped
	c.inside = !ends
	switch {
	case c.dropping && ends:
		c.dropping, c.clipped = false, true
		c.out = fmt.Appendf(c.out, `{"clipped_bytes":%d}`, c.dropped)
	case c.dropping:
		c.dropped++
	default:
		c.keep(b)
		if !ends && len(c.out)-c.start > c.limits.text {
			c.dropping, c.dropped = true, len(c.out)-c.start-1
			c.out = c.out[:c.start]
		}
	}
}

func (c *clipper) keep(b byte) {
	if len(c.out) >= c.limits.line {
		c.out, c.overlong = nil, true
		return
	}
	c.out = append(c.out, b)
}
