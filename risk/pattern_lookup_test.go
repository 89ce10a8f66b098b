package risk

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLookups finds the same rows with the index and without.
func TestLookups(t *testing.T) {
	for name, want := range byCommand.Get() {
		if diff := cmp.Diff(searchPatterns(name), want, cmp.AllowUnexported(pattern{})); diff != "" {
			t.Errorf("%s (-searched +indexed):\n%s", name, diff)
		}
	}
	if got := searchPatterns("no such command"); got != nil {
		t.Errorf("got %v", got)
	}
	for range 2 * fewLookups {
		if len(patternsOf("git")) == 0 {
			t.Error("git has no pattern")
		}
	}
}

// TestTables finds the same commands with the index and without, and each once.
func TestTables(t *testing.T) {
	made := makeTables()
	for name := range made.specials {
		if searchSpecial(name) == nil {
			t.Errorf("%s is not found", name)
		}
		for _, x := range wrappersOf(name) {
			if x.sub == "" && x.as != nothing {
				t.Errorf("%s is in two tables, and the second one is never asked", name)
			}
		}
	}
	for name, want := range made.wrappers {
		if got := searchWrappers(name); !slices.Equal(got, want) {
			t.Errorf("%s has %d rows as a wrapper, want %d", name, len(got), len(want))
		}
	}
	for name, want := range made.rules {
		if got := searchRules(name); len(got) != len(want) {
			t.Errorf("%s has %d rules, want %d", name, len(got), len(want))
		}
	}
	seen := map[string]bool{}
	for _, table := range specialTables() {
		for _, e := range table {
			for name := range strings.FieldsSeq(e.names) {
				if seen[name] {
					t.Errorf("%s stands twice", name)
				}
				seen[name] = true
			}
		}
	}
	if searchSpecial("no such command") != nil || searchRules("no such command") != nil {
		t.Error("a command that nobody knows has rules")
	}
}
