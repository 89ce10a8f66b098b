// Package claudecode reads the transcripts of Claude Code: one file a session
// below projects/, and one a sub-agent in the session's own directory.
package claudecode

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/internal/later"
	"github.com/etch-audit/etch/transcript"
)

// Format returns how Claude Code writes transcripts.
func Format() *transcript.Format {
	return &transcript.Format{
		Agent: "claude-code",
		Roots: func(env transcript.Environment) []string {
			if dir := env.Dir("CLAUDE_CONFIG_DIR", ".claude"); dir != "" {
				return []string{filepath.Join(dir, "projects")}
			}
			return nil
		},
		Name:    nameOf,
		New:     newParser,
		Unseen:  unseen,
		CallIDs: true,
	}
}

// nameOf knows PROJECT/SESSION.jsonl, PROJECT/SESSION/subagents/agent-ID.jsonl
// at any depth below that, and PROJECT/agent-ID.jsonl of older versions, in which only the
// content tells of which session the sub-agent is.
func nameOf(rel string) (transcript.Name, bool) {
	parts := strings.Split(rel, "/")
	base, ok := strings.CutSuffix(parts[len(parts)-1], ".jsonl")
	switch {
	case !ok || len(parts) < 2:
		return transcript.Name{}, false
	case len(parts) == 2 && strings.HasPrefix(base, "agent-"):
		return transcript.Name{Agent: strings.TrimPrefix(base, "agent-")}, true
	case len(parts) == 2:
		return transcript.Name{Session: base}, true
	case len(parts) >= 4 && parts[2] == "subagents" && strings.HasPrefix(base, "agent-"):
		return transcript.Name{Session: parts[1], Agent: strings.TrimPrefix(base, "agent-")}, true
	}
	return transcript.Name{}, false
}

// unseen: every other call is at least in a PostToolBatch.
func unseen(c *transcript.Call) string {
	if c.Typed {
		return "typed by a person with \"!\": Claude Code runs no hook for it"
	}
	return ""
}

// A record is one line, as far as it tells of calls.
type record struct {
	Type             string          `json:"type"`
	UUID             string          `json:"uuid"`
	SessionID        string          `json:"sessionId"`
	RequestSessionID string          `json:"requestSessionId"` // in copies: the session that asked the model
	AgentID          string          `json:"agentId"`
	AgentType        string          `json:"attributionAgent"`
	Timestamp        string          `json:"timestamp"`
	Cwd              string          `json:"cwd"`
	Version          string          `json:"version"`
	PromptID         string          `json:"promptId"`
	PermissionMode   string          `json:"permissionMode"`
	TurnOrigin       string          `json:"turnOrigin"`
	IsMeta           bool            `json:"isMeta"`
	IsCompactSummary bool            `json:"isCompactSummary"`
	Message          message         `json:"message"`
	ToolUseResult    json.RawMessage `json:"toolUseResult"`
	DenialKind       string          `json:"toolDenialKind"`
	DeniedBeforeRun  bool            `json:"toolDenialBeforeRun"`
	Decision         *decision       `json:"permissionDecision"`
	Snapshot         struct {
		Timestamp string `json:"timestamp"`
	} `json:"snapshot"`
}

type message struct {
	Model   string          `json:"model"`
	Content json.RawMessage `json:"content"`
}

// A decision is what Claude Code says of a call's permission.
type decision struct {
	Decision   string `json:"decision"`
	Source     string `json:"source"`
	ReasonType string `json:"reasonType"`
	ReasonCode string `json:"reasonCode"`
}

// A block is a part of a message.
type block struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Input     json.RawMessage `json:"input"`
	Text      string          `json:"text"`
	ToolUseID string          `json:"tool_use_id"`
	Content   json.RawMessage `json:"content"`
	IsError   bool            `json:"is_error"`
}

// known reports whether lines of a type say nothing of calls.
func known(kind string) bool {
	switch kind {
	case "agent-name", "ai-title", "api-request", "api-request-blob", "api-request-shape", "atis-latch", "attachment",
		"cost-state", "custom-title", "file-history-snapshot", "last-prompt", "mode", "permission-mode", "pr-link",
		"progress", "queue-operation", "summary", "system", "tag", "tools-used", "worktree-state":
		return true
	}
	return false
}

