//go:build agents

package otel

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/integration/agents"
	"github.com/google/go-cmp/cmp"
)

// An exporter says how an agent is told to send its telemetry to url.
var exporters = map[string]func(h *agents.Home, url string) error{
	"claude-code": func(h *agents.Home, url string) error {
		h.Env = append(h.Env, "CLAUDE_CODE_ENABLE_TELEMETRY=1", "OTEL_LOGS_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json",
			"OTEL_EXPORTER_OTLP_ENDPOINT="+url, "OTEL_LOG_TOOL_DETAILS=1", "OTEL_LOG_USER_PROMPTS=1", "OTEL_LOGS_EXPORT_INTERVAL=500")
		return nil
	},
	"codex": func(h *agents.Home, url string) error {
		config := filepath.Join(h.Dir, ".codex", "config.toml")
		text, err := os.ReadFile(config)
		if err != nil {
			return err
		}
		return os.WriteFile(config, []byte(string(text)+`
[otel]
log_user_prompt = true
exporter = { otlp-http = { endpoint = "`+url+`/v1/logs", protocol = "binary" } }
`), 0o600)
	},
	"gemini": func(h *agents.Home, url string) error {
		h.Env = append(h.Env, "GEMINI_TELEMETRY_ENABLED=true", "GEMINI_TELEMETRY_TARGET=local", "GEMINI_TELEMETRY_OTLP_PROTOCOL=http",
			"GEMINI_TELEMETRY_OTLP_ENDPOINT="+url, "GEMINI_TELEMETRY_LOG_PROMPTS=true")
		return nil
	},
	"qwen": func(h *agents.Home, url string) error {
		h.Env = append(h.Env, "QWEN_TELEMETRY_ENABLED=true", "QWEN_TELEMETRY_OTLP_PROTOCOL=http", "QWEN_TELEMETRY_OTLP_ENDPOINT="+url)
		return nil
	},
}

// shells are the names of the agents' tools that run a command, and of its parameter.
var shells = map[string][2]string{
	"claude-code": {"Bash", "command"},
	"codex":       {"exec_command", "cmd"},
	"gemini":      {"run_shell_command", "command"},
	"qwen":        {"run_shell_command", "command"},
}

// TestAgents runs real agents on scripted models, as integration/agents does
// with their hooks, and wants to see in what they send the commands that they ran.
func TestAgents(t *testing.T) {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "etch-agents")
	if named := os.Getenv("ETCH_AGENTS_DIR"); named != "" {
		dir = named
	}
	names := strings.Fields(os.Getenv("ETCH_TEST_AGENTS"))
	for _, a := range agents.All {
		export := exporters[a.Name]
		if export == nil || len(names) > 0 && !slices.Contains(names, a.Name) {
			continue
		}
		t.Run(a.Name, func(t *testing.T) {
			at, err := a.Install(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			r := newReceiver(t)
			runAgent(t, a, at, r, export)
			checkAgent(t, a.Name, r)
		})
	}
}

// checkAgent wants one event of each of the two commands, by how it ended, one of
// what the person said, and nothing that could not be understood.
func checkAgent(t *testing.T, name string, r *receiver) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	ended := make(map[string][]etch.Outcome)
	prompts := 0
	for _, q := range r.requests {
		if q.batch.Rejected > 0 {
			t.Errorf("%s: %d items rejected: %s", q.path, q.batch.Rejected, q.batch.Reason)
		}
		for _, e := range q.batch.Events {
			switch {
			case e.Type == etch.UserPrompt:
				prompts++
			case e.Type == etch.CommandExecution && e.Phase == etch.Completion:
				ended[e.Action.Command] = append(ended[e.Action.Command], e.Result.Type)
				if code, ok := e.Result.ExitCode.Get(); e.Action.Command == "exit 3" && name != "claude-code" && (!ok || code != 3) {
					t.Errorf("the exit code of %q: got %d, %v, want 3", e.Action.Command, code, ok)
				}
				if e.CallID == "" && name != "gemini" {
					t.Errorf("%q has no call id", e.Action.Command)
				}
			}
			if e.SessionID == "" && e.Type != etch.NetworkEgress || e.Actor.Agent != name {
				t.Errorf("%s in session %q of agent %q, want one of %q", e.Type, e.SessionID, e.Actor.Agent, name)
			}
		}
	}
	want := map[string][]etch.Outcome{"echo seen by telemetry": {etch.Success}, "exit 3": {etch.Error}}
	if d := cmp.Diff(want, ended); d != "" || prompts != 1 {
		t.Errorf("%d prompts, want 1; how the commands ended (-want +got):\n%s", prompts, d)
	}
}

func runAgent(t *testing.T, a *agents.Agent, at string, r *receiver, export func(*agents.Home, string) error) {
	t.Helper()
	h, err := agents.NewHome(t.TempDir(), "/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	shell := shells[a.Name]
	run := func(command string) agents.Block {
		return agents.Use(shell[0], map[string]any{shell[1]: command, "description": "try"})
	}
	s, err := a.Session(h, agents.Script{"telemetry": {
		{run("echo seen by telemetry")}, {run("exit 3")}, agents.Say("All done."),
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := export(h, r.URL); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if out, err := h.Run(ctx, a.Argv(at, agents.Prompt("telemetry"))...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
