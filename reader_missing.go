package etch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/index"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/state"
	"github.com/etch-audit/etch/internal/vfs"
)

// ErrMissing is the cause of a [CorruptionError] that tells of records that must
// have been there: a segment that has no file, or that ends before the next one
// begins.
var ErrMissing = errors.New("records are missing")

// missing tells of the segments that have no file, as the numbers of the others
// say, from the one on where the search begins: by its place, or behind a record.
func (s *search) missing() {
	if !s.q.End.set {
		s.noState()
	}
	next := max(1, s.q.beginsIn())
	last := uint32(0)
	for _, p := range s.v.parts {
		p = s.numbered(p)
		if p.Number > next && !s.goesOnIn(p) {
			s.noSegments(next, p.Number)
		}
		if p.Number != 0 {
			next, last = max(next, p.Number+1), p.Number
		}
	}
	if to := s.endOf(last); to > 0 {
		s.noSegments(next, to)
	} else if s.q.End.set {
		s.noSegments(next, math.MaxUint32)
	}
}

// endOf returns the number behind that of the newest segment that there must have been
// behind the last one that has a file, 0 where nothing tells of any.
func (s *search) endOf(last uint32) (to uint32) {
	if last == 0 || !s.noActive() {
		return 0
	}
	if known := s.v.state; known != nil && known.Segment > last {
		to = known.Segment + 1
	}
	for _, no := range s.v.none {
		if no.Number > last {
			to = max(to, no.Number+1)
		}
	}
	return to
}

// goesOnIn reports whether what is asked for lies behind a record that is not before
// the first of a part, so that what is missing before that is no part of it. The
// first lines of segments say that: they are believed where all of them ascend, and
// only for what is told. No record is left out by them.
func (s *search) goesOnIn(p part) bool {
	if s.least == 0 {
		return false
	}
	begins := false
	for i, other := range s.v.parts {
		head := s.begins(other)
		if head.err != nil || i > 0 && head.opened.Size <= s.begins(s.v.parts[i-1]).opened.Size {
			return false
		}
		begins = begins || other.at == p.at && head.opened.Size <= s.least
	}
	return begins
}

// noState tells in a sentence why there is no state that can be read, by which a cut
// end is told: that is no damage, as nothing that was recorded is in it.
func (s *search) noState() {
	if s.v.state != nil || s.v.head.Segment == 0 || s.q.Notify == nil || s.q.Begin.Segment != 0 {
		return
	}
	name := s.r.layout.State()
	why := "is not there"
	f, err := s.r.fs.OpenFile(s.r.layout.Path(name), os.O_RDONLY, 0)
	if err == nil {
		defer func() { _ = f.Close() }()          // it was only read
		if s.isNew(f) || s.r.readState() != nil { // it was written since
			return
		}
		why = "is damaged"
	} else if !errors.Is(err, fs.ErrNotExist) {
		why = fmt.Sprintf("cannot be read (%v)", err)
	}
	s.q.Notify(fmt.Sprintf("%s %s: whether the log's end is missing cannot be told", name, why))
}

// isNew reports whether a log is being made: nothing is in its state yet, and its only
// segment has its first line alone.
func (s *search) isNew(f vfs.File) bool {
	if size, err := f.Size(); err != nil || size > state.Size {
		return false
	}
	var b [state.Size]byte
	n, err := f.ReadAt(b[:], 0)
	if err != nil && !errors.Is(err, io.EOF) || len(bytes.Trim(b[:n], "\x00")) > 0 || s.v.head.Segment != 1 {
		return false
	}
	active := s.v.parts[len(s.v.parts)-1].file
	size, err := active.Size()
	if err != nil {
		return false
	}
	lines := segment.NewLines(active, 0, size)
	_, err = lines.Next()
	return err == nil && lines.Offset() == size
}

// noActive reports whether there is no active segment, and not only was none when
// the view was taken. What has its name may be an older one.
func (s *search) noActive() bool {
	for _, p := range s.v.parts {
		if p.file != nil {
			return s.v.older
		}
	}
	if s.v.older {
		return true
	}
	info, err := s.r.fs.Stat(s.r.layout.Path(s.r.layout.Active()))
	return errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular()
}

