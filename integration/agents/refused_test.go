//go:build agents

package agents

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shellCall is a call of the agent's shell.
func (a *Agent) shellCall(command string) Block {
	switch a.Name {
	case "claude-code":
		return Use("Bash", in{"command": command, "description": "a step"})
	case "codex":
		return Use("exec_command", in{"cmd": command})
	case "qwen":
		return Use("run_shell_command", in{"command": command, "is_background": false})
	case "copilot":
		return Use("bash", in{"command": command, "description": "a step"})
	}
	return Use("run_shell_command", in{"command": command})
}

// refuses runs the agent on three commands, of which the second is refused, and returns
// what it said and the record of that one.
func (a *Agent) refuses(t *testing.T, h *Home, dir, etch, command string) (said string, refused record) {
	t.Helper()
	script := Script{"work": {
		{a.shellCall("echo one > one.txt")}, {a.shellCall(command)}, {a.shellCall("echo three > three.txt")}, Say("All done."),
	}}
	s, err := a.Session(h, script)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if etchDoes(t, h, "install", a.Name, "--bin", etch); t.Failed() {
		t.FailNow()
	}
	said, err = h.Run(t.Context(), a.Argv(dir, Prompt("work"))...)
	if err != nil || !strings.Contains(said, "All done.") {
		t.Fatalf("the agent has not come to the end of the script: %v\n%s", err, said)
	}
	for name, want := range map[string]bool{"one.txt": true, "two.txt": false, "three.txt": true} {
		if _, err := os.Stat(filepath.Join(h.Project, name)); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", name, err, want)
		}
	}
	for _, r := range records(t, h) {
		if r.ofCall() && r.Action.Command == command {
			return said, r
		}
	}
	t.Fatalf("%s is not in the log", command)
	return "", record{}
}

// TestRefused: a call that the policy refuses is not run, the model is told why, and the
// turn goes on.
func TestRefused(t *testing.T) {
	etch := buildEtch(t)
	for a, dir := range chosenAgents(t) {
		t.Run(a.Name, func(t *testing.T) {
			h, err := NewHome(t.TempDir(), etch)
			if err != nil {
				t.Fatal(err)
			}
			if err := h.Write(".config/etch/config.toml", "[hooks]\nreconcile = \"off\"\n[policy]\ndeny_risk = \"high\"\n"); err != nil {
				t.Fatal(err)
			}
			said, r := a.refuses(t, h, dir, etch, "sudo touch two.txt")
			if r.Result == nil || r.Result.Type != "blocked" || r.Labels["denied_by"] != "policy" {
				t.Errorf("on record as %+v, %+v, want it refused by the policy", r, r.Result)
			}
			if !strings.Contains(said, "etch refuses this call: risk high is at or above the limit high") {
				t.Errorf("nothing says why:\n%s", said)
			}
			etchDoes(t, h, "reconcile", a.Name, "--strict")
		})
	}
}

// TestRefusedByRule: who refused is on record where no hook is told of it, from what the
// agent writes itself. Copilot may write it later than that.
func TestRefusedByRule(t *testing.T) {
	etch := buildEtch(t)
	for a, dir := range chosenAgents(t) {
		command := "sudo touch two.txt"
		switch a.Name {
		case "gemini":
		case "codex":
			command = "rm -rf two.txt" // it has a rule of its own
		default:
			continue // TestRecorded has a rule of Claude Code
		}
		t.Run(a.Name, func(t *testing.T) {
			h, err := NewHome(t.TempDir(), etch)
			if err != nil {
				t.Fatal(err)
			}
			rule := "[[rule]]\ntoolName = \"run_shell_command\"\ncommandPrefix = \"sudo\"\ndecision = \"deny\"\npriority = 500\n"
			if err := h.Write(".gemini/policies/no.toml", rule); err != nil {
				t.Fatal(err)
			}
			if err := h.Write(".config/etch/config.toml", "[hooks]\nreconcile = \"off\"\n"); err != nil {
				t.Fatal(err)
			}
			_, r := a.refuses(t, h, dir, etch, command)
			if r.Result == nil || r.Result.Type != "blocked" || r.Labels["denied_by"] != "rule" {
				t.Errorf("on record as %+v, %+v, want it refused by a rule", r, r.Result)
			}
			etchDoes(t, h, "reconcile", a.Name, "--strict")
		})
	}
}
