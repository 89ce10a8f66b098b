package nearest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"rotate", "rotate", 0},
		{"rotat", "rotate", 1},
		{"rotatee", "rotate", 1},
		{"rotade", "rotate", 1},
		{"roatte", "rotate", 1},
		{"kitten", "sitting", 3},
		{"ärger", "arger", 1},
		{"ca", "abc", 3}, // optimal string alignment, not Damerau's own
		{strings.Repeat("x", maxCompared+1), "rotate", maxCompared + 7},
	} {
		if got := Distance(tc.a, tc.b); got != tc.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", tc.a, tc.b, got, tc.want)
		}
		if got := Distance(tc.b, tc.a); got != tc.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", tc.b, tc.a, got, tc.want)
		}
	}
}

func TestSorted(t *testing.T) {
	words := []string{"daily", "weekly", "size"}
	for bad, want := range map[string][]string{
		"":       {"daily", "weekly", "size"},
		"sized":  {"size", "daily", "weekly"},
		"weakly": {"weekly", "daily", "size"},
	} {
		if diff := cmp.Diff(Sorted(bad, words), want); diff != "" {
			t.Errorf("%q (-got +want):\n%s", bad, diff)
		}
	}
}

func TestWord(t *testing.T) {
	words := []string{"--user", "--user-id", "--risk", "--tool", "verify", "rotate", "version"}
	for _, test := range []struct {
		bad, want string
	}{
		{"--usr", "--user"},
		{"--user", "--user"},
		{"--uesr-id", "--user-id"},
		{"--too", "--tool"},
		{"verfy", "verify"},
		{"rot", "rotate"},
		{"VERSION", "version"},
		{"xyzzy", ""},
		{"", ""},
	} {
		got, ok := Word(test.bad, words)
		if got != test.want || ok != (test.want != "") {
			t.Errorf("Word(%q): got %q, %v, want %q", test.bad, got, ok, test.want)
		}
	}
	if got, ok := Word("x", nil); ok {
		t.Errorf("the nearest of nothing: got %q", got)
	}
}
