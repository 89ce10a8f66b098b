// Package copilot knows what is special of the hooks of GitHub's Copilot CLI, in
// both of its dialects: events in camel case have payloads of such members and
// times in milliseconds, events with a capital those of Claude Code; some come
// in camel case whatever was asked for.
//
// It gives calls no ids. A sub-agent's calls have its id for a session; they
// are recorded in the session of the agent that started it. A call that was
// refused has a preToolUse, a permissionRequest where no hook of preToolUse has
// refused it, and nothing else; none at all where another hook was faster, as hooks are
// run one after the other and the first refusal is the last hook.
package copilot

import (
	"path/filepath"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

var agent = hook.Agent{
	Name:     "copilot",
	Aliases:  []string{"copilot-cli", "github-copilot"},
	Adapt:    adapt,
	End:      end,
	Unended:  unended,
	Answers:  answers,
	Settings: settings,
}

// Agent returns what is special of Copilot CLI. All callers share it.
func Agent() *hook.Agent { return &agent }

func adapt(m *hook.Message) {
	c := &m.Call
	parent := m.Body.Text("parentAgentId", "parent_agent_id")
	if c.AgentID != "" && parent != "" && c.Session == c.AgentID {
		c.Session = parent
	}
	if c.AgentType == "" && c.AgentID != "" {
		c.AgentType = m.Body.Text("agentName", "agent_name")
	}
	if c.Server == "" {
		c.Server, c.Tool = splitTool(c.Tool)
	}
	if m.Kind == hook.PromptEvent && c.AgentID != "" {
		m.NoPerson = true // the agent that started this one said it
	}
}

// settings: a file of this program's own in the user's directory of hooks, or in the
// repository.
func settings(cwd string, getenv func(string) (string, bool)) []string {
	name := filepath.Join("hooks", "etch.json")
	return hook.SettingsIn("COPILOT_HOME", ".copilot", ".github", name)(cwd, getenv)
}

// splitTool returns the MCP server and the tool of a name: server/tool where
// permission is asked for, elsewhere server-tool, in which the server may not
// have the sign. Its own tools have no such sign.
func splitTool(name string) (server, tool string) {
	for _, sign := range [...]string{"/", "-"} {
		if server, tool, ok := strings.Cut(name, sign); ok && server != "" && tool != "" {
			return server, tool
		}
	}
	return "", name
}

// end reads what the shared shape does not tell: the type of a result, a
// command's exit code from the last line of its text, and why a call could not run.
func end(m *hook.Message) {
	c := &m.Call
	result, _ := m.Body.Object("toolResult", "tool_result")
	switch result.Text("resultType", "result_type") {
	case "failure", "error":
		c.Fail(result.Text("error", "textResultForLlm", "text_result_for_llm"))
	case "denied", "rejected":
		c.Outcome = etch.Blocked
		c.Denial = hook.Denial{By: hook.ByUnknown, Reason: result.Text("textResultForLlm", "text_result_for_llm")}
	case "timeout":
		c.Fail("")
		c.Outcome = etch.Timeout
	}
	text := strings.TrimRight(result.Text("textResultForLlm", "text_result_for_llm"), "\n")
	line := text[strings.LastIndexByte(text, '\n')+1:]
	if _, rest, ok := strings.Cut(line, " completed with "); ok && strings.HasPrefix(line, "<") {
		c.ExitLine(rest, "exit code ", ">")
	}
	switch {
	case strings.HasPrefix(c.Error, "Tool '") && strings.Contains(c.Error, "does not exist"):
		c.End = hook.EndUnknownTool
	case m.Kind == hook.FailureEvent && invalidInput(c.Error):
		c.End = hook.EndInvalid
	}
}

// invalidInput reports whether an error is that of the check of a tool's input,
// which names a member in quotes.
func invalidInput(message string) bool {
	name, fault, ok := strings.Cut(message, `": `)
	return ok && strings.HasPrefix(name, `"`) && (strings.HasPrefix(fault, "Required") || strings.HasPrefix(fault, "Invalid") ||
		strings.HasPrefix(fault, "Expected") || strings.HasPrefix(fault, "Unrecognized"))
}

// unended says how a call ended of which the hooks told no end, by the session's events
// where they are written already. Only calls that run have an end, and what is asked
// about was not refused by a hook.
func unended(m *hook.Message, c *hook.Call, asked bool) {
	switch {
	case consult(m, c):
	case m.Kind == hook.EndEvent:
		c.End = hook.EndSessionEnded
	case m.Kind == hook.PromptEvent:
		c.End = hook.EndInterrupted
	case asked:
		c.Outcome, c.Denial = etch.Blocked, hook.Denial{By: hook.ByUnknown}
	default:
		c.Outcome, c.Denial = etch.Blocked, hook.Denial{By: hook.ByHook}
	}
}

// answers: a hook is asked about calls alone. Exit code 2 refuses, whatever else
// is said; why is read from standard output, and the model is told it. A prompt goes on
// whatever its hooks say.
func answers(_ string, kind hook.Kind) (hook.Answer, func(string) hook.Answer) {
	if kind != hook.AttemptEvent {
		return hook.Answer{}, nil
	}
	return hook.Answer{}, func(reason string) hook.Answer {
		answer := hook.Exit2(reason)
		answer.Stdout = append(hook.Object("permissionDecision", "deny", "permissionDecisionReason", reason), '\n')
		return answer
	}
}
