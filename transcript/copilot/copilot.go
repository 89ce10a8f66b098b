// Package copilot reads the events of Copilot CLI: one file a session below
// session-state/, those of its sub-agents among them.
package copilot

import (
	"encoding/json"
	"path/filepath"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	hookcopilot "github.com/etch-audit/etch/capture/hook/copilot"
	"github.com/etch-audit/etch/transcript"
)

// Format returns how Copilot CLI writes transcripts.
func Format() *transcript.Format {
	return &transcript.Format{
		Agent: "copilot",
		Roots: func(env transcript.Environment) []string {
			dir := env.Dir("COPILOT_HOME", ".copilot")
			if dir == "" {
				return nil
			}
			return []string{filepath.Join(dir, "session-state")}
		},
		Name:   nameOf,
		New:    newParser,
		Unseen: unseen,
		// Events with capitalized names have Claude Code's words for some tools.
		Tools: map[string]string{"Bash": "bash", "Write": "create", "Read": "view", "Edit": "edit", "Agent": "task", "Glob": "glob", "Grep": "grep", "rg": "grep"},
	}
}

// unseen: seen with 1.0.102. Of all else hooks tell.
func unseen(c *transcript.Call) string {
	ours := strings.HasPrefix(c.Denial.Reason, hookcopilot.BeforeUse+": etch ")
	if c.Denial.By == hook.ByHook && strings.HasPrefix(c.Denial.Reason, hookcopilot.BeforeUse) && !ours {
		return "refused by a hook that Copilot asked before that of etch: it asks no more of them then"
	}
	return ""
}

// nameOf knows SESSION/events.jsonl.
func nameOf(rel string) (transcript.Name, bool) {
	parts := strings.Split(rel, "/")
	if n := len(parts); n >= 2 && parts[n-1] == "events.jsonl" {
		return transcript.Name{Session: parts[n-2]}, true
	}
	return transcript.Name{}, false
}

// A record is one line.
type record struct {
	Type      string          `json:"type"`
	Timestamp string          `json:"timestamp"`
	AgentID   string          `json:"agentId"`
	Data      json.RawMessage `json:"data"`
}

// A data is what a line carries, as far as it tells of calls.
type data struct {
	SessionID  string          `json:"sessionId"`
	Version    string          `json:"copilotVersion"`
	StartTime  string          `json:"startTime"`
	Model      string          `json:"model"`
	ToolCallID string          `json:"toolCallId"`
	ToolName   string          `json:"toolName"`
	Arguments  json.RawMessage `json:"arguments"`
	Server     string          `json:"mcpServerName"`
	MCPTool    string          `json:"mcpToolName"`
	Turn       string          `json:"interactionId"`
	Content    string          `json:"content"`
	Source     string          `json:"source"`
	AgentType  string          `json:"agentType"`
	Success    bool            `json:"success"`
	Context    struct {
		Cwd string `json:"cwd"`
	} `json:"context"`
	Shell struct {
		ExitCode *int64 `json:"exitCode"`
	} `json:"shellExecution"`
	Result struct {
		Content string `json:"content"`
	} `json:"result"`
	Error struct {
		Message string `json:"message"`
		Code    string `json:"code"`
	} `json:"error"`
}

// groups begin the types of lines that say nothing of calls.
var groups = []string{"assistant.", "hook.", "mcp.", "permission.", "session.", "skill.", "subagent.", "system.", "tool.", "user.", "abort"}

// maxAgents is how many sub-agents' types are remembered.
const maxAgents = 10_000

type parser struct {
	file    *transcript.File
	emit    func(transcript.Item)
	open    transcript.Pending
	agents  map[string]string // the types of sub-agents
	session string
	cwd     string
}

func newParser(file *transcript.File, emit func(transcript.Item)) transcript.Parser {
	return &parser{file: file, emit: emit, agents: map[string]string{}, session: file.Session}
}

