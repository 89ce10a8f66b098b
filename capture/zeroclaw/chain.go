package zeroclaw

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/internal/zeroclaw"
)

// A chain is what is known of the records so far, in bounded memory: the ends of
// its branches, what is missing, and the newest hashes.
type chain struct {
	begun  bool
	inFile int    // records of a chain in this file
	files  int    // files begun
	max    uint64 // the highest sequence since the last genesis
	heads  []head // the newest first
	gaps   []gap
	seen   recent

	// broken says that something could not be read since the last record: what is
	// missing behind it has its reason there.
	broken bool
	// stop is the hash of the record before the first one of this file that is not
	// UTF-8: there upstream's recovery ends, and goes on from it (Z8).
	stop    string
	stopped bool
}

// A head is a record that another may follow.
type head struct {
	hash string
	also string // the hash that an edited record should have
	seq  uint64
	fork bool // of a branch that repeats sequences
}

// A gap is sequences that were passed over.
type gap struct {
	from, to uint64
	in       *file
	line     int
}

const (
	maxHeads = 32
	maxGaps  = 1000
)

func (c *chain) beginFile() {
	c.files++
	c.inFile = 0
	c.stop, c.stopped = "", false
}

// check checks a record against those before it, notes what is wrong with it, and
// returns what is known of it.
func (p *Parser) check(r *zeroclaw.Record, line int, text []byte) source.Verdict {
	if !r.Chained() {
		p.checkBare(line)
		return source.NoIntegrity
	}
	c := &p.chain
	if !c.stopped && !utf8.Valid(text) {
		c.stopped = true
		if len(c.heads) > 0 {
			c.stop = c.heads[0].hash
		}
	}
	verdict := source.Edited
	if utf8.Valid(text) && r.Genuine() {
		verdict = p.link(r, line)
		c.seen.add(r.EntryHash)
		c.broken = false
	} else {
		p.edited(r, line, text)
	}
	c.begun = true
	c.inFile++
	return p.signature(r, line, verdict)
}

// checkBare takes a record without a chain. Behind one that has a chain it has
// lost it, or was never written there.
func (p *Parser) checkBare(line int) {
	if p.chain.begun {
		p.file.Add(source.Fault{Name: source.FaultUnlinked, Line: line, Text: "a record without sequence and hash stands behind records of a chain"})
	}
}

// edited takes a record whose hash is not that of its content. The chain goes on
// behind it if anything of its place is right.
func (p *Parser) edited(r *zeroclaw.Record, line int, text []byte) {
	c := &p.chain
	fault := source.Fault{
		Name: source.FaultEdited, Line: line, Sequence: sequence(r),
		Text: "entry_hash is not that of the content: " + cut(r.EntryHash) + ", expected " + r.Hash(),
	}
	if !utf8.Valid(text) {
		fault.Defects = []string{"Z8"}
		fault.Text = "it is not UTF-8, which ZeroClaw never writes"
	}
	p.file.Add(fault)
	next := head{hash: r.EntryHash, also: r.Hash(), seq: r.Sequence}
	switch i := c.headOf(r.PrevHash); {
	case i >= 0:
		next.seq, next.fork = c.heads[i].seq+1, c.heads[i].fork
		c.heads = slices.Delete(c.heads, i, i+1)
	case c.begun && r.Sequence != c.max+1:
		c.broken = true // neither place nor content can be believed
		return
	}
	c.push(next)
}

// link finds a record's place in the chain.
func (p *Parser) link(r *zeroclaw.Record, line int) source.Verdict {
	c := &p.chain
	if i := c.headOf(r.PrevHash); i >= 0 && r.Sequence == c.heads[i].seq+1 {
		return p.follow(i, r, line)
	}
	switch {
	case c.seen.has(r.EntryHash):
		p.fault(source.FaultDuplicate, r, line, "the same record stands before: it was written, or copied, once more")
		return source.Unlinked
	case r.Sequence == 0 && r.PrevHash == zeroclaw.Genesis:
		return p.genesis(r, line)
	case !c.begun:
		return p.first(r, line)
	case c.inGap(r.Sequence):
		return p.late(r, line)
	case r.Sequence > c.max+1:
		return p.gap(r, line)
	case r.Sequence == c.max+1:
		return p.unlinked(r, line)
	}
	return p.fork(r, line)
}

