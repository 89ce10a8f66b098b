package etch

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

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

// cutBy returns where the records of a part end according to the part behind
// it, which begins with the record of it where the bytes after that are void.
func (r *Reader) cutBy(v *view, p part) (int64, error) {
	const whole = 1<<63 - 1
	if p.at+1 == len(v.parts) {
		return whole, nil
	}
	next := v.parts[p.at+1]
	f := next.file
	if f == nil {
		var err error
		f, err = r.openSegment(next.File)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, archive.ErrUnsupported) {
			return whole, nil
		}
		if err != nil {
			return 0, fmt.Errorf("open segment: %w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
	}
	head, err := beginningOf(f)
	if errors.Is(err, segment.ErrRead) && !errors.Is(err, archive.ErrDamaged) {
		return 0, err
	}
	if err != nil || head.recovered == nil || head.recovered.Segment != p.Number {
		return whole, nil
	}
	return head.recovered.Offset, nil
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
