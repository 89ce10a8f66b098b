package hook

import (
	"bytes"
	"encoding/json"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Message is what one delivery says, decoded.
type Message struct {
	Delivery *Delivery
	Name     string  // of the event: the payload's, else that of the delivery
	Kind     Kind    // what it tells
	Body     Payload // the payload
	Whole    bool    // the payload was one JSON object to its end
	Time     time.Time
	Timed    bool   // the payload says it, so that two that are alike tell of one event
	Call     Call   // what it says of a call; of other events Session, Turn, AgentID and the like
	Calls    []Call // those of a BatchEvent, each with its end
	Prompt   string // of a PromptEvent
	Reason   string // why a session starts or ends, why a call was refused
	// NoPerson reports that no person gave the prompt: another agent did, or
	// the agent to itself.
	NoPerson bool
	// Echo reports that the event tells of a call in other words than the
	// agent's events of tools, which are the ones to record where there are both.
	Echo bool

	tailOf string // the file of which tail is the end
	tail   []byte
}

// Lines gives the last lines of a file, the newest first, of its last limit bytes:
// of an agent's transcript, which may be long. There are none of a file that cannot be
// read, and of a delivery that is Remote. The bytes are kept for the next call, and not to
// be changed.
func (m *Message) Lines(name string, limit int) iter.Seq[[]byte] {
	if name != m.tailOf && !m.Delivery.Remote {
		tail, err := readPart(name, limit, true)
		if err != nil {
			tail = nil // a transcript is a second opinion: without it, the hooks' own words stand
		}
		m.tailOf, m.tail = name, tail
	}
	return func(yield func([]byte) bool) {
		for rest := m.tail; len(rest) > 0; {
			at := bytes.LastIndexByte(bytes.TrimSuffix(rest, []byte("\n")), '\n') + 1
			if !yield(rest[at:]) {
				return
			}
			rest = rest[:at]
		}
	}
}

// Rename gives the message the name of another event, which says more of it.
func (m *Message) Rename(name string) {
	m.Name, m.Kind = name, m.Delivery.Agent.eventKind(name)
}

// decode reads a delivery by the shape that agents share, and lets its agent
// complete it.
func decode(d *Delivery) *Message {
	m := &Message{Delivery: d, Name: d.Event}
	m.Body, m.Whole = ParsePayload(d.Payload)
	b := m.Body
	if name := b.Text("hook_event_name", "hookEventName", "hookName", "event", "agent_action_name"); name != "" {
		m.Name = name
	}
	m.Kind = d.Agent.eventKind(m.Name)
	if m.Kind == UnknownEvent && d.Event != "" {
		if kind := d.Agent.eventKind(d.Event); kind != UnknownEvent {
			m.Name, m.Kind = d.Event, kind
		}
	}
	told := timeOf(b.Get("timestamp", "t_ms", "time"))
	m.Time, m.Timed = plausible(told, d.Now), !told.IsZero()
	m.Call = Call{
		Session:   b.Text("session_id", "sessionId", "sessionID", "conversation_id", "conversationId", "trajectory_id", "thread_id"),
		Turn:      b.Text("prompt_id", "promptId", "turn_id", "turnId", "generation_id", "execution_id"),
		AgentID:   b.Text("agent_id", "agentId"),
		AgentType: b.Text("agent_type", "agentType"),
		Cwd:       b.Text("cwd", "working_dir", "workingDir", "directory"),
		Model:     b.Text("model"),
		Mode:      b.Text("permission_mode", "permissionMode"),
		Source:    SourceHook,
	}
	if roots := texts(b.Get("workspace_roots")); m.Call.Cwd == "" && len(roots) > 0 {
		m.Call.Cwd = roots[0]
	}
	m.decodeCall(b)
	m.Reason = b.Text("reason", "source")
	m.Prompt = b.Text("prompt", "userPrompt", "user_prompt")
	if d.Agent.Adapt != nil {
		d.Agent.Adapt(m)
	}
	m.Call.bound()
	for i := range m.Calls {
		m.Calls[i].bound()
	}
	if m.Kind == ResultEvent || m.Kind == FailureEvent {
		m.end()
	}
	return m
}

// decodeCall reads the members of one call, of the payload or of an entry of a batch.
func (m *Message) decodeCall(b Payload) {
	c := &m.Call
	c.ID = b.Text("tool_use_id", "toolUseId", "tool_call_id", "toolCallId", "callID", "call_id")
	c.Tool = b.Text("tool_name", "toolName", "tool")
	c.Input = inputObject(b.Get("tool_input", "toolInput", "toolArgs", "tool_args", "args", "input", "arguments"))
	c.Duration = millis(b.Get("duration_ms", "durationMs", "duration"))
	if server, tool := SplitMCP(c.Tool); server != "" {
		c.Server, c.Tool = server, tool
	}
	if server, ok := b.Object("mcp_server", "mcp_context"); ok {
		if name := server.Text("name", "server_name"); name != "" {
			c.Server = name
		}
		if name := server.Text("tool_name"); name != "" {
			c.Tool = name
		}
	}
}

// Entries decodes the calls of a batch, each as m.Call with end called on it.
func (m *Message) Entries(list json.RawMessage, end func(entry Payload)) {
	whole := m.Call
	for _, raw := range Elements(list) {
		entry, ok := ParsePayload(raw)
		if !ok {
			continue
		}
		m.Call = whole
		m.decodeCall(entry)
		end(entry)
		m.Calls = append(m.Calls, m.Call)
	}
	m.Call = whole
}

// SplitMCP returns the server and the tool of a name such as
// mcp__server__tool, and "" for the server where it is no such name.
func SplitMCP(name string) (server, tool string) {
	rest, ok := strings.CutPrefix(name, "mcp__")
	if !ok {
		return "", name
	}
	server, tool, ok = strings.Cut(rest, "__")
	if !ok || server == "" || tool == "" {
		return "", name
	}
	return server, tool
}

// timeOf reads a time: ISO 8601 or milliseconds, seconds or microseconds since 1970.
func timeOf(raw json.RawMessage) time.Time {
	if len(raw) == 0 {
		return time.Time{}
	}
	word := string(raw)
	if text, ok := Text(raw); ok {
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return t.UTC()
		}
		word = text
	}
	n, err := strconv.ParseFloat(word, 64)
	switch {
	case err != nil || !(n > 1e8 && n < 1e17):
		return time.Time{}
	case n < 1e11:
		return time.UnixMicro(int64(n * 1e6)).UTC()
	case n < 1e14:
		return time.UnixMicro(int64(n * 1e3)).UTC()
	}
	return time.UnixMicro(int64(n)).UTC()
}

// millis reads a duration in milliseconds; 0 where there is none.
func millis(raw json.RawMessage) time.Duration {
	text, ok := Text(raw)
	if !ok {
		text = string(raw)
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0 && n < math.MaxInt64/1e6) {
		return 0
	}
	return time.Duration(n * 1e6)
}

// MessageOf returns the words of an error: a string, or an object with a message.
func MessageOf(raw json.RawMessage) string {
	if text, ok := Text(raw); ok {
		return text
	}
	if p, ok := ParsePayload(raw); ok {
		if text := p.Text("message", "error", "text", "name"); text != "" {
			return text
		}
	}
	return string(raw)
}
