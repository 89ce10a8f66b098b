package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/install"
)

// TestGuardOfOddFiles: neither the size of a file nor the number of its members hides what
// it switches off.
func TestGuardOfOddFiles(t *testing.T) {
	var many strings.Builder
	many.WriteString(`{"disableAllHooks":false`)
	for i := range 70 {
		fmt.Fprintf(&many, `,"m%d":0`, i)
	}
	for name, settings := range map[string]string{
		"blanks": "{" + strings.Repeat(" ", 1<<20) + `"disableAllHooks":true}`,
		"huge":   "{" + strings.Repeat(" ", 3<<20) + `"disableAllHooks":true}`,
		"twice":  many.String() + `,"disableAllHooks":true}`,
	} {
		if code, words := newGuarded(t, "{}").change(settings); code != 2 {
			t.Errorf("%s: exit %d, said %q, want 2", name, code, words)
		}
	}
}

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
	cmd := hookCmd(g.log, strings.NewReader(string(payload)), append([]string{"claude-code", event}, flags...)...)
	cmd.Env = append(cmd.Env, "TEST_PATIENT=1")
	out, err := cmd.CombinedOutput()
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

// TestGuardOfHooks: whatever makes of installed hooks something else is refused, for as long
// as the file says it; what an agent makes of its file when it writes it, and what concerns
// other hooks, is not.
func TestGuardOfHooks(t *testing.T) {
	each := func(edit func(group, hook map[string]any)) func(map[string]any) {
		return func(settings map[string]any) {
			for _, list := range settings["hooks"].(map[string]any) {
				for _, group := range list.([]any) {
					group := group.(map[string]any)
					edit(group, group["hooks"].([]any)[0].(map[string]any))
				}
			}
		}
	}
	line := func(before, after string) func(map[string]any) {
		return each(func(_, hook map[string]any) { hook["command"] = before + hook["command"].(string) + after })
	}
	set := func(name string, value any) func(map[string]any) {
		return each(func(_, hook map[string]any) { hook[name] = value })
	}
	g := newGuarded(t, "{}")
	g.settings = filepath.Join(filepath.Dir(g.log), ".claude", "settings.json")
	m := install.Machine{
		Home: filepath.Dir(g.log), Project: filepath.Dir(g.log), GOOS: runtime.GOOS, Now: time.Now(), Binary: "/usr/local/bin/etch",
		Getenv: func(string) string { return "" }, LookPath: exec.LookPath,
	}
	changes, err := install.Named("claude-code").Install(m, install.User, install.Hook{Binary: m.Binary, Guard: new(true)}, false)
	if err != nil || len(changes) != 1 || changes[0].Path != g.settings {
		t.Fatalf("install: %v, %+v", err, changes)
	}
	if code, words := g.deliver("SessionStart"); code != 0 {
		t.Fatalf("SessionStart: exit %d: %s", code, words)
	}
	installed := string(changes[0].After)
	for name, test := range map[string]struct {
		code int
		edit func(settings map[string]any)
	}{
		"written anew":      {0, func(map[string]any) {}},
		"other settings":    {0, func(s map[string]any) { s["model"] = "opus" }},
		"every tool":        {0, each(func(group, _ map[string]any) { group["matcher"] = "*" })},
		"hooks beside them": {0, func(s map[string]any) { s["hooks"].(map[string]any)["Notification"] = []any{} }},
		"a hook in the group": {0, each(func(group, hook map[string]any) {
			group["hooks"] = []any{hook, map[string]any{"type": "command", "command": "mine"}}
		})},
		"taken out":     {2, func(s map[string]any) { s["hooks"] = map[string]any{} }},
		"one taken out": {2, func(s map[string]any) { delete(s["hooks"].(map[string]any), "PreToolUse") }},
		"matcher":       {2, each(func(group, _ map[string]any) { group["matcher"] = "NoSuchTool" })},
		"one condition": {2, func(s map[string]any) {
			s["hooks"].(map[string]any)["PreToolUse"].([]any)[0].(map[string]any)["if"] = "Bash(x:*)"
		}},
		"condition":       {2, set("if", "Bash(never:*)")},
		"asynchronous":    {2, set("async", true)},
		"prompt":          {2, set("type", "prompt")},
		"no time":         {2, set("timeout", 0)},
		"environment":     {2, set("env", map[string]any{"LD_PRELOAD": "/x"})},
		"nothing":         {2, line(": ", "")},
		"no input":        {2, line("", " </dev/null")},
		"another log":     {2, line("", " --log /tmp/x.log")},
		"another program": {2, line("/tmp", "")},
		"description":     {2, each(func(group, hook map[string]any) { group["description"], hook["command"] = hook["command"], "true" })},
	} {
		t.Run(name, func(t *testing.T) {
			var settings map[string]any
			if err := json.Unmarshal([]byte(installed), &settings); err != nil {
				t.Fatal(err)
			}
			test.edit(settings)
			changed, err := json.Marshal(settings)
			if err != nil {
				t.Fatal(err)
			}
			findings := g.recorded(etch.SecurityEvent)
			for range 2 {
				if code, words := g.change(string(changed)); code != test.code {
					t.Errorf("exit %d, said %q, want %d", code, words, test.code)
				}
			}
			if found := g.recorded(etch.SecurityEvent) > findings; found != (test.code == 2) {
				t.Errorf("a finding is on record: %v", found)
			}
			if code, words := g.change(installed); code != 0 {
				t.Errorf("put back: exit %d, said %q", code, words)
			}
		})
	}
}
