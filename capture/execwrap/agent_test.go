package execwrap_test

import (
	"os"
	"os/user"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/execwrap"
	"github.com/google/go-cmp/cmp"
)

// environment returns a getenv of pairs.
func environment(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

func TestAgentOf(t *testing.T) {
	for _, test := range []struct {
		env  []string
		want execwrap.Agent
	}{
		{nil, execwrap.Agent{}},
		{[]string{"CLAUDECODE", "1", "CLAUDE_CODE_SESSION_ID", "s"}, execwrap.Agent{Name: "claude-code", Session: "s"}},
		{[]string{"CLAUDECODE", "1", "AI_AGENT", "claude-code_2-1-330_harness"}, execwrap.Agent{Name: "claude-code"}},
		{[]string{"CLAUDECODE", "0"}, execwrap.Agent{}},
		{[]string{"CLAUDE_PROJECT_DIR", "/p"}, execwrap.Agent{}}, // gemini, qwen and copilot set it too
		{[]string{"GEMINI_CLI", "1", "GEMINI_SESSION_ID", "g", "CLAUDE_PROJECT_DIR", "/p"}, execwrap.Agent{Name: "gemini", Session: "g"}},
		{[]string{"GEMINI_CLI_NO_RELAUNCH", "true"}, execwrap.Agent{}},
		{[]string{"QWEN_CODE_SESSION_ID", "q", "GEMINI_CLI", "1"}, execwrap.Agent{Name: "qwen", Session: "q"}},
		{[]string{"CODEX_SANDBOX", "seatbelt", "CODEX_THREAD_ID", "c"}, execwrap.Agent{Name: "codex", Session: "c"}},
		{[]string{"COPILOT_CLI", "1"}, execwrap.Agent{Name: "copilot"}},
		{[]string{"CURSOR_AGENT", "1"}, execwrap.Agent{Name: "cursor"}},
		{[]string{"CURSOR_TRACE_ID", "x"}, execwrap.Agent{}}, // a person's terminal has it too
		{[]string{"CURSOR_AGENT", "1", "CLAUDECODE", "1"}, execwrap.Agent{Name: "claude-code"}},
		{[]string{"AI_AGENT", " my-agent "}, execwrap.Agent{Name: "my-agent"}},
	} {
		if got := execwrap.AgentOf(environment(test.env...)); got != test.want {
			t.Errorf("AgentOf(%q): got %+v, want %+v", test.env, got, test.want)
		}
	}
}

func TestActorOf(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		env  []string
		want etch.Actor
	}{
		{[]string{"USER", "mallory"}, etch.Actor{Channel: "cli", Username: me.Username, UserID: me.Uid, Host: host}},
		{[]string{"ETCH_USER", "alice"}, etch.Actor{Channel: "cli", Username: "alice", Host: host}},
		{[]string{"ETCH_USER_ID", "7"}, etch.Actor{Channel: "cli", UserID: "7", Host: host}},
		{
			[]string{
				"ETCH_USER", "alice", "ETCH_USER_ID", "7", "ETCH_CHANNEL", "ci", "ETCH_AGENT", "bot",
				"ETCH_AGENT_ID", "b1", "ETCH_MODEL", "m", "ETCH_HOST", "h", "CLAUDECODE", "1",
			},
			etch.Actor{Channel: "ci", Username: "alice", UserID: "7", Agent: "bot", AgentID: "b1", Model: "m", Host: "h"},
		},
	} {
		if d := cmp.Diff(test.want, execwrap.ActorOf(environment(test.env...))); d != "" {
			t.Errorf("ActorOf(%q) (-want +got):\n%s", test.env, d)
		}
	}
}

func TestSessionOf(t *testing.T) {
	if got := execwrap.SessionOf(environment("CLAUDECODE", "1", "CLAUDE_CODE_SESSION_ID", "theirs", "ETCH_SESSION", "mine")); got != "mine" {
		t.Errorf("got %q, want mine", got)
	}
	if got := execwrap.SessionOf(environment("CLAUDECODE", "1", "CLAUDE_CODE_SESSION_ID", "theirs")); got != "theirs" {
		t.Errorf("got %q, want theirs", got)
	}
}