type parser struct {
	file *transcript.File
	emit func(transcript.Item)
	open transcript.Pending

	session string
	mode    string
	turn    string    // of the last thing a person said: what the model does then names none
	begun   time.Time // when the file was begun, where its head tells
	records bool      // a message was read
	typed   *transcript.Call
}

func newParser(file *transcript.File, emit func(transcript.Item)) transcript.Parser {
	return &parser{file: file, emit: emit}
}

func (p *parser) give(c *transcript.Call) { p.emit(transcript.Item{Call: c}) }

// Line takes a line.
func (p *parser) Line(line *transcript.Line) bool {
	var r record
	transcript.Decode(line.Bytes, &r)
	p.about(&r)
	switch r.Type {
	case "assistant":
		p.records = true
		p.assistant(&r, line)
	case "user":
		p.records = true
		if r.PromptID != "" {
			p.turn = r.PromptID
		}
		p.user(&r, line)
	default:
		return known(r.Type)
	}
	return true
}

// End hands over what has not ended.
func (p *parser) End() {
	p.endTyped()
	p.open.Rest(p.give)
}

// about takes what any line may tell of the session.
func (p *parser) about(r *record) {
	if r.PermissionMode != "" {
		p.mode = r.PermissionMode
	}
	if !p.records && p.begun.IsZero() {
		switch r.Type {
		case "queue-operation":
			p.begun = transcript.Time(r.Timestamp)
		case "file-history-snapshot":
			p.begun = transcript.Time(r.Snapshot.Timestamp)
		}
	}
	if r.SessionID == "" || r.Cwd == "" || p.session != "" {
		return
	}
	p.session = r.SessionID
	p.emit(transcript.Item{Meta: &transcript.Meta{
		Session: r.SessionID, Agent: r.AgentID, Cwd: r.Cwd, Version: r.Version, Start: transcript.Time(r.Timestamp),
	}})
}

// call returns a call that begins in a record.
func (p *parser) call(r *record, line *transcript.Line) *transcript.Call {
	return &transcript.Call{
		Call: hook.Call{
			Session: r.SessionID, Turn: p.turn, AgentID: r.AgentID, AgentType: r.AgentType,
			Cwd: r.Cwd, Model: r.Message.Model, Mode: p.mode,
			Start: transcript.Time(r.Timestamp), Source: hook.SourceTranscript,
		},
		File: p.file.Path, Line: line.Number, Clipped: line.Clipped, Mark: r.UUID,
	}
}

func (p *parser) assistant(r *record, line *transcript.Line) {
	var blocks []block
	transcript.Decode(r.Message.Content, &blocks)
	for i := range blocks {
		b := &blocks[i]
		if b.Type != "tool_use" && b.Type != "server_tool_use" && b.Type != "mcp_tool_use" || b.ID == "" {
			continue
		}
		c := p.call(r, line)
		c.ID, c.Input = b.ID, b.Input
		c.Server, c.Tool = hook.SplitMCP(b.Name)
		c.Copied, c.Of = copied(r)
		c.Older = p.older(c.Start)
		p.open.Begin(c, p.give)
	}
}

// copied says whether a record was copied when the session was forked, and of
// which one it is: newer versions name the session that asked the model.
func copied(r *record) (bool, string) {
	if r.RequestSessionID != "" && r.RequestSessionID != r.SessionID {
		return true, r.RequestSessionID
	}
	return false, ""
}

// older reports whether a time is before the file's own first line. A copy keeps its time.
func (p *parser) older(at time.Time) bool {
	return !p.begun.IsZero() && !at.IsZero() && at.Before(p.begun)
}

