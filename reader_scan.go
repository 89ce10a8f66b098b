package etch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// A scan is one iteration over a view.
type scan struct {
	r       *Reader
	v       *view
	q       *Query
	ctx     context.Context
	yield   func(Record, error) bool
	stopped bool // the consumer wants no more, or an error ended it
	given   int
	open    map[string]bool // calls without a completion; nil where all phases are asked for
}

func (s *scan) run() {
	if !s.q.AllPhases {
		if err := s.findOpen(); err != nil {
			s.fail(err)
			return
		}
	}
	parts := slices.Clone(s.v.parts)
	if s.q.Reverse {
		slices.Reverse(parts)
	}
	for _, p := range parts {
		s.segment(p)
		if s.stopped {
			return
		}
	}
}

// fail ends the iteration with an error.
func (s *scan) fail(err error) {
	if !s.stopped {
		s.yield(Record{}, err)
	}
	s.stopped = true
}

// damaged tells of a place that cannot be read.
func (s *scan) damaged(p part, offset int64, err error) {
	if !s.yield(Record{}, &CorruptionError{int(p.Number), p.Name, offset, err}) {
		s.stopped = true
	}
}

// segment reads one segment.
func (s *scan) segment(p part) {
	f, end, err := s.r.open(s.v, p)
	if err != nil {
		s.fail(err)
		return
	}
	if p.file == nil {
		defer func() { _ = f.Close() }() // it was only read
	}
	next := s.forward(f, end)
	if s.q.Reverse {
		next = s.backward(f, end)
	}
	for !s.stopped {
		if err := s.ctx.Err(); err != nil {
			s.fail(err)
			return
		}
		line, offset, err := next()
		switch {
		case errors.Is(err, io.EOF):
			return
		case errors.Is(err, segment.ErrPartial):
			s.damaged(p, offset, err)
			return
		case err != nil:
			s.fail(&CorruptionError{int(p.Number), p.Name, offset, err})
			return
		}
		s.line(p, line, offset)
	}
}

func (s *scan) forward(f io.ReaderAt, end int64) func() ([]byte, int64, error) {
	lines := segment.NewLines(f, 0, end)
	return func() ([]byte, int64, error) {
		offset := lines.Offset()
		line, err := lines.Next()
		return line, offset, err
	}
}

func (s *scan) backward(f io.ReaderAt, end int64) func() ([]byte, int64, error) {
	lines := segment.NewBackward(f, 0, end)
	return func() ([]byte, int64, error) {
		line, err := lines.Next()
		return line, lines.Offset(), err
	}
}

// line gives the record of a line, if it is asked for.
func (s *scan) line(p part, line []byte, offset int64) {
	if !s.q.Control && record.Control(line) != "" {
		return
	}
	r := Record{Segment: int(p.Number), Offset: offset}
	if err := decodeLine(bytes.Clone(line), &r); err != nil {
		s.damaged(p, offset, err)
		return
	}
	if s.open != nil && r.Event.Phase == Attempt && r.Event.CallID != "" && !s.open[r.Event.CallID] {
		return
	}
	if !s.q.matches(&r) {
		return
	}
	s.given++
	if !s.yield(r, nil) || (s.q.Limit > 0 && s.given >= s.q.Limit) {
		s.stopped = true
	}
}

// attemptMark is what the line of an attempt contains. It may stand in other
// lines too: they are decoded for nothing.
var attemptMark, completionMark = []byte(`"phase":"attempt"`), []byte(`"phase":"completion"`)

// findOpen finds the calls that have an attempt and no completion. It holds as
// many ids as calls are open at one time.
func (s *scan) findOpen() error {
	s.open = map[string]bool{}
	for _, p := range s.v.parts {
		if err := s.openCalls(p); err != nil {
			return err
		}
	}
	return nil
}

func (s *scan) openCalls(p part) error {
	f, end, err := s.r.open(s.v, p)
	if err != nil {
		return err
	}
	if p.file == nil {
		defer func() { _ = f.Close() }() // it was only read
	}
	lines := segment.NewLines(f, 0, end)
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, segment.ErrPartial) {
			return s.ctx.Err() // damage is told of when the records are read
		}
		if err != nil {
			return err
		}
		if !bytes.Contains(line, attemptMark) && !bytes.Contains(line, completionMark) {
			continue
		}
		var r Record
		if decodeLine(bytes.Clone(line), &r) != nil || r.Event.CallID == "" {
			continue
		}
		switch r.Event.Phase {
		case Attempt:
			s.open[r.Event.CallID] = true
		case Completion:
			delete(s.open, r.Event.CallID)
		}
	}
}

// open opens a part and returns where its records end.
func (r *Reader) open(v *view, p part) (vfs.File, int64, error) {
	f := p.file
	if f == nil {
		var err error
		f, err = r.fs.OpenFile(r.layout.Path(p.Name), os.O_RDONLY, 0)
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
		f, err = r.fs.OpenFile(r.layout.Path(next.Name), os.O_RDONLY, 0)
		if errors.Is(err, fs.ErrNotExist) {
			return whole, nil
		}
		if err != nil {
			return 0, fmt.Errorf("open segment: %w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
	}
	head, err := beginningOf(f)
	if errors.Is(err, segment.ErrRead) {
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

// beginningOf reads the first lines of a segment.
func beginningOf(f vfs.File) (beginning, error) {
	var h beginning
	size, err := f.Size()
	if err != nil {
		return h, fmt.Errorf("%w: %w", segment.ErrRead, err)
	}
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