// follow takes a record that follows the head with number i.
func (p *Parser) follow(i int, r *zeroclaw.Record, line int) source.Verdict {
	c := &p.chain
	late := c.inGap(r.Sequence)
	fork := c.heads[i].fork
	c.heads = slices.Delete(c.heads, i, i+1)
	if late {
		return p.late(r, line)
	}
	c.push(head{hash: r.EntryHash, seq: r.Sequence, fork: fork})
	if fork {
		return source.Forked
	}
	return source.Intact
}

// genesis takes a record that begins a chain.
func (p *Parser) genesis(r *zeroclaw.Record, line int) source.Verdict {
	c := &p.chain
	begun := c.begun
	c.heads, c.gaps, c.max = nil, nil, 0
	c.push(head{hash: r.EntryHash, seq: r.Sequence})
	if !begun {
		return source.Intact
	}
	p.fault(source.FaultForked, r, line, "a new chain begins at sequence 0, behind records of another: "+
		"the program was started while its file was absent or empty, or the file was put in its place", p.forkDefect("Z4"))
	return source.Forked
}

// first takes the first record of all, which is no genesis.
func (p *Parser) first(r *zeroclaw.Record, line int) source.Verdict {
	p.chain.push(head{hash: r.EntryHash, seq: r.Sequence})
	switch {
	case r.PrevHash == "":
		p.fault(source.FaultChainRestart, r, line, "the chain begins on an empty prev_hash: a file without a chain was gone on with by a program that writes one", "Z16")
	case r.Sequence > 0:
		p.fault(source.FaultSegmentMissing, r, line, fmt.Sprintf("sequences 0 to %d are missing: an older file is not there", r.Sequence-1), "Z3", "Z15")
	default:
		p.fault(source.FaultUnlinked, r, line, "sequence 0 follows a hash that is not the genesis")
	}
	return source.Unlinked
}

// gap takes a record behind sequences that are not there, or not yet.
func (p *Parser) gap(r *zeroclaw.Record, line int) source.Verdict {
	c := &p.chain
	from, to := c.max+1, r.Sequence-1
	linked := c.headOf(r.PrevHash) >= 0
	switch {
	case linked:
		p.fault(source.FaultMissing, r, line, fmt.Sprintf("sequences %d to %d are passed over, though the hashes follow each other", from, to))
	case c.inFile == 0:
		p.fault(source.FaultSegmentMissing, r, line, fmt.Sprintf("sequences %d to %d are missing between two files", from, to), "Z3", "Z15")
	default:
		p.fault(source.FaultMissing, r, line, fmt.Sprintf("sequences %d to %d are missing: deleted, or never written after a failed write", from, to), "Z6")
		if len(c.gaps) < maxGaps {
			c.gaps = append(c.gaps, gap{from, to, p.file, line})
		}
	}
	c.push(head{hash: r.EntryHash, seq: r.Sequence})
	return source.Unlinked
}

// late takes a record whose sequence was passed over: what was taken for missing
// is out of order.
func (p *Parser) late(r *zeroclaw.Record, line int) source.Verdict {
	c := &p.chain
	i := slices.IndexFunc(c.gaps, func(g gap) bool { return g.from <= r.Sequence && r.Sequence <= g.to })
	g := c.gaps[i]
	c.gaps = slices.Delete(c.gaps, i, i+1)
	g.in.Faults = slices.DeleteFunc(g.in.Faults, func(f source.Fault) bool { return f.Name == source.FaultMissing && f.Line == g.line })
	for _, rest := range []gap{{g.from, r.Sequence - 1, g.in, g.line}, {r.Sequence + 1, g.to, g.in, g.line}} {
		if r.Sequence == 0 || rest.from > rest.to {
			continue
		}
		c.gaps = append(c.gaps, rest)
		g.in.Add(source.Fault{
			Name: source.FaultMissing, Line: g.line, Defects: []string{"Z6"},
			Text: fmt.Sprintf("sequences %d to %d are missing: deleted, or never written after a failed write", rest.from, rest.to),
		})
	}
	p.fault(source.FaultReordered, r, line, fmt.Sprintf("it stands behind sequence %d: moved, or written late by a race", c.max), "Z6")
	if len(c.heads) < maxHeads {
		c.heads = append(c.heads, head{hash: r.EntryHash, seq: r.Sequence})
	}
	return source.Unlinked
}

