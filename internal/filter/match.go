package filter

import (
	"regexp"
	"strings"
)

// A Match is true where a regular expression matches anywhere in a value of its
// field, a Text: "command ~ '\bsudo\b'".
type Match struct {
	leaf
	Re *regexp.Regexp

	sets   [][]string // what Literals returns
	folded bool
	must   []string          // each stands in every text that Re matches
	whole  bool              // what has them is matched
	holds  func(string) bool // m.Holds: made once, so that a row costs no allocation
}

func newMatch(l leaf, re *regexp.Regexp) *Match {
	m := &Match{Re: re, leaf: l}
	m.holds = m.Holds
	m.sets, m.folded, m.whole = literals(re)
	for _, set := range m.sets {
		if len(set) == 1 && !m.folded {
			m.must = append(m.must, set[0])
		}
	}
	return m
}

// Match implements [Expr].
func (m *Match) Match(row Row) bool { return row.Texts(m.Field, m.Key, m.holds) }

// Holds implements [Leaf].
func (m *Match) Holds(value string) bool {
	return m.matches(value) || m.def().Fold != nil && m.matches(m.fold(value))
}

// matches looks for the literals first: that is much faster than the regular
// expression, and most texts do not have them.
func (m *Match) matches(text string) bool {
	for _, part := range m.must {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return m.whole || m.Re.MatchString(text)
}

// String implements [Expr].
func (m *Match) String() string { return string(m.print(nil, bindsOr)) }

func (m *Match) print(dst []byte, _ binding) []byte { return m.printWith(dst, "~") }

func (m *Match) printWith(dst []byte, sign string) []byte {
	dst = m.printName(dst)
	dst = append(dst, ' ')
	dst = append(dst, sign...)
	return printText(append(dst, ' '), m.Re.String())
}
