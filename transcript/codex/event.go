package codex

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/transcript"
)

// An event is what Codex tells of its own work.
type event struct {
	Type   string `json:"type"`
	TurnID string `json:"turn_id"`
	Item   item   `json:"item"`

	StartedAt   int64 `json:"started_at_ms"`
	CompletedAt int64 `json:"completed_at_ms"`

	// Of the versions before 0.160.
	CallID   string          `json:"call_id"`
	ExitCode *int64          `json:"exit_code"`
	Success  *bool           `json:"success"`
	Duration json.RawMessage `json:"duration"`
	Message  string          `json:"message"`
}

// An item is what was completed.
type item struct {
	Type     string          `json:"type"`
	ID       string          `json:"id"`
	Source   string          `json:"source"`
	Status   string          `json:"status"`
	Command  json.RawMessage `json:"command"`
	Cwd      string          `json:"cwd"`
	Output   string          `json:"aggregated_output"`
	ExitCode *int64          `json:"exit_code"`
	Duration json.RawMessage `json:"duration"`
	Content  json.RawMessage `json:"content"`
}

func (p *parser) event(l *line, from *transcript.Line) bool {
	var e event
	transcript.Decode(l.Payload, &e)
	switch e.Type {
	case "task_started", "turn_started":
		if e.TurnID != "" {
			p.turn = e.TurnID
		}
	case "item_completed":
		p.completed(l, from, &e)
	case "exec_command_end", "patch_apply_end", "mcp_tool_call_end":
		if c := p.open.Get(e.CallID); c != nil {
			p.over(c, l, e.ExitCode, e.Duration, e.Success != nil && !*e.Success)
		}
	case "user_message":
		p.asked(l, from, e.TurnID, e.Message)
	}
	return e.Type != ""
}

// completed takes the end of something Codex did.
func (p *parser) completed(l *line, from *transcript.Line, e *event) {
	it := &e.Item
	switch {
	case it.Type == "UserMessage":
		p.asked(l, from, e.TurnID, transcript.Text(it.Content))
	case it.Type == "CommandExecution" && it.Source == "user_shell":
		p.bang(l, from, e)
	default:
		c := p.open.Get(it.ID)
		if c == nil {
			return
		}
		if it.Status == "declined" {
			c.Refuse(hook.ByUser, "")
		}
		p.over(c, l, it.ExitCode, it.Duration, it.Status == "failed")
	}
}

// over takes the end of a call. The model's answer is still to come, but for a
// call that answered while it ran.
func (p *parser) over(c *transcript.Call, l *line, code *int64, took json.RawMessage, failed bool) {
	s := p.states[c.ID]
	if s == nil {
		s = &state{}
		p.states[c.ID] = s
	}
	s.over, s.failed = true, failed
	c.Over = transcript.Time(l.Timestamp)
	if code != nil {
		c.ExitCode = etch.Some(*code)
	}
	if d := durationOf(took); d > 0 {
		c.Duration = d
	}
	if s.running {
		p.open.End(c.ID)
		p.give(c)
	}
}

// durationOf returns a duration as Rust writes one.
func durationOf(raw json.RawMessage) time.Duration {
	var d struct {
		Secs  int64 `json:"secs"`
		Nanos int64 `json:"nanos"`
	}
	transcript.Decode(raw, &d)
	if d.Secs < 0 || d.Secs > int64(365*24*time.Hour/time.Second) || d.Nanos < 0 || d.Nanos >= 1e9 {
		return 0
	}
	return time.Duration(d.Secs)*time.Second + time.Duration(d.Nanos)
}

// bang takes a command that a person typed with "!": it is no call of the
// model's.
func (p *parser) bang(l *line, from *transcript.Line, e *event) {
	it := &e.Item
	c := p.call(l, from, it.ID, e.TurnID)
	command, ok := commandOf(it.Command)
	if !ok || !p.open.Begin(c, p.give) {
		return
	}
	p.open.End(c.ID)
	c.Tool, c.Input, c.Typed = "Bash", hook.Object("command", command), true
	if dir, err := url.Parse(it.Cwd); err == nil && dir.Scheme == "file" {
		c.Cwd = dir.Path
	}
	end := transcript.Time(l.Timestamp)
	if e.StartedAt > 0 && e.CompletedAt >= e.StartedAt {
		c.Start, end = time.UnixMilli(e.StartedAt).UTC(), time.UnixMilli(e.CompletedAt).UTC()
	}
	c.Duration = durationOf(it.Duration)
	c.Output = hook.OutputOf([]byte(it.Output))
	c.Finish(end, strings.TrimSpace(it.Output), it.Status == "failed")
	if it.ExitCode != nil {
		c.Exit(etch.Some(*it.ExitCode))
	}
	p.give(c)
}

func (p *parser) asked(l *line, at *transcript.Line, turn, text string) {
	if turn == "" {
		turn = p.turn
	}
	if p.copied(turn) {
		return
	}
	p.emit(transcript.Item{Prompt: &transcript.Prompt{
		Session: p.meta.SessionID, Turn: turn, Agent: p.agent(), Time: transcript.Time(l.Timestamp), Text: text,
		Cwd: p.cwd, Clipped: at.Clipped, File: p.file.Path, Line: at.Number,
	}})
}