// unlinked takes a record of the right sequence that follows another record.
func (p *Parser) unlinked(r *zeroclaw.Record, line int) source.Verdict {
	text := fmt.Sprintf("prev_hash is not the hash of sequence %d before it: one of the two was replaced", r.Sequence-1)
	if p.chain.broken {
		text += ", or what could not be read stood between them"
	}
	p.fault(source.FaultUnlinked, r, line, text)
	p.chain.push(head{hash: r.EntryHash, seq: r.Sequence})
	return source.Unlinked
}

// fork takes a record whose sequence another has had.
func (p *Parser) fork(r *zeroclaw.Record, line int) source.Verdict {
	c := &p.chain
	text, defect := fmt.Sprintf("sequence %d is there already, with another content: two programs wrote at the same time", r.Sequence), "Z7"
	switch {
	case c.stopped && r.PrevHash == c.stop:
		text, defect = fmt.Sprintf("sequence %d is there already: on its start the program read no further than a byte that is not UTF-8", r.Sequence), "Z8"
	case !c.seen.has(r.PrevHash):
		text += ", or one of them was put in; it follows no record that is known"
	}
	p.fault(source.FaultForked, r, line, text, p.forkDefect(defect))
	c.heads = append([]head{{hash: r.EntryHash, seq: r.Sequence, fork: true}}, c.heads...)
	c.trim()
	return source.Forked
}

// forkDefect is the number of a fork's cause: of DaemonClaw's there is but one.
func (p *Parser) forkDefect(defect string) string {
	if p.opt.DaemonClaw {
		return "D5"
	}
	return defect
}

func (p *Parser) fault(name string, r *zeroclaw.Record, line int, text string, defects ...string) {
	p.file.Add(source.Fault{Name: name, Line: line, Sequence: new(r.Sequence), Defects: defects, Text: text})
}

// headOf returns the number of the head that a hash is of, -1 for none.
func (c *chain) headOf(hash string) int {
	return slices.IndexFunc(c.heads, func(h head) bool { return h.hash == hash || h.also != "" && h.also == hash })
}

func (c *chain) push(h head) {
	c.heads = append(c.heads, head{})
	copy(c.heads[1:], c.heads)
	c.heads[0] = h
	c.trim()
	if !h.fork {
		c.max = max(c.max, h.seq)
	}
}

func (c *chain) trim() {
	if len(c.heads) > maxHeads {
		c.heads = c.heads[:maxHeads]
	}
}

func (c *chain) inGap(seq uint64) bool {
	return slices.ContainsFunc(c.gaps, func(g gap) bool { return g.from <= seq && seq <= g.to })
}

// maxRecent is how many hashes are remembered, to tell a copy from a fork.
const maxRecent = 1 << 16

// recent are the newest hashes.
type recent struct {
	known map[string]struct{}
	ring  []string
	next  int
}

func (s *recent) has(hash string) bool {
	_, ok := s.known[hash]
	return ok
}

func (s *recent) add(hash string) {
	if s.has(hash) {
		return
	}
	if s.known == nil {
		s.known = make(map[string]struct{})
	}
	if len(s.ring) < maxRecent {
		s.ring = append(s.ring, hash)
	} else {
		delete(s.known, s.ring[s.next])
		s.ring[s.next] = hash
		s.next = (s.next + 1) % maxRecent
	}
	s.known[hash] = struct{}{}
}

// cut is a text of the file in an error, at a length that the file does not choose.
func cut(s string) string { return fmt.Sprintf("%q", source.Head(s, 64)) }
