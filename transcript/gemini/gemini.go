// Package gemini reads the chats of Gemini CLI: one file a session below
// tmp/PROJECT/chats, and one a sub-agent in a directory named for the session.
package gemini

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/internal/later"
	"github.com/etch-audit/etch/transcript"
)

// Format returns how Gemini CLI writes transcripts.
func Format() *transcript.Format {
	return &transcript.Format{
		Agent: "gemini",
		Roots: func(env transcript.Environment) []string {
			// The variable names the place of the home directory.
			if home, _ := env.Getenv("GEMINI_CLI_HOME"); home != "" {
				return []string{filepath.Join(home, ".gemini", "tmp")}
			}
			if env.Home == "" {
				return nil
			}
			return []string{filepath.Join(env.Home, ".gemini", "tmp")}
		},
		Name:   nameOf,
		Cwd:    cwdOf,
		New:    newParser,
		Unseen: unseen,
	}
}

// nameOf knows PROJECT/chats/session-*.jsonl, whose name holds only the
// beginning of the session's id, and PROJECT/chats/SESSION/AGENT.jsonl.
func nameOf(rel string) (transcript.Name, bool) {
	parts := strings.Split(rel, "/")
	n := len(parts)
	base, ok := strings.CutSuffix(parts[n-1], ".jsonl")
	switch {
	case !ok:
		return transcript.Name{}, false
	case n >= 2 && parts[n-2] == "chats" && strings.HasPrefix(base, "session-"):
		return transcript.Name{}, true
	case n >= 3 && parts[n-3] == "chats":
		return transcript.Name{Session: parts[n-2], Agent: base}, true
	}
	return transcript.Name{}, false
}

// cwdOf returns the project's directory, which stands in a file beside chats.
func cwdOf(path string) string {
	dir := filepath.Dir(path)
	for dir != filepath.Dir(dir) && filepath.Base(dir) != "chats" {
		dir = filepath.Dir(dir)
	}
	return transcript.Note(filepath.Join(filepath.Dir(dir), ".project_root"))
}

// unseen: seen with 0.61.0.
func unseen(c *transcript.Call) string {
	switch {
	case c.Typed:
		return "typed by a person with \"!\": Gemini CLI runs no hook for it"
	case c.Call.End == hook.EndUnknownTool:
		return "Gemini CLI runs no hook for a tool that it does not have, or that the approval mode withholds"
	case c.Call.End == hook.EndInvalid:
		return "Gemini CLI runs no hook for a call whose arguments do not fit"
	}
	return ""
}

// A record is one line: the head, a message, or a change of what stands before.
type record struct {
	SessionID   string          `json:"sessionId"`
	ProjectHash string          `json:"projectHash"`
	StartTime   string          `json:"startTime"`
	Kind        string          `json:"kind"`
	ID          string          `json:"id"`
	Timestamp   string          `json:"timestamp"`
	Type        string          `json:"type"`
	Model       string          `json:"model"`
	Content     json.RawMessage `json:"content"`
	ToolCalls   []toolCall      `json:"toolCalls"`
	Set         *change         `json:"$set"`
	RewindTo    json.RawMessage `json:"$rewindTo"`
}

type change struct {
	SessionID string   `json:"sessionId"`
	Messages  []record `json:"messages"`
}

type toolCall struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Args      json.RawMessage `json:"args"`
	Status    string          `json:"status"`
	Timestamp string          `json:"timestamp"`
	AgentID   string          `json:"agentId"`
	Result    []struct {
		FunctionResponse struct {
			Response struct {
				Output json.RawMessage `json:"output"`
				Error  json.RawMessage `json:"error"`
			} `json:"response"`
		} `json:"functionResponse"`
	} `json:"result"`
}

type parser struct {
	file    *transcript.File
	emit    func(transcript.Item)
	open    transcript.Pending
	said    map[string]bool // ids of people's messages: a line repeats them
	session string
	agent   string
}

func newParser(file *transcript.File, emit func(transcript.Item)) transcript.Parser {
	return &parser{file: file, emit: emit, said: map[string]bool{}, session: file.Session, agent: file.Agent, open: transcript.Pending{Unique: true}}
}

func (p *parser) give(c *transcript.Call) { p.emit(transcript.Item{Call: c}) }

// Line takes a line. What "$set" and "$rewindTo" take out of the conversation
// was done all the same, so nothing is ever taken back: every call that stands
// anywhere in the file counts, once.
func (p *parser) Line(line *transcript.Line) bool {
	var r record
	transcript.Decode(line.Bytes, &r)
	switch {
	case r.SessionID != "" && r.StartTime != "":
		p.head(&r)
	case r.Set != nil:
		if r.Set.SessionID != "" && p.agent == "" {
			p.session = r.Set.SessionID
		}
		for i := range r.Set.Messages {
			p.message(&r.Set.Messages[i], line)
		}
	case len(r.RewindTo) > 0:
	case r.ID != "" && r.Type != "":
		p.message(&r, line)
	default:
		return false
	}
	return true
}