// noSegments tells that the segments from ≤ n < to are not there, as far as they are
// asked.
func (s *search) noSegments(from, to uint32) {
	if end, ok := s.q.End.Get(); ok {
		last := int64(end.Segment)
		if end.Offset <= 0 {
			last--
		}
		to = uint32(max(0, min(int64(to), last+1)))
	}
	if s.stopped || from >= to {
		return
	}
	first := part{File: segment.File{Name: s.r.layout.Numbered(from), Number: from}}
	err := fmt.Errorf("%w: the segment has no file", ErrMissing)
	if n := to - from; n > 1 {
		err = fmt.Errorf("%w: %d segments have no file, from this one to %s", ErrMissing, n, s.r.layout.Numbered(to-1))
	} else if i := slices.IndexFunc(s.v.none, func(no segment.File) bool { return no.Number == from }); i >= 0 {
		err = fmt.Errorf("%w: what has the name %s is no file", err, s.v.none[i].Name)
	}
	s.damaged(first, 0, err)
}

// cutShort tells that a segment which is read does not begin as it must, or ends
// before the one behind it begins or before what the state remembers of it. Where a
// recovery has put that on record, it is no news; nor where all of that is before what
// is asked for.
func (s *search) cutShort(p part, f vfs.File, end int64) {
	behind := s.behind(p)
	if s.from(p) == 0 && s.beheaded(p, f, end, behind) {
		return // how much is gone is not known
	}
	s.endsBefore(p, end, behind, func() (uint64, bool) {
		last, err := segment.NewBackward(f, 0, lastFeed(f, 0, end)).Next()
		if err != nil {
			return 0, false // it has lines, so that it is told of as it is read
		}
		line, err := record.Split(last)
		return line.Seq, err == nil
	})
}

// endsBefore tells that a segment ends before the one behind it begins, or before
// what the state remembers of it. last returns the number of its last record.
func (s *search) endsBefore(p part, end int64, behind beginning, last func() (uint64, bool)) {
	state := s.v.state
	switch {
	case state == nil || state.Segment != p.Number:
	case p.file != nil && end < state.Offset, end < state.InSegment():
		s.damaged(p, end, fmt.Errorf("%w: it ends here, and the log's state remembers %d bytes", ErrMissing, state.Offset))
		return
	}
	next := behind.opened.Size
	switch recovered := behind.recovered; {
	case behind.opened.Segment == 0:
	case recovered == nil && next > s.least:
		if seq, ok := last(); ok && seq < next-1 {
			s.damaged(p, end, fmt.Errorf("%w: it ends with record %d, and the next segment begins with %d", ErrMissing, seq, next))
		}
	case recovered != nil && recovered.Segment == p.Number && end < recovered.Offset:
		s.damaged(p, end, fmt.Errorf("%w: it ends here, and a recovery found %d bytes", ErrMissing, recovered.Offset))
	case recovered != nil && recovered.Segment == p.Number:
		s.recovered(p, end, &behind, last)
	}
}

// recovered tells where a recovery is said to have cut off records of a segment: whoever
// writes its line into the next one could take any number of them out of sight. Of bytes
// that were void or behind which a state was made again none was a record, so that the
// next segment goes on with the last one before them. Of damage nothing is known but
// that it is on record, which is no more than a note.
func (s *search) recovered(p part, end int64, behind *beginning, last func() (uint64, bool)) {
	next := behind.opened.Size
	if behind.recovered.Found == control.FoundDamage {
		k := s.r.peekAt(s.v, p)
		if k.err == nil && k.size > end && next > s.least && s.q.Notify != nil {
			s.q.Notify(fmt.Sprintf("%s: its last %d bytes are not shown: a recovery is on record by which they are damaged", p.Name, k.size-end))
		}
		return
	}
	seq, ok := last()
	size := seq + 1
	if head := s.begins(p); !ok && end == 0 && head.err == nil {
		size, ok = head.opened.Size, true // up to the end of the segment before
	}
	if ok && next > s.least && size < next {
		s.damaged(p, end, fmt.Errorf("%w: what lies from here on is said to be no record, behind %d of them, and the next segment begins with %d", ErrMissing, size, next))
	}
}

