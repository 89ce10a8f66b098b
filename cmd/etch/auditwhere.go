package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/filter"
	"github.com/etch-audit/etch/internal/nearest"
	"github.com/etch-audit/etch/internal/terminal"
)

// setWhere adds the conditions of --where, of words and of --grep.
func (o *auditOptions) setWhere(q *auditQuery, now time.Time) error {
	if o.where != "" {
		f, err := etch.ParseFilter(o.where, now)
		if err != nil {
			return notFilter("--where", o.where, err)
		}
		q.Where = q.Where.And(f)
	}
	for _, word := range o.words {
		f, err := etch.ParseFilterWord(word, now)
		if err != nil {
			return notWord(word, err)
		}
		q.Where = q.Where.And(f)
	}
	if o.grep == "" {
		return nil
	}
	f, err := etch.MatchText(o.pattern())
	if err != nil {
		return fail(exitUsage, "-F takes the pattern as it stands", fmt.Errorf("--grep: %w", err)) // never with -F
	}
	q.Where = q.Where.And(f)
	return nil
}

// pattern returns the regular expression of --grep.
func (o *auditOptions) pattern() string {
	p := o.grep
	if o.fixed {
		p = regexp.QuoteMeta(p)
	}
	if o.ignoreCase {
		p = "(?i)" + p
	}
	return p
}

// notFilter is the error about an expression that is none. It shows where.
func notFilter(what, text string, err error) error {
	wrong, ok := errors.AsType[*filter.SyntaxError](err)
	if !ok {
		return fail(exitUsage, "", fmt.Errorf("%s: %w", what, err))
	}
	told := &failure{exit: exitUsage, hint: wrong.Hint, err: fmt.Errorf("%s: column %d: %s", what, wrong.Column, wrong.Problem)}
	told.shown = pointedAt(text, wrong.Column)
	return told
}

// notWord is the error about a word that is no condition: it is short enough to
// be seen at once.
func notWord(word string, err error) error {
	wrong, ok := errors.AsType[*filter.SyntaxError](err)
	if !ok {
		return fail(exitUsage, "", fmt.Errorf("%q: %w", word, err))
	}
	hint := wrong.Hint
	if !strings.ContainsAny(word, "=<>~") {
		hint = "words are FIELD=VALUE: user=alice, risk>=high, denied"
	}
	return usagef(hint, "%q: %s", word, wrong.Problem)
}

// Of a long expression only what is around the place is shown.
const (
	shownBefore = 50
	shownBehind = 20
)

// pointedAt returns an expression as one line, and below it "^" under the
// character of a column, from 1.
func pointedAt(text string, column int) []string {
	chars := []rune(text)
	at := min(column-1, len(chars))
	from, to := max(0, at-shownBefore), min(len(chars), at+shownBehind)
	before, behind := terminal.Text(string(chars[from:at])), terminal.Text(string(chars[at:to]))
	if from > 0 {
		before = "…" + before
	}
	if to < len(chars) {
		behind += "…"
	}
	return []string{before + behind, strings.Repeat(" ", terminal.Width(before)) + "^"}
}

// setAfter reads --after.
func (o *auditOptions) setAfter(q *auditQuery) error {
	if o.after == "" {
		return nil
	}
	n, err := strconv.ParseUint(o.after, 10, 64)
	if err != nil {
		return usagef("it is the seq of a record: --cursor tells it", "--after %q is no sequence number", o.after)
	}
	q.After = etch.Some(n)
	return nil
}

// compatible refuses flags that contradict each other, and unknown fields.
func (o *auditOptions) compatible() error {
	if (o.fixed || o.ignoreCase) && o.grep == "" {
		return usagef("", "-F and -i say how --grep is meant: there is no --grep")
	}
	var asked []string
	for name, set := range map[string]bool{"--count": o.count, "--count-by": o.countBy != nil, "--histogram": o.histogram != ""} {
		if set {
			asked = append(asked, name)
		}
	}
	switch {
	case len(asked) > 1:
		return usagef("", "only one of --count, --count-by and --histogram can be answered at a time")
	case o.foreign() && (len(asked) > 0 || o.fields != nil):
		return usagef("", "--format %s is for whole records: %s asks for something else", o.format, append(asked, "--fields")[0])
	case len(asked) == 1 && (o.follow || o.fields != nil || o.cursor):
		return usagef("", "%s prints no records: --follow, --fields and --cursor say nothing to it", asked[0])
	case o.count && o.limitSet:
		return usagef("", "--count prints one number: -n says nothing to it")
	case o.cursor && o.reverse:
		return usagef("older pages: --where 'seq < N' -r -n 100", "--cursor is for pages in the order of the log: it cannot go with -r")
	}
	if err := o.followable(); err != nil {
		return err
	}
	return errors.Join(knownFields("--fields", o.fields), knownFields("--count-by", o.countBy))
}

// followable refuses what cannot go with --follow.
func (o *auditOptions) followable() error {
	switch {
	case !o.follow:
	case o.reverse:
		return usagef("", "--follow goes forward: it cannot go with -r")
	case o.until != "":
		return usagef("", "--follow has no end: it cannot go with --until")
	case o.toFile():
		return usagef("redirect stdout to it", "--follow has no end: it cannot go with --output")
	case o.format == "json":
		return usagef("--format jsonl prints an object a line", "--follow has no end, and an array has one: it cannot go with --format json")
	case o.verifySignatures:
		return usagef("", "--follow shows what is not sealed yet: it cannot go with --verify-signatures")
	}
	return nil
}

// knownFields refuses names of no field.
func knownFields(flag string, names []string) error {
	for _, name := range names {
		if _, ok := new(etch.Record).Field(name); ok {
			continue
		}
		if slices.Contains(etch.FieldNames(), name) {
			return usagef(fmt.Sprintf("name one: %s.NAME", name), "%s: %s is not one value, but one under each name", flag, name)
		}
		hint := "known are " + strings.Join(etch.FieldNames(), ", ")
		if near, ok := nearest.Word(name, etch.FieldNames()); ok {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		return usagef(hint, "%s: unknown field %q", flag, name)
	}
	return nil
}
