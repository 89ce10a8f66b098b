// Package codex reads the rollouts of Codex: one file a thread below sessions/,
// those of sub-agents included.
package codex

import (
	"encoding/json"
	"path/filepath"
	"strings"

	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/transcript"
)

// Format returns how Codex writes transcripts.
func Format() *transcript.Format {
	return &transcript.Format{
		Agent: "codex",
		Roots: func(env transcript.Environment) []string {
			dir := env.Dir("CODEX_HOME", ".codex")
			if dir == "" {
				return nil
			}
			return []string{filepath.Join(dir, "sessions"), filepath.Join(dir, "archived_sessions")}
		},
		// A sub-agent's rollout is named for its own thread: the session that it
		// belongs to stands in its first line.
		Name: func(rel string) (transcript.Name, bool) {
			base := rel[strings.LastIndexByte(rel, '/')+1:]
			return transcript.Name{}, strings.HasPrefix(base, "rollout-") && strings.HasSuffix(base, ".jsonl")
		},
		New:     newParser,
		Unseen:  unseen,
		CallIDs: true,
	}
}

// unseen: seen with 0.169.0.
func unseen(c *transcript.Call) string {
	switch {
	case c.Typed:
		return "typed by a person with \"!\": Codex runs no hook for it"
	case c.Call.End == hook.EndUnknownTool:
		return "Codex runs no hook for a tool that it does not have"
	case c.Call.End == hook.EndInvalid:
		return "Codex runs no hook for a call whose arguments it cannot parse"
	case c.Tool == "write_stdin":
		return "Codex runs no hook for write_stdin: it belongs to the command that is running"
	case c.Tool == webSearch:
		return "run by the model's provider, not by Codex"
	}
	return ""
}

// A line is one line of a rollout.
type line struct {
	Timestamp string          `json:"timestamp"`
	Type      string          `json:"type"`
	Payload   json.RawMessage `json:"payload"`
}

// A meta is the payload of session_meta.
type meta struct {
	SessionID string `json:"session_id"` // of the session that a sub-agent's thread belongs to
	ID        string `json:"id"`         // the thread
	Parent    string `json:"parent_thread_id"`
	Forked    string `json:"forked_from_id"`
	AgentRole string `json:"agent_role"`
	Cwd       string `json:"cwd"`
	Version   string `json:"cli_version"`
	Timestamp string `json:"timestamp"`
}

// known reports whether lines of a type say nothing of calls.
func known(kind string) bool {
	switch kind {
	case "compacted", "inter_agent_communication", "token_usage_record", "world_state", "ghost_snapshot", "session_state":
		return true
	}
	return false
}

type parser struct {
	file   *transcript.File
	emit   func(transcript.Item)
	open   transcript.Pending
	states map[string]*state // of open calls

	meta  meta
	turn  string
	cwd   string
	model string
}

// A state is what is known of an open call beside what is in it.
type state struct {
	running bool // it has answered, and goes on
	over    bool // it has ended, and has not answered yet
	failed  bool
}

func newParser(file *transcript.File, emit func(transcript.Item)) transcript.Parser {
	return &parser{file: file, emit: emit, states: map[string]*state{}}
}

func (p *parser) give(c *transcript.Call) {
	if s := p.states[c.ID]; s != nil && s.over && !c.Ended {
		c.Finish(c.Over, c.Error, s.failed)
		c.Exit(c.ExitCode)
	}
	delete(p.states, c.ID)
	p.emit(transcript.Item{Call: c})
}

// Line takes a line.
func (p *parser) Line(from *transcript.Line) bool {
	var l line
	transcript.Decode(from.Bytes, &l)
	switch l.Type {
	case "session_meta":
		p.session(&l)
	case "turn_context":
		p.context(&l)
	case "response_item":
		return p.item(&l, from)
	case "event_msg":
		return p.event(&l, from)
	default:
		return known(l.Type)
	}
	return true
}

// End hands over what has not ended.
func (p *parser) End() { p.open.Rest(p.give) }

// session takes the head of the file. A fork repeats that of its parent: the
// first is the file's own.
func (p *parser) session(l *line) {
	if p.meta.ID != "" {
		return
	}
	transcript.Decode(l.Payload, &p.meta)
	if p.meta.SessionID == "" {
		p.meta.SessionID = p.meta.ID
	}
	p.cwd = p.meta.Cwd
	p.emit(transcript.Item{Meta: &transcript.Meta{
		Session: p.meta.SessionID, Parent: p.meta.Forked, Agent: p.agent(), Cwd: p.meta.Cwd,
		Version: p.meta.Version, Start: transcript.Time(p.meta.Timestamp),
	}})
}

// agent returns the thread of a sub-agent, "" for the main thread.
func (p *parser) agent() string {
	if p.meta.ID == p.meta.SessionID {
		return ""
	}
	return p.meta.ID
}

func (p *parser) context(l *line) {
	var c struct {
		TurnID string `json:"turn_id"`
		Cwd    string `json:"cwd"`
		Model  string `json:"model"`
	}
	transcript.Decode(l.Payload, &c)
	for _, member := range []struct {
		to   *string
		from string
	}{{&p.turn, c.TurnID}, {&p.cwd, c.Cwd}, {&p.model, c.Model}} {
		if member.from != "" {
			*member.to = member.from
		}
	}
}

// call returns a call that begins in a line.
func (p *parser) call(l *line, from *transcript.Line, id, turn string) *transcript.Call {
	if turn == "" {
		turn = p.turn
	}
	c := &transcript.Call{
		Call: hook.Call{
			ID: id, Session: p.meta.SessionID, Turn: turn, AgentID: p.agent(), Cwd: p.cwd, Model: p.model,
			Start: transcript.Time(l.Timestamp), Source: hook.SourceTranscript,
		},
		File: p.file.Path, Line: from.Number, Clipped: from.Clipped,
	}
	if c.AgentID != "" {
		c.AgentType = p.meta.AgentRole
	}
	if p.copied(turn) {
		c.Copied, c.Of = true, p.meta.Forked
		if c.Of == "" {
			c.Of = p.meta.Parent
		}
	}
	return c
}

// copied reports whether a turn is older than the thread: a fork begins with
// its parent's. Both ids are UUIDs of version 7, which begin with their time.
func (p *parser) copied(turn string) bool {
	own, ok := uuidTime(p.meta.ID)
	other, known := uuidTime(turn)
	return ok && known && other < own
}

// uuidTime returns the milliseconds of a UUID of version 7, as its digits.
func uuidTime(id string) (string, bool) {
	if len(id) != 36 || id[14] != '7' {
		return "", false
	}
	return id[:8] + id[9:13], true
}
