// Package gemini knows what is special of the hooks of Gemini CLI.
//
// It gives calls no ids and may change their input before they run. A command
// that fails is a success to it: its exit code stands in the text for the model.
// A call that was refused has a BeforeTool and nothing else.
package gemini

import (
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

var agent = hook.Agent{
	Name:     "gemini",
	Aliases:  []string{"gemini-cli"},
	Event:    event,
	Adapt:    adapt,
	End:      end,
	Unended:  unended,
	Answers:  answers,
	Settings: settings,
	Comments: true,
}

// Agent returns what is special of Gemini CLI. All callers share it.
func Agent() *hook.Agent { return &agent }

// settings finds the files of Gemini's settings.
func settings(cwd string, getenv func(string) (string, bool)) []string {
	return hook.WithVariables(".gemini", hook.SettingsIn("", ".gemini", ".gemini", "settings.json"))(cwd, getenv)
}

func event(name string) (hook.Kind, bool) {
	// Its Notification may ask for permission: adapt looks.
	return hook.SilentEvent, name == "Notification"
}

func adapt(m *hook.Message) {
	c := &m.Call
	if m.Name == "Notification" && m.Body.Text("notification_type") == "ToolPermission" {
		m.Kind = hook.PermissionEvent
		asked(m)
	}
	if c.Server == "" {
		// mcp_<server>_<tool>: where the server's name has a "_", the payload's
		// mcp_context tells better, and was read before.
		if rest, ok := strings.CutPrefix(c.Tool, "mcp_"); ok {
			if server, tool, ok := strings.Cut(rest, "_"); ok && server != "" && tool != "" {
				c.Server, c.Tool = server, tool
			}
		}
	}
}

// asked reads of which call a question for permission is: it names no tool.
func asked(m *hook.Message) {
	details, _ := m.Body.Object("details")
	switch details.Text("type") {
	case "exec":
		m.Call.Tool, m.Call.Input = "run_shell_command", hook.Object("command", details.Text("command"))
	case "edit":
		m.Call.Tool, m.Call.Input = "write_file", hook.Object("file_path", details.Text("filePath"))
	case "mcp":
		m.Call.Tool, m.Call.Server = details.Text("toolName"), details.Text("serverName")
	default:
		m.Call.Tool = details.Text("toolName", "type")
	}
}

// end reads the exit code of a command from the text for the model. A line of
// the command's own output is none: it is part of what was shown to the person.
func end(m *hook.Message) {
	c := &m.Call
	if c.Tool != "run_shell_command" || c.Error != "" {
		return
	}
	text := string(c.Output.Text)
	if c.ShellCutOff(text) {
		return
	}
	c.ShellTrailer(text)
	if code, ok := c.ExitCode.Get(); ok && code != 0 {
		response, _ := m.Body.Object("tool_response")
		shown := strings.TrimSpace(response.Text("returnDisplay"))
		if at := strings.LastIndexByte(shown, '\n') + 1; strings.HasPrefix(shown[at:], "Exit Code:") && !trailsTwice(text, shown) {
			c.ExitCode = etch.Optional[int64]{}
			c.Outcome, c.Error = etch.Success, ""
		}
	}
}

// trailsTwice reports whether a line "Exit Code:" follows below the output that was shown.
func trailsTwice(text, shown string) bool {
	at := strings.LastIndex(text, shown)
	return at >= 0 && strings.Contains(text[at+len(shown):], "\nExit Code:")
}

// unended says how a call ended of which the hooks told no end, by the chat where that
// is written already. Only calls that run have an end, so that by the end of the turn
// it was refused; a person's refusal ends the turn, without a word to the hooks.
func unended(m *hook.Message, c *hook.Call, asked bool) {
	switch {
	case consult(m, c):
	case m.Kind == hook.EndEvent:
		c.End = hook.EndSessionEnded
	case asked:
		c.Outcome, c.Denial = etch.Blocked, hook.Denial{By: hook.ByUser}
	case m.Kind == hook.PromptEvent:
		c.End = hook.EndInterrupted
	default:
		c.Outcome, c.Denial = etch.Blocked, hook.Denial{By: hook.ByUnknown}
	}
}

// answers: JSON is expected, and "ask" makes it wait for ever where nobody is.
func answers(_ string, kind hook.Kind) (hook.Answer, func(string) hook.Answer) {
	switch kind {
	case hook.AttemptEvent:
		return hook.Say("{}"), func(reason string) hook.Answer {
			return hook.Say(`{"decision":"deny","reason":` + hook.Quote(reason) + `}`)
		}
	case hook.PromptEvent:
		return hook.Say("{}"), hook.Exit2
	}
	return hook.Say("{}"), nil
}
