package filter

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func literalsOf(t rapid.TB, pattern string) ([][]string, bool) {
	t.Helper()
	e, err := testSchema.Matches(fieldCommand, pattern)
	if err != nil {
		t.Fatal(err)
	}
	return e.(*Match).Literals()
}

func TestLiterals(t *testing.T) {
	for _, test := range []struct {
		pattern string
		want    string // sets of words
		folded  bool
	}{
		{`sudo`, `[sudo]`, false},
		{`^sudo$`, `[sudo]`, false},
		{`\bsudo\b`, `[sudo]`, false},
		{`(?i)sudo`, `[sudo]`, true},
		{`(?i)SUDO k`, `[sudo k]`, true},
		{`(?i)été`, `[ÉtÉ Été étÉ été]`, true},
		{`S(?i:udo)`, `[sudo]`, true},
		{`(?i)12`, `[12]`, true},
		{`sudo|doas`, `[doas sudo]`, false},
		{`sudo|su`, `[su]`, false},
		{`(sudo|doas) rm`, `[doas rm sudo rm]`, false},
		{`sudo.*rm`, `[sudo] [rm]`, false},
		{`sudo\s+rm -rf`, "[\trm -rf \nrm -rf \frm -rf \rrm -rf  rm -rf] [sudo\t sudo\n sudo\f sudo\r sudo ]", false},
		{`curl.*(https?)://evil`, `[http://evil https://evil] [curl]`, false},
		{`rm( -rf)?`, `[rm]`, false},
		{`rm (-rf)? /`, `[rm  / rm -rf /]`, false},
		{`a[bc]d`, `[abd acd]`, false},
		{`a[0-9]d`, `[a0d a1d a2d a3d a4d a5d a6d a7d a8d a9d]`, false},
		{`ab[^c]de`, `[ab] [de]`, false},
		{`ab+c`, `[ab] [bc]`, false},
		{`(ab)+c`, `[abc]`, false},
		{`x(ab){2}y`, `[xababy]`, false},
		{`x(ab){2,}y`, `[xabab] [aby]`, false},
		{`x(ab){9}y`, `[xabababab] [aby]`, false},
		{`x(ab){0}y`, `[xy]`, false},
		{`x(ab){0,1}y`, `[xy xaby]`, false},
		{`(foo.*|bar.*)baz`, `[baz] [bar foo]`, false},
		{`foo.bar|foo.baz`, `[foo] [bar baz]`, false},
		{`(a.b|c.d)(e.f|g.h)`, `[be bg de dg] [a c] [a d] [b c] [e h] [f g] [f h]`, false},
		{`a\x{fffd}b`, `[a] [b]`, false},
		{`x|`, ``, false},
		{`.*`, ``, false},
		{`.`, ``, false},
		{``, ``, false},
		{`\d`, `[0 1 2 3 4 5 6 7 8 9]`, false},
		{`\w+`, ``, false},
		{`[^\x00-\x{10ffff}]`, ``, false},
		{`(?s).`, ``, false},
		{`"\\\n`, "[\"\\\n]", false},
		{`[ab]{9}`, `[aaaa aaab aaba aabb abaa abab abba abbb baaa baab baba babb bbaa bbab bbba bbbb]`, false},
	} {
		sets, folded := literalsOf(t, test.pattern)
		var words []string
		for _, set := range sets {
			words = append(words, "["+strings.Join(set, " ")+"]")
		}
		if got := strings.Join(words, " "); got != test.want || folded != test.folded {
			t.Errorf("%s: got %s, %v, want %s, %v", test.pattern, got, folded, test.want, test.folded)
		}
	}
}

// However large an expression is, what is known of it is small.
func TestLiteralsAreBounded(t *testing.T) {
	var words []string
	for i := range 3000 {
		words = append(words, fmt.Sprintf("%04d.*x", i))
	}
	for _, pattern := range []string{
		strings.Repeat("x", 50_000),
		strings.Join(words, "|"),
		strings.Join(words, ""),
		strings.Repeat("[ab]", 1000),
		strings.Repeat("(a|b.c)", 1000),
		"(?i)" + strings.Repeat("é", 1000),
		"((((((((a|b)*x){4}){4}){4}y|z){2}c){2}d)+e)?f",
		strings.Repeat("(", 400) + "x" + strings.Repeat("+)", 400),
	} {
		sets, _ := literalsOf(t, pattern)
		if len(sets) > maxSets {
			t.Errorf("%.40s: got %d sets", pattern, len(sets))
		}
		for _, set := range sets {
			if len(set) > maxTexts || size(set) > maxBytes {
				t.Errorf("%.40s: got a set of %d texts, %d bytes", pattern, len(set), size(set))
			}
		}
	}
}

