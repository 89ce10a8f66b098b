package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
)

// A guarded session is one of Claude Code's whose hook of ConfigChange was installed
// with --guard.
type guarded struct {
	t        *testing.T
	log      string
	settings string // the file of the project that changes
}

// newGuarded begins a session in a project whose settings say something.
func newGuarded(t *testing.T, settings string) *guarded {
	t.Helper()
	g := &guarded{t: t, log: testLog(t, 1)}
	g.settings = filepath.Join(filepath.Dir(g.log), "project", ".claude", "settings.local.json")
	if err := os.MkdirAll(filepath.Dir(g.settings), 0o700); err != nil {
		t.Fatal(err)
	}
	g.write(settings)
	if code, words := g.deliver("SessionStart"); code != 0 {
		t.Fatalf("SessionStart: exit %d: %s", code, words)
	}
	return g
}

func (g *guarded) write(settings string) {
	g.t.Helper()
	if err := os.WriteFile(g.settings, []byte(settings), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// change writes the settings, and returns what the hook answers to that.
func (g *guarded) change(settings string) (code int, words string) {
	g.t.Helper()
	g.write(settings)
	return g.deliver("ConfigChange", "--guard")
}

// deliver starts the hook as the agent does.
func (g *guarded) deliver(event string, flags ...string) (code int, words string) {
	g.t.Helper()
	payload, err := json.Marshal(map[string]string{
		"session_id": "s", "prompt_id": "p", "hook_event_name": event, "source": "local_settings",
		"cwd": filepath.Dir(filepath.Dir(g.settings)), "file_path": g.settings,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	out, err := hookCmd(g.log, strings.NewReader(string(payload)), append([]string{"claude-code", event}, flags...)...).CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return failed.ExitCode(), string(out)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return 0, string(out)
}

// recorded returns how many events of a type are on record.
func (g *guarded) recorded(kind etch.EventType) int {
	g.t.Helper()
	drainAll(g.t, g.log)
	n := 0
	for _, ev := range eventsIn(g.t, g.log) {
		if ev.Type == kind {
			n++
		}
	}
	return n
}

// TestGuard: with --guard, a change that switches hooks off is refused, by exit code 2
// and its reason, however often the agent asks, and no other change is.
func TestGuard(t *testing.T) {
	const off = `{"disableAllHooks": true}`
	g := newGuarded(t, "{}")
	for i, step := range []struct {
		settings string
		code     int
	}{
		{`{}`, 0}, {off, 2}, {off, 2}, {`{"model":"opus"}`, 0}, {off, 2},
	} {
		code, words := g.change(step.settings)
		if code != step.code || (code == 2) != strings.Contains(words, "etch keeps these settings") {
			t.Errorf("change %d, %s: exit %d, said %q, want exit %d", i, step.settings, code, words, step.code)
		}
	}
	// The agent asks about one change twice where two of its files name the hook.
	if code, _ := g.deliver("ConfigChange", "--guard"); code != 2 {
		t.Errorf("the same change delivered again: exit %d, want 2", code)
	}
	if code, words := g.deliver("ConfigChange"); code != 0 || words != "" {
		t.Errorf("without --guard: exit %d, said %q, want silence and 0", code, words)
	}
	changes, findings := g.recorded(etch.ConfigurationChange), g.recorded(etch.SecurityEvent)
	if changes != 5 || findings != 3 {
		t.Errorf("%d changes and %d findings on record, want 5 and 3", changes, findings)
	}
}
