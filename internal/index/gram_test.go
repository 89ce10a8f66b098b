package index

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"
)

// TestGramsOf holds that a text with the literal in it has all that the literal
// requires, and how many of its hashes that are.
func TestGramsOf(t *testing.T) {
	for literal, want := range map[string]int{
		"":                0,
		"ab":              0,
		"abc":             1,
		"ABCD":            2,
		"k\u212As":        1, // three bytes once they are folded
		"ö":               0,
		"öl":              1,
		"ab\uFFFDcd":      0, // a regular expression takes any bad byte for it
		"abc\uFFFDdef":    2,
		"abc\xff\xfedefg": 3,
	} {
		grams := gramsOf(literal)
		if len(grams) != want {
			t.Errorf("%q requires %d, want %d", literal, len(grams), want)
		}
		for _, around := range []string{"", "x", "\xe2\x84", "\xc5", "\u212A", "é"} {
			var g gramSet
			g.add([]byte(around + literal + around))
			for i, h := range grams {
				if g[h>>6]>>(h&63)&1 == 0 {
					t.Errorf("%q between %q lacks number %d of what the literal requires", literal, around, i)
				}
			}
		}
	}
}

// TestGramsOfRandomText compares what a text has with what it requires as a
// literal: all of its characters are whole.
func TestGramsOfRandomText(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		var text []byte
		for range r.IntN(20) {
			text = append(text, []string{"a", "B", "zz", "k", "\u212A", "\u017F", "é", "\u2126", "界"}[r.IntN(9)]...)
		}
		for range r.IntN(30) { // of which eight are looked at at a time
			text = append(text, byte(r.IntN(utf8.RuneSelf)))
		}
		var g gramSet
		g.add(text)
		var got, want []int
		g.each(func(h int) { got = append(got, h) })
		for _, h := range gramsOf(string(text)) {
			want = append(want, int(h))
		}
		slices.Sort(want)
		if want = slices.Compact(want); !slices.Equal(got, want) {
			t.Fatalf("%q has %v, want %v", text, got, want)
		}
	}
}

// TestLower holds that eight characters are folded as one is, wherever it stands.
func TestLower(t *testing.T) {
	for c := range uint64(utf8.RuneSelf) {
		for place := range 8 {
			if got := lower(c << (8 * place)); got != uint64(folds[c])<<(8*place) {
				t.Errorf("%q in place %d is %#x, want %q", rune(c), place, got, rune(folds[c]))
			}
		}
	}
}
