package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/terminal"
)

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

// What can be done about a condition that is empty, and about a place.
const (
	forAll        = "leave it out to ask for all"
	forConfigured = "leave it out to mean the configured one"
)

// refuseEmpty refuses flags that were given without a value. A script whose
// variable is empty does not mean to ask for everything, or to have a log judged
// without the key that it meant. The hint says what to do.
func refuseEmpty(f *pflag.FlagSet, hint string) error {
	var err error
	f.Visit(func(flag *pflag.Flag) {
		value := flag.Value.String()
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			if value = strings.Join(list.GetSlice(), ""); slices.Contains(list.GetSlice(), "") {
				value = ""
			}
		}
		if value == "" && err == nil {
			err = usagef(hint, "--%s is empty", flag.Name)
		}
	})
	return err
}

// tellWords warns of words that are expressions too, of several terms: a word asks
// for one value, which is all that stands behind its operator.
func (o *auditOptions) tellWords(std stdio) {
	for _, word := range o.words {
		lower := strings.ToLower(word)
		if !strings.Contains(lower, " and ") && !strings.Contains(lower, " or ") {
			continue
		}
		if _, err := etch.ParseFilter(word, std.now()); err == nil {
			std.warn("%q asks for one value, which is all that stands behind its operator", word)
			std.hint("several conditions are several words, or an expression behind --where")
		}
	}
}

// compatible refuses flags that contradict each other.
func (o *auditOptions) compatible() error {
	if (o.fixed || o.ignoreCase) && len(o.grep) == 0 {
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
	return o.followable()
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
	case o.after != "" && o.limitSet:
		return usagef("leave out -n, or --follow for a page", "--follow with --after shows all behind that record: it cannot go with -n")
	}
	return nil
}
