package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/instant"
	"github.com/etch-audit/etch/internal/question"
)

// An auditQuery is the query of an audit, and what is hinted at besides.
type auditQuery struct {
	etch.Query
	exact etch.Risk     // asked for with nothing above it
	step  time.Duration // of a histogram
}

// query turns the flags into a query. Every error is about wrong use.
func (o *auditOptions) query(now time.Time) (*auditQuery, error) {
	if o.limitSet && o.limit <= 0 {
		return nil, usagef("leave it out to get all", "-n must be above 0, got %d", o.limit)
	}
	if err := oneOf("format", o.format, auditFormats); err != nil {
		return nil, err
	}
	if err := o.compatible(); err != nil {
		return nil, err
	}
	if o.utc {
		now = now.UTC()
	}
	asked, err := o.question().Query(now)
	if err != nil {
		return nil, ofFlags(err)
	}
	q := &auditQuery{Query: asked}
	q.LinesOnly = o.linesOnly()
	if !q.RiskAndAbove {
		q.exact = q.Risk
	}
	return q, o.setHistogram(q)
}

// question returns what the flags ask for.
func (o *auditOptions) question() *question.Question {
	return &question.Question{
		User: o.user, Channel: o.channel, Agent: o.agent, Session: o.session, Tool: o.tool,
		Risk: o.risk, Types: o.types, Since: o.since, Until: o.until,
		Violations: o.violations, Failed: o.failed, Denied: o.denied, Control: o.control, AllPhases: o.allPhases,
		Where: o.where, Words: o.words, Grep: o.grep, Fixed: o.fixed, IgnoreCase: o.ignoreCase,
		After: o.after, Reverse: o.reverse, Limit: o.limit, NoIndex: o.noIndex,
		Fields: o.fields, CountBy: o.countBy,
	}
}

// ofFlags returns errors about parameters as what they are here: about flags.
func ofFlags(err error) error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		var told []error
		for _, err := range all.Unwrap() {
			told = append(told, ofFlags(err))
		}
		return errors.Join(told...)
	}
	wrong, ok := errors.AsType[*question.Error](err)
	if !ok {
		return err
	}
	before := "--"
	if wrong.Name == "" {
		before = "" // a word
	}
	// Here fixed-strings has a letter.
	hint := strings.Replace(wrong.Hint, "with fixed-strings it is taken", "-F takes the pattern", 1)
	told := &failure{exit: exitUsage, hint: hint, err: errors.New(before + wrong.Error())}
	if wrong.Column > 0 {
		told.shown = pointedAt(wrong.Value, wrong.Column)
	}
	return told
}

// linesOnly reports whether only the stored lines are printed: then nothing of
// them needs to be decoded.
func (o *auditOptions) linesOnly() bool {
	return o.fields == nil && (o.format == "json" || o.format == "jsonl")
}

// parseTime reads the time of a flag; the zero span where it is not given.
func parseTime(flag, text string, now time.Time) (instant.Span, error) {
	span, err := question.Moment(strings.TrimPrefix(flag, "--"), text, now)
	if err != nil {
		return span, ofFlags(err)
	}
	return span, nil
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
	withheld := a.withheld
	defer func() { a.withheld = withheld }() // of these nobody asked
	a.onlyProven(&q)
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
