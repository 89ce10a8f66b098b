package etch

import (
	"context"
	"runtime"
	"slices"

	"github.com/etch-audit/etch/internal/filter"
	"github.com/etch-audit/etch/internal/scan"
)

// A search is one iteration of a query over a view. Segments whose index can be
// trusted are asked through it, the others are read. Either way a record is
// given only once its own line has been read and matched.
type search struct {
	r       *Reader
	v       *view
	q       *Query
	ctx     context.Context
	yield   func(Record, error) bool
	stopped bool // the consumer wants no more, or an error ended it
	given   int

	expr    filter.Expr
	control bool   // control records can match
	least   uint64 // no record with a lower number can match
	calls   *calls // nil where all phases are asked for
	tally   *tally // where records are counted; else nil
	files   scan.Files
	skipped []byte // room for what is read of what is no line

	begun    map[int]begun // how segments begin, by the part's place: what was asked for
	headless int           // the place, from 1 on, of one of which was told that it does not begin as it must
}

// search runs a query over a view, and reports whether the consumer has had
// enough.
func (r *Reader) search(ctx context.Context, v *view, q *Query, t *tally, yield func(Record, error) bool) (stopped bool) {
	s := &search{r: r, v: v, q: q, ctx: ctx, tally: t, yield: yield}
	expr, err := q.expr()
	if err != nil {
		s.fail(err)
		return true
	}
	s.expr, s.control = expr, q.asksControl()
	if after, ok := q.After.Get(); ok {
		s.least = max(after, after+1)
	}
	if !q.AllPhases {
		s.calls = &calls{s: s}
		if t != nil {
			t.open, t.settled = byPhase()
		}
	}
	s.run()
	return s.stopped
}

// run goes through the segments. The active one is read; of the others the
// indexes are asked, one while what another points to is read.
func (s *search) run() {
	s.missing()
	parts := slices.Clone(s.v.parts)
	parts = slices.DeleteFunc(parts, func(p part) bool { return p.Number != 0 && p.Number < s.q.beginsIn() || s.q.ends(p) == 0 })
	if s.q.Reverse {
		slices.Reverse(parts)
	}
	active := func(p part) bool { return p.file != nil }
	for len(parts) > 0 && !s.stopped {
		if active(parts[0]) {
			s.scan(parts[0])
			parts = parts[1:]
			continue
		}
		n := slices.IndexFunc(parts, active)
		if n < 0 {
			n = len(parts)
		}
		s.lookUp(parts[:n])
		parts = parts[n:]
	}
}

// fail ends the iteration with an error.
func (s *search) fail(err error) {
	if !s.stopped {
		s.yield(Record{}, err)
	}
	s.stopped = true
}

// damaged tells of a place that cannot be read.
func (s *search) damaged(p part, offset int64, err error) {
	if offset == 0 && p.at+1 == s.headless {
		return // that was told
	}
	if !s.yield(Record{}, &CorruptionError{int(p.Number), p.Name, offset, err}) {
		s.stopped = true
	}
}

// give gives what a line is to the consumer, if it is what the query asks for.
func (s *search) give(p part, h *hit) {
	if h.damage != nil {
		s.damaged(p, h.offset, h.damage)
		return
	}
	if !s.q.knows(h.seq) {
		return
	}
	if s.calls != nil {
		hidden, err := s.calls.hides(p, h)
		if err != nil {
			s.fail(err)
			return
		}
		if hidden {
			return
		}
	}
	if !h.matches || s.q.Match != nil && !s.q.Match(h.record) {
		return
	}
	if s.tally != nil {
		s.countUp(h.key, 1)
		return
	}
	s.given++
	if !s.yield(h.given(p), nil) || s.q.Limit > 0 && s.given >= s.q.Limit {
		s.stopped = true
	}
}

// given returns the record of a hit as the consumer gets it.
func (h *hit) given(p part) Record {
	if h.record != nil {
		return *h.record
	}
	return Record{Seq: h.seq, Raw: h.raw, Segment: int(p.Number), Offset: h.offset}
}

// workers is how many lines are looked at at one time.
func workers() int { return runtime.GOMAXPROCS(0) }
