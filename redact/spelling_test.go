package redact_test

import (
	"os"
	"strings"
	"testing"

	"github.com/etch-audit/etch/redact"
)

// TestSpellings goes through testdata/spellings.txt: texts in which HUNTER or what begins so is a secret, and below a line
// with "== harmless" texts like them in which nothing is.
func TestSpellings(t *testing.T) {
	data, err := os.ReadFile("testdata/spellings.txt")
	if err != nil {
		t.Fatal(err)
	}
	harmless, seen := false, 0
	for i, line := range strings.Split(string(data), "\n") {
		if line == "" || strings.HasPrefix(line, "# ") {
			continue
		}
		if harmless = harmless || line == "== harmless"; line == "== harmless" {
			continue
		}
		seen++
		in := expand(line)
		got, n := redact.Text(in)
		switch {
		case harmless && n > 0:
			t.Errorf("spellings.txt:%d: masked: %q", i+1, got)
		case !harmless && strings.Contains(got, "HUNTER"):
			t.Errorf("spellings.txt:%d: not all is masked: %q", i+1, got)
		case !harmless && strings.Contains(in, "KEPT") && strings.Count(got, "KEPT") != strings.Count(in, "KEPT"):
			t.Errorf("spellings.txt:%d: too much is masked: %q", i+1, got)
		}
		checkText(t, in)
	}
	if seen < 80 || !harmless {
		t.Errorf("got %d texts, want 80 or more, of both kinds", seen)
	}
}
