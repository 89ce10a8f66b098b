// Package opencode knows what is special of OpenCode, whose hooks are functions
// of a plugin: what they are given comes as {"hook", "input", "output"}.
//
// tool.execute.after does not come for a tool that threw; the event of the
// message's part does, and is taken for the call's end.
package opencode

import (
	"path/filepath"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

var agent = hook.Agent{
	Name:     "opencode",
	Adapt:    adapt,
	End:      end,
	Unended:  unended,
	Settings: settings,
}

// Agent returns what is special of OpenCode. All callers share it.
func Agent() *hook.Agent { return &agent }

func adapt(m *hook.Message) {
	if name := m.Body.Text("hook"); name != "" {
		m.Rename(name)
	}
	in, _ := m.Body.Object("input")
	out, _ := m.Body.Object("output")
	c := &m.Call
	if id := in.Text("sessionID"); id != "" {
		c.Session = id
	}
	if m.Name == "event" {
		busEvent(m, in)
		return
	}
	if in.Len() > 0 {
		c.ID, c.Tool, c.Input = in.Text("callID"), in.Text("tool"), in.Get("args")
		if c.Input == nil {
			c.Input = out.Get("args")
		}
	}
	if m.Kind == hook.PromptEvent {
		m.Prompt = promptOf(out)
		message, _ := out.Object("message")
		model, _ := message.Object("model")
		c.Model, c.Turn = model.Text("modelID"), message.Text("id")
	}
	server(c)
}

// settings: the plugin, of the user or of the project.
func settings(cwd string, getenv func(string) (string, bool)) []string {
	name := filepath.Join("plugins", "etch.js")
	if dir, ok := getenv("XDG_CONFIG_HOME"); ok && filepath.IsAbs(dir) {
		if own, ok := getenv("OPENCODE_CONFIG_DIR"); !ok || !filepath.IsAbs(own) {
			return []string{filepath.Join(dir, "opencode", name), filepath.Join(cwd, ".opencode", name)}
		}
	}
	return hook.SettingsIn("OPENCODE_CONFIG_DIR", filepath.Join(".config", "opencode"), ".opencode", name)(cwd, getenv)
}

// server reads the MCP server from a tool's name, server_tool. OpenCode's own
// tools have no such sign, but for a few.
func server(c *hook.Call) {
	switch c.Tool {
	case "apply_patch", "plan_enter", "plan_exit", "todo_write":
		return
	}
	if name, tool, ok := strings.Cut(c.Tool, "_"); ok && name != "" && tool != "" && c.Server == "" {
		c.Server, c.Tool = name, tool
	}
}

func promptOf(out hook.Payload) string {
	var b strings.Builder
	for _, raw := range hook.Elements(out.Get("parts")) {
		if part, ok := hook.ParsePayload(raw); ok && part.Text("type") == "text" {
			b.WriteString(part.Text("text"))
		}
	}
	return b.String()
}

// busEvent reads what the bus of OpenCode tells.
func busEvent(m *hook.Message, in hook.Payload) {
	bus, _ := in.Object("event")
	properties, _ := bus.Object("properties")
	c := &m.Call
	if id := properties.Text("sessionID"); id != "" {
		c.Session = id
	}
	m.Rename(bus.Text("type"))
	switch m.Name {
	case "session.created", "session.deleted":
		info, _ := properties.Object("info")
		if id := info.Text("id"); id != "" {
			c.Session = id
		}
		c.ParentSession = info.Text("parentID")
		if c.ParentSession != "" {
			c.AgentID, c.AgentType = c.Session, info.Text("agent")
		}
		if c.Cwd == "" {
			c.Cwd = info.Text("directory")
		}
	case "message.part.updated":
		part(m, properties)
	case "permission.asked", "permission.updated":
		m.Kind = hook.PermissionEvent
		tool, _ := properties.Object("tool")
		c.ID, c.Tool, c.Input = tool.Text("callID"), properties.Text("permission", "type"), properties.Get("metadata")
		if c.ID == "" {
			c.ID = properties.Text("callID")
		}
	default:
		if m.Kind == hook.UnknownEvent {
			m.Kind = hook.SilentEvent // the bus tells of everything that is shown
		}
	}
}

// part reads the end of a call from the part of a message that shows it.
func part(m *hook.Message, properties hook.Payload) {
	m.Kind = hook.SilentEvent
	part, _ := properties.Object("part")
	state, _ := part.Object("state")
	if part.Text("type") != "tool" {
		return
	}
	c := &m.Call
	c.ID, c.Tool, c.Input = part.Text("callID"), part.Text("tool"), state.Get("input")
	if id := part.Text("sessionID"); id != "" {
		c.Session = id
	}
	server(c)
	switch state.Text("status") {
	case "error":
		m.Kind = hook.FailureEvent
	case "completed":
		m.Kind = hook.ResultEvent
	}
}

// end reads how a call ended from what the plugin was given.
func end(m *hook.Message) {
	c := &m.Call
	out, ok := m.Body.Object("output")
	if m.Name == "message.part.updated" {
		in, _ := m.Body.Object("input")
		bus, _ := in.Object("event")
		properties, _ := bus.Object("properties")
		part, _ := properties.Object("part")
		out, ok = part.Object("state")
	}
	if !ok {
		return
	}
	if text := out.Get("error"); text != nil {
		failed(c, hook.MessageOf(text))
		return
	}
	if output, ok := hook.Text(out.Get("output")); ok {
		c.Output = hook.OutputOf([]byte(output))
	} else if content := out.Get("content"); content != nil {
		c.Respond(m.Body.Get("output"))
		c.Output = hook.OutputOf(content)
	}
	if c.Tool == "invalid" {
		c.End = hook.EndUnknownTool
		c.Fail(string(c.Output.Text))
	}
	metadata, _ := out.Object("metadata")
	c.Output.Cut = metadata.True("truncated")
	if c.ExitLine(metadata.Text("exit"), "", "") {
		return
	}
}

// failed says why a call failed, by the words of its error.
func failed(c *hook.Call, message string) {
	switch {
	case strings.Contains(message, "specified a rule which prevents"), strings.Contains(message, "rejected permission"):
		c.Ended, c.Outcome = true, etch.Blocked
		c.Denial = hook.Denial{By: hook.ByUser, Reason: message}
		if strings.Contains(message, "rule") {
			c.Denial.By = hook.ByRule
		}
		return
	case strings.Contains(message, "aborted"):
		c.End = hook.EndInterrupted
	case strings.Contains(message, "invalid arguments"):
		c.End = hook.EndInvalid
	}
	c.Fail(message)
}

// unended says how a call ended of which neither its own event nor its part told.
func unended(m *hook.Message, c *hook.Call, _ bool) {
	c.End = hook.EndUnknown
	if m.Kind == hook.EndEvent {
		c.End = hook.EndSessionEnded
	}
}
