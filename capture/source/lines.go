package source

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
)

// MaxLine is the longest line that is read as a record. A line is held whole in
// memory, and the file may be anyone's.
const MaxLine = 16 << 20

// overlongHead is how much of a longer line is kept.
const overlongHead = 1024

// keptBuffer is how much memory is kept for the next line. One line of many
// megabytes says nothing about the others.
const keptBuffer = 1 << 20

// A Line is one line of a file.
type Line struct {
	// Bytes is the line as it stands in the file, without the line feed; a
	// carriage return before that is part of it. Valid until the next line is read.
	Bytes  []byte
	Number int   // from 1; blank lines count
	Offset int64 // of its first byte
	Torn   bool  // no line feed follows: the file ends here
	// Overlong: the line is longer than MaxLine. Bytes is its beginning, Size and
	// SHA256 are those of the whole.
	Overlong bool
	Size     int64
	SHA256   [sha256.Size]byte // set where Overlong
}

// Text returns the line without the carriage return that may end it, and without
// white space before and behind; empty where it is blank.
func (l *Line) Text() []byte { return bytes.Trim(l.Bytes, " \t\r") }

// A Position is where a file was read up to: behind a line feed.
type Position struct {
	Line   int   // lines before it
	Offset int64 // bytes before it
}

// Lines are the lines of a file, in memory that no file can make grow past
// MaxLine and a little.
type Lines struct {
	in    *bufio.Reader
	buf   []byte
	at    Position
	limit int
}

// NewLines returns the lines of r, which begins at a position of its file: a line
// feed ended what came before.
func NewLines(r io.Reader, at Position) *Lines {
	return &Lines{in: bufio.NewReaderSize(r, 64<<10), at: at, limit: MaxLine}
}

// Position returns where the lines that ended in a line feed have led: who goes
// on there later misses nothing, and reads a torn one again.
func (r *Lines) Position() Position { return r.at }

// Next returns the next line, blank ones too. It returns io.EOF behind the last
// and other errors as the reader gave them.
func (r *Lines) Next() (Line, error) {
	if cap(r.buf) > keptBuffer {
		r.buf = nil
	}
	r.buf = r.buf[:0]
	l := Line{Number: r.at.Line + 1, Offset: r.at.Offset}
	var sum hash.Hash // of a line that is too long
	for {
		chunk, err := r.in.ReadSlice('\n')
		l.Size += int64(len(chunk))
		switch {
		case sum != nil:
			sum.Write(bytes.TrimSuffix(chunk, []byte("\n")))
		case len(r.buf)+len(chunk) <= r.limit:
			r.buf = append(r.buf, chunk...)
		default:
			sum = sha256.New()
			sum.Write(r.buf)
			sum.Write(bytes.TrimSuffix(chunk, []byte("\n")))
			r.buf = append(r.buf, chunk...)[:overlongHead]
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return r.end(l, sum, err)
	}
}

// end completes a line that a read ended with err.
func (r *Lines) end(l Line, sum hash.Hash, err error) (Line, error) {
	if err != nil && (!errors.Is(err, io.EOF) || l.Size == 0) {
		return Line{}, err
	}
	if l.Torn = err != nil; !l.Torn {
		r.at = Position{Line: l.Number, Offset: l.Offset + l.Size}
		l.Size--
	}
	l.Bytes = bytes.TrimSuffix(r.buf, []byte("\n"))
	if sum != nil {
		l.Overlong = true
		sum.Sum(l.SHA256[:0])
	}
	return l, nil
}
