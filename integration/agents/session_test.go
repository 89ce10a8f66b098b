//go:build agents

package agents

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// started prepares a home with hooks, and a model that follows the script.
func (a *Agent) started(t *testing.T, etch string, script func(h *Home) Script) *Home {
	t.Helper()
	h, err := NewHome(t.TempDir(), etch)
	if err != nil {
		t.Fatal(err)
	}
	s, err := a.Session(h, script(h))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if etchDoes(t, h, "install", a.Name, "--bin", etch); t.Failed() {
		t.FailNow()
	}
	return h
}

// works runs the agent to the end of its script.
func (a *Agent) works(t *testing.T, h *Home, dir, scenario string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	out, err := h.Run(ctx, a.Argv(dir, Prompt(scenario))...)
	if err != nil || !strings.Contains(out, "All done.") {
		t.Fatalf("the agent has not come to the end of the script: %v\n%s", err, out)
	}
}

// TestSessionEnd: with nothing configured, what no hook sees is in the log soon after
// the session, from the transcript. Qwen Code tells of no end without a terminal: there
// it is when another session begins.
func TestSessionEnd(t *testing.T) {
	etch := buildEtch(t)
	for a, dir := range chosenAgents(t) {
		t.Run(a.Name, func(t *testing.T) {
			var groups [][]want
			h := a.started(t, etch, func(h *Home) Script {
				groups = works[a.Name](h)
				return Script{"work": steps(groups), "more": {Say("All done.")}}
			})
			a.works(t, h, dir, "work")
			if a.Name == "qwen" {
				a.works(t, h, dir, "more")
			}
			wants := slices.Concat(groups...)
			lock := filepath.Join(h.Dir, ".local/state/etch/audit.hooks/reconcile.lock")
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for range 180 {
				got := told(records(t, h), wants)
				_, err := os.Stat(lock)
				if slices.Equal(lines(got), lines(wanted(wants, true))) && err == nil {
					break
				}
				<-tick.C
			}
			compare(t, "after the session", told(records(t, h), wants), wanted(wants, true))
			if _, err := os.Stat(lock); err != nil {
				t.Errorf("nothing has looked into the transcript: %v", err)
			}
			lacks(t, h, a, "after the session", reconciled{Calls: len(wants)})
			if t.Failed() {
				words, _ := h.Run(t.Context(), "cat", filepath.Join(filepath.Dir(lock), "errors.log")) // what there is helps to see why
				t.Logf("errors.log:\n%s", words)
			}
		})
	}
}

// TestTampered: an agent that takes its own hooks out, or switches them off, is told of
// at risk high by the hooks of that very session, as its settings were read before.
func TestTampered(t *testing.T) {
	etch := buildEtch(t)
	for a, dir := range chosenAgents(t) {
		tool, file := "run_shell_command", map[string]string{
			"claude-code": "project/.claude/settings.local.json", "codex": ".codex/hooks.json", "gemini": "project/.gemini/settings.json",
			"qwen": ".qwen/settings.json", "copilot": ".copilot/hooks/etch.json",
		}[a.Name]
		command := map[string]string{
			"claude-code": `mkdir -p .claude; echo '{"disableAllHooks": true}' > .claude/settings.local.json; sleep 2`,
			"codex":       `rm ../.codex/hooks.json`,
			"gemini":      `mkdir -p .gemini; echo '{"hooksConfig": {"enabled": false}}' > .gemini/settings.json`,
			"qwen":        `echo '{}' > ../.qwen/settings.json`,
			"copilot":     `echo '{"version": 1, "hooks": {}}' > ../.copilot/hooks/etch.json`,
		}[a.Name]
		input := in{"command": command, "description": "a step"}
		switch a.Name {
		case "claude-code":
			tool = "Bash"
		case "codex":
			tool, input = "exec_command", in{"cmd": command}
		case "qwen":
			input = in{"command": command, "is_background": false}
		case "copilot":
			tool = "bash"
		}
		t.Run(a.Name, func(t *testing.T) {
			h := a.started(t, etch, func(*Home) Script {
				return Script{"tamper": {Step{Use(tool, input)}, Say("All done.")}}
			})
			a.works(t, h, dir, "tamper")
			found := false
			for _, r := range records(t, h) {
				if r.Type == "security_event" && r.Labels["finding"] == "hooks switched off" {
					found = found || r.Action.Resource == filepath.Join(h.Dir, file)
					t.Logf("told: %s", r.Action.Resource)
				}
			}
			if !found {
				t.Errorf("nothing tells that hooks were switched off: %+v", records(t, h))
			}
		})
	}
}

// lines returns each line of counts as often as it counts, sorted.
func lines(counts map[string]int) []string {
	var all []string
	for l, n := range counts {
		all = append(all, slices.Repeat([]string{l}, n)...)
	}
	slices.Sort(all)
	return all
}

// TestProjectEnvironment shows that a project can set the environment of the hooks of
// these agents: hooks that heed it, as those of an older etch, record elsewhere.
// TestRecorded shows that those that "etch install" writes do not.
func TestProjectEnvironment(t *testing.T) {
	etch := buildEtch(t)
	for a, dir := range chosenAgents(t) {
		settings := map[string]string{
			"claude-code": ".claude/settings.json", "gemini": ".gemini/settings.json", "qwen": ".qwen/settings.json",
		}[a.Name]
		if settings == "" {
			continue // it reads no such file
		}
		t.Run(a.Name, func(t *testing.T) {
			h := a.started(t, etch, func(*Home) Script { return Script{"hello": {Say("All done.")}} })
			text, err := os.ReadFile(filepath.Join(h.Dir, settings))
			if err != nil {
				t.Fatal(err)
			}
			heeding := regexp.MustCompile(` --no-env --log [^"]*"`).ReplaceAllString(string(text), `"`)
			if heeding == string(text) {
				t.Fatalf("the hooks heed their environment, or name no log: %s", text)
			}
			if err := h.Write(settings, heeding); err != nil {
				t.Fatal(err)
			}
			a.works(t, h, dir, "hello")
			if _, err := os.Stat(h.Elsewhere()); err != nil {
				t.Errorf("the project sets nothing: %v", err)
			}
		})
	}
}
