package codex

import (
	"encoding/json"
	"strings"

	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/transcript"
)

// webSearch is the tool that a search by the model's provider is shown as.
const webSearch = "web_search"

// A responseItem is what the model and Codex said to each other.
type responseItem struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Namespace string          `json:"namespace"`
	Arguments json.RawMessage `json:"arguments"` // a string that holds JSON
	Input     string          `json:"input"`
	CallID    string          `json:"call_id"`
	Action    json.RawMessage `json:"action"`
	Output    json.RawMessage `json:"output"`
	About     struct {
		TurnID string `json:"turn_id"`
	} `json:"internal_chat_message_metadata_passthrough"`
}

// quiet reports whether items of a type say nothing of calls.
func quiet(kind string) bool {
	switch kind {
	case "message", "reasoning", "compaction", "ghost_snapshot", "compaction_summary", "image_generation_call",
		"tool_search_call", "tool_search_output", "agent_message":
		return true
	}
	return false
}

func (p *parser) item(l *line, from *transcript.Line) bool {
	var item responseItem
	transcript.Decode(l.Payload, &item)
	switch item.Type {
	case "function_call", "custom_tool_call", "local_shell_call", "web_search_call":
		p.begin(l, from, &item)
	case "function_call_output", "custom_tool_call_output", "local_shell_call_output":
		if c := p.open.Get(item.CallID); c != nil {
			c.Clipped = c.Clipped || from.Clipped
			p.answer(c, l, item.Output)
		}
	default:
		return quiet(item.Type)
	}
	return true
}

func (p *parser) begin(l *line, from *transcript.Line, item *responseItem) {
	id := item.CallID
	if id == "" && item.Type == "web_search_call" {
		id = item.ID
	}
	c := p.call(l, from, id, item.About.TurnID)
	switch item.Type {
	case "custom_tool_call":
		// As hooks have it: the free text is the command.
		c.Tool, c.Input = item.Name, hook.Object("command", item.Input)
	case "local_shell_call":
		c.Tool, c.Input = "local_shell", item.Action
		shell(c)
	case "web_search_call":
		c.Tool, c.Input = webSearch, item.Action
		c.Finish(c.Start, "", false)
		if p.open.Begin(c, p.give) {
			p.give(p.open.End(c.ID))
		}
		return
	default:
		c.Tool, c.Server = toolOf(item.Namespace, item.Name)
		c.Input = argumentsOf(item.Arguments)
		shell(c)
	}
	if p.open.Begin(c, p.give) {
		p.states[c.ID] = &state{}
	}
}

// toolOf returns the name by which hooks know a tool, and its MCP server.
func toolOf(namespace, name string) (tool, server string) {
	if server, ok := strings.CutPrefix(namespace, "mcp__"); ok {
		return name, server
	}
	if server, tool := hook.SplitMCP(name); server != "" {
		return tool, server
	}
	if name == "spawn_agent" {
		return name, "" // the one that hooks name without its namespace
	}
	return namespace + name, ""
}

// argumentsOf returns the arguments that stand in a string.
func argumentsOf(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || raw[0] != '"' {
		return raw
	}
	var text string
	transcript.Decode(raw, &text)
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return raw
}

// shell makes of a call of a tool that runs commands what hooks make of it:
// "Bash", with the command alone. One without a command is left as it is.
func shell(c *transcript.Call) {
	switch c.Tool {
	case "exec_command", "shell", "shell_command", "local_shell", "container.exec", "unified_exec":
	default:
		return
	}
	var in struct {
		Cmd     json.RawMessage `json:"cmd"`
		Command json.RawMessage `json:"command"`
		Workdir string          `json:"workdir"`
	}
	transcript.Decode(c.Input, &in)
	if len(in.Cmd) == 0 {
		in.Cmd = in.Command
	}
	command, ok := commandOf(in.Cmd)
	if !ok {
		return
	}
	c.Tool, c.Input = "Bash", hook.Object("command", command)
	if in.Workdir != "" {
		c.Cwd = in.Workdir
	}
}

// commandOf returns a command that is given as text or as an argument vector.
func commandOf(raw json.RawMessage) (string, bool) {
	var text string
	if len(raw) > 0 && raw[0] == '"' {
		transcript.Decode(raw, &text)
		return text, true
	}
	var argv []string
	transcript.Decode(raw, &argv)
	if len(argv) == 3 && (argv[1] == "-lc" || argv[1] == "-c") {
		return argv[2], true
	}
	return strings.Join(argv, " "), len(argv) > 0
}