func TestFolded(t *testing.T) {
	for text, want := range map[string]string{
		"":               "",
		"sudo":           "sudo",
		"SUDO Ä":         "sudo Ä",
		"\u212a\u017f":   "ks",
		"A\xffZ\xe2\x84": "a\xffz\xe2\x84",
		"@[`{":           "@[`{",
	} {
		if got := Folded(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// A shape is a random regular expression, with a way to draw texts that it
// matches.
type shape struct {
	pattern string
	draw    func(*rapid.T) string
}

var shapeChars = []string{"a", "b", "k", "K", "s", "S", "\u212a", "\u017f", "é", "É", "ß", "1", "\ufffd", "\"", " "}

func drawShape(t *rapid.T, depth int) shape {
	kind := rapid.IntRange(0, 11).Draw(t, "kind")
	if depth == 0 {
		kind %= 6
	}
	switch kind {
	case 0, 1, 2:
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(shapeChars), 0, 4).Draw(t, "literal"), "")
		return shape{regexp.QuoteMeta(text), func(*rapid.T) string { return text }}
	case 3:
		chars := rapid.SliceOfNDistinct(rapid.SampledFrom(shapeChars), 1, 3, rapid.ID).Draw(t, "class")
		return shape{"[" + strings.Join(chars, "") + "]", func(t *rapid.T) string { return rapid.SampledFrom(chars).Draw(t, "one") }}
	case 4:
		return shape{".", func(t *rapid.T) string { return rapid.SampledFrom(append(shapeChars, "\xff", "\xe2")).Draw(t, "any") }}
	case 5:
		pattern := rapid.SampledFrom([]string{`\x{fffd}`, `[^\x00-\x{fffc}]`}).Draw(t, "invalid")
		return shape{pattern, func(t *rapid.T) string { return rapid.SampledFrom([]string{"\xff", "\ufffd", "\xc3"}).Draw(t, "byte") }}
	case 6, 7:
		return drawSequence(t, depth)
	case 8:
		x, y := drawShape(t, depth-1), drawShape(t, depth-1)
		return shape{"(?:" + x.pattern + "|" + y.pattern + ")", func(t *rapid.T) string {
			return rapid.SampledFrom([]shape{x, y}).Draw(t, "branch").draw(t)
		}}
	case 9:
		x := drawShape(t, depth-1)
		return shape{"(?i:" + x.pattern + ")", func(t *rapid.T) string { return drawCase(t, x.draw(t)) }}
	}
	return drawRepeated(t, depth)
}

func drawSequence(t *rapid.T, depth int) shape {
	var parts []shape
	var pattern strings.Builder
	for range rapid.IntRange(1, 3).Draw(t, "parts") {
		x := drawShape(t, depth-1)
		parts = append(parts, x)
		pattern.WriteString(x.pattern)
	}
	return shape{"(" + pattern.String() + ")", func(t *rapid.T) string {
		var b strings.Builder
		for _, x := range parts {
			b.WriteString(x.draw(t))
		}
		return b.String()
	}}
}

func drawRepeated(t *rapid.T, depth int) shape {
	x := drawShape(t, depth-1)
	type times struct {
		sign        string
		least, most int
	}
	r := rapid.SampledFrom([]times{
		{"*", 0, 3},
		{"+", 1, 3},
		{"?", 0, 1},
		{"*?", 0, 3},
		{"+?", 1, 3},
		{"{2}", 2, 2},
		{"{6}", 6, 6},
		{"{2,}", 2, 4},
		{"{1,3}", 1, 3},
		{"{0,2}", 0, 2},
		{"{5,7}", 5, 7},
		{"{0}", 0, 0},
	}).Draw(t, "times")
	return shape{"(?:" + x.pattern + ")" + r.sign, func(t *rapid.T) string {
		var b strings.Builder
		for range rapid.IntRange(r.least, r.most).Draw(t, "n") {
			b.WriteString(x.draw(t))
		}
		return b.String()
	}}
}

// drawCase changes the case of some characters.
func drawCase(t *rapid.T, text string) string {
	others := map[rune]string{
		'a': "A", 'b': "B", 'k': "K\u212a", 'K': "k\u212a", 's': "S\u017f", 'S': "s\u017f", '\u212a': "kK", '\u017f': "sS", 'é': "É", 'É': "é", 'ß': "ẞ",
	}
	var b strings.Builder
	for i, r := range text {
		other := []rune(others[r])
		if len(other) == 0 || rapid.Bool().Draw(t, "keep") {
			_, rest, _ := strings.Cut(text[i:], string(r)) // the byte itself, where it is no UTF-8
			b.WriteString(strings.TrimSuffix(text[i:], rest))
			continue
		}
		b.WriteRune(rapid.SampledFrom(other).Draw(t, "other"))
	}
	return b.String()
}

// TestLiteralsAreRequired is what makes a search by literals right: whatever a
// regular expression matches has one of each set.
func TestLiteralsAreRequired(t *testing.T) {
	sure, drawn := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		x := drawShape(t, 4)
		e, err := testSchema.Matches(fieldCommand, x.pattern)
		if err != nil {
			t.Skip("too large: ", err)
		}
		m := e.(*Match)
		sets, folded := m.Literals()
		for range 4 {
			text := x.draw(t)
			for _, end := range []string{"", "\xe2", "\xff", "s"} {
				padded := end + text + end
				drawn++
				if !m.Re.MatchString(padded) {
					continue // what was drawn and a byte before make one character
				}
				sure++
				if folded {
					padded = Folded(padded)
				}
				for _, set := range sets {
					if !slices.ContainsFunc(set, func(s string) bool { return strings.Contains(padded, s) }) {
						t.Fatalf("%s matches %q, which has none of %q", x.pattern, padded, set)
					}
				}
			}
		}
	})
	if sure*10 < drawn*9 {
		t.Errorf("only %d of %d texts were matched", sure, drawn)
	}
}

// The sets tell something: of the parts between which there is anything, each.
func TestLiteralsTellTheParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfNDistinct(rapid.StringMatching("[a-z]{5}"), 1, 6, rapid.ID).Draw(t, "words")
		sets, _ := literalsOf(t, strings.Join(words, ".*"))
		var got []string
		for _, set := range sets {
			got = append(got, set...)
		}
		slices.Sort(got)
		slices.Sort(words)
		if diff := cmp.Diff(got, words); diff != "" {
			t.Fatal(diff)
		}
	})
}
