package execwrap

import "strings"

// An Agent is a coding agent that runs commands in an environment of its own.
type Agent struct {
	Name    string
	Session string // its session id, "" where its environment does not tell
}

// agents are known by a variable that they set for the commands they run, and
// only there: what an editor sets for people's terminals, or an agent for
// others' (GEMINI and Qwen set CLAUDE_PROJECT_DIR), does not tell. The first
// match wins: an agent that runs in another's terminal stands before it.
var agents = []struct {
	name      string
	variables []string
	session   string
}{
	{"qwen", []string{"QWEN_CODE", "QWEN_CODE_SESSION_ID"}, "QWEN_CODE_SESSION_ID"}, // before gemini, of which it is a fork
	{"gemini", []string{"GEMINI_CLI", "GEMINI_SESSION_ID"}, "GEMINI_SESSION_ID"},
	{"codex", []string{"CODEX_THREAD_ID", "CODEX_SANDBOX", "CODEX_SANDBOX_NETWORK_DISABLED", "CODEX_CI"}, "CODEX_THREAD_ID"},
	{"claude-code", []string{"CLAUDECODE", "CLAUDE_CODE"}, "CLAUDE_CODE_SESSION_ID"},
	{"copilot", []string{"COPILOT_CLI"}, ""},
	{"opencode", []string{"OPENCODE"}, ""},
	{"auggie", []string{"AUGMENT_AGENT"}, ""},
	{"cline", []string{"CLINE_ACTIVE"}, ""},
	{"goose", []string{"GOOSE_TERMINAL"}, ""},
	{"cursor", []string{"CURSOR_AGENT"}, ""},
}

// AgentOf returns the agent whose command the process is, by its environment;
// the zero Agent where none is known. AI_AGENT, which any agent may set, is
// believed where no variable of a known one is set.
func AgentOf(getenv func(string) string) Agent {
	for _, known := range agents {
		for _, name := range known.variables {
			if v := getenv(name); v != "" && v != "0" && v != "false" {
				agent := Agent{Name: known.name}
				if known.session != "" {
					agent.Session = getenv(known.session)
				}
				return agent
			}
		}
	}
	return Agent{Name: strings.TrimSpace(getenv("AI_AGENT"))}
}
