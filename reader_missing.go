package etch

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// ErrMissing is the cause of a [CorruptionError] that tells of records that must
// have been there: a segment that has no file, or that ends before the next one
// begins.
var ErrMissing = errors.New("records are missing")

// missing tells of the segments that have no file, as the numbers of the others
// say, from the one on where the search begins.
func (s *search) missing() {
	if s.q.End.set {
		return
	}
	next := max(1, s.q.begin.segment)
	last := uint32(0)
	for _, p := range s.v.parts {
		if p.Number > next {
			s.noSegments(next, p.Number)
		}
		if p.Number != 0 {
			next, last = max(next, p.Number+1), p.Number
		}
	}
	if state := s.v.state; state != nil && last != 0 && state.Segment > last && s.noActive() {
		s.noSegments(next, state.Segment+1)
	}
}

// noActive reports whether there is no active segment, and not only was none when
// the view was taken.
func (s *search) noActive() bool {
	for _, p := range s.v.parts {
		if p.file != nil {
			return false
		}
	}
	info, err := s.r.fs.Stat(s.r.layout.Path(s.r.layout.Active()))
	return errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular()
}

// noSegments tells that the segments from ≤ n < to are not there.
func (s *search) noSegments(from, to uint32) {
	if s.stopped {
		return
	}
	first := part{File: segment.File{Name: s.r.layout.Numbered(from), Number: from}}
	which := "the segment has no file"
	if n := to - from; n > 1 {
		which = fmt.Sprintf("%d segments have no file, from this one to %s", n, s.r.layout.Numbered(to-1))
	}
	s.damaged(first, 0, fmt.Errorf("%w: %s", ErrMissing, which))
}

// cutShort tells that a segment which is read ends before the one behind it
// begins, or before what the state remembers of it. Where a recovery has put that
// on record, it is no news. An index is of the whole segment or is not used, so
// that who asks one needs not look.
func (s *search) cutShort(p part, f vfs.File, end int64) {
	if p.file != nil {
		if state := s.v.state; state != nil && state.Segment == p.Number && end < state.Offset {
			s.damaged(p, end, fmt.Errorf("%w: it ends here, and the log's state remembers %d bytes", ErrMissing, state.Offset))
		}
		return
	}
	next, ok := s.beginsNext(p)
	if !ok {
		return
	}
	last, err := segment.NewBackward(f, 0, lastFeed(f, 0, end)).Next()
	if err != nil {
		return // it is told of as it is read
	}
	if line, err := record.Split(last); err == nil && line.Seq+1 < next {
		s.damaged(p, end, fmt.Errorf("%w: it ends with record %d, and the next segment begins with %d", ErrMissing, line.Seq, next))
	}
}

// beginsNext returns the number of the first record behind a part, where the next
// segment is there and says that it goes on where the part ended.
func (s *search) beginsNext(p part) (uint64, bool) {
	if p.Number == 0 || p.at+1 == len(s.v.parts) || s.v.parts[p.at+1].Number != p.Number+1 {
		return 0, false
	}
	behind := s.v.parts[p.at+1]
	f := behind.file
	if f == nil {
		var err error
		if f, err = s.r.openSegment(behind.File); err != nil {
			return 0, false // that is told of as it is read
		}
		defer func() { _ = f.Close() }() // it was only read
	}
	head, err := beginningOf(f)
	if err != nil || head.recovered != nil {
		return 0, false
	}
	return head.opened.Size, true
}
