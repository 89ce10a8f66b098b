package redact

import (
	"regexp"
	"strings"
	"testing"
)

// TestRoundsAreBounded shows that masking ends also where it never comes to a fixed point: by a rule whose mask is none, for
// its name has what ends one, and is found again in each.
func TestRoundsAreBounded(t *testing.T) {
	m := &Masker{own: []ownRule{{name: "A]again", pattern: regexp.MustCompile("again")}}}
	for _, in := range []string{`["again"]`, `["again`, "again"} {
		out, n := m.JSON([]byte(in))
		if n == 0 || n > maxRounds*(maxRounds+1) || !strings.Contains(string(out), "A]again]") {
			t.Errorf("%s: got %s, and %d masks", in, out, n)
		}
	}
}
