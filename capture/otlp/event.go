package otlp

import (
	"cmp"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

// source is what told of an event, in the label capture.
const source = "otlp"

// The attributes that tell of the same thing, the better first.
var (
	sessionKeys = []string{"gen_ai.conversation.id", "session.id", "conversation.id", "session_id"}
	turnKeys    = []string{"prompt.id", "prompt_id"}
	userKeys    = []string{"user.email", "enduser.id", "user.id", "user.account_id"}
	modelKeys   = []string{"gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "ai.model.id", "model"}
	agentIDKeys = []string{"gen_ai.agent.id", "agent_id", "agent.id"}
	nameKeys    = []string{"user.name", "user.full_name"}
)

// resourceKeys are all that is ever asked of a resource.
var resourceKeys = [...][]string{
	sessionKeys, turnKeys, userKeys, modelKeys, agentIDKeys, nameKeys, {"service.name", "host.name", "organization.id", "process.working_directory"},
}

// An item is what a span and a log record have in common.
type item struct {
	*origin
	own         attributes
	trace, span string
	when        uint64 // nanoseconds since 1970
}

func (s *span) item() *item {
	return &item{s.origin, s.attributes, s.trace, s.id, s.start}
}

func (r *logRecord) item() *item {
	when := r.time
	if when == 0 {
		if told, err := time.Parse(time.RFC3339Nano, r.attributes.text("event.timestamp")); err == nil && told.Unix() > 0 {
			when = uint64(told.UnixNano())
		}
	}
	return &item{r.origin, r.attributes, r.trace, r.span, cmp.Or(when, r.observed)}
}

// text returns the text of an attribute of the item, or else of its resource.
func (i *item) text(keys ...string) string {
	return cmp.Or(i.own.text(keys...), i.resource.text(keys...))
}

// call returns what the item says of whose call it tells of.
func (i *item) call() *hook.Call {
	return &hook.Call{
		Session: i.text(sessionKeys...), Turn: i.text(turnKeys...), AgentID: i.text(agentIDKeys...), Model: i.text(modelKeys...),
		Cwd: i.text("process.working_directory"), Ended: true, Source: source,
	}
}

// event returns the event of an item that tells of no call.
func (m *mapper) event(i *item, agent string, kind etch.EventType) *etch.Event {
	c := i.call()
	e := &etch.Event{
		Type: kind, SessionID: c.Session, TurnID: c.Turn,
		Actor:  &etch.Actor{Agent: agent, AgentID: c.AgentID, Model: c.Model},
		Action: &etch.Action{Cwd: c.Cwd, Approved: true, Allowed: true},
	}
	setLabel(e, "capture", source)
	return m.finish(e, i, 0)
}

// finish fills in what all events tell of their items: when, who and where.
// before is how long ago it began, at the time that the item tells.
func (m *mapper) finish(e *etch.Event, i *item, before time.Duration) *etch.Event {
	e.TraceID = i.trace
	m.stamp(e, i.when, before)
	a := e.Actor
	a.UserID, a.Username = i.text(userKeys...), i.text(nameKeys...)
	a.Host = i.resource.text("host.name")
	setLabel(e, "span_id", i.span)
	setLabel(e, "organization", i.text("organization.id"))
	setLabel(e, "mcp_session", i.own.text("mcp.session.id"))
	if service := i.resource.text("service.name"); service != a.Agent && agentOf(service) != a.Agent {
		setLabel(e, "service", service)
	}
	return e
}

// Ahead is how far the clocks of two machines may differ: a time that lies further
// in the future is not believed.
const Ahead = time.Minute

// stamp sets the time of an event. Without a time the log gives it its own.
func (m *mapper) stamp(e *etch.Event, nanos uint64, before time.Duration) {
	if nanos == 0 {
		return
	}
	told := time.Unix(int64(nanos/1e9), int64(nanos%1e9)).UTC().Add(-before)
	if nanos > math.MaxInt64 || !m.Now.IsZero() && told.After(m.Now.Add(Ahead)) {
		setLabel(e, "claimed_time", told.Format(time.RFC3339Nano))
		return
	}
	e.Timestamp = told
}

// completion returns the event of a call that is over.
func (m *mapper) completion(i *item, agent string, c *hook.Call, before time.Duration) *etch.Event {
	if server, tool := hook.SplitMCP(c.Tool); server != "" && c.Server == "" {
		c.Server, c.Tool = server, tool
	}
	e := (&hook.Agent{Name: agent}).Completion(c, m.Recording)
	return m.finish(e, i, before)
}

// decision returns the event of an answer to the question whether a call may run.
func (m *mapper) decision(i *item, agent string, c *hook.Call) *etch.Event {
	e := m.completion(i, agent, c, 0)
	e.Type, e.Phase = etch.ApprovalDecision, ""
	return e
}

// prompt returns the event of what a person said, of which the agent may have
// told the length alone.
func (m *mapper) prompt(r *logRecord, agent string) *etch.Event {
	e := m.event(r.item(), agent, etch.UserPrompt)
	switch words := r.attributes.get("prompt"); {
	case words.kind == text && !redacted(words.text):
		e.Action.Arguments = m.Recording.Prompt(words.text)
	default:
		if n, ok := r.attributes.get("prompt_length").count(); ok {
			e.Action.Arguments, _ = json.Marshal(map[string]uint64{"prompt_length": n}) // numbers can always be written
		}
	}
	return e
}

// redacted reports whether an agent has put a word in the place of a text that
// it was not told to send.
func redacted(s string) bool {
	return strings.EqualFold(s, "<REDACTED>") || strings.EqualFold(s, "[REDACTED]")
}

// input returns the input of a call: an object as it is, anything else in one.
func input(v value) json.RawMessage {
	raw := v.json()
	switch {
	case len(raw) == 0 || raw[0] == '{':
		return raw
	case v.kind == text && v.text == "":
		return nil
	}
	return append(append([]byte(`{"input":`), raw...), '}')
}

// millis returns a number of milliseconds as a duration, 0 where there is none.
func millis(v value) time.Duration {
	n, ok := v.number()
	if !ok || !(n > 0 && n < math.MaxInt64/1e6) {
		return 0
	}
	return time.Duration(n * 1e6)
}

// fail says that a call failed, by the words of the one who made it.
func fail(c *hook.Call, message, class string) {
	c.Outcome, c.Error = etch.Error, cmp.Or(message, class)
	line, _, _ := strings.Cut(message, "\n")
	if strings.EqualFold(class, "timeout") || hook.TimedOut(line) {
		c.Outcome = etch.Timeout
	}
}

// classify puts the sender's word for an error in the place of the general one.
func classify(e *etch.Event, class string) {
	if e.Result.ErrorCategory == "tool_error" && class != "" {
		e.Result.ErrorCategory = class
	}
}

// agentOf returns the name in the log of an agent that has telemetry of its own,
// by the name of its service or by what its events' names begin with.
func agentOf(name string) string {
	switch {
	case name == "claude-code" || name == "claude_code":
		return "claude-code"
	case name == "codex" || strings.HasPrefix(name, "codex_") || strings.HasPrefix(name, "codex-"):
		return "codex"
	case name == "gemini_cli" || name == "gemini-cli":
		return "gemini"
	case name == "qwen-code" || name == "qwen_code":
		return "qwen"
	}
	return ""
}

func setLabel(e *etch.Event, name, value string) {
	if value == "" {
		return
	}
	if e.Labels == nil {
		e.Labels = make(map[string]string, 6)
	}
	e.Labels[name] = value
}
