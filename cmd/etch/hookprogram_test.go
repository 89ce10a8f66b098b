package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/install"
	"github.com/etch-audit/etch/internal/hookrun"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// buildHook builds etch-hook, of the source that the tests are of.
func buildHook(to string) ([]byte, error) {
	return exec.Command("go", "build", "-buildvcs=false", "-o", to, "../etch-hook").CombinedOutput()
}

// scriptBuild is "buildhook FILE".
func scriptBuild(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: buildhook FILE")
	}
	if out, err := buildHook(ts.MkAbs(args[0])); err != nil {
		ts.Fatalf("buildhook: %v: %s", err, out)
	}
}

// recorded returns what is on record of a call, but for when and by which process.
func recorded(t *testing.T, path, id string) []etch.Event {
	t.Helper()
	var events []etch.Event
	for _, ev := range eventsIn(t, path) {
		if ev.CallID == id {
			ev.ID, ev.Timestamp = "", time.Time{}
			delete(ev.Labels, etch.LabelSpooled)
			events = append(events, ev)
		}
	}
	return events
}

// TestHookProgram: etch-hook records what "etch hook" does, and whatever else is wrong
// with its arguments never stops an agent that it names.
func TestHookProgram(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, install.HookProgram)
	if out, err := buildHook(program); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	path := testLog(t, 1)
	hook := func(payload string, args ...string) (string, error) {
		cmd := hookCmd(path, strings.NewReader(payload))
		cmd.Path, cmd.Args = program, append([]string{program}, args...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	runsHook(t, path, 1)
	for _, args := range [][]string{
		{"claude-code", "PreToolUse", "--log", path},
		{"--log=" + path, "claude", "PreToolUse", "--of-a-later-etch", "one word more"},
	} {
		if out, err := hook(strings.ReplaceAll(payloadOf(1), "toolu_1", "toolu_2"), args...); err != nil || out != "" {
			t.Errorf("%q: %v, output %q: want silence and exit 0", args, err, out)
		}
	}
	drainAll(t, path)
	byEtch, byHook := recorded(t, path, "toolu_1"), recorded(t, path, "toolu_2")
	if len(byEtch) != 1 || len(byHook) != 1 {
		t.Fatalf("%d by etch hook, %d by etch-hook: want one each", len(byEtch), len(byHook))
	}
	byHook[0].CallID = "toolu_1"
	if diff := cmp.Diff(byHook, byEtch); diff != "" {
		t.Errorf("etch-hook and etch hook record (-got +want):\n%s", diff)
	}
	if out, err := hook("{}", "codex", "--log", path, "--help"); err != nil || !strings.HasPrefix(out, "usage: ") {
		t.Errorf("--help: %v, %q", err, out)
	}
	if out, err := hook("{}"); err == nil || !strings.HasPrefix(out, "usage: ") {
		t.Errorf("no agent: %v, %q: want the usage, and no success", err, out)
	}
}

// TestReconciles: what hooks know of readers of transcripts is what there is.
func TestReconciles(t *testing.T) {
	known := transcribed()
	for _, a := range hookrun.Agents() {
		if got, want := hookrun.Reconciles(a.Name), slices.Contains(known, a.Name); got != want {
			t.Errorf("%s: %v, want %v", a.Name, got, want)
		}
	}
	if len(known) == 0 {
		t.Error("no agent's transcripts can be read")
	}
}
