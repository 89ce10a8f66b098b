package verify

import (
	"bytes"
	"context"
	"errors"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
)

// A slow pass reads a segment line by line and names what is wrong. It is the
// meaning of a verification: the quick way only finds out that it would find
// nothing.
type slow struct {
	*judge
	in     *lines
	file   *file
	after  *file // the segment behind it; nil: none
	tail   tail
	end    int64 // of what a good seal or the state says is committed
	limit  int64 // void from here on; -1 for none
	mac    *record.MAC
	hasher *merkle.LeafHasher

	recent [64]merkle.Hash  // of the last lines, by seq
	early  map[uint64]early // lines that stood before their place
	gaps   []gap            // numbers that had no line where it belonged
}

// An early line came before the one whose number it follows.
type early struct {
	leaf merkle.Hash
	told int // place of its fault in the report
}

// A gap is numbers reported as missing.
type gap struct {
	span
	told int
}

// maxEarly bounds what is remembered to tell a moved line from a new one.
const maxEarly = 256

// slow judges a segment with care.
func (v *verifier) slow(ctx context.Context, j *judge, f *file) (err error) {
	src, err := v.open(f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	s := &slow{
		judge: j, in: newLines(src.from(0), 0), file: f, tail: v.tailOf(f), limit: -1,
		mac: v.lineMAC(j.origin), hasher: merkle.NewLeafHasher(), early: make(map[uint64]early),
	}
	if next := f.index + 1; next < len(v.segments) {
		s.after = v.segments[next]
	}
	if limit, voided := v.limit(f); voided {
		s.limit = limit
	}
	if !s.tail.all {
		if s.end, err = sealedEnd(src, s.tail, j.identity); err != nil {
			return err
		}
	}
	j.eager = true
	defer func() { j.eager = false }()
	for n := 0; ctx.Err() == nil; n++ {
		more, err := s.step()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if n%4096 == 0 {
			v.progress(j.sum.Bytes + s.in.offset)
		}
	}
	return s.leave(v)
}

// leave ends the segment.
func (s *slow) leave(v *verifier) error {
	s.takeEarly(nil)
	s.reached()
	rest, err := s.in.look(0)
	if err != nil {
		return err
	}
	if !s.inside && s.file == v.segments[len(v.segments)-1] { // else the next segment shows it
		s.lacksBeginning()
	}
	s.begun = true
	end := s.in.offset
	if rest != nil {
		end = rest.offset
		if s.limit < 0 {
			s.sum.NotYetCommitted = s.file.size - end
		}
	}
	v.leave(s.judge, end)
	return nil
}

// lacksBeginning reports the fault that the last segment does not begin. What the state
// does not know of yet need not be there, but for a segment that was rotated: it had
// its first line before it had its name.
func (s *slow) lacksBeginning() {
	f := Fault{Kind: Truncated, FromSeq: new(s.seq), ToSeq: new(s.seq), Detail: "the segment is empty"}
	switch {
	case s.tail.all:
	case s.file.Number == 0:
		return
	case s.file.size > 0:
		f.Detail = "the segment's first line is not there"
	}
	s.fault(f)
}

// beyond reports whether a line lies past what is to be judged.
func (s *slow) beyond(l *line) bool {
	if s.limit >= 0 {
		return l.offset >= s.limit
	}
	return !s.tail.all && l.offset >= s.end && s.seq >= s.tail.size
}

// step judges the next line, and reports whether there was one to judge.
func (s *slow) step() (bool, error) {
	l, err := s.in.look(0)
	if err != nil || l == nil || s.beyond(l) {
		return false, err
	}
	next, err := s.in.look(1)
	if err != nil {
		return false, err
	}
	third, err := s.in.look(2)
	if err != nil {
		return false, err
	}
	if s.inside || record.Control(l.data) != control.Opened || l.err != nil {
		s.takeEarly(l)
		if s.fateOf(l, next, third) == extra {
			s.in.take()
			return true, nil
		}
		l = s.in.ahead[0] // neighbours may have changed places
		s.reached()
	}
	s.judgeLine(l)
	s.in.take()
	return true, nil
}

// What becomes of a line after its number was looked at.
type fate int

const (
	inPlace fate = iota // it is judged as the line with the next number
	extra               // it has no place
)

// fateOf finds out whether a line has the number that comes next, and reports it
// where it has not.
func (s *slow) fateOf(l, next, third *line) fate {
	want := s.seq
	switch {
	case l.err != nil:
		return s.noRecord(l, next)
	case l.Seq == want:
		if next.is(want) && s.forged(l) && !s.forged(next) {
			s.fault(at(Inserted, want, l.offset, "the line has the number of the one after it, and its MAC is wrong"))
			return extra
		}
		return inPlace
	case next.is(want+1) && !s.known(l): // it stands where that number belongs
		s.fault(at(Edited, want, l.offset, "the line at the place of seq %d says it is seq %d", want, l.Seq))
		s.cause = true
		return inPlace
	case l.Seq < want:
		s.behind(l)
		return extra
	case next.is(want) && l.Seq == want+1 && !third.is(want+1):
		s.fault(among(Reordered, span{from: want, to: want + 2}, "the lines %d and %d have changed places", want, want+1))
		s.in.swap()
		return inPlace
	case next.is(want):
		s.ahead(l)
		return extra
	}
	s.skipped(l)
	return inPlace
}

// noRecord judges a line that is no record.
func (s *slow) noRecord(l, next *line) fate {
	if next == nil && !l.whole {
		s.fault(at(Torn, s.seq, l.offset, "the last %d bytes are no whole line: %v", l.size, l.err))
		return extra
	}
	if next.is(s.seq) {
		s.fault(at(Inserted, s.seq, l.offset, "bytes that are no record stand before the line with this number: %v", l.err))
		return extra
	}
	if s.after != nil && s.after.readable && s.after.first == s.seq {
		s.fault(at(Inserted, s.seq, l.offset, "bytes that are no record stand behind the segment's last line: %v", l.err))
		return extra
	}
	s.fault(at(Edited, s.seq, l.offset, "the line is no record: %v", l.err))
	s.cause = true
	return inPlace
}

// behind judges a line whose number has been passed.
func (s *slow) behind(l *line) {
	if s.known(l) {
		s.fault(at(Duplicate, l.Seq, l.offset, "the line is there a second time"))
		return
	}
	for i, g := range s.gaps {
		if g.from > l.Seq || l.Seq >= g.to {
			continue
		}
		if g.told >= 0 && g.to == g.from+1 { // it was not missing, but moved
			s.report.Faults[g.told].Kind = Reordered
			s.report.Faults[g.told].Detail = "the line stands further down than its number"
			s.gaps = append(s.gaps[:i], s.gaps[i+1:]...)
			s.sum.MissingRecords--
			return
		}
		s.fault(at(Reordered, l.Seq, l.offset, "the line stands further down than its number"))
		return
	}
	s.fault(at(Inserted, l.Seq, l.offset, "another line with this number stands before it"))
}

// ahead judges a line that stands before its number's place, while the line
// that belongs here comes after it.
func (s *slow) ahead(l *line) {
	s.fault(at(Inserted, l.Seq, l.offset, "the line stands before seq %d", s.seq))
	if len(s.early) < maxEarly {
		s.early[l.Seq] = early{s.hasher.Leaf(l.data), s.last}
	}
}

// takeEarly puts lines that came too early in their place, where that is
// empty: so they were moved.
func (s *slow) takeEarly(l *line) {
	for {
		e, ok := s.early[s.seq]
		if !ok {
			return
		}
		delete(s.early, s.seq)
		if l.is(s.seq) {
			if s.hasher.Leaf(l.data) == e.leaf && e.told >= 0 {
				s.report.Faults[e.told].Kind = Duplicate
				s.report.Faults[e.told].Detail = "the line is there a second time, before its place"
			}
			return
		}
		if e.told >= 0 {
			s.report.Faults[e.told].Kind = Reordered
			s.report.Faults[e.told].Detail = "the line stands further up than its number"
		}
		s.since++
		s.add(e.leaf)
	}
}

// skipped accounts for numbers that have no line.
func (s *slow) skipped(l *line) {
	s.fault(among(Missing, span{from: s.seq, to: l.Seq}, "the lines with these numbers are not there"))
	if s.last >= 0 && s.report.Faults[s.last].Offset == nil {
		s.report.Faults[s.last].Offset = new(l.offset)
	}
	if len(s.gaps) < maxEarly {
		s.gaps = append(s.gaps, gap{span{from: s.seq, to: l.Seq}, s.last})
	}
	s.sum.MissingRecords += l.Seq - s.seq
	s.whole, s.cause, s.announced = false, true, nil
	s.seq = l.Seq
}

// forged reports whether a line's MAC is known to be wrong.
func (s *slow) forged(l *line) bool {
	return s.file.signed && s.mac != nil && s.mac.Check(l.Line) != nil
}

// known reports whether a line equals one of the last ones with its number.
func (s *slow) known(l *line) bool {
	return l.Seq < s.seq && s.seq-l.Seq <= uint64(len(s.recent)) && s.recent[l.Seq%uint64(len(s.recent))] == s.hasher.Leaf(l.data)
}

// judgeLine judges the line with the next number.
func (s *slow) judgeLine(l *line) {
	leaf := s.hasher.Leaf(l.data)
	s.place = l.offset
	kind := ""
	if l.err == nil {
		kind = record.Control(l.data)
	}
	s.openingBad = kind == control.Opened && s.forged(l)
	if kind != "" {
		s.control(kind, l.data, l.offset)
	} else {
		s.event(l.offset)
	}
	// After the record itself, because a seal speaks of the lines before it.
	s.authentic(l)
	s.recent[s.seq%uint64(len(s.recent))] = leaf
	s.add(leaf)
}

// suffixText is what must be left of a MAC for a line to count as one whose
// MAC was changed, not taken away.
var suffixText = []byte(`"signature"`)

// authentic judges the MAC of a line of a signed segment.
func (s *slow) authentic(l *line) {
	if l.err != nil {
		return
	}
	if !s.file.signed {
		if !wellFormed(l.data) {
			s.malformed(s.seq, l.offset)
		}
		return
	}
	told := s.last >= 0 && s.report.Faults[s.last].Seq != nil && *s.report.Faults[s.last].Seq == s.seq
	switch {
	case l.MAC == nil && (bytes.Contains(l.data, suffixText) || bytes.Contains(l.data, []byte(`SHA256:`))):
		s.fault(at(BadSignature, s.seq, l.offset, "the line's signature has not the form of one"))
		s.cause = true
	case l.MAC == nil:
		s.fault(at(SignatureStripped, s.seq, l.offset, "the line has no signature, and all lines of its segment must have one"))
		s.cause = true
	case s.mac != nil && s.mac.Check(l.Line) != nil && !told:
		s.suspect(s.seq, l.offset)
	}
}
