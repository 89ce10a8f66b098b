package etch

import (
	"cmp"
	"context"
)

// A Scope is what the events of one piece of work have in common: who acts, and
// in which session, turn and trace. It travels in a context, so that a request, the
// commands and the requests that it leads to, and what is logged on the way are
// recorded as one person's in one session, without handing that around.
type Scope struct {
	Actor     Actor
	SessionID string
	TurnID    string
	TraceID   string
}

type scopeKey struct{}

// WithScope returns a context whose scope is s. What s leaves empty is as in the
// scope of ctx.
func WithScope(ctx context.Context, s Scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, s.within(ScopeOf(ctx)))
}

// ScopeOf returns the scope of a context; the zero Scope where it has none.
func ScopeOf(ctx context.Context) Scope {
	s, _ := ctx.Value(scopeKey{}).(Scope)
	return s
}

// Scope returns the scope that an event itself tells, for what the event leads to.
func (ev *Event) Scope() Scope {
	s := Scope{SessionID: ev.SessionID, TurnID: ev.TurnID, TraceID: ev.TraceID}
	if ev.Actor != nil {
		s.Actor = *ev.Actor
	}
	return s
}

// Fill gives ev what it leaves empty. Its actor is not changed but replaced, so
// that events may share one.
func (s Scope) Fill(ev *Event) {
	if s == (Scope{}) {
		return
	}
	own := ev.Scope().within(s)
	ev.SessionID, ev.TurnID, ev.TraceID = own.SessionID, own.TurnID, own.TraceID
	if own.Actor != (Actor{}) {
		ev.Actor = &own.Actor
	}
}

// within returns s with what it leaves empty as in outer. A person and an agent are
// taken whole: the name of one and the id of another would make a third.
func (s Scope) within(outer Scope) Scope {
	s.SessionID = cmp.Or(s.SessionID, outer.SessionID)
	s.TurnID = cmp.Or(s.TurnID, outer.TurnID)
	s.TraceID = cmp.Or(s.TraceID, outer.TraceID)
	a, o := &s.Actor, &outer.Actor
	if a.UserID == "" && a.Username == "" {
		a.UserID, a.Username = o.UserID, o.Username
	}
	if a.Agent == "" && a.AgentID == "" {
		a.Agent, a.AgentID = o.Agent, o.AgentID
		a.Model = cmp.Or(a.Model, o.Model)
	}
	a.Channel = cmp.Or(a.Channel, o.Channel)
	a.CallerID = cmp.Or(a.CallerID, o.CallerID)
	a.Host = cmp.Or(a.Host, o.Host)
	return s
}
