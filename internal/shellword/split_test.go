package shellword_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/etch-audit/etch/internal/shellword"
)

// What Quote writes is read back as it was, each word where it stands.
func TestWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("a'\\ \n\x01=$\"é"))), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
		argv := rapid.SliceOfN(word, 1, 6).Draw(t, "argv")
		text := shellword.Quote(argv)
		var got []string
		at := 0
		for _, w := range shellword.Words(text) {
			got = append(got, w.Text)
			if w.Start != at || w.End < w.Start {
				t.Fatalf("%q: got the word %+v, want it at %d", text, w, at)
			}
			at = w.End + 1
		}
		if !slices.Equal(got, argv) || at != len(text)+1 {
			t.Fatalf("%q: got %q, want %q", text, got, argv)
		}
	})
}

func TestWordsOfOthers(t *testing.T) {
	for _, text := range []string{
		"", " a", "a  b", "a; b", "a | b", "a\nb", "it's", "'a", "'a'b", "a'b'", "$'a", `$'\9'`, `$'\12`, `$'\777'`, `"a"`, "$A", "a # b", "a\tb", "a ", `'a'\''b`,
	} {
		if got := shellword.Words(text); got != nil {
			t.Errorf("%q: got %+v, want nothing", text, got)
		}
	}
}
