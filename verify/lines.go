package verify

import (
	"bytes"
	"errors"
	"io"

	"github.com/etch-audit/etch/internal/record"
)

// A line is one line of a segment as it is read with care.
type line struct {
	data   []byte // without its line feed; of a line that is too long, its beginning
	offset int64
	size   int64 // with its line feed
	whole  bool  // it has a line feed, and a length that a line may have
	record.Line
	err error // why it is no record
}

// is reports whether the line is a record with that sequence number.
func (l *line) is(seq uint64) bool { return l != nil && l.err == nil && l.Seq == seq }

var errNotWhole = errors.New("it has no line feed")

// lines reads lines from a stream and can look ahead.
type lines struct {
	r      io.Reader
	buf    []byte
	start  int
	end    int
	offset int64 // of buf[start]
	eof    bool

	ahead []*line // read, not taken
	spare []*line
}

func newLines(r io.Reader, offset int64) *lines {
	return &lines{r: r, offset: offset, buf: make([]byte, 4*(record.MaxLine+1))}
}

// look returns the line i places ahead, nil behind the last.
func (l *lines) look(i int) (*line, error) {
	for len(l.ahead) <= i {
		next, err := l.read()
		if next == nil || err != nil {
			return nil, err
		}
		l.ahead = append(l.ahead, next)
	}
	return l.ahead[i], nil
}

// take drops the line that comes next. Its memory is used again.
func (l *lines) take() {
	l.spare = append(l.spare, l.ahead[0])
	l.ahead = append(l.ahead[:0], l.ahead[1:]...)
}

// swap exchanges the next two lines.
func (l *lines) swap() { l.ahead[0], l.ahead[1] = l.ahead[1], l.ahead[0] }

// read returns the next line, in memory of its own; nil at the end.
func (l *lines) read() (*line, error) {
	size, whole, err := l.measure()
	if err != nil || size == 0 {
		return nil, err
	}
	n := &line{}
	if k := len(l.spare); k > 0 {
		n, l.spare = l.spare[k-1], l.spare[:k-1]
	}
	*n = line{data: n.data[:0], offset: l.offset, size: int64(size), whole: whole}
	text := l.buf[l.start : l.start+size]
	if whole {
		text = text[:size-1]
	}
	n.data = append(n.data, text...)
	l.start += size
	l.offset += int64(size)
	if n.err = errNotWhole; whole {
		n.Line, n.err = record.Split(n.data)
	} else if size > record.MaxLine {
		n.err = l.skip(n)
	}
	return n, nil
}

// measure returns how long the next line is, with its line feed; without one
// it is not whole.
func (l *lines) measure() (size int, whole bool, err error) {
	for searched := 0; ; {
		rest := l.buf[l.start:l.end]
		if i := bytes.IndexByte(rest[searched:], '\n'); i >= 0 {
			return searched + i + 1, true, nil
		}
		searched = len(rest)
		if searched > record.MaxLine || l.eof {
			return searched, false, nil
		}
		if err := l.fill(); err != nil {
			return 0, false, err
		}
	}
}

// skip passes over the rest of a line that is too long to be one.
func (l *lines) skip(n *line) error {
	_, err := record.Split(n.data) // says that it is too long
	for {
		size, whole, readErr := l.measure()
		l.start += size
		l.offset += int64(size)
		n.size += int64(size)
		if readErr != nil {
			return readErr
		}
		if whole || size == 0 {
			n.whole = whole
			return err
		}
	}
}

// fill moves the unread part to the front and reads more behind it.
func (l *lines) fill() error {
	l.end = copy(l.buf, l.buf[l.start:l.end])
	l.start = 0
	n, err := io.ReadAtLeast(l.r, l.buf[l.end:], 1)
	l.end += n
	if errors.Is(err, io.EOF) {
		l.eof = true
		return nil
	}
	return err
}
