package segment

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/etch-audit/etch/internal/record"
)

// Backward reads the lines of a part of a segment from its end. It is used by
// one goroutine.
type Backward struct {
	r     io.ReaderAt
	start int64
	at    int64  // offset of what is not read yet: everything before it
	buf   []byte // bytes from at on
	end   int    // of the unread part of buf, behind a line feed
	room  int    // how much was read last
}

// firstBack is how much is read first: who wants the last line has it then mostly.
const firstBack = 4 << 10

// NewBackward returns Backward over the bytes of r from offset start to end,
// which must be the beginning and the end of a line.
func NewBackward(r io.ReaderAt, start, end int64) *Backward {
	return &Backward{r: r, start: start, at: end}
}

// Offset returns where the line that was returned last begins.
func (b *Backward) Offset() int64 { return b.at + int64(b.end) }

// Next returns the line before, without its line feed, valid until the next
// call. The error is [io.EOF] before the first, [ErrPartial] where there is no
// line feed where one should be.
func (b *Backward) Next() ([]byte, error) {
	for {
		rest := b.buf[:b.end]
		if len(rest) > 0 && rest[len(rest)-1] != '\n' {
			return nil, fmt.Errorf("%w: no line feed at offset %d", ErrPartial, b.Offset()-1)
		}
		if i := bytes.LastIndexByte(rest[:max(0, len(rest)-1)], '\n'); i >= 0 || (b.at == b.start && len(rest) > 0) {
			if len(rest)-i-2 > record.MaxLine {
				return nil, fmt.Errorf("%w: over %d bytes before offset %d", ErrPartial, record.MaxLine, b.Offset())
			}
			b.end = i + 1
			return rest[i+1 : len(rest)-1], nil
		}
		if b.at == b.start {
			return nil, io.EOF
		}
		if len(rest) > record.MaxLine+1 {
			return nil, fmt.Errorf("%w: over %d bytes before offset %d", ErrPartial, record.MaxLine, b.Offset())
		}
		if err := b.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads more in front of the unread part.
func (b *Backward) fill() error {
	b.room = min(max(roomGrowth*b.room, firstBack), chunk)
	n := int(min(int64(b.room), b.at-b.start))
	more := make([]byte, n+b.end)
	copy(more[n:], b.buf[:b.end])
	if got, err := b.r.ReadAt(more[:n], b.at-int64(n)); got < n {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: the file has become shorter", ErrPartial)
		}
		return fmt.Errorf("%w: %w", ErrRead, err)
	}
	b.buf, b.end = more, len(more)
	b.at -= int64(n)
	return nil
}
