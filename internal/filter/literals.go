package filter

import (
	"cmp"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxSets, maxTexts and maxBytes bound what is known of an expression: the
	// sets, the texts of one, and their bytes. Who asks for more words than that
	// at once is served as well by reading everything.
	maxSets  = 16
	maxTexts = 32
	maxBytes = 4096
	// maxCopies is how many copies of a repeated part are looked at in a row.
	maxCopies = 4
)

// Literals returns texts that stand in every value that the expression matches:
// at least one of each set, the most telling sets first. No set means that
// nothing is known. Where folded is true the texts are as [Folded] returns them,
// and it is the folded value that has them. The sets must not be changed.
func (m *Match) Literals() (sets [][]string, folded bool) { return m.sets, m.folded }

// literals finds what Literals returns, and reports whether the expression is no
// more than one literal.
func literals(re *regexp.Regexp) (sets [][]string, folded, whole bool) {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return nil, false, false // regexp.Compile has read it, and so it cannot be
	}
	a := analysis{folded: ignoresCase(tree)}
	known := a.of(tree)
	whole = tree.Op == syntax.OpLiteral && !a.folded && len(known.exact) == 1
	return telling(known.all()), a.folded, whole
}

// Folded returns a text with the letters A to Z in lower case, and with k and s
// for the two other characters that are one with them when case does not count,
// U+212A and U+017F. All else is as it was.
func Folded(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return foldedRune(r) != r }) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if f := foldedRune(r); f != r {
			b.WriteRune(f)
		} else {
			b.WriteString(text[i : i+size])
		}
		i += size
	}
	return b.String()
}

func foldedRune(r rune) rune {
	switch {
	case 'A' <= r && r <= 'Z':
		return r + ('a' - 'A')
	case r == '\u212a':
		return 'k'
	case r == '\u017f':
		return 's'
	}
	return r
}

// ignoresCase reports whether case does not count in some part of a tree.
func ignoresCase(re *syntax.Regexp) bool {
	if re.Flags&syntax.FoldCase != 0 && (re.Op == syntax.OpLiteral || re.Op == syntax.OpCharClass) {
		return true
	}
	return slices.ContainsFunc(re.Sub, ignoresCase)
}

// A required is what is known of the texts that a part of a regular expression
// matches. No set is empty; one with "" in it says nothing.
type required struct {
	exact  []string   // all of the texts; nil: there are others, or too many
	prefix []string   // without exact: what they begin with
	suffix []string   // without exact: what they end with
	sets   [][]string // of each set they contain one
}

var (
	nothing = []string{""}
	unknown = required{prefix: nothing, suffix: nothing}
	empty   = required{exact: nothing}
)

func (r required) begin() []string {
	if r.exact != nil {
		return r.exact
	}
	return r.prefix
}

func (r required) end() []string {
	if r.exact != nil {
		return r.exact
	}
	return r.suffix
}

// all returns everything that is known as sets.
func (r required) all() [][]string {
	return append(slices.Clone(r.sets), r.begin(), r.end())
}

// An analysis is that of one regular expression.
type analysis struct{ folded bool }

// of returns what is known of a part.
func (a analysis) of(re *syntax.Regexp) required {
	switch re.Op {
	case syntax.OpLiteral:
		return a.literal(re)
	case syntax.OpCharClass:
		return a.class(re)
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return empty
	case syntax.OpCapture:
		return a.of(re.Sub[0])
	case syntax.OpPlus:
		return repeated(a.of(re.Sub[0]), 1, -1)
	case syntax.OpQuest:
		return repeated(a.of(re.Sub[0]), 0, 1)
	case syntax.OpRepeat:
		return repeated(a.of(re.Sub[0]), re.Min, re.Max)
	case syntax.OpConcat:
		r := empty
		for _, sub := range re.Sub {
			r = joined(r, a.of(sub))
		}
		return r
	case syntax.OpAlternate:
		r := a.of(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			r = either(r, a.of(sub))
		}
		return r
	}
	return unknown // any character, any number of times, or no text at all
}

func (a analysis) literal(re *syntax.Regexp) required {
	r := empty
	for _, c := range re.Rune {
		variants := []rune{c}
		if re.Flags&syntax.FoldCase != 0 {
			for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
				variants = append(variants, f)
			}
		}
		r = joined(r, a.oneOf(variants))
	}
	return r
}

// class is a class of characters: of a few, each of them.
func (a analysis) class(re *syntax.Regexp) required {
	var members []rune
	for i := 0; i < len(re.Rune); i += 2 {
		for c := re.Rune[i]; c <= re.Rune[i+1]; c++ {
			if members = append(members, c); len(members) > maxTexts {
				return unknown
			}
		}
	}
	return a.oneOf(members)
}

