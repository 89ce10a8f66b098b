package etch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/etch-audit/etch/internal/archive"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// open opens a part and returns where its records end.
func (r *Reader) open(v *view, p part) (vfs.File, int64, error) {
	f := p.file
	if f == nil {
		var err error
		f, err = r.openSegment(p.File)
		if err != nil {
			return nil, 0, fmt.Errorf("open segment: %w", err)
		}
	}
	end, err := r.end(v, p, f)
	if err != nil && p.file == nil {
		err = errors.Join(err, f.Close())
	}
	return f, end, err
}

// end returns where the records of a part end.
func (r *Reader) end(v *view, p part, f vfs.File) (int64, error) {
	end := p.end
	if end < 0 {
		size, err := f.Size()
		if err != nil {
			return 0, fmt.Errorf("segment %s: %w", p.Name, err)
		}
		end = size
	}
	cut, err := r.cutBy(v, p)
	return min(end, cut), err
}

// A peek is what the file of a part without an open one says of where records end,
// its own and those of the part before. It is looked for once.
type peek struct {
	once sync.Once
	err  error // of opening it
	size int64 // of its bytes, plain

	first uint64 // what its first line says that its own number is; 0: not at a glance

	recovered *control.RecoveredLog // how the part before ended, where it says that
	unread    error                 // why that is not known
}

// peekAt looks at the file of a part.
func (r *Reader) peekAt(v *view, p part) *peek {
	k := &v.peeks[p.at]
	k.once.Do(func() {
		f := p.file
		if f == nil {
			if f, k.err = r.openSegment(p.File); k.err != nil {
				return
			}
			defer func() { _ = f.Close() }() // it was only read
		}
		if k.size, k.err = f.Size(); k.err == nil {
			k.first, k.recovered, k.unread = recoveredIn(f)
		}
	})
	return k
}

// recoveredIn returns what the second line of a segment's file says of how the
// one before ended, nil where it says nothing of it; and what the first line says
// that its own number is, 0 where that takes more than a glance.
func recoveredIn(f vfs.File) (first uint64, _ *control.RecoveredLog, err error) {
	first, recovered, err := glance(f)
	if err != nil || !recovered {
		return first, nil, err
	}
	head, err := beginningOf(f)
	return first, head.recovered, err
}

// endUnopened is end for a part that is not opened for it.
func (r *Reader) endUnopened(v *view, p part) (int64, error) {
	end := p.end
	if end < 0 {
		k := r.peekAt(v, p)
		if k.err != nil {
			return 0, fmt.Errorf("open segment: %w", k.err)
		}
		end = k.size
	}
	cut, err := r.cutBy(v, p)
	return min(end, cut), err
}

// whole is where the records of a part end that the one behind it does not cut.
const whole = 1<<63 - 1

// cutBy returns where the records of a part end according to the part behind
// it, which begins with the record of it where the bytes after that are void.
func (r *Reader) cutBy(v *view, p part) (int64, error) {
	if p.at+1 == len(v.parts) {
		return whole, nil
	}
	k := r.peekAt(v, v.parts[p.at+1])
	switch {
	case errors.Is(k.err, fs.ErrNotExist), errors.Is(k.err, archive.ErrUnsupported):
		return whole, nil
	case k.err != nil:
		return 0, fmt.Errorf("open segment: %w", k.err)
	case errors.Is(k.unread, segment.ErrRead) && !errors.Is(k.unread, archive.ErrDamaged):
		return 0, k.unread
	case k.unread != nil, k.recovered == nil, k.recovered.Segment != p.Number:
		return whole, nil
	}
	return k.recovered.Offset, nil
}

// A shortRoom is memory for what is read of a file to look at a line or two.
type shortRoom [4 << 10]byte

var shortRooms = sync.Pool{New: func() any { return new(shortRoom) }}

// glance returns what the first line of a segment's file says that its own number
// is, 0 where it did not see that, and whether the second line says that it is a
// record of a recovery. Few do, and the others need not be decoded.
func glance(f vfs.File) (first uint64, recovered bool, err error) {
	size, err := f.Size()
	if err != nil {
		return 0, false, fmt.Errorf("%w: %w", segment.ErrRead, err)
	}
	room := shortRooms.Get().(*shortRoom)
	defer shortRooms.Put(room)
	if n, err := f.ReadAt(room[:min(size, int64(len(room)))], 0); err == nil {
		line, rest, ok := bytes.Cut(room[:n], []byte{'\n'})
		first = firstOf(line)
		if line, _, second := bytes.Cut(rest, []byte{'\n'}); ok && second { // mostly
			return first, record.Control(line) == control.Recovered, nil
		}
	}
	lines := segment.NewLines(f, 0, size)
	if _, err := lines.Next(); err != nil {
		return first, false, err
	}
	line, err := lines.Next()
	return first, err == nil && record.Control(line) == control.Recovered, nil
}

// firstOf returns the number in a log_opened record's member "size", 0 where it
// does not stand there as it is written. Inside of a text its quotation marks would
// have a backslash before them.
func firstOf(line []byte) (n uint64) {
	_, rest, _ := bytes.Cut(line, []byte(`,"size":`))
	for i, c := range rest {
		if c -= '0'; c > 9 || i == 18 { // no number of a record has as many digits
			break
		}
		n = 10*n + uint64(c)
	}
	return n
}

// A beginning is how a segment begins.
type beginning struct {
	opened    control.OpenedLog
	recovered *control.RecoveredLog // where the second line says how the segment before ended
}

// beginningOf reads the first lines of a segment's file.
func beginningOf(f vfs.File) (beginning, error) {
	size, err := f.Size()
	if err != nil {
		return beginning{}, fmt.Errorf("%w: %w", segment.ErrRead, err)
	}
	return readBeginning(f, size)
}

// readBeginning reads the first lines of a segment of at most size bytes.
func readBeginning(f io.ReaderAt, size int64) (beginning, error) {
	var h beginning
	lines := segment.NewLines(f, 0, size)
	line, err := lines.Next()
	if err != nil {
		return h, err
	}
	if kind := record.Control(line); kind != control.Opened {
		return h, errors.New("segment does not begin with log_opened")
	}
	if _, err := control.Parse(line, &h.opened); err != nil {
		return h, err
	}
	line, err = lines.Next()
	if err != nil || record.Control(line) != control.Recovered {
		return h, nil // it is there only after a failure
	}
	var found control.RecoveredLog
	if _, err := control.Parse(line, &found); err != nil || found.Segment >= h.opened.Segment || !ends(found.Found) {
		return h, nil
	}
	h.recovered = &found
	return h, nil
}

// ends reports whether what a recovery found says where the segment before
// ended. Of the others a verifier makes no fault, so that they must hide nothing.
func ends(found string) bool {
	return found == control.FoundVoid || found == control.FoundDamage || found == control.FoundStateLost
}
