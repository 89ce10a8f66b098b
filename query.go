package etch

import (
	"fmt"
	"math"
	"time"

	"github.com/etch-audit/etch/internal/filter"
)

// A Query says which records are asked for. The zero Query asks for every
// event, one row a call.
type Query struct {
	// From and Until bound the event's own timestamp: From ≤ t < Until. Zero
	// means no bound. No order of timestamps is assumed.
	From, Until time.Time
	Types       []EventType // any of them; with Control, types of control records too
	User        string      // username or user id, with or without "@"
	Channel     string
	Agent       string // agent or agent id
	Session     string
	Tool        string
	CallID      string
	EventID     string
	// Risk asks for exactly that level; with RiskAndAbove for that or a higher.
	Risk         Risk
	RiskAndAbove bool
	// ViolationsOnly asks for events flagged as violations, or of that type.
	ViolationsOnly bool
	// Failed asks for events with a result that is no success.
	Failed bool
	// Denied asks for events whose action was not allowed, or was blocked.
	Denied bool
	// Control asks for control records too. So does Where, where it names what
	// only they have.
	Control bool
	// AllPhases asks for every record. Otherwise a call has one row: its
	// completion, or its attempt where there is no completion (yet).
	AllPhases bool
	// After asks for records whose sequence number is greater: the next page
	// behind the last record of a page.
	After Optional[uint64]
	// Before asks the log as it was before it had this sequence number: records
	// from there on are not given, and hide no attempt. The same question gets
	// the same answer again, whatever is recorded meanwhile.
	Before Optional[uint64]
	// End, where it is given, asks the log as if it ended there: records that
	// stand at this place or behind it are not given, and hide no attempt,
	// whatever number they claim. What is missing behind it is not told. Records
	// before it are given also where they lie past the synced position: who says
	// where the log ends knows that from elsewhere, as a verifier does from a seal.
	End Optional[Place]
	// Begin, where it is not zero, asks for no records that stand before that place, by
	// their segments and offsets and whatever number they claim. What is missing
	// before it is not told.
	Begin Place
	// Where is a further condition, nil for none.
	Where *Filter
	// Match, where set, is a further condition. The record is valid only
	// during the call.
	Match func(*Record) bool
	// LinesOnly asks for no more of a Record than its Seq, its place and Raw. Its
	// Event is then mostly left empty, which saves decoding it. Raw is valid until
	// the next record is asked for, which may be given in the same memory: who
	// keeps it clones it.
	LinesOnly bool
	// NoIndex reads every line, whatever indexes there are.
	NoIndex bool
	// Notify, where set, is told in a sentence why an index that is there is
	// not used, and that there is no state by which a cut end is told. It may be called from several goroutines.
	Notify func(string)

	// Reverse gives the newest record first.
	Reverse bool
	// Limit is the most records to give; 0 means all.
	Limit int
}

// A Place is where a line of a log begins.
type Place struct {
	Segment int // number of the segment
	Offset  int64
}

// expr returns the condition of all of the query, Match and phases aside.
func (q *Query) expr() (filter.Expr, error) {
	c := conditions{all: []filter.Expr{q.Where.tree(), schema.Between(fieldTime, q.From, q.Until)}}
	if n, ok := q.After.Get(); ok {
		c.add(filter.Word(&schema, fmt.Sprintf("seq>%d", min(n, math.MaxInt64)), time.Time{}))
	}
	if n, ok := q.Before.Get(); ok {
		c.add(filter.Word(&schema, fmt.Sprintf("seq<%d", min(n, math.MaxInt64)), time.Time{}))
	}
	c.equal("type", namesOf(q.Types)...)
	c.equal("user", q.User)
	c.equal("channel", q.Channel)
	c.equal("agent", q.Agent)
	c.equal("session", q.Session)
	c.equal("tool", q.Tool)
	c.equal("call", q.CallID)
	c.equal("id", q.EventID)
	if q.RiskAndAbove && q.Risk != "" {
		c.add(schema.AtLeast(fieldRisk, string(q.Risk)))
	} else {
		c.equal("risk", string(q.Risk))
	}
	c.flag(fieldViolation, q.ViolationsOnly)
	c.flag(fieldFailed, q.Failed)
	c.flag(fieldDenied, q.Denied)
	if !q.asksControl() && !q.ofEvents() {
		c.all = append(c.all, schema.Is(fieldControl, false))
	}
	return filter.All(c.all...), c.err
}

// knows reports whether a record is one that the query may know of.
func (q *Query) knows(seq uint64) bool {
	before, ok := q.Before.Get()
	return !ok || seq < before
}

// beginsIn returns the number of the segment in which the search begins, 0 for the
// log's first.
func (q *Query) beginsIn() uint32 { return uint32(max(0, min(int64(q.Begin.Segment), math.MaxUint32))) }

// ends returns where a part ends by End: whole where it does not.
func (q *Query) ends(p part) int64 {
	end, ok := q.End.Get()
	switch {
	case !ok || int64(p.Number) < int64(end.Segment) && p.Number != 0:
		return whole
	case int64(p.Number) == int64(end.Segment) && p.Number != 0:
		return max(end.Offset, 0)
	}
	return 0
}

// asksControl reports whether control records are asked for too.
func (q *Query) asksControl() bool { return q.Control || ofControl(q.Where.tree()) }

// ofEvents reports whether something is asked for that no control record has.
func (q *Query) ofEvents() bool {
	return q.User != "" || q.Channel != "" || q.Agent != "" || q.Session != "" || q.Tool != "" || q.CallID != "" ||
		q.EventID != "" || q.Risk != "" || q.ViolationsOnly || q.Failed || q.Denied
}

// conditions are those of a query that must all be true.
type conditions struct {
	all []filter.Expr
	err error // the first
}

func (c *conditions) add(e filter.Expr, err error) {
	if c.err == nil {
		c.err = err
	}
	if err == nil {
		c.all = append(c.all, e)
	}
}

// equal asks for any of the values; an empty one asks for nothing.
func (c *conditions) equal(field string, values ...string) {
	if len(values) == 0 || values[0] == "" {
		return
	}
	c.add(schema.OneOf(fieldOf(field), values...))
}

func (c *conditions) flag(id int, asked bool) {
	if asked {
		c.all = append(c.all, schema.Is(id, true))
	}
}