// isWhole reports whether it shows at a glance that a segment which is not read but
// asked by its index ends where the next one begins. What that begins with was read
// to know where the segment ends.
func (s *search) isWhole(p part, x *index.Reader) bool {
	if state := s.v.state; p.at+1 == len(s.v.parts) || state != nil && state.Segment == p.Number {
		return false
	}
	k := s.r.peekAt(s.v, s.v.parts[p.at+1])
	return k.recovered == nil && k.first == x.FirstSeq()+uint64(x.Lines())
}

// beheaded tells that a segment does not begin with the first line of its number, and
// reports whether it did: lines were cut from its front then, or all of them.
func (s *search) beheaded(p part, f vfs.File, end int64, behind beginning) bool {
	if p.file != nil && p.Number != 0 {
		return false // its number is from there
	}
	head := s.begins(p)
	switch {
	case head.err == nil && (p.Number == 0 || head.opened.Segment == p.Number), errors.Is(head.err, segment.ErrRead):
		return false
	case s.givenUp(p, behind), !s.isLog(p):
		return false
	}
	err := head.err
	switch state := s.v.state; {
	case err == nil:
		err = fmt.Errorf("%w: it begins as segment %d does", ErrMissing, head.opened.Segment)
	case end == 0 && behind.opened.Segment != 0:
		err = fmt.Errorf("%w: it is empty, and the next segment begins with record %d", ErrMissing, behind.opened.Size)
	case p.file != nil && state != nil && end < state.Offset:
		err = fmt.Errorf("%w: its first line is not there, and of the %d bytes that the log's state remembers there are %d", ErrMissing, state.Offset, end)
	case end == 0, beginsWithRecord(f, end):
		err = fmt.Errorf("%w: its first line is not there", ErrMissing)
	}
	s.damaged(s.numbered(p), 0, err)
	s.headless = p.at + 1
	return true
}

// beginsWithRecord reports whether the first line of a segment is a record, whichever.
func beginsWithRecord(f vfs.File, end int64) bool {
	line, err := segment.NewLines(f, 0, end).Next()
	if err == nil {
		_, err = record.Split(line)
	}
	return err == nil
}

// givenUp reports whether a recovery has put on record that a part has no beginning:
// nothing of it counts, or it was passed over when the state was made again.
func (s *search) givenUp(p part, behind beginning) bool {
	number := p.Number
	for behind.opened.Segment == 0 && p.at+1 < len(s.v.parts) {
		p = s.v.parts[p.at+1]
		behind = s.behind(p)
	}
	r := behind.recovered
	return r != nil && (r.Segment < number || r.Segment == number && r.Offset == 0)
}

// isLog reports whether anything but a part itself says that it is a segment of a log,
// and no other program's file: the state, or the beginning of another one.
func (s *search) isLog(p part) bool {
	if s.v.state != nil || s.v.head.Segment != 0 {
		return true
	}
	return slices.ContainsFunc(s.v.parts, func(other part) bool {
		return other.at != p.at && s.begins(other).opened.Segment != 0
	})
}

// numbered returns a part with the number that the state knows of an active segment
// whose first line does not say it.
func (s *search) numbered(p part) part {
	if p.Number == 0 && p.file != nil && s.v.state != nil {
		p.Number = s.v.state.Segment
	}
	return p
}

// behind returns how the segment with the next number begins, nothing where that is
// not there or does not say so.
func (s *search) behind(p part) beginning {
	if p.Number == 0 || p.at+1 == len(s.v.parts) || s.v.parts[p.at+1].Number != p.Number+1 {
		return beginning{}
	}
	return s.begins(s.v.parts[p.at+1]).beginning
}

// A begun is how a part begins, nothing where err says why that is not known.
type begun struct {
	beginning
	err error
}

// begins returns how a part begins. It is read once.
func (s *search) begins(p part) begun {
	b, ok := s.begun[p.at]
	if ok {
		return b
	}
	f := p.file
	if f == nil {
		if f, b.err = s.r.openSegment(p.File); b.err == nil {
			defer func() { _ = f.Close() }() // it was only read
		}
	}
	if b.err == nil {
		b.beginning, b.err = beginningOf(f)
	}
	if b.err != nil {
		b.beginning = beginning{}
	}
	if s.begun == nil {
		s.begun = map[int]begun{}
	}
	s.begun[p.at] = b
	return b
}
