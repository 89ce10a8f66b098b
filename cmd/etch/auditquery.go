package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/instant"
	"github.com/etch-audit/etch/internal/nearest"
)

// controlTypes are the types of the log's records about itself.
var controlTypes = []string{control.Opened, control.Sealed, control.Epoch, control.EpochBroken, control.Recovered, control.Gap}

// An auditQuery is the query of an audit, and what it noticed in passing.
type auditQuery struct {
	etch.Query
	exact   etch.Risk // asked for with nothing above it
	riskier atomic.Bool
}

// query turns the flags into a query. Every error is about wrong use.
func (o *auditOptions) query(now time.Time) (*auditQuery, error) {
	q := &auditQuery{Query: etch.Query{
		User: o.user, Channel: o.channel, Agent: o.agent, Session: o.session, Tool: o.tool,
		ViolationsOnly: o.violations, Failed: o.failed, Denied: o.denied,
		Control: o.control, AllPhases: o.allPhases, Reverse: o.reverse, Limit: o.limit,
	}}
	if o.limitSet && o.limit <= 0 {
		return nil, usagef("leave it out to get all", "-n must be above 0, got %d", o.limit)
	}
	if err := oneOf("format", o.format, auditFormats); err != nil {
		return nil, err
	}
	if o.utc {
		now = now.UTC()
	}
	return q, errors.Join(o.span(q, now), q.setTypes(o.types), q.setRisk(o.risk))
}

// span reads --since and --until.
func (o *auditOptions) span(q *auditQuery, now time.Time) error {
	since, err := parseTime("--since", o.since, now)
	if err != nil {
		return err
	}
	until, err := parseTime("--until", o.until, now)
	if err != nil {
		return err
	}
	q.From, q.Until = since.From, until.Until
	if !q.From.IsZero() && !q.Until.IsZero() && !q.From.Before(q.Until) {
		return usagef("", "--since %s is not before --until %s: nothing can match", o.since, o.until)
	}
	return nil
}

// parseTime reads the time of a flag; the zero span where it is not given.
func parseTime(flag, text string, now time.Time) (instant.Span, error) {
	if text == "" {
		return instant.Span{}, nil
	}
	span, err := instant.Parse(text, now)
	if err == nil {
		return span, nil
	}
	hint := instant.Forms
	if word, ok := nearest.Word(text, []string{"now", "today", "yesterday"}); ok {
		hint = fmt.Sprintf("did you mean %q?", word)
	}
	return span, fail(exitUsage, hint, fmt.Errorf("%s: %w", flag, err))
}

// setTypes asks for the types. One of the log's own records includes those.
func (q *auditQuery) setTypes(names []string) error {
	var all []etch.EventType
	own := false
	for _, name := range names {
		if strings.HasPrefix(name, "log_") {
			if err := oneOf("type", name, controlTypes); err != nil {
				return err
			}
			own = true
		} else if _, err := etch.ParseEventType(name); err != nil {
			return unknownType(name)
		}
		all = append(all, etch.EventType(name))
	}
	if !own {
		q.Types = all
		return nil
	}
	q.Control = true
	q.also(func(r *etch.Record) bool { return slices.Contains(all, r.Event.Type) })
	return nil
}

func unknownType(name string) error {
	var known []string
	for _, t := range etch.EventTypes() {
		known = append(known, string(t))
	}
	known = append(known, controlTypes...)
	return unknown("type", name, known, "known are "+strings.Join(known, ", "))
}

// also adds a condition.
func (q *auditQuery) also(match func(*etch.Record) bool) {
	before := q.Match
	q.Match = func(r *etch.Record) bool { return (before == nil || before(r)) && match(r) }
}

// setRisk asks for a level. One that is asked for exactly is looked for among
// those above it too, to know whether there are any.
func (q *auditQuery) setRisk(text string) error {
	if text == "" {
		return nil
	}
	name, above := strings.CutSuffix(text, "+")
	level, err := etch.ParseRisk(name)
	if err != nil {
		known := []string{"low", "medium", "high", "critical"}
		return unknown("risk", text, known, "known are "+strings.Join(known, ", ")+`; "high+" is that and above`)
	}
	q.Risk, q.RiskAndAbove = level, true
	if above {
		return nil
	}
	q.exact = level
	q.also(func(r *etch.Record) bool {
		if r.Event.Action.Risk == level {
			return true
		}
		q.riskier.Store(true)
		return false
	})
	return nil
}

// hidden reports whether riskier records than the level asked for were met.
func (q *auditQuery) hidden() (etch.Risk, bool) { return q.exact, q.riskier.Load() }