// End hands over what has not ended.
func (p *parser) End() { p.open.Rest(p.give) }

// head takes the first line, and those that a resumed session adds. A
// sub-agent's file has an id of its own in it; its hooks tell the session's,
// which stands in the file's path.
func (p *parser) head(r *record) {
	if r.Kind == "subagent" || p.agent != "" {
		p.agent = r.SessionID
		if p.session == "" {
			p.session = r.SessionID
		}
	} else {
		p.session = r.SessionID
	}
	p.emit(transcript.Item{Meta: &transcript.Meta{
		Session: p.session, Agent: p.agent, Project: r.ProjectHash, Start: transcript.Time(r.StartTime),
	}})
}

func (p *parser) message(r *record, line *transcript.Line) {
	if r.Type == "user" {
		p.user(r, line)
		return
	}
	for i := range r.ToolCalls {
		p.call(r, &r.ToolCalls[i], line)
	}
}

// call takes a call. Its line is written again when it ends.
func (p *parser) call(r *record, t *toolCall, line *transcript.Line) {
	if t.ID == "" {
		return
	}
	c := p.open.Get(t.ID)
	if c == nil {
		c = p.begin(r, line)
		c.ID, c.Input = t.ID, t.Args
		c.Server, c.Tool = split(t.Name)
		if at := timeOf(t.ID); !at.IsZero() {
			c.Start = at
		}
		if !p.open.Begin(c, p.give) {
			return // it has ended before, and stands here again
		}
	}
	c.Clipped = c.Clipped || line.Clipped
	if finish(c, t) {
		p.open.End(c.ID)
		c.Input = t.Args
		p.give(c)
		return
	}
	p.open.Change(c, t.Args, p.give)
}

func (p *parser) begin(r *record, line *transcript.Line) *transcript.Call {
	return &transcript.Call{
		Call: hook.Call{
			Session: p.session, AgentID: p.agent, Model: r.Model,
			Start: transcript.Time(r.Timestamp), Source: hook.SourceTranscript,
		},
		File: p.file.Path, Line: line.Number,
	}
}

var stamp = later.Value[*regexp.Regexp]{Make: func() *regexp.Regexp { return regexp.MustCompile(`_(\d{13})_\d+$`) }}

// timeOf returns the time that stands in a call's id: the message that the call
// is in may be written only when it has ended.
func timeOf(id string) time.Time {
	m := stamp.Get().FindStringSubmatch(id)
	if m == nil {
		return time.Time{}
	}
	ms, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// split returns the MCP server and the tool of a name mcp_SERVER_TOOL. Where
// the server's name has a "_" too it is a guess.
func split(name string) (server, tool string) {
	rest, ok := strings.CutPrefix(name, "mcp_")
	if server, tool, cut := strings.Cut(rest, "_"); ok && cut && server != "" && tool != "" {
		return server, tool
	}
	return "", name
}

// maxSaid is how many messages are remembered to know a repeated one: only
// their number hangs on it.
const maxSaid = 100_000

var typed = later.Value[*regexp.Regexp]{Make: func() *regexp.Regexp {
	return regexp.MustCompile("(?s)^I ran the following shell command:\n```(?:sh)?\n(.*?)\n```\n\nThis produced the following result:\n```\n(.*)\n```\\s*$")
}}

func (p *parser) user(r *record, line *transcript.Line) {
	text := transcript.Text(r.Content)
	if text == "" || strings.HasPrefix(text, "<session_context>") || p.said[r.ID] || len(p.said) >= maxSaid {
		return
	}
	p.said[r.ID] = true
	if m := typed.Get().FindStringSubmatch(text); m != nil {
		p.bang(r, line, m[1], m[2])
		return
	}
	p.emit(transcript.Item{Prompt: &transcript.Prompt{
		Session: p.session, Agent: p.agent, Time: transcript.Time(r.Timestamp), Text: text,
		Clipped: line.Clipped, File: p.file.Path, Line: line.Number,
	}})
}

// bang takes a command that a person typed with "!".
func (p *parser) bang(r *record, line *transcript.Line, command, output string) {
	c := p.begin(r, line)
	c.ID, c.Tool, c.Input, c.Typed = r.ID, shellTool, hook.Object("command", command), true
	if !p.open.Begin(c, p.give) {
		return
	}
	p.open.End(c.ID)
	c.Finish(transcript.Time(r.Timestamp), "", false)
	c.Output = hook.OutputOf([]byte(output))
	c.Cut(hook.EndUnknown) // only that it ran is told
	p.give(c)
}
