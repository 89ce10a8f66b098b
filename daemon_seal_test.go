package etch_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/verify"
)

// TestSealedByDaemon lets daemons and another writer seal one log: verification
// tells which seals are whose, as text too.
func TestSealedByDaemon(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	log, err := etch.Create(path, &etch.Options{Daemon: "990"})
	if err != nil {
		t.Fatal(err)
	}
	seal := func(log *etch.Log) {
		t.Helper()
		if _, err := log.Append(t.Context(), command("ls")); err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	seal(log)
	for i, step := range []struct {
		daemon   string // of the next writer
		byDaemon bool   // all seals so far
		daemons  []string
		text     string
	}{
		{"", true, []string{"990"}, "a daemon of user 990, as the seals say: whose its files and keys were"},
		{"991", false, []string{"990"}, "a daemon of user 990, "},
		{"991", false, []string{"990", "991"}, "a daemon of user 990, 991, "},
	} {
		report, err := verify.Log(t.Context(), os.DirFS(dir), verify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		sum := report.Summary
		var text strings.Builder
		if err := report.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if (sum.SealsByDaemon == sum.Seals) != step.byDaemon || sum.SealsByDaemon == 0 || !slices.Equal(sum.Daemons, step.daemons) || !strings.Contains(text.String(), step.text) {
			t.Errorf("step %d: got %d of %d seals by daemons %q, text\n%s", i, sum.SealsByDaemon, sum.Seals, sum.Daemons, text.String())
		}
		next, err := etch.Open(path, &etch.Options{Daemon: step.daemon})
		if err != nil {
			t.Fatal(err)
		}
		seal(next)
	}
}
