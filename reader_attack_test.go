package etch_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/logtest"
)

// TestReaderHidesNothing reads a log whose second segment begins with a
// recovery that names the first. Only one of the kinds that a verifier reports
// as a fault may take lines out of it.
func TestReaderHidesNothing(t *testing.T) {
	for found, want := range map[string]int{"torn-tail": 5, "unsigned-tail": 5, "nonsense": 5, "void": 2} {
		l := logtest.New(logtest.Options{Keys: logtest.NewKeys("reader")})
		l.Events(3)
		l.Rotate()
		l.Control("log_recovered", map[string]any{"found": found, "segment": 1, "offset": 0})
		l.Events(2)
		dir := t.TempDir()
		for name, b := range l.Files() {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r, err := etch.OpenReader(filepath.Join(dir, "audit.log"))
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, err := range r.Records(t.Context(), etch.Query{AllPhases: true}) {
			if err != nil {
				t.Fatal(err)
			}
			got++
		}
		if got != want {
			t.Errorf("%s: got %d events, want %d", found, got, want)
		}
	}
}
