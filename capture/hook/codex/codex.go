// Package codex knows what is special of the hooks of OpenAI's Codex CLI.
//
// Its PostToolUse has neither an exit code nor a word of failure, and does not
// come for a call that was refused, a patch that did not apply and an MCP call
// that failed. Of those the session's rollout tells: the exit code stands there
// before PostToolUse comes, the rest when a turn is over. It is looked at and not
// required. A command that yields early ends after the
// turn, under the id of its call, so that the end of a turn is not its end.
package codex

import (
	"strings"

	"github.com/etch-audit/etch/capture/hook"
)

var agent = hook.Agent{
	Name:     "codex",
	Aliases:  []string{"codex-cli"},
	Adapt:    adapt,
	End:      end,
	Outlives: outlives,
	Unended:  unended,
	Settings: settings,
}

// Agent returns what is special of Codex. All callers share it.
func Agent() *hook.Agent { return &agent }

// settings finds the files of Codex's settings.
func settings(cwd string, getenv func(string) (string, bool)) []string {
	return hook.SettingsIn("CODEX_HOME", ".codex", ".codex", "hooks.json", "config.toml")(cwd, getenv)
}

func adapt(m *hook.Message) {
	if m.Kind == hook.PromptEvent && m.Call.AgentID != "" {
		m.NoPerson = true // the agent that started this one said it
	}
}

// end reads what apply_patch says before its output, and of a command what the
// rollout says.
func end(m *hook.Message) {
	c := &m.Call
	switch {
	case c.Tool == "apply_patch":
		line, _, _ := strings.Cut(string(c.Output.Text), "\n")
		c.ExitLine(line, "Exit code:", "")
	case outlives(c.Tool):
		exited(m, c)
	}
}

// outlives reports whether a call of the tool may still run when the turn is over.
func outlives(tool string) bool { return tool == "Bash" || tool == "shell" }

// unended says how a call ended of which the hooks told no end.
func unended(m *hook.Message, c *hook.Call, _ bool) {
	if consult(m, c) {
		return
	}
	if m.Kind == hook.EndEvent {
		c.End = hook.EndSessionEnded
		return
	}
	c.End = hook.EndUnknown
}
