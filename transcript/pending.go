package transcript

import (
	"encoding/json"
	"hash/maphash"
	"time"

	"github.com/etch-audit/etch/capture/hook"
)

// What is held of the calls that have begun and not ended. Without limits a
// file of nothing but beginnings would fill the memory.
const (
	maxOpen      = 4096
	maxOpenBytes = 64 << 20
)

// Pending holds the calls of one file that have begun and not ended, and knows
// those that were there before: files repeat themselves. Its zero value is
// ready.
type Pending struct {
	// Unique says that the agent makes the ids itself and uses none again: what repeats
	// one is the same call, whatever time and input it has.
	Unique bool

	open  map[string]*Call
	order []string // of their beginning; ended ones stay until they are swept
	bytes int
	seen  map[uint64]struct{} // hashes of ids, times and inputs
	seed  maphash.Seed
}

// Begin holds a call by its id and reports whether it is new. A file repeats
// itself, and then the time too: an id that comes again with another time or
// input is another call's, as some servers of models count calls anew with each turn. One
// without an id is not held. What has to make room is handed to give as it stands.
func (p *Pending) Begin(c *Call, give func(*Call)) bool {
	if p.open == nil {
		p.open, p.seen, p.seed = map[string]*Call{}, map[uint64]struct{}{}, maphash.MakeSeed()
	}
	hash := p.hash(c)
	if _, known := p.seen[hash]; known || c.ID == "" {
		return false
	}
	p.seen[hash] = struct{}{}
	if before := p.End(c.ID); before != nil {
		give(before)
	}
	p.open[c.ID] = c
	p.order = append(p.order, c.ID)
	p.bytes += weight(c)
	p.makeRoom(give)
	if len(p.order) > 2*maxOpen {
		p.sweep()
	}
	return true
}

func (p *Pending) hash(c *Call) uint64 {
	if p.Unique {
		return maphash.String(p.seed, c.ID)
	}
	return maphash.String(p.seed, c.ID+"\x00"+c.Start.Format(time.RFC3339Nano)+"\x00"+hook.InputDigest(c.Input))
}

func (p *Pending) makeRoom(give func(*Call)) {
	for (len(p.open) > maxOpen || p.bytes > maxOpenBytes) && len(p.open) > 1 {
		p.giveOldest(give)
	}
}

// Get returns the call of an id that has begun and not ended, else nil.
func (p *Pending) Get(id string) *Call { return p.open[id] }

// Change gives a call another input, as a file may write it down anew. What has to make
// room for it is handed to give, which may be the call itself.
func (p *Pending) Change(c *Call, input json.RawMessage, give func(*Call)) {
	before := len(c.Input)
	c.Input = input
	if p.open[c.ID] == c {
		p.bytes += len(input) - before
		p.makeRoom(give)
	}
}

// End returns the call of that id and holds it no longer; nil where none of
// that id has begun, or it has ended.
func (p *Pending) End(id string) *Call {
	c := p.open[id]
	if c != nil {
		delete(p.open, id)
		p.bytes -= weight(c)
	}
	return c
}

// Rest hands over the calls that have not ended, in the order of their
// beginning, and holds them no longer.
func (p *Pending) Rest(give func(*Call)) {
	for len(p.open) > 0 {
		p.giveOldest(give)
	}
}

func (p *Pending) giveOldest(give func(*Call)) {
	id := p.order[0]
	p.order = p.order[1:]
	if c := p.End(id); c != nil {
		give(c)
	}
}

// sweep forgets the places of calls that have ended.
func (p *Pending) sweep() {
	kept := p.order[:0]
	for _, id := range p.order {
		if p.open[id] != nil {
			kept = append(kept, id)
		}
	}
	p.order = kept
}

func weight(c *Call) int { return len(c.ID) + len(c.Input) + 512 }