func (p *parser) user(r *record, line *transcript.Line) {
	if len(r.Message.Content) > 0 && r.Message.Content[0] == '"' {
		var text string
		transcript.Decode(r.Message.Content, &text)
		p.said(r, line, text)
		return
	}
	var blocks []block
	transcript.Decode(r.Message.Content, &blocks)
	var said strings.Builder
	for i := range blocks {
		switch b := &blocks[i]; b.Type {
		case "tool_result":
			if c := p.open.End(b.ToolUseID); c != nil {
				c.Clipped = c.Clipped || line.Clipped
				finish(c, r, b)
				p.give(c)
			}
		case "text":
			if !isNote(b.Text) {
				said.WriteString(b.Text)
			}
		}
	}
	if said.Len() > 0 && !strings.HasPrefix(said.String(), interrupted) {
		p.said(r, line, said.String())
	}
}

// interrupted begins what Claude Code writes in a person's place after Esc.
const interrupted = "[Request interrupted by user"

var (
	bashInput  = later.Value[*regexp.Regexp]{Make: func() *regexp.Regexp { return regexp.MustCompile(`(?s)^\s*<bash-input>(.*)</bash-input>\s*$`) }}
	bashOutput = later.Value[*regexp.Regexp]{Make: func() *regexp.Regexp {
		return regexp.MustCompile(`(?s)^\s*<bash-stdout>(.*)</bash-stdout>\s*<bash-stderr>(.*)</bash-stderr>\s*$`)
	}}
)

// said takes what a person typed, and what Claude Code wrote down of it.
func (p *parser) said(r *record, line *transcript.Line, text string) {
	if m := bashInput.Get().FindStringSubmatch(text); m != nil {
		p.endTyped()
		if c := p.bang(r, line, m[1]); p.open.Begin(c, p.give) {
			p.typed = p.open.End(c.ID)
		}
		return
	}
	if m := bashOutput.Get().FindStringSubmatch(text); m != nil {
		if c := p.typed; c != nil {
			// Nothing tells how it ended, only that it did and what came out.
			c.Finish(transcript.Time(r.Timestamp), "", false)
			c.Output = hook.OutputOf([]byte(m[1] + m[2]))
			c.Cut(hook.EndUnknown)
			p.endTyped()
		}
		return
	}
	if r.IsMeta || r.IsCompactSummary || r.TurnOrigin == "task_notification" || isNote(text) || r.SessionID == "" {
		return
	}
	at := transcript.Time(r.Timestamp)
	copied, _ := copied(r)
	p.emit(transcript.Item{Prompt: &transcript.Prompt{
		Session: r.SessionID, Turn: r.PromptID, Agent: r.AgentID, Time: at, Text: text, Mark: r.UUID,
		Cwd: r.Cwd, Copied: copied, Clipped: line.Clipped, File: p.file.Path, Line: line.Number,
		Older: p.older(at.Add(time.Second)), // the file is begun with the first one
	}})
}

// isNote reports whether a text in a person's place begins with a tag that Claude Code puts
// there. What people type may begin with any other one.
func isNote(text string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(text, " \t\r\n"), "<")
	if !ok {
		return false
	}
	end := strings.IndexAny(rest, "> \t\n")
	if end < 0 {
		return false
	}
	switch rest[:end] {
	case "system-reminder", "task-notification", "autonomous-loop", "autonomous-loop-dynamic", "teammate-message", "channel",
		"command-name", "command-message", "command-args", "command-contents",
		"local-command-caveat", "local-command-stdout", "local-command-stderr",
		"bash-input", "bash-stdout", "bash-stderr", "user-memory-input",
		"session-start-hook", "user-prompt-submit-hook", "ide_opened_file", "ide_selection", "ide_diagnostics":
		return true
	}
	return false
}

// bang returns the call that a command typed with "!" is. Its id is that of the
// record, which a fork copies too.
func (p *parser) bang(r *record, line *transcript.Line, command string) *transcript.Call {
	c := p.call(r, line)
	c.ID, c.Tool, c.Input, c.Typed = r.UUID, "Bash", hook.Object("command", command), true
	c.Copied, c.Of = copied(r)
	c.Older = p.older(c.Start)
	return c
}

func (p *parser) endTyped() {
	if p.typed != nil {
		p.give(p.typed)
		p.typed = nil
	}
}