// oneOf is one of a few characters. U+FFFD is what a regular expression takes
// every byte for that is no UTF-8, so that it may be any of those.
func (a analysis) oneOf(chars []rune) required {
	var texts []string
	for _, c := range chars {
		if c == utf8.RuneError {
			return unknown
		}
		if a.folded {
			c = foldedRune(c)
		}
		texts = append(texts, string(c))
	}
	slices.Sort(texts)
	if texts = slices.Compact(texts); len(texts) == 0 {
		return unknown
	}
	return required{exact: texts}
}

// joined is one part behind another.
func joined(x, y required) required {
	if x.exact != nil && y.exact != nil {
		if exact, ok := products(x.exact, y.exact); ok {
			return required{exact: exact} // it knows all that sets could
		}
	}
	r := required{prefix: x.begin(), suffix: y.end(), sets: append(slices.Clone(x.sets), y.sets...)}
	middle, ok := products(x.end(), y.begin())
	switch {
	case !ok:
		r.sets = append(r.sets, x.end(), y.begin())
	case x.exact != nil && y.exact == nil:
		r.prefix = middle
	case x.exact == nil && y.exact != nil:
		r.suffix = middle
	default:
		r.sets = append(r.sets, middle)
	}
	r.sets = trimmed(r.sets)
	return r
}

// either is one part or another.
func either(x, y required) required {
	if x.exact != nil && y.exact != nil {
		if exact, ok := union(x.exact, y.exact); ok {
			return required{exact: exact}
		}
	}
	r := unknown
	if prefix, ok := union(x.begin(), y.begin()); ok {
		r.prefix = prefix
	}
	if suffix, ok := union(x.end(), y.end()); ok {
		r.suffix = suffix
	}
	for _, a := range telling(x.all()) {
		for _, b := range telling(y.all()) {
			if set, ok := union(a, b); ok {
				r.sets = append(r.sets, set)
			}
		}
	}
	r.sets = trimmed(r.sets)
	return r
}

// repeated is a part some times in a row; most is -1 where there is no limit.
func repeated(x required, least, most int) required {
	switch {
	case most == 0:
		return empty
	case least == 0 && most == 1:
		return either(x, empty)
	case least == 0:
		return unknown
	}
	r := x
	for range min(least, maxCopies) - 1 {
		r = joined(r, x)
	}
	if most == least && least <= maxCopies {
		return r
	}
	// The last of the copies may be the first: nothing is said of their order.
	return joined(joined(r, unknown), x)
}

// products returns each text of one set followed by each of another, and false
// where those are too many.
func products(a, b []string) ([]string, bool) {
	if len(a)*len(b) > maxTexts || (size(a)*len(b)+size(b)*len(a)) > maxBytes {
		return nil, false
	}
	var texts []string
	for _, x := range a {
		for _, y := range b {
			texts = append(texts, x+y)
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts), true
}

// union returns the texts of two sets, and false where those are too many.
func union(a, b []string) ([]string, bool) {
	texts := slices.Concat(a, b)
	slices.Sort(texts)
	texts = slices.Compact(texts)
	return texts, len(texts) <= maxTexts && size(texts) <= maxBytes
}

func size(texts []string) (n int) {
	for _, t := range texts {
		n += len(t)
	}
	return n
}

// trimmed returns the most telling sets, where there are too many to go on with.
func trimmed(sets [][]string) [][]string {
	if len(sets) <= maxSets {
		return sets
	}
	return telling(sets)
}

// telling returns the sets that say something that no other says better, the
// most telling first, in their shortest form, and no more than maxSets.
func telling(sets [][]string) [][]string {
	var minimal [][]string
	for _, set := range sets {
		if set = reduced(set); set[0] != "" {
			minimal = append(minimal, set)
		}
	}
	slices.SortStableFunc(minimal, func(a, b []string) int {
		return cmp.Or(cmp.Compare(shortest(b), shortest(a)), cmp.Compare(len(a), len(b)))
	})
	var kept [][]string
	for _, set := range minimal {
		said := slices.ContainsFunc(kept, func(better []string) bool { return implies(better, set) })
		if !said && len(kept) < maxSets {
			kept = append(kept, set)
		}
	}
	return kept
}

// reduced returns a set without the texts that contain another of it, in order
// of their length.
func reduced(set []string) []string {
	sorted := slices.SortedStableFunc(slices.Values(set), func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	var kept []string
	for _, text := range sorted {
		if !containsAny(text, kept) {
			kept = append(kept, text)
		}
	}
	return kept
}

// implies reports whether a text that contains one of a contains one of b.
func implies(a, b []string) bool {
	return !slices.ContainsFunc(a, func(text string) bool { return !containsAny(text, b) })
}

func containsAny(text string, parts []string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}

// shortest returns the length of the shortest text of a reduced set.
func shortest(set []string) int { return len(set[0]) }
