// Package qwen reads the chats of Qwen Code: one file a session below
// projects/PROJECT/chats, and one a sub-agent below subagents/SESSION.
package qwen

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"time"

	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/transcript"
)

// Format returns how Qwen Code writes transcripts.
func Format() *transcript.Format {
	return &transcript.Format{
		Agent: "qwen",
		Roots: func(env transcript.Environment) []string {
			for _, name := range []string{"QWEN_RUNTIME_DIR", "QWEN_HOME"} {
				if dir, _ := env.Getenv(name); dir != "" {
					return []string{filepath.Join(dir, "projects")}
				}
			}
			if env.Home == "" {
				return nil
			}
			return []string{filepath.Join(env.Home, ".qwen", "projects")}
		},
		Name:    nameOf,
		New:     newParser,
		Unseen:  func(*transcript.Call) string { return "" }, // each is at least in a PostToolBatch
		CallIDs: true,
	}
}

// nameOf knows PROJECT/chats/SESSION.jsonl and
// PROJECT/subagents/SESSION/agent-ID.jsonl.
func nameOf(rel string) (transcript.Name, bool) {
	parts := strings.Split(rel, "/")
	n := len(parts)
	base, ok := strings.CutSuffix(parts[n-1], ".jsonl")
	switch {
	case !ok:
		return transcript.Name{}, false
	case n >= 2 && parts[n-2] == "chats":
		return transcript.Name{Session: base}, true
	case n >= 3 && parts[n-3] == "subagents" && strings.HasPrefix(base, "agent-"):
		return transcript.Name{Session: parts[n-2], Agent: strings.TrimPrefix(base, "agent-")}, true
	}
	return transcript.Name{}, false
}

// A record is one line, as far as it tells of calls.
type record struct {
	Type       string `json:"type"`
	Subtype    string `json:"subtype"`
	SessionID  string `json:"sessionId"`
	Timestamp  string `json:"timestamp"`
	Provenance string `json:"provenance"`
	Cwd        string `json:"cwd"`
	Version    string `json:"version"`
	Model      string `json:"model"`
	AgentID    string `json:"agentId"`
	AgentName  string `json:"agentName"`
	Message    struct {
		Parts []part `json:"parts"`
	} `json:"message"`
	Result        result `json:"toolCallResult"`
	SystemPayload struct {
		UIEvent uiEvent `json:"uiEvent"`
	} `json:"systemPayload"`
}

type part struct {
	Text         string `json:"text"`
	FunctionCall *struct {
		ID   string          `json:"id"`
		Name string          `json:"name"`
		Args json.RawMessage `json:"args"`
	} `json:"functionCall"`
	FunctionResponse *struct {
		ID       string `json:"id"`
		Response struct {
			Output json.RawMessage `json:"output"`
			Error  json.RawMessage `json:"error"`
		} `json:"response"`
	} `json:"functionResponse"`
}

// A uiEvent tells of a call before its result does, and of more.
type uiEvent struct {
	Name       string `json:"event.name"`
	CallID     string `json:"call_id"`
	DurationMS int64  `json:"duration_ms"`
	PromptID   string `json:"prompt_id"`
	MCPServer  string `json:"mcp_server_name"`
}

type parser struct {
	file    *transcript.File
	emit    func(transcript.Item)
	open    transcript.Pending
	session string
}

func newParser(file *transcript.File, emit func(transcript.Item)) transcript.Parser {
	return &parser{file: file, emit: emit}
}

func (p *parser) give(c *transcript.Call) { p.emit(transcript.Item{Call: c}) }

// Line takes a line.
func (p *parser) Line(line *transcript.Line) bool {
	var r record
	transcript.Decode(line.Bytes, &r)
	if p.session == "" && r.SessionID != "" {
		p.session = r.SessionID
		p.emit(transcript.Item{Meta: &transcript.Meta{
			Session: r.SessionID, Agent: r.AgentID, Cwd: r.Cwd, Version: r.Version, Start: transcript.Time(r.Timestamp),
		}})
	}
	switch r.Type {
	case "assistant":
		p.assistant(&r, line)
	case "tool_result":
		p.results(&r, line)
	case "user":
		p.user(&r, line)
	case "system":
		p.system(&r.SystemPayload.UIEvent)
	default:
		return false
	}
	return true
}

// End hands over what has not ended.
func (p *parser) End() { p.open.Rest(p.give) }

func (p *parser) assistant(r *record, line *transcript.Line) {
	for _, part := range r.Message.Parts {
		f := part.FunctionCall
		if f == nil || f.ID == "" {
			continue
		}
		server, tool := hook.SplitMCP(f.Name)
		p.open.Begin(&transcript.Call{
			Call: hook.Call{
				ID: f.ID, Session: r.SessionID, AgentID: r.AgentID, AgentType: r.AgentName,
				Tool: tool, Server: server, Input: f.Args, Cwd: r.Cwd, Model: r.Model,
				Start: transcript.Time(r.Timestamp), Source: hook.SourceTranscript,
			},
			File: p.file.Path, Line: line.Number, Clipped: line.Clipped,
		}, p.give)
	}
}

// system takes what is told of a call beside its result.
func (p *parser) system(e *uiEvent) {
	c := p.open.Get(e.CallID)
	if c == nil || !strings.HasSuffix(e.Name, ".tool_call") {
		return
	}
	if e.DurationMS > 0 {
		c.Duration = time.Duration(min(e.DurationMS, maxDuration.Milliseconds())) * time.Millisecond
	}
	if e.MCPServer != "" {
		c.Server = e.MCPServer
	}
	c.Turn = e.PromptID
}

func (p *parser) results(r *record, line *transcript.Line) {
	for _, part := range r.Message.Parts {
		f := part.FunctionResponse
		if f == nil {
			continue
		}
		c := p.open.End(f.ID)
		if c == nil {
			continue
		}
		c.Clipped = c.Clipped || line.Clipped
		finish(c, r, transcript.Text(f.Response.Output), transcript.Text(f.Response.Error))
		p.give(c)
	}
}

func (p *parser) user(r *record, line *transcript.Line) {
	if r.Subtype != "" || r.Provenance != "" && r.Provenance != "real_user" {
		return // a notification, in a person's place
	}
	var text strings.Builder
	for _, part := range r.Message.Parts {
		text.WriteString(part.Text)
	}
	if text.Len() > 0 {
		p.emit(transcript.Item{Prompt: &transcript.Prompt{
			Session: r.SessionID, Agent: r.AgentID, Time: transcript.Time(r.Timestamp), Text: text.String(),
			Cwd: r.Cwd, Clipped: line.Clipped, File: p.file.Path, Line: line.Number,
		}})
	}
}
