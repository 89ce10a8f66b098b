package etch_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/logtest"
)

// TestReaderHidesNothing reads a log whose second segment begins with a
// recovery that names the first. Only one of the kinds that a verifier reports
// as a fault may take lines out of it; and where those were records, as the second
// segment's own beginning says, or may have been, that is told.
func TestReaderHidesNothing(t *testing.T) {
	for found, want := range map[string]int{"torn-tail": 5, "unsigned-tail": 5, "nonsense": 5, "void": 2, "state-lost": 2, "damage": 2} {
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
		got, told := 0, 0
		notes := func(note string) {
			if strings.Contains(note, "a recovery is on record") {
				told++
			}
		}
		for _, err := range r.Records(t.Context(), etch.Query{AllPhases: true, Notify: notes}) {
			if want < 5 && errors.Is(err, etch.ErrMissing) {
				told++
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			got++
		}
		if wantTold := min(1, 5-want); got != want || told != wantTold {
			t.Errorf("%s: got %d events, and %d were told of; want %d, and %d", found, got, told, want, wantTold)
		}
	}
}
