package etch

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/etch-audit/etch/internal/index"
	"github.com/etch-audit/etch/internal/record"
)

// A hit is a line that the consumer has to hear of.
type hit struct {
	seq     uint64
	offset  int64
	raw     []byte  // where the line is all that is asked for
	room    *room   // that raw is in, until the consumer is through with it
	record  *Record // where it is decoded; else nil
	looked  bool    // it was found through an index
	matches bool    // what the query asks for, phases aside
	key     string  // what it is counted under, where records are counted
	damage  error   // why the line is no record

	// Of a record of a call, where phases matter.
	phase index.Phase
	call  index.ID
	also  index.ID // another call that a completion ends; zero where there is none
}

// A matcher looks at lines for a search. It is used by one goroutine.
type matcher struct {
	s       *search
	outline outline
	row     row    // of the outline
	pairs   bool   // records of calls are told of, and of which, whether they match or not
	room    *room  // for copies of lines; nil: none was needed yet
	call    []byte // of the line at hand, by appendCall
	before  []byte // likewise, by appendBefore
}

// A room is memory that lines are copied to together, for the consumer. It is used
// again once they were all given: what is touched for the first time costs more
// than the copy.
type room struct {
	lines []byte
	users atomic.Int32 // the lines that were not given yet, and the matcher that adds some
}

// roomSize is the size of a room that is used again.
const roomSize = 16 << 10

var rooms = sync.Pool{New: func() any { return &room{lines: make([]byte, 0, roomSize)} }}

// leave is called by whoever is through with what is in the room. Nil is no room.
func (r *room) leave() {
	if r != nil && r.users.Add(-1) == 0 && cap(r.lines) == roomSize {
		r.lines = r.lines[:0]
		rooms.Put(r)
	}
}

// free returns memory for a line where its copy would be, nil for a long one. Until
// then nothing else is kept.
func (m *matcher) free(size int) []byte {
	if size > roomSize {
		return nil
	}
	m.widen(size)
	n := len(m.room.lines)
	return m.room.lines[n : n+size : n+size]
}

// widen makes sure that so much fits into the room behind what is in it.
func (m *matcher) widen(size int) {
	if m.room != nil && cap(m.room.lines)-len(m.room.lines) >= size {
		return
	}
	m.room.leave()
	if m.room = rooms.Get().(*room); size > roomSize {
		m.room = &room{lines: make([]byte, 0, size)}
	}
	m.room.users.Store(1)
}

// keep gives the hit a copy of its line, or the line itself where that is what was
// read into free memory.
func (m *matcher) keep(h *hit, line []byte) {
	m.widen(len(line))
	r := m.room
	r.users.Add(1)
	start := len(r.lines)
	if free := r.lines[start:cap(r.lines)]; len(line) > 0 && &free[0] == &line[0] {
		r.lines = r.lines[:start+len(line)]
	} else {
		r.lines = append(r.lines, line...)
	}
	h.raw, h.room = r.lines[start:len(r.lines):len(r.lines)], r
}

// decode returns the record of a line.
func decode(p part, line []byte, offset int64) (*Record, error) {
	r := &Record{Segment: int(p.Number), Offset: offset}
	return r, decodeLine(bytes.Clone(line), r)
}

// line looks at a line, and reports whether the consumer has to hear of it.
func (m *matcher) line(p part, line []byte, offset int64) (hit, bool) {
	h := hit{offset: offset}
	if m.tooEarly(line) || !m.s.control && record.Control(line) != "" {
		return h, false
	}
	if m.outline.read(line) {
		return h, m.outlined(p, &h, line)
	}
	if h.record, h.damage = decode(p, line, offset); h.damage != nil {
		return h, true
	}
	h.seq = h.record.Seq
	m.match(&h, &row{eventValues{h.record}})
	return h, h.matches || h.phase != index.NoPhase
}

// tooEarly reports whether a line's number alone says that it does not match.
func (m *matcher) tooEarly(line []byte) bool {
	if m.s.least == 0 || m.pairs {
		return false
	}
	l, err := record.Split(line)
	return err == nil && l.Seq < m.s.least
}

// outlined is line for a line that has an outline. Few are to be decoded.
func (m *matcher) outlined(p part, h *hit, line []byte) bool {
	h.seq = m.outline.seq
	m.row.values = lineValues{&m.outline}
	m.match(h, &m.row)
	if !h.matches {
		return h.phase != index.NoPhase
	}
	if m.s.q.Match == nil && (m.s.q.LinesOnly || m.s.tally != nil) {
		if m.s.tally == nil {
			m.keep(h, line)
		}
		return true
	}
	h.record, h.damage = decode(p, line, h.offset) // never damage: it has an outline
	return true
}

// match fills in whether the row matches, and which record of a call it is. It is
// the address of the row that a filter is told, which takes no memory for each line.
func (m *matcher) match(h *hit, r *row) {
	h.matches = m.s.expr == nil || m.s.expr.Match(r)
	if h.matches && m.s.tally != nil {
		h.key = m.s.tally.key(*r)
	}
	switch {
	case m.s.calls == nil:
	case m.pairs:
		m.pair(h, *r)
	case h.matches && r.has(memberCallID):
		h.phase = phaseOf(*r) // where it stands tells which call
	}
}

// pair fills in which record of a call the row is.
func (m *matcher) pair(h *hit, r row) {
	phase := phaseOf(r)
	if phase == index.NoPhase {
		return
	}
	if m.call = appendCall(m.call[:0], r); len(m.call) > 0 {
		h.phase, h.call = phase, index.CallID(m.call)
		if !phase.Ends() {
			return
		}
		if m.before = appendBefore(m.before[:0], m.call, r); len(m.before) > 0 {
			h.also = index.CallID(m.before)
		}
	}
}

// pairLine looks at a line for no more than that.
func (m *matcher) pairLine(line []byte, offset int64) (hit, bool) {
	h := hit{offset: offset}
	if m.outline.read(line) {
		h.seq = m.outline.seq
		m.pair(&h, row{lineValues{&m.outline}})
	} else if r, err := decode(part{}, line, offset); err == nil { // else it is told of when it is read
		h.seq = r.Seq
		m.pair(&h, row{eventValues{r}})
	}
	return h, h.phase != index.NoPhase
}
