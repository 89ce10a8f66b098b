package etch

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/index"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/vfs"
)

// errNoIndex is returned where a segment has no index that could be used. It is
// nothing to speak of: the segment is read.
var errNoIndex = errors.New("no index")

// openIndex opens the index of a rotated segment, if it is the one that the log
// has on record. Whoever could change both the index and the record of it could
// change the segment as well; verification tells either.
func (r *Reader) openIndex(v *view, p part) (*index.Reader, io.Closer, error) {
	f, err := r.fs.OpenFile(r.layout.Path(r.layout.IndexOf(p.Number)), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, errNoIndex
	}
	if err != nil {
		return nil, nil, err
	}
	x, err := readIndex(f)
	if err == nil {
		err = r.vouched(v, p, x)
	}
	if errors.Is(err, index.ErrOther) { // another version's: it will be made again
		err = errNoIndex
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return x, f, nil
}

// mostIndex is the size from which on a file is no index of any segment. Nobody
// has vouched for its size yet, and what is read first grows with it.
const mostIndex = 1 << 30

func readIndex(f vfs.File) (*index.Reader, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > mostIndex {
		return nil, fmt.Errorf("its %d bytes are more than an index has", size)
	}
	return index.Open(f, size, indexSpec)
}

// vouched returns nil where an index is of the segment that is there, and on
// record.
func (r *Reader) vouched(v *view, p part, x *index.Reader) error {
	end, err := r.endUnopened(v, p)
	if err != nil {
		return err
	}
	if x.Segment() != p.Number || x.Bytes() != end {
		return fmt.Errorf("it is of %d bytes of segment %d, and the segment has %d", x.Bytes(), x.Segment(), end)
	}
	on, err := r.onRecord(v, p.Number, x)
	if err != nil {
		return fmt.Errorf("the log has no record of it that can be found: %w", err)
	}
	if !on {
		return fmt.Errorf("it is not the one that the log has on record")
	}
	return nil
}

// onRecord reports whether the record of a segment's index, found by the file that
// says where it is, is one of this index.
func (r *Reader) onRecord(v *view, number uint32, x *index.Reader) (bool, error) {
	if v.records.vouch(number, x) {
		return true, nil
	}
	segment, offset, err := r.recordAt(number)
	if err != nil {
		return false, err
	}
	for _, p := range v.parts {
		if p.Number != segment {
			continue
		}
		lines, err := r.linesAt(v, p, offset)
		if err != nil {
			return false, err
		}
		line, _, _ := bytes.Cut(lines, []byte{'\n'})
		if record.Control(line) != control.Indexed {
			return false, fmt.Errorf("there is no %s at offset %d of segment %d", control.Indexed, offset, segment)
		}
		v.records.add(lines)
		return isOf(line, number, x)
	}
	return false, fmt.Errorf("segment %d is not there", segment)
}

// indexRecords are records of indexes that were met while that of another was looked
// for: whoever makes several indexes puts them on record one behind the other.
type indexRecords struct {
	mu    sync.Mutex
	lines [][]byte
}

// add adds the records of indexes among whole lines, which it keeps.
func (r *indexRecords) add(lines []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range bytes.SplitSeq(lines, []byte{'\n'}) {
		if record.Control(line) == control.Indexed {
			r.lines = append(r.lines, line)
		}
	}
}

// shortEnd is how much of the end of what a record says of an index is looked for first:
// most of a digest, which is in no other record.
const shortEnd = 48

// vouch reports whether a record that was met is of an index.
func (r *indexRecords) vouch(number uint32, x *index.Reader) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) == 0 {
		return false
	}
	var room [256]byte
	form := appendIndexed(room[:0], number, x)
	end := form[len(form)-shortEnd:] // to look for a short text takes a twentieth of the time
	return slices.ContainsFunc(r.lines, func(line []byte) bool { return bytes.Contains(line, end) && bytes.Contains(line, form) })
}

// isOf reports whether a log_indexed record is of an index. What it says where it
// is, in the form in which it is written, is looked for as it stands: to decode
// it takes longer than all else that is done to open an index.
func isOf(line []byte, number uint32, x *index.Reader) (bool, error) {
	var room [256]byte
	if bytes.Contains(line, appendIndexed(room[:0], number, x)) {
		return true, nil
	}
	var on control.IndexedLog
	if _, err := control.Parse(line, &on); err != nil {
		return false, err
	}
	digest := x.Digest()
	return on.Segment == number && on.Digest == hex.EncodeToString(digest[:]), nil
}

// appendIndexed appends what a log_indexed record of an index says, in the form in
// which it is written.
func appendIndexed(dst []byte, number uint32, x *index.Reader) []byte {
	digest := x.Digest()
	dst = append(append(append(dst, `"event_type":"`...), control.Indexed...), `","log":{"segment":`...)
	dst = append(strconv.AppendUint(dst, uint64(number), 10), `,"lines":`...)
	dst = append(strconv.AppendInt(dst, int64(x.Lines()), 10), `,"bytes":`...)
	dst = append(strconv.AppendInt(dst, x.Bytes(), 10), `,"digest":"`...)
	return append(hex.AppendEncode(dst, digest[:]), `"}`...)
}

// recordAt returns where the record of an index is said to be.
func (r *Reader) recordAt(number uint32) (segment uint32, offset int64, err error) {
	f, err := r.fs.OpenFile(r.layout.Path(r.layout.RecordOf(number)), os.O_RDONLY, 0)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }() // it was only read
	var room [64]byte
	n, err := f.ReadAt(room[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, err
	}
	first, rest, _ := strings.Cut(string(room[:n]), " ")
	second, end, ok := strings.Cut(rest, "\n")
	at, errSegment := strconv.ParseUint(first, 10, 32)
	offset, errOffset := strconv.ParseInt(second, 10, 64)
	if !ok || end != "" || cmp.Or(errSegment, errOffset) != nil || offset < 0 {
		return 0, 0, fmt.Errorf("%s does not say where: %q", r.layout.RecordOf(number), room[:n])
	}
	return uint32(at), offset, nil
}

// recordsRoom is how much is read of a log where the record of an index is: that of
// each other that was made with it is some 300 bytes.
const recordsRoom = 16 << 10

// linesAt returns the line that begins at an offset of a part, and whole lines behind
// it, as many as there are in recordsRoom.
func (r *Reader) linesAt(v *view, p part, offset int64) ([]byte, error) {
	f, end, err := r.open(v, p)
	if err != nil {
		return nil, err
	}
	if p.file == nil {
		defer func() { _ = f.Close() }() // it was only read
	}
	if offset <= 0 || offset >= end { // a segment's first line is another
		return nil, fmt.Errorf("offset %d is not in segment %d", offset, p.Number)
	}
	b := make([]byte, min(end-offset+1, recordsRoom))
	if _, err := f.ReadAt(b, offset-1); err != nil {
		return nil, err
	}
	last := bytes.LastIndexByte(b[1:], '\n')
	if last < 0 || b[0] != '\n' {
		return nil, fmt.Errorf("no line at offset %d of segment %d", offset, p.Number)
	}
	return b[1:][:last], nil
}

// tell says why an index is not used, unless it is a good one that does not hold
// what is asked for.
func (q *Query) tell(p part, err error) {
	if q.Notify != nil && !errors.Is(err, errNoIndex) && !errors.Is(err, index.ErrNotHeld) {
		q.Notify(fmt.Sprintf("the index of segment %d is not used: %v", p.Number, err))
	}
}