func (p *parser) give(c *transcript.Call) { p.emit(transcript.Item{Call: c}) }

// Line takes a line.
func (p *parser) Line(line *transcript.Line) bool {
	var r record
	transcript.Decode(line.Bytes, &r)
	switch r.Type {
	case "session.start", "session.resume", "session.shutdown", "user.message", "subagent.started",
		"tool.execution_start", "tool.execution_complete":
		var d data
		transcript.Decode(r.Data, &d)
		p.take(&r, &d, line)
		return true
	}
	for _, group := range groups {
		if strings.HasPrefix(r.Type, group) {
			return true
		}
	}
	return false
}

func (p *parser) take(r *record, d *data, line *transcript.Line) {
	switch r.Type {
	case "session.start", "session.resume":
		p.head(r, d)
	case "session.shutdown":
		p.emit(transcript.Item{Meta: &transcript.Meta{Session: p.session, Ended: true}})
	case "subagent.started":
		if r.AgentID != "" && len(p.agents) < maxAgents {
			p.agents[r.AgentID] = d.AgentType
		}
	case "user.message":
		if d.Source == "" && d.Content != "" { // else an agent's, to its sub-agent
			p.emit(transcript.Item{Prompt: &transcript.Prompt{
				Session: p.session, Turn: d.Turn, Agent: r.AgentID, Time: transcript.Time(r.Timestamp), Text: d.Content,
				Cwd: p.cwd, Clipped: line.Clipped, File: p.file.Path, Line: line.Number,
			}})
		}
	case "tool.execution_start":
		p.begin(r, d, line)
	case "tool.execution_complete":
		if c := p.open.End(d.ToolCallID); c != nil {
			c.Clipped = c.Clipped || line.Clipped
			finish(c, r, d)
			p.give(c)
		}
	}
}

// End hands over what has not ended.
func (p *parser) End() { p.open.Rest(p.give) }

func (p *parser) head(r *record, d *data) {
	if d.SessionID != "" {
		p.session = d.SessionID
	}
	if d.Context.Cwd != "" {
		p.cwd = d.Context.Cwd
	}
	p.emit(transcript.Item{Meta: &transcript.Meta{
		Session: p.session, Cwd: p.cwd, Version: d.Version, Start: transcript.Time(r.Timestamp),
	}})
}

// begin takes the beginning of a call.
func (p *parser) begin(r *record, d *data, line *transcript.Line) {
	c := &transcript.Call{
		Call: hook.Call{
			ID: d.ToolCallID, Session: p.session, Turn: d.Turn, Tool: d.ToolName, Server: d.Server,
			Input: d.Arguments, Cwd: p.cwd, Model: d.Model,
			Start: transcript.Time(r.Timestamp), Source: hook.SourceTranscript,
		},
		File: p.file.Path, Line: line.Number, Clipped: line.Clipped,
	}
	if d.MCPTool != "" {
		c.Tool = d.MCPTool
	}
	if r.AgentID != "" {
		c.AgentID, c.AgentType = r.AgentID, p.agents[r.AgentID]
	}
	p.open.Begin(c, p.give)
}

// finish sets how a call ended.
func finish(c *transcript.Call, r *record, d *data) {
	c.Output = hook.OutputOf([]byte(d.Result.Content + d.Error.Message))
	c.Finish(transcript.Time(r.Timestamp), d.Error.Message, !d.Success)
	if d.Shell.ExitCode != nil {
		c.Exit(etch.Some(*d.Shell.ExitCode))
	}
	message := d.Error.Message
	denial, refused := hookcopilot.Refusal(d.Error.Code, message)
	switch {
	case d.Success:
	case refused:
		c.Refuse(denial.By, denial.Reason)
	case strings.HasPrefix(message, "Tool '") && strings.HasSuffix(message, "' does not exist."):
		c.Cut(hook.EndUnknownTool)
	}
}
