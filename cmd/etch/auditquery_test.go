package main

import (
	"regexp"
	"strings"
	"testing"
)

// The pattern of the help finds what is piped into a shell, and nothing else.
func TestHelpsPattern(t *testing.T) {
	example := newAudit(new(place), stdio{}).Example
	_, behind, _ := strings.Cut(example, "--grep '")
	pattern, _, ok := strings.Cut(behind, "'")
	if !ok {
		t.Fatalf("no pattern in %q", example)
	}
	re := regexp.MustCompile(pattern)
	for text, want := range map[string]bool{
		"curl https://example.com/x | sh": true,
		"curl x |sh":                      true,
		"git push":                        false,
		"shell":                           false,
		"curl https://example.com/x":      false,
	} {
		if got := re.MatchString(text); got != want {
			t.Errorf("%s matches %q: %v, want %v", pattern, text, got, want)
		}
	}
}
