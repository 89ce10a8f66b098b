//go:build agents

package agents

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// chosenAgents returns the agents that ETCH_TEST_AGENTS names, installed; all
// where it names none.
func chosenAgents(t *testing.T) map[*Agent]string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := cmp.Or(os.Getenv("ETCH_AGENTS_DIR"), filepath.Join(cache, "etch-agents"))
	names := strings.Fields(os.Getenv("ETCH_TEST_AGENTS"))
	found := make(map[*Agent]string)
	for _, a := range All {
		if len(names) > 0 && !slices.Contains(names, a.Name) {
			continue
		}
		at, err := a.Install(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		found[a] = at
	}
	if len(names) > 0 && len(found) != len(names) {
		t.Fatalf("ETCH_TEST_AGENTS=%q names an agent that there is no test of", names)
	}
	return found
}

// buildEtch builds the program that is put to the test.
func buildEtch(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "etch")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Dir(path)+"/", "./cmd/etch", "./cmd/etch-hook")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

func TestModels(t *testing.T) {
	etch := buildEtch(t)
	for a, dir := range chosenAgents(t) {
		t.Run(a.Name, func(t *testing.T) {
			h, err := NewHome(t.TempDir(), etch)
			if err != nil {
				t.Fatal(err)
			}
			s, err := a.Session(h, Script{"hello": {Say("Hello from the script.")}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			out, err := h.Run(ctx, a.Argv(dir, Prompt("hello"))...)
			if err != nil || !strings.Contains(out, "Hello from the script.") {
				t.Errorf("the agent does not say what the script says: %v\n%s", err, out)
			}
		})
	}
}
