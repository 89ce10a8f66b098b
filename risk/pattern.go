package risk

import (
	"strings"
	"sync/atomic"

	"github.com/etch-audit/etch/internal/later"
)

// pattern is one row of the tables of commands that are judged by their
// subcommand and flags alone.
type pattern struct {
	// words is the command and the operands that must follow it in order:
	// "a|b" is either, "*" any, and "x-*" a prefix.
	words string
	// flags, when not empty, lists options of which one must be given.
	flags string
	level Level
	id    string
	why   string
}

// valueOptions are the options that take a value and may stand before the
// subcommand of a program.
var valueOptions = later.Value[map[string]string]{Make: func() map[string]string {
	return map[string]string{
		"git":       "C c git-dir work-tree namespace exec-path super-prefix",
		"kubectl":   "n namespace context cluster kubeconfig s server token user as as-group l selector f filename o output c container field-selector grace-period timeout",
		"helm":      "n namespace kube-context kubeconfig f values set",
		"docker":    "H host c context config l log-level f filter file name",
		"aws":       "profile region endpoint-url output query p cli-input-json bucket instance-ids db-instance-identifier stack-name table-name function-name user-name cluster nodegroup-name repository-name key prefix",
		"gcloud":    "project zone region account configuration format filter",
		"az":        "g resource-group n name subscription output o s",
		"gh":        "R repo X method f field F raw-field H header q jq",
		"npm":       "prefix C w workspace registry tag",
		"pnpm":      "C dir filter F",
		"yarn":      "cwd",
		"terraform": "chdir var var-file target state",
		"systemctl": "H host M machine t type s signal p property",
		"heroku":    "a app r remote confirm",
		"psql":      "h p U d c f v",
		"gsutil":    "o h",
		"flyctl":    "a app c config",
		"fly":       "a app c config",
		"vault":     "address namespace",
		"redis-cli": "h p a u n r i",
		"prisma":    "schema",
	}
}}

// patternTables are all of them.
func patternTables() [][]pattern {
	return [][]pattern{systemPatterns, infraPatterns, packagePatterns, secretPatterns, gitPatterns, databasePatterns, windowsPatterns}
}

// byCommand indexes the tables by command name.
var byCommand = later.Value[map[string][]pattern]{Make: func() map[string][]pattern { return indexPatterns(patternTables()...) }}

// fewLookups is how often the tables are searched before they are indexed: a
// program that judges one command and ends would spend more on the index than
// on all that it does with it.
const fewLookups = 8

var lookups atomic.Int32

// patternsOf returns the rows of a command in their order.
func patternsOf(name string) []pattern {
	if manyLookups() {
		return byCommand.Get()[name]
	}
	lookups.Add(1)
	return searchPatterns(name)
}

// manyLookups reports whether the tables are worth indexing.
func manyLookups() bool { return lookups.Load() >= fewLookups }

func searchPatterns(name string) []pattern {
	var rows []pattern
	for _, table := range patternTables() {
		for _, p := range table {
			names, _, _ := strings.Cut(p.words, " ")
			for of := range strings.SplitSeq(names, "|") {
				if of == name {
					rows = append(rows, p)
				}
			}
		}
	}
	return rows
}

func indexPatterns(tables ...[]pattern) map[string][]pattern {
	index := map[string][]pattern{}
	for _, table := range tables {
		for _, p := range table {
			names, _, _ := strings.Cut(p.words, " ")
			for name := range strings.SplitSeq(names, "|") {
				index[name] = append(index[name], p)
			}
		}
	}
	return index
}

// patterns applies the tables to a call. A trial run changes nothing and is
// not judged by them.
func (w *walker) patterns(c *call) {
	rows := patternsOf(c.name)
	if len(rows) == 0 {
		return
	}
	o := parseOptions(c.args, valueOptions.Get()[c.name])
	if v, ok := o.get("dry-run", "help", "dryrun", "what-if", "simulate"); ok && !v.literal("none") && !v.literal("false") {
		return
	}
	for _, p := range rows {
		if p.matches(o) {
			w.report(p.level, p.id, p.why)
			if p.level > Low && secretID(p.id) {
				c.read = c.read.merge(flow{some: true, secret: p.why})
			}
		}
	}
}

func secretID(id string) bool { return id == "secret-read" }

func (p pattern) matches(o options) bool {
	_, rest, _ := strings.Cut(p.words, " ")
	i := 0
	for want := range strings.FieldsSeq(rest) {
		if i >= len(o.operands) || !matchesWord(want, o.operands[i].text) {
			return false
		}
		i++
	}
	if p.flags == "" {
		return true
	}
	for name := range strings.SplitSeq(p.flags, "|") {
		if o.has(name) {
			return true
		}
	}
	return false
}

// matchesWord matches a word with alternatives in which * stands for any
// text, slashes too.
func matchesWord(want, got string) bool {
	for alternative := range strings.SplitSeq(want, "|") {
		if wildcard(alternative, got) {
			return true
		}
	}
	return false
}

func wildcard(pattern, s string) bool {
	first, rest, more := strings.Cut(pattern, "*")
	s, ok := strings.CutPrefix(s, first)
	if !ok || !more {
		return ok && s == ""
	}
	if rest == "" {
		return true
	}
	for i := range len(s) + 1 {
		if wildcard(rest, s[i:]) {
			return true
		}
	}
	return false
}
