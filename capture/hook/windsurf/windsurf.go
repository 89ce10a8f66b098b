// Package windsurf knows what is special of the hooks of Windsurf (Cascade): one
// event before and one after each kind of call, without ids and without the
// outcome.
package windsurf

import (
	"encoding/json"
	"strings"

	"github.com/etch-audit/etch/capture/hook"
)

var agent = hook.Agent{
	Name:     "windsurf",
	Aliases:  []string{"cascade"},
	Event:    event,
	Adapt:    adapt,
	End:      end,
	Settings: settings,
}

// Agent returns what is special of Windsurf. All callers share it.
func Agent() *hook.Agent { return &agent }

// settings finds the files of Windsurf's settings.
func settings(cwd string, getenv func(string) (string, bool)) []string {
	return hook.SettingsIn("", ".codeium/windsurf", ".windsurf", "hooks.json")(cwd, getenv)
}

func event(name string) (hook.Kind, bool) {
	switch name {
	case "pre_run_command", "pre_read_code", "pre_write_code", "pre_mcp_tool_use":
		return hook.AttemptEvent, true
	case "post_run_command", "post_read_code", "post_write_code", "post_mcp_tool_use":
		return hook.ResultEvent, true
	case "post_setup_worktree":
		return hook.ChangeEvent, true
	}
	return hook.UnknownEvent, false
}

func adapt(m *hook.Message) {
	c := &m.Call
	info, _ := m.Body.Object("tool_info")
	if c.Cwd == "" {
		c.Cwd = info.Text("cwd")
	}
	if c.Model == "" {
		c.Model = m.Body.Text("model_name")
	}
	if m.Kind == hook.PromptEvent {
		m.Prompt = info.Text("user_prompt", "prompt")
	}
	if m.Kind != hook.AttemptEvent && m.Kind != hook.ResultEvent {
		return
	}
	_, tool, _ := strings.Cut(m.Name, "_")
	c.Tool, c.Input = tool, m.Body.Get("tool_info")
	switch tool {
	case "run_command":
		c.Input = hook.Object("command", info.Text("command_line"))
	case "mcp_tool_use":
		c.Server, c.Tool = info.Text("mcp_server_name"), info.Text("mcp_tool_name")
		c.Input = info.Get("mcp_tool_arguments")
	}
}

// end reads what came out of a call: an MCP server's result alone is told.
func end(m *hook.Message) {
	info, _ := m.Body.Object("tool_info")
	var result json.RawMessage
	if result = info.Get("mcp_result", "result", "output"); result != nil {
		m.Call.Respond(result)
	}
}
