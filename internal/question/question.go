// Package question is what can be asked of a log as people and programs write
// it: the flags of "etch audit" and the parameters of the daemon's query API have
// the same names and the same meanings, because both are a [Question].
package question

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/filter"
	"github.com/etch-audit/etch/internal/instant"
	"github.com/etch-audit/etch/internal/nearest"
)

// A Question is what is asked for, in the words of who asks. The zero Question
// asks for every event, one row a call. What a field means the flag of its name
// says, or parameter.
type Question struct {
	User, Channel, Agent, Session, Tool string

	Risk                       string // a level; "high+": that and above
	Types                      []string
	Since, Until               string
	Violations, Failed, Denied bool
	Control, AllPhases         bool

	Where             []string // expressions, all of which must be true
	Words             []string // FIELD=VALUE
	Grep              []string // patterns, all of which must match
	Fixed, IgnoreCase bool     // how Grep is meant

	After   string
	Reverse bool
	Limit   int // 0: all
	NoIndex bool

	Fields, CountBy []string // of an answer; whether they are known is checked here
}

// controlTypes are the types of the log's records about itself.
var controlTypes = []string{control.Opened, control.Sealed, control.Epoch, control.EpochBroken, control.Recovered, control.Gap, control.Indexed}

// risks are the levels as they can be asked for.
var risks = []string{"low", "medium", "high", "critical"}

// Query returns the query that the words mean at a moment, whose zone is that of
// times without one. The error joins one [*Error] for each word that means
// nothing.
func (q *Question) Query(now time.Time) (etch.Query, error) {
	query := etch.Query{
		User: q.User, Channel: q.Channel, Agent: q.Agent, Session: q.Session, Tool: q.Tool,
		ViolationsOnly: q.Violations, Failed: q.Failed, Denied: q.Denied,
		Control: q.Control, AllPhases: q.AllPhases, Reverse: q.Reverse, Limit: q.Limit, NoIndex: q.NoIndex,
	}
	err := errors.Join(
		q.span(&query, now), q.types(&query), q.risk(&query), q.after(&query), q.where(&query, now), q.grep(&query),
		known("fields", q.Fields), known("count-by", q.CountBy),
	)
	return query, err
}

// span reads Since and Until.
func (q *Question) span(query *etch.Query, now time.Time) error {
	since, err := Moment("since", q.Since, now)
	if err != nil {
		return err
	}
	until, err := Moment("until", q.Until, now)
	if err != nil {
		return err
	}
	query.From, query.Until = since.From, until.Until
	if !query.From.IsZero() && !query.Until.IsZero() && !query.From.Before(query.Until) {
		return &Error{Name: "since", Value: q.Since, Problem: fmt.Sprintf("%s is not before until, %s: nothing can match", q.Since, q.Until)}
	}
	return nil
}

// Moment reads a time as [instant.Parse] does; the zero span where none is given.
// The error is an [*Error] about the parameter of that name.
func Moment(name, text string, now time.Time) (instant.Span, error) {
	if text == "" {
		return instant.Span{}, nil
	}
	span, err := instant.Parse(text, now)
	if err == nil {
		return span, nil
	}
	hint := instant.Forms
	if word, ok := nearest.Word(text, []string{"now", "today", "yesterday"}); ok {
		hint = didYouMean(word)
	}
	return span, &Error{Name: name, Value: text, Problem: err.Error(), Hint: hint}
}

// types asks for the types. One of the log's own records includes those.
func (q *Question) types(query *etch.Query) error {
	for _, name := range q.Types {
		if strings.HasPrefix(name, "log_") && slices.Contains(controlTypes, name) {
			query.Control = true
		} else if _, err := etch.ParseEventType(name); err != nil {
			return unknownType(name)
		}
		query.Types = append(query.Types, etch.EventType(name))
	}
	return nil
}

func unknownType(name string) error {
	var all []string
	for _, t := range etch.EventTypes() {
		all = append(all, string(t))
	}
	all = append(all, controlTypes...)
	return unknown("type", name, all, "known are "+strings.Join(all, ", "))
}

