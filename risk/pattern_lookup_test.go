package risk

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLookups finds the same rows with the index and without.
func TestLookups(t *testing.T) {
	for name, want := range byCommand() {
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
