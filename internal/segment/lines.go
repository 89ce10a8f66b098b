package segment

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/etch-audit/etch/internal/record"
)

// ErrPartial is returned at the end of a segment whose last line has no line
// feed, and for a line that is too long to be one.
var ErrPartial = errors.New("line is not whole")

// ErrRead is returned where the bytes of a segment could not be read: that
// says nothing of them.
var ErrRead = errors.New("read segment")

// chunk is how much is read at once: large enough that system calls do not
// count, small enough to stay in a processor's cache.
const chunk = 256 << 10

// The room for lines grows with each read from firstRoom to fullRoom, which
// holds any line: who reads only how a segment begins does not pay for more.
const (
	firstRoom  = 4 << 10
	roomGrowth = 8
	fullRoom   = chunk + record.MaxLine + 1
)

// Lines reads the lines of a part of a segment. It is used by one goroutine.
type Lines struct {
	r      io.ReaderAt
	next   int64 // offset of what is read next from r
	end    int64
	buf    []byte
	start  int   // of the unread part of buf
	offset int64 // of buf[start]
}

// NewLines returns Lines over the bytes of r from offset up to end.
func NewLines(r io.ReaderAt, offset, end int64) *Lines {
	return &Lines{r: r, next: offset, end: end, offset: offset}
}

// Offset returns where the next line begins.
func (l *Lines) Offset() int64 { return l.offset }

// Next returns the next line without its line feed, valid until the next call.
// The error is [io.EOF] after the last, [ErrPartial] where the rest is not a
// whole line; the offset is then that of the rest.
func (l *Lines) Next() ([]byte, error) {
	for searched := 0; ; {
		rest := l.buf[l.start:]
		if i := bytes.IndexByte(rest[searched:], '\n'); i >= 0 && searched+i <= record.MaxLine {
			line := rest[:searched+i]
			l.start += len(line) + 1
			l.offset += int64(len(line) + 1)
			return line, nil
		}
		searched = len(rest)
		if searched > record.MaxLine { // also where a line feed comes later
			return nil, fmt.Errorf("%w: over %d bytes", ErrPartial, record.MaxLine)
		}
		if l.next >= l.end {
			if searched == 0 {
				return nil, io.EOF
			}
			return nil, fmt.Errorf("%w: no line feed in its last %d bytes", ErrPartial, searched)
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}

// fill moves the unread part to the front and reads more behind it.
func (l *Lines) fill() error {
	room := l.buf[:cap(l.buf)]
	if len(room) < fullRoom {
		room = make([]byte, min(max(roomGrowth*len(room), firstRoom), fullRoom))
	}
	n := copy(room, l.buf[l.start:])
	l.buf = room
	want := int(min(int64(cap(l.buf)-n), l.end-l.next))
	got, err := l.r.ReadAt(l.buf[n:n+want], l.next)
	l.buf, l.start = l.buf[:n+got], 0
	l.next += int64(got)
	if got == want || err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) { // the file is shorter than it was said to be
		l.end = l.next
		return nil
	}
	return fmt.Errorf("%w: %w", ErrRead, err)
}
