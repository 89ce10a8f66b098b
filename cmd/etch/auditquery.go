package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/instant"
	"github.com/etch-audit/etch/internal/nearest"
)

// controlTypes are the types of the log's records about itself.
var controlTypes = []string{control.Opened, control.Sealed, control.Epoch, control.EpochBroken, control.Recovered, control.Gap, control.Indexed}

// An auditQuery is the query of an audit, and what is hinted at besides.
type auditQuery struct {
	etch.Query
	exact etch.Risk     // asked for with nothing above it
	step  time.Duration // of a histogram
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
	q.NoIndex = o.noIndex
	q.LinesOnly = o.linesOnly()
	if err := o.compatible(); err != nil {
		return nil, err
	}
	return q, errors.Join(o.span(q, now), q.setTypes(o.types), q.setRisk(o.risk), o.setAfter(q), o.setWhere(q, now), o.setHistogram(q))
}

// linesOnly reports whether only the stored lines are printed: then nothing of
// them needs to be decoded.
func (o *auditOptions) linesOnly() bool {
	return o.fields == nil && (o.format == "json" || o.format == "jsonl")
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
	for _, name := range names {
		if strings.HasPrefix(name, "log_") {
			if err := oneOf("type", name, controlTypes); err != nil {
				return err
			}
			q.Control = true
		} else if _, err := etch.ParseEventType(name); err != nil {
			return unknownType(name)
		}
		q.Types = append(q.Types, etch.EventType(name))
	}
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

// setRisk asks for a level.
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
	q.Risk, q.RiskAndAbove = level, above
	if !above {
		q.exact = level
	}
	return nil
}

// hintRiskier tells people that there are records above the level asked for.
func (a *audit) hintRiskier(ctx context.Context) error {
	level := a.query.exact
	if level == "" || a.opts.follow || a.opts.foreign() || a.opts.format == "jsonl" || a.opts.format == "csv" {
		return nil
	}
	q := a.query.Query
	q.Risk, q.Limit, q.Notify, q.LinesOnly = "", 1, nil, false
	where, err := etch.ParseFilter("risk > "+string(level), a.std.now())
	if err != nil {
		return err
	}
	q.Where = where.And(q.Where)
	for r, err := range a.reader.Records(ctx, q) {
		if _, told := errors.AsType[*etch.CorruptionError](err); told {
			continue // by the records themselves
		}
		if err != nil {
			return err
		}
		if r.Event.Action != nil {
			a.std.hint("there are riskier ones than %s, not shown: --risk %s+", level, level)
			return nil
		}
	}
	return nil
}
