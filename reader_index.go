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
	"strconv"
	"strings"

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
	segment, offset, err := r.recordAt(number)
	if err != nil {
		return false, err
	}
	for _, p := range v.parts {
		if p.Number != segment {
			continue
		}
		room := shortRooms.Get().(*shortRoom) // few of these lines are longer
		defer shortRooms.Put(room)
		line, err := r.lineAt(v, p, offset, room[:])
		if err != nil {
			return false, err
		}
		if record.Control(line) != control.Indexed {
			return false, fmt.Errorf("there is no %s at offset %d of segment %d", control.Indexed, offset, segment)
		}
		return isOf(line, number, x)
	}
	return false, fmt.Errorf("segment %d is not there", segment)
}

// isOf reports whether a log_indexed record is of an index. What it says where it
// is, in the form in which it is written, is looked for as it stands: to decode
// it takes longer than all else that is done to open an index.
func isOf(line []byte, number uint32, x *index.Reader) (bool, error) {
	digest := x.Digest()
	want := hex.EncodeToString(digest[:])
	var room [256]byte
	form := fmt.Appendf(room[:0], `"event_type":"%s","log":{"segment":%d,"lines":%d,"bytes":%d,"digest":"%s"}`,
		control.Indexed, number, x.Lines(), x.Bytes(), want)
	if bytes.Contains(line, form) {
		return true, nil
	}
	var on control.IndexedLog
	if _, err := control.Parse(line, &on); err != nil {
		return false, err
	}
	return on.Segment == number && on.Digest == want, nil
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

// lineAt returns the line that begins at an offset of a part, in room, which is
// larger by two than the longest that is found.
func (r *Reader) lineAt(v *view, p part, offset int64, room []byte) ([]byte, error) {
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
	b := room[:min(end-offset+1, int64(len(room)))]
	if _, err := f.ReadAt(b, offset-1); err != nil {
		return nil, err
	}
	line, _, ok := bytes.Cut(b[1:], []byte{'\n'})
	if !ok || b[0] != '\n' {
		return nil, fmt.Errorf("no line at offset %d of segment %d", offset, p.Number)
	}
	return line, nil
}

// tell says why an index is not used, unless it is a good one that does not hold
// what is asked for.
func (q *Query) tell(p part, err error) {
	if q.Notify != nil && !errors.Is(err, errNoIndex) && !errors.Is(err, index.ErrNotHeld) {
		q.Notify(fmt.Sprintf("the index of segment %d is not used: %v", p.Number, err))
	}
}
