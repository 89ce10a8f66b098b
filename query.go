package etch

import (
	"slices"
	"strings"
	"time"
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
	// Control asks for control records too.
	Control bool
	// AllPhases asks for every record. Otherwise a call has one row: its
	// completion, or its attempt where there is no completion (yet).
	AllPhases bool
	// Match, where set, is a further condition. The record is valid only
	// during the call.
	Match func(*Record) bool
	// Reverse gives the newest record first.
	Reverse bool
	// Limit is the most records to give; 0 means all.
	Limit int
}

// matches reports whether the query asks for the record, phases aside.
func (q *Query) matches(r *Record) bool {
	if r.IsControl() {
		return q.Control && q.ofControl() && q.ofType(r.Event.Type) && q.inTime(r) && q.further(r)
	}
	ev := &r.Event
	return q.inTime(r) &&
		q.ofType(ev.Type) &&
		is(q.Session, ev.SessionID) && is(q.CallID, ev.CallID) && is(q.EventID, ev.ID) &&
		q.matchesActor(ev.Actor) && q.matchesAction(ev.Action) && q.matchesOutcome(ev) &&
		q.further(r)
}

func (q *Query) further(r *Record) bool { return q.Match == nil || q.Match(r) }

func (q *Query) inTime(r *Record) bool {
	at := r.Event.Timestamp
	return (q.From.IsZero() || !at.Before(q.From)) && (q.Until.IsZero() || at.Before(q.Until))
}

func (q *Query) ofType(t EventType) bool { return len(q.Types) == 0 || slices.Contains(q.Types, t) }

// ofControl reports whether nothing is asked for that a control record lacks.
func (q *Query) ofControl() bool {
	return q.User == "" && q.Channel == "" && q.Agent == "" && q.Session == "" && q.Tool == "" && q.CallID == "" &&
		q.EventID == "" && q.Risk == "" && !q.ViolationsOnly && !q.Failed && !q.Denied
}

// is reports whether a text is the one that is asked for, if any is.
func is(want, got string) bool { return want == "" || want == got }

func (q *Query) matchesActor(a *Actor) bool {
	if a == nil {
		a = &Actor{}
	}
	return is(q.Channel, a.Channel) &&
		(is(q.Agent, a.Agent) || is(q.Agent, a.AgentID)) &&
		(q.User == "" || sameUser(q.User, a.Username) || sameUser(q.User, a.UserID))
}

// sameUser compares names with or without the at sign of a handle.
func sameUser(want, got string) bool {
	return got != "" && strings.TrimPrefix(want, "@") == strings.TrimPrefix(got, "@")
}

func (q *Query) matchesAction(a *Action) bool {
	if a == nil {
		return q.Tool == "" && q.Risk == ""
	}
	if !is(q.Tool, a.Tool) {
		return false
	}
	if q.Risk == "" {
		return true
	}
	if q.RiskAndAbove {
		return a.Risk.Rank() >= q.Risk.Rank()
	}
	return a.Risk == q.Risk
}

func (q *Query) matchesOutcome(ev *Event) bool {
	if q.ViolationsOnly && !ev.violation() {
		return false
	}
	if q.Failed && (ev.Result == nil || ev.Result.Type == Success) {
		return false
	}
	return !q.Denied || ev.denied()
}

// violation reports whether the event is flagged as a violation, or is one by
// its type.
func (ev *Event) violation() bool {
	return ev.Type == PolicyViolation || (ev.Security != nil && ev.Security.PolicyViolation)
}

// denied reports whether the event's action was refused.
func (ev *Event) denied() bool {
	if ev.Result != nil && ev.Result.Type == Blocked {
		return true
	}
	return ev.Action != nil && !ev.Action.Allowed
}
