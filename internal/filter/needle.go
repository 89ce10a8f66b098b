package filter

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxNeedles is how many needles are worth a search: more of them stand in
	// too many lines, and cost a pass each.
	maxNeedles = 16
	// minNeedle is the fewest bytes of one: a single letter stands in every line.
	minNeedle = 2
)

// Needles returns byte sequences of which at least one stands in the line of
// every record that the expression is true of, if the fields that are Plain are
// so. A sequence has nothing in it that JSON must escape, but for the quotation
// mark that ends a string; a line may still hide it, behind the escapes that need not be: \uXXXX, and \/ for "/". Needles
// returns nil where it knows none.
func Needles(e Expr) [][]byte {
	if e == nil {
		return nil
	}
	var needles [][]byte
	for _, text := range needlesOf(e).texts {
		needles = append(needles, []byte(text))
	}
	return needles
}

// A needleSet is one that serves an expression; without texts nothing does.
type needleSet struct {
	texts  []string
	closed bool // names that a schema lists: many records have them
	whole  bool // each is all of a value, or its end
}

// betterThan reports whether fewer lines have one of n than of other.
func (n needleSet) betterThan(other needleSet) bool {
	switch {
	case n.texts == nil || other.texts == nil:
		return n.texts != nil
	case n.closed != other.closed:
		return other.closed
	}
	return n.score() > other.score()
}

// score is higher for longer needles, up to where it makes no difference, and
// for fewer of them.
func (n needleSet) score() int {
	const long = 8
	least := long
	for _, text := range n.texts {
		least = min(least, len(text))
	}
	return least*4 - len(n.texts)
}

func needlesOf(e Expr) needleSet {
	var best needleSet
	switch e := e.(type) {
	case *And:
		for _, t := range e.Terms {
			if n := needlesOf(t); n.betterThan(best) {
				best = n
			}
		}
	case *Or:
		return needlesOfAll(e.Terms)
	case *Compare:
		return e.needles()
	case *In:
		return e.needles()
	case *Match:
		return e.needles()
	}
	return best
}

// needlesOfAll returns the needles of terms of which any may be true.
func needlesOfAll(terms []Expr) needleSet {
	var all needleSet
	for _, t := range terms {
		n := needlesOf(t)
		all.texts = reduced(append(all.texts, n.texts...))
		if n.texts == nil || len(all.texts) > maxNeedles {
			return needleSet{}
		}
		all.closed = all.closed || n.closed
	}
	return all
}

// needles looks for the text, or the names of the levels.
func (c *Compare) needles() needleSet {
	if c.def().Kind == Text {
		return c.needlesFor([]string{c.text}).closing()
	}
	var names []string
	for _, name := range c.def().Values {
		if c.Holds(name) {
			names = append(names, name)
		}
	}
	return c.needlesFor(names).closing()
}

func (i *In) needles() needleSet { return i.needlesFor(i.texts).closing() }

// needles looks for the best set of texts that the expression must match.
func (m *Match) needles() needleSet {
	sets, folded := m.Literals()
	var best needleSet
	for _, set := range sets {
		for _, texts := range [][]string{set, {commonPrefix(set)}, {commonSuffix(set)}} {
			if folded {
				texts = unfolded(texts)
			}
			if n := m.needlesFor(texts); n.betterThan(best) {
				best = n
			}
		}
	}
	return best
}

// commonPrefix returns what all texts begin with.
func commonPrefix(texts []string) string {
	common := texts[0]
	for _, text := range texts {
		for !strings.HasPrefix(text, common) {
			_, size := utf8.DecodeLastRuneInString(common)
			common = common[:len(common)-size]
		}
	}
	return common
}

// commonSuffix returns what all texts end with.
func commonSuffix(texts []string) string {
	common := texts[0]
	for _, text := range texts {
		for !strings.HasSuffix(text, common) {
			_, size := utf8.DecodeRuneInString(common)
			common = common[size:]
		}
	}
	return common
}

// needlesFor returns the needles for texts of which one is in a value.
func (l *leaf) needlesFor(texts []string) needleSet {
	if !l.def().Plain {
		return needleSet{}
	}
	var parts []string
	for _, text := range texts {
		part := plainPart(text)
		if len(part) < minNeedle {
			return needleSet{}
		}
		parts = append(parts, part)
	}
	ends := !slices.ContainsFunc(parts, func(part string) bool { return !slices.Contains(texts, part) })
	if parts = reduced(parts); len(parts) > maxNeedles {
		return needleSet{}
	}
	return needleSet{texts: parts, closed: l.def().Values != nil, whole: ends && len(parts) == len(texts)}
}

// closing returns the needles with the quotation mark behind them, where they
// are whole values: then no longer value has them. What a field folds away is at
// the front.
func (n needleSet) closing() needleSet {
	if !n.whole {
		return n
	}
	for i := range n.texts {
		n.texts[i] += `"`
	}
	return n
}

// plainPart returns the longest part of a text that stands in a JSON string as
// it is. What is no UTF-8 has no form of its own there; U+FFFD may stand for it.
func plainPart(text string) string {
	best := ""
	for _, part := range strings.FieldsFunc(text, func(r rune) bool {
		return r == '"' || r == '\\' || r < ' ' || r == utf8.RuneError
	}) {
		if len(part) > len(best) {
			best = part
		}
	}
	return best
}

// unfolded returns texts of which one stands in each text whose folded form has
// one of the set, nil where they would be too many. They are parts of the set's:
// as much as can be written in few ways.
func unfolded(set []string) []string {
	most := maxNeedles / len(set)
	var all []string
	for _, text := range set {
		part := fewWays(plainPart(text), most)
		if part == "" {
			return nil
		}
		all = append(all, ways(part)...)
	}
	return all
}

// fewWays returns the longest part of a folded text that no more than some texts
// are folded to.
func fewWays(text string, most int) string {
	best := ""
	for start := range text {
		n := 1
		for i, r := range text[start:] {
			if n *= len(variants(r)); n > most {
				break
			}
			if end := start + i + utf8.RuneLen(r); end-start > len(best) {
				best = text[start:end]
			}
		}
	}
	return best
}

// variants returns the characters that are folded to r.
func variants(r rune) []rune {
	switch {
	case r == 'k':
		return []rune{'k', 'K', '\u212a'}
	case r == 's':
		return []rune{'s', 'S', '\u017f'}
	case 'a' <= r && r <= 'z':
		return []rune{r, r - ('a' - 'A')}
	}
	return []rune{r}
}

// ways returns the texts that are folded to text.
func ways(text string) []string {
	all := []string{""}
	for _, r := range text {
		var longer []string
		for _, head := range all {
			for _, v := range variants(r) {
				longer = append(longer, head+string(v))
			}
		}
		all = longer
	}
	return all
}
