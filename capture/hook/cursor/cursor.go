// Package cursor knows what is special of the hooks of Cursor.
//
// A shell command fires its own events beside those of the tool: they are
// recorded only in sessions that tell of no tools.
package cursor

import (
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

var agent = hook.Agent{
	Name:     "cursor",
	Aliases:  []string{"cursor-agent"},
	Event:    event,
	Adapt:    adapt,
	End:      end,
	Answers:  answers,
	Settings: settings,
}

// Agent returns what is special of Cursor. All callers share it.
func Agent() *hook.Agent { return &agent }

// settings finds the files of Cursor's settings.
func settings(cwd string, getenv func(string) (string, bool)) []string {
	return hook.SettingsIn("", ".cursor", ".cursor", "hooks.json")(cwd, getenv)
}

func event(name string) (hook.Kind, bool) {
	switch name {
	case "beforeShellExecution", "beforeMCPExecution", "beforeReadFile":
		return hook.AttemptEvent, true
	case "afterShellExecution", "afterMCPExecution", "afterFileEdit":
		return hook.ResultEvent, true
	case "beforeTabFileRead", "afterTabFileEdit", "workspaceOpen":
		return hook.SilentEvent, true
	}
	return hook.UnknownEvent, false
}

func adapt(m *hook.Message) {
	c, b := &m.Call, m.Body
	switch m.Name {
	case "beforeShellExecution", "afterShellExecution":
		m.Echo = true
		c.Tool, c.Input = "Shell", hook.Object("command", b.Text("command"))
	case "beforeMCPExecution", "afterMCPExecution":
		m.Echo = true
		c.Server = b.Text("server_name", "server")
		if c.Server == "" {
			c.Server = "unknown" // the event names a tool, and an address at most
		}
	case "beforeReadFile":
		m.Echo = true
		c.Tool, c.Input = "Read", hook.Object("file_path", b.Text("file_path"))
	case "afterFileEdit":
		m.Echo = true
		c.Tool, c.Input = "Write", hook.Object("file_path", b.Text("file_path"))
	}
	if tool, ok := strings.CutPrefix(c.Tool, "MCP:"); ok {
		c.Tool = tool
		if c.Server = b.Text("server_name", "server"); c.Server == "" {
			c.Server = "unknown"
		}
	}
}

func end(m *hook.Message) {
	c := &m.Call
	switch m.Body.Text("failure_type") {
	case "timeout":
		c.Outcome = etch.Timeout
	case "permission_denied", "rejected", "denied":
		c.Outcome = etch.Blocked
		c.Denial = hook.Denial{By: hook.ByUnknown, Reason: c.Error}
	}
	if text, ok := hook.Text(m.Body.Get("output")); ok && m.Name == "afterShellExecution" {
		c.Output = hook.OutputOf([]byte(text))
	}
}

// answers: JSON is expected from every hook.
func answers(event string, kind hook.Kind) (hook.Answer, func(string) hook.Answer) {
	_, deny := hook.SharedAnswers(event, kind)
	return hook.Say("{}"), deny
}
