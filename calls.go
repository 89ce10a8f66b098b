package etch

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/etch-audit/etch/internal/archive"
	"github.com/etch-audit/etch/internal/index"
	"github.com/etch-audit/etch/internal/needle"
	"github.com/etch-audit/etch/internal/scan"
)

// calls tell which attempts a query hides: those that a completion follows, as
// the next record of the same call (see appendCall). An attempt that is still open,
// or was made again, has no other row. A completion that was inferred is hidden in
// the same way where another one follows: see [LabelInferred].
//
// Segments are looked at from the newest to the oldest, each by itself: what
// one does not settle is the attempts that end a call's records in it, and the
// completions that begin them. One that both begins and completes a call says
// nothing of what others have under the same id, which is then used again.
//
// A search that goes backward looks as it goes: at a line that it reads (meet), or
// at all of a segment by its index (meetIndexed). One that goes forward looks when
// it meets the first attempt, at everything (findAll).
type calls struct {
	s     *search
	later map[index.ID]struct{}    // completions in newer segments that no attempt of theirs precedes
	last  map[index.ID]index.Phase // of each call in the segment at hand, its oldest record so far
	parts []pairing                // by the part's place in the view; nil until it is needed
}

// A pairing is which attempts of one segment are hidden: rows of its index, or
// what lies at an offset.
type pairing struct {
	first     uint64 // sequence number of row 0
	completed *index.Rows
	later     map[int]bool // rows whose completion is in a newer segment
	at        offsets
}

// hides reports whether a hit is an attempt that is hidden, and takes note of
// it where the search reads a segment backward.
func (c *calls) hides(p part, h *hit) (bool, error) {
	if h.phase == index.NoPhase {
		return false, nil
	}
	if c.s.q.Reverse && !h.looked {
		return c.meet(h), nil
	}
	if !h.phase.Opens() || !h.matches {
		return false, nil
	}
	if c.parts == nil {
		if err := c.findAll(); err != nil {
			return false, err
		}
	}
	pairs := &c.parts[p.at]
	if pairs.completed == nil {
		return pairs.at.has(h.offset), nil
	}
	row := int(h.seq - pairs.first)
	return pairs.completed.Contains(row) || pairs.later[row], nil
}

// begin begins a segment that is read backward, and end ends it.
func (c *calls) begin() {
	c.last = map[index.ID]index.Phase{}
	if c.later == nil {
		c.later = map[index.ID]struct{}{}
	}
}

func (c *calls) end() {
	for id, phase := range c.last {
		if phase.Ends() {
			c.later[id] = struct{}{}
		}
	}
	c.last = nil
}

// meet takes the next older record of a call in a segment, and reports whether
// it is one that is hidden.
func (c *calls) meet(h *hit) bool {
	hidden := h.phase.Opens() && c.ended(h.call)
	if h.phase == index.Guess && h.also != (index.ID{}) {
		hidden = c.ended(h.also) || hidden
	}
	c.last[h.call] = h.phase
	if h.also != (index.ID{}) {
		c.last[h.also] = h.phase
	}
	return hidden
}

// ended reports whether the next record of a call, in its segment or a newer one, ends it.
func (c *calls) ended(id index.ID) bool {
	if next, ok := c.last[id]; ok {
		return next.Ends()
	}
	_, ok := c.later[id]
	delete(c.later, id)
	return ok
}

// meetIndexed takes what an index says of the calls of a segment, the next older one.
func (c *calls) meetIndexed(p part, first uint64, of *index.Calls) {
	c.begin()
	if c.parts == nil {
		c.parts = make([]pairing, len(c.s.v.parts))
	}
	pairs := pairing{first: first, completed: of.Completed, later: map[int]bool{}}
	for _, d := range of.Dangling {
		if _, ok := c.later[d.ID]; ok {
			pairs.later[d.Row] = true
			delete(c.later, d.ID)
		}
	}
	for _, id := range of.Orphans {
		c.later[id] = struct{}{}
	}
	c.parts[p.at] = pairs
}

// findAll looks at the records of calls of the whole view, from the end.
func (c *calls) findAll() error {
	c.parts = make([]pairing, len(c.s.v.parts))
	for _, p := range slices.Backward(c.s.v.parts) {
		if c.s.q.ends(p) == 0 {
			continue
		}
		a := c.s.answer(p, askCalls)
		if a.calls != nil {
			c.meetIndexed(p, a.first, a.calls)
			continue
		}
		if err := c.find(p); err != nil {
			return err
		}
	}
	return nil
}

// find looks at the records of calls of one segment.
func (c *calls) find(p part) error {
	f, end, err := c.s.r.open(c.s.v, p)
	if errors.Is(err, archive.ErrUnsupported) || errors.Is(err, fs.ErrNotExist) {
		return nil // it is told of when the records are read
	}
	if err != nil {
		return err
	}
	if p.file == nil {
		defer func() { _ = f.Close() }() // it was only read
	}
	opt := scan.Options{Finder: needle.New(pairMarks), Reverse: true, Workers: workers(), Files: &c.s.files}
	matchers := make([]matcher, opt.Workers)
	for i := range matchers {
		matchers[i] = matcher{s: c.s}
	}
	look := func(worker int, line []byte, offset int64) (hit, bool, error) {
		h, ok := matchers[worker].pairLine(line, offset)
		return h, ok, nil
	}
	c.begin()
	defer c.end()
	at := &c.parts[p.at].at
	for h, err := range c.s.lines(f, 0, min(end, c.s.q.ends(p)), opt, look) {
		if err != nil {
			if _, damaged := errors.AsType[*scan.Error](err); damaged {
				return nil // likewise
			}
			return err
		}
		if h.damage == nil && c.s.q.knows(h.seq) && c.meet(&h) {
			at.add(h.offset)
		}
	}
	return nil
}

// offsets is a set of offsets of lines. No line is as short as the steps in
// which it counts.
type offsets []uint64

const offsetStep = 32

func (o *offsets) add(offset int64) {
	n := int(offset / offsetStep)
	if need := n/64 + 1 - len(*o); need > 0 {
		*o = append(*o, make([]uint64, need)...)
	}
	(*o)[n/64] |= 1 << (n % 64)
}

func (o offsets) has(offset int64) bool {
	n := int(offset / offsetStep)
	return n/64 < len(o) && o[n/64]>>(n%64)&1 == 1
}