// risk asks for a level.
func (q *Question) risk(query *etch.Query) error {
	if q.Risk == "" {
		return nil
	}
	name, above := strings.CutSuffix(q.Risk, "+")
	level, err := etch.ParseRisk(name)
	if err != nil {
		return unknown("risk", q.Risk, risks, "known are "+strings.Join(risks, ", ")+`; "high+" is that and above`)
	}
	query.Risk, query.RiskAndAbove = level, above
	return nil
}

// after reads After.
func (q *Question) after(query *etch.Query) error {
	if q.After == "" {
		return nil
	}
	n, err := strconv.ParseUint(q.After, 10, 64)
	if err != nil {
		return &Error{Name: "after", Value: q.After, Problem: strconv.Quote(q.After) + " is no sequence number", Hint: "it is the seq of a record"}
	}
	query.After = etch.Some(n)
	return nil
}

// where adds the conditions of Where and of Words.
func (q *Question) where(query *etch.Query, now time.Time) error {
	for _, text := range q.Where {
		f, err := etch.ParseFilter(text, now)
		if err != nil {
			return notFilter(text, err)
		}
		query.Where = query.Where.And(f)
	}
	for _, word := range q.Words {
		f, err := etch.ParseFilterWord(word, now)
		if err != nil {
			return notWord(word, err, now)
		}
		query.Where = query.Where.And(f)
	}
	return nil
}

// grep adds the patterns.
func (q *Question) grep(query *etch.Query) error {
	if len(q.Grep) == 0 && (q.Fixed || q.IgnoreCase) {
		return &Error{Name: "grep", Problem: "fixed-strings and ignore-case say how it is meant, and there is none"}
	}
	for _, text := range q.Grep {
		if !utf8.ValidString(text) {
			return &Error{Name: "grep", Value: text, Problem: strconv.Quote(text) + " is no valid UTF-8, which all texts of a log are"}
		}
		pattern := text
		if q.Fixed {
			pattern = regexp.QuoteMeta(pattern)
		}
		if q.IgnoreCase {
			pattern = "(?i)" + pattern
		}
		f, err := etch.MatchText(pattern)
		if err != nil {
			return &Error{Name: "grep", Value: text, Problem: err.Error(), Hint: "with fixed-strings it is taken as it stands"}
		}
		query.Where = query.Where.And(f)
	}
	return nil
}

// known refuses names of no field.
func known(parameter string, names []string) error {
	if names != nil && len(names) == 0 {
		return &Error{Name: parameter, Problem: "no field is named", Hint: "known are " + strings.Join(etch.FieldNames(), ", ")}
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return &Error{Name: parameter, Value: name, Problem: name + " is named twice"}
		}
		if _, ok := new(etch.Record).Field(name); ok {
			continue
		}
		wrong := &Error{Name: parameter, Value: name}
		if slices.Contains(etch.FieldNames(), name) {
			wrong.Problem, wrong.Hint = name+" is not one value, but one under each name", fmt.Sprintf("name one: %s.NAME", name)
			return wrong
		}
		wrong.Problem, wrong.Hint = "unknown field "+strconv.Quote(name), "known are "+strings.Join(etch.FieldNames(), ", ")
		if near, ok := nearest.Word(name, etch.FieldNames()); ok {
			wrong.Hint = didYouMean(near)
		}
		return wrong
	}
	return nil
}

// notFilter is the error about an expression that is none.
func notFilter(text string, err error) error {
	wrong, ok := errors.AsType[*filter.SyntaxError](err)
	if !ok {
		return &Error{Name: "where", Value: text, Problem: err.Error()}
	}
	return &Error{Name: "where", Value: text, Column: wrong.Column, Problem: wrong.Problem, Hint: wrong.Hint}
}

// notWord is the error about a word that is no condition: it is short enough to
// be seen at once.
func notWord(word string, err error, now time.Time) error {
	wrong, ok := errors.AsType[*filter.SyntaxError](err)
	if !ok {
		return &Error{Value: word, Problem: err.Error()}
	}
	hint := wrong.Hint
	if _, err := etch.ParseFilter(word, now); err == nil {
		hint = "it is an expression: give it behind --where"
	} else if !strings.ContainsAny(word, "=<>~") {
		hint = "words are FIELD=VALUE: user=alice, risk>=high, denied"
	}
	return &Error{Value: word, Problem: wrong.Problem, Hint: hint}
}
