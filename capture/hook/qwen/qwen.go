// Package qwen knows what is special of the hooks of Qwen Code, which has the
// events of Claude Code and the results of Gemini CLI.
//
// A call has two ids: tool_use_id is the hooks' own until PostToolBatch, where
// it is the model's; tool_call_id is the model's everywhere.
package qwen

import (
	"path/filepath"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/internal/hookenv"
)

var agent = hook.Agent{
	Name:     "qwen",
	Aliases:  []string{"qwen-code"},
	Adapt:    adapt,
	End:      end,
	Unended:  unended,
	Settings: settings,
	Comments: true,
}

// Agent returns what is special of Qwen Code. All callers share it.
func Agent() *hook.Agent { return &agent }

// settings finds the files of Qwen's settings.
func settings(cwd string, getenv func(string) (string, bool)) []string {
	files := hook.WithVariables(".qwen", hook.SettingsIn("QWEN_HOME", ".qwen", ".qwen", "settings.json"))(cwd, getenv)
	if home, ok := getenv(hookenv.Home); ok && filepath.IsAbs(home) {
		files = append(files, hookenv.OwnFiles(home, filepath.Dir(files[0]))...)
	}
	return files
}

func adapt(m *hook.Message) {
	if id := m.Body.Text("tool_call_id"); id != "" {
		m.Call.ID = id
	}
	switch m.Kind {
	case hook.PromptEvent:
		// After every result the model is prompted with nothing.
		m.NoPerson = m.Prompt == "" && m.Body.Get("submitted_prompt") == nil || m.Call.AgentID != ""
	case hook.BatchEvent:
		m.Entries(m.Body.Get("tool_calls"), func(entry hook.Payload) { batched(&m.Call, entry) })
	}
}

// end reads the exit code of a command from the text for the model, or of the error.
func end(m *hook.Message) {
	if m.Call.Tool == "run_shell_command" && m.Call.End == "" {
		shell(&m.Call)
	}
}

func shell(c *hook.Call) {
	text := c.Error
	if text == "" {
		text = string(c.Output.Text)
	}
	if c.ShellCutOff(text) {
		return
	}
	before := c.Error
	c.ShellTrailer(text)
	if code, ok := c.ExitCode.Get(); ok && code != 0 && strings.HasPrefix(before, "Command: ") {
		c.Error = "" // the whole of what came out, for the exit code to say shorter
		c.SayExit()
	}
}

// batched reads from an entry of a batch how its call ended.
func batched(c *hook.Call, entry hook.Payload) {
	if id := entry.Text("tool_call_id"); id != "" {
		c.ID = id
	}
	response, _ := entry.Object("tool_response")
	text := response.Text("error")
	switch kind := response.Text("error_type"); {
	case kind == "tool_not_registered":
		c.End = hook.EndUnknownTool
		c.Fail(text)
	case kind == "invalid_tool_params":
		c.End = hook.EndInvalid
		c.Fail(text)
	case kind == "execution_denied" || kind == "permission_denied":
		c.Ended, c.Outcome = true, etch.Blocked
		c.Denial = hook.Denial{By: deniedBy(text), Reason: text}
	case entry.Text("status") == "cancelled" || response.Text("execution_status") == "cancelled":
		c.End = hook.EndInterrupted
		c.Fail(text)
	case entry.Text("status") == "error" || text != "":
		c.Fail(text)
		if c.Tool == "run_shell_command" {
			shell(c)
		}
	case entry.Text("status") == "success":
		c.Ended, c.Outcome = true, etch.Success
		if shown := response.Get("result_display"); shown != nil {
			c.Respond(shown)
		}
	}
}

// deniedBy returns who refused, by the words for the model.
func deniedBy(text string) string {
	switch {
	case strings.Contains(text, "requires permission") && strings.Contains(text, "rule"):
		return hook.ByRule
	case strings.Contains(text, "requires permission"), strings.Contains(text, "non-interactive"), strings.Contains(text, "plan mode"):
		return hook.ByMode
	case strings.Contains(text, "cancelled by user"), strings.Contains(text, "user "):
		return hook.ByUser
	}
	return hook.ByHook
}

// unended says how a call ended of which the hooks told no end.
func unended(m *hook.Message, c *hook.Call, _ bool) {
	switch m.Kind {
	case hook.PromptEvent:
		c.End = hook.EndInterrupted
	case hook.EndEvent:
		c.End = hook.EndSessionEnded
	default:
		c.End = hook.EndUnknown
	}
}
