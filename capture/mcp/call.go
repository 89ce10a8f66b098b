package mcp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
)

// A kind is what a request is to the record.
type kind uint8

const (
	quiet    kind = iota // it changes nothing and tells nothing that is not asked again: it is not recorded
	probe                // server/discover
	greeting             // initialize
	tool
	read
	prompt
	question // to a person
	other    // recorded under the name of its method
)

// harmless are the methods that are not recorded, whoever sends them: they list,
// they watch, they say that somebody is there.
var harmless = []string{
	"ping", "tools/list", "resources/list", "resources/templates/list", "prompts/list", "completion/complete", "logging/setLevel",
	"resources/subscribe", "resources/unsubscribe", "subscriptions/listen", "tasks/get", "tasks/list",
}

// kindOf returns what a method is. One that is not known is recorded: some
// servers have their own.
func kindOf(from side, method string) kind {
	if slices.Contains(harmless, method) {
		return quiet
	}
	switch {
	case from == client && method == "initialize":
		return greeting
	case from == client && method == "server/discover":
		return probe
	case from == client && method == "tools/call":
		return tool
	case from == client && method == "resources/read":
		return read
	case from == client && method == "prompts/get":
		return prompt
	case from == server && method == "elicitation/create":
		return question
	}
	return other
}

func isNotification(method string) bool { return strings.HasPrefix(method, "notifications/") }

// How a call ended that got no answer, as the label "end" has it.
const (
	endCancelled   = "cancelled"   // by who had made it
	endInterrupted = "interrupted" // the session ended
	endForgotten   = "forgotten"   // too many were open
	endRefused     = "refused"     // by the server, or on the way to it, in words of HTTP: it was not run
	endRedirected  = "redirected"  // by the server, to another address: it may have been run
	endUnanswered  = "unanswered"  // by HTTP neither: it may have been run
)

// A call is a request that was made, and is answered or not.
type call struct {
	kind  kind
	from  side
	key   string
	start time.Time
	trace string
	token string // of words of its progress, as a key
	steps int    // such words
	why   string // it was given up, where that was said; or refused
	done  bool
	late  bool // it was given up before it was answered

	event etch.Event // what attempt and completion have in common
}

func tokenOf(m *message) string {
	raw, ok := m.object(slotMeta)["progressToken"]
	if !ok {
		return ""
	}
	v := value{given: true, size: int64(len(raw)), kept: raw}
	return v.key()
}

// describe fills in what the records of a call have in common.
func (s *session) describe(c *call, m *message) {
	s.number++
	method := m.method()
	e := s.event(etch.ToolCall, c.start)
	e.CallID = s.id + "_" + strconv.Itoa(s.number)
	e.TraceID = m.traceOf()
	e.Action.Tool, e.Action.Approved = cut(method, longestMessage), false
	if id := &m.values[slotID]; id.whole() {
		e.Labels["rpc_id"] = cut(string(id.kept), longestMessage)
	}
	if len(s.open[c.from][c.key]) > 0 {
		e.Labels["duplicate_id"] = "true"
	}
	if m.lines > 1 {
		e.Labels["lines"] = strconv.Itoa(m.lines) // which no reader must take
	}
	if id := textIn(m.object(slotMeta), "claudecode/toolUseId"); id != "" {
		e.Labels["tool_use_id"] = short(id)
	}
	if c.from == server {
		e.Labels["from"] = "server"
	} else if name := short(textIn(membersOf(m.object(slotMeta)[metaClient]), "name")); s.opt.Actor.Agent == "" && name != "" {
		e.Actor.Agent = name // clients of a server that keeps no sessions share one here
	}
	s.subject(e, c.kind, m)
	c.event = *e
}

// subject fills in what a call is about.
func (s *session) subject(e *etch.Event, k kind, m *message) {
	switch k {
	case tool:
		if name := m.text(slotName); name != "" {
			e.Action.Tool = cut(name, longestMessage)
		}
		s.arguments(e, &m.values[slotArguments])
	case read:
		e.Action.Resource = cut(m.text(slotURI), slotURI.keeps())
		if strings.HasPrefix(strings.ToLower(e.Action.Resource), "file:") {
			e.Type = etch.FileAccess
			e.Labels["access"] = "read"
		}
	case prompt:
		e.Action.Resource = cut(m.text(slotName), longestMessage)
		s.arguments(e, &m.values[slotArguments])
	case question:
		e.Type = etch.ApprovalRequest
		s.question(e, m)
	default:
		e.Action.Resource = cut(m.text(slotTask), longestMessage)
		s.question(e, m)
	}
}

// mostArguments is the size of the largest arguments that are recorded as they
// are: an event is a line of 64 KiB, and open calls have them in memory.
const mostArguments = 48 << 10

// arguments fills in the arguments of a call.
func (s *session) arguments(e *etch.Event, v *value) {
	switch {
	case !v.given:
	case !v.whole(), v.size > int64(slotArguments.keeps()): // where it is judged all of it is kept
		e.Action.Arguments = appendDigest(nil, v.size, v.sum[:])
	case s.opt.Arguments == nil:
		e.Action.Arguments = v.kept
	default:
		var digest string
		if e.Action.Arguments, digest = s.opt.Arguments(e.Action.Tool, v.kept); digest != "" {
			e.Labels["input_sha256"] = digest
		}
	}
	if len(e.Action.Arguments) > mostArguments {
		e.Action.Arguments = appendDigest(nil, v.size, v.sum[:])
		return
	}
	e.Action.Arguments = bytes.Clone(e.Action.Arguments) // they may be a part of a long body, and last as long as the call
}

// question fills in what somebody is asked: its length and SHA-256, as it may be
// all that a person or a model was ever told.
func (s *session) question(e *etch.Event, m *message) {
	v := &m.values[slotParams]
	switch {
	case !v.given || v.size <= int64(len("{}")):
	case s.opt.Prompts && v.whole():
		s.arguments(e, v)
	default:
		e.Action.Arguments = appendDigest(nil, v.size, v.sum[:])
	}
}

// attempt returns the event that says that the call is made.
func (c *call) attempt() *etch.Event {
	e := c.record()
	if c.kind != question { // which is an event of its own, and so is what is decided
		e.Phase = etch.Attempt
	}
	return e
}

// record returns a copy of what the events of the call have in common.
func (c *call) record() *etch.Event {
	e := c.event
	actor, action := *e.Actor, *e.Action
	e.Actor, e.Action = &actor, &action
	e.Labels = maps.Clone(e.Labels)
	return &e
}

// completion returns the event that says how the call ended.
func (c *call) completion(at time.Time, result *etch.Result) *etch.Event {
	e := c.record()
	e.Phase = etch.Completion
	if c.kind == question {
		e.Type, e.Phase = etch.ApprovalDecision, ""
	}
	result.Duration = max(0, at.Sub(c.start))
	e.Result = result
	if c.steps > 0 {
		e.Labels["progress"] = strconv.Itoa(c.steps)
	}
	return e
}

// unanswered returns the completion of a call that got no answer.
func (c *call) unanswered(how string, at time.Time) *etch.Event {
	message := c.why
	if message == "" {
		message = "no answer: " + how
	}
	e := c.completion(at, &etch.Result{Type: etch.Error, Message: message, ErrorCategory: how})
	e.Labels["end"] = how
	return e
}

// answered returns the completion of a call that got an answer.
func (c *call) answered(s *session, m *message, at time.Time) *etch.Event {
	result := &etch.Result{Type: etch.Success}
	v := &m.values[slotResult]
	if v.given {
		result.OutputBytes, result.OutputSHA256 = etch.Some(uint64(v.size)), hex.EncodeToString(v.sum[:])
	}
	switch {
	case m.has(slotError):
		result = failure(m)
	case c.kind == tool && m.isTrue(slotIsError):
		result.Type, result.ErrorCategory = etch.Error, "tool_error"
		result.Message = s.message(v)
	}
	e := c.completion(at, result)
	e.Action.Approved = true
	if code := codeOf(m); code != "" {
		e.Labels["error_code"] = code
	}
	if c.late {
		e.Labels["late"] = "true"
	}
	if m.needsInput() {
		e.Labels["needs_input"] = "true"
	}
	if task := textIn(m.object(slotNewTask), "taskId"); task != "" {
		e.Labels["task"] = short(task)
	}
	if s.opt.Output && v.whole() {
		e.Labels["output"] = cut(string(v.kept), longestOutput)
	}
	if c.kind == question && !m.has(slotError) {
		decide(e, m.text(slotAction))
	}
	return e
}

// longestOutput bounds what is recorded of a call's output, where it is.
const longestOutput = 16 << 10

// decide fills in what a person has answered.
func decide(e *etch.Event, action string) {
	if action == "accept" {
		return
	}
	if action == "" {
		action = "no action"
	}
	e.Action.Approved = false
	e.Result.Type, e.Result.Reason = etch.Blocked, cut(action, longestMessage)
}

// message returns what a tool says of its error: the first line of its first
// text, or all of it where outputs are recorded.
func (s *session) message(v *value) string {
	var result struct {
		Content []struct {
			Type string `json:"type"`
			Text string `json:"text"`
		} `json:"content"`
	}
	if !v.whole() || json.Unmarshal(v.kept, &result) != nil {
		return "the tool says that it failed"
	}
	for _, c := range result.Content {
		if c.Type == "text" && c.Text != "" {
			if s.opt.Output {
				return cut(c.Text, longestOutput)
			}
			return short(c.Text)
		}
	}
	return "the tool says that it failed"
}

// failure returns the result that an error of JSON-RPC is.
func failure(m *message) *etch.Result {
	message := short(textIn(m.object(slotError), "message"))
	if message == "" {
		message = "an error without a message"
	}
	return &etch.Result{Type: etch.Error, Message: message, ErrorCategory: categoryOf(codeOf(m))}
}

// codeOf returns the code of an error of JSON-RPC as it was written, "" where
// there is none.
func codeOf(m *message) string {
	code := m.object(slotError)["code"]
	var n json.Number
	if json.Unmarshal(code, &n) != nil {
		return ""
	}
	return cut(n.String(), longestMessage)
}

// categoryOf names a code (JSON-RPC 2.0, section 5.1).
func categoryOf(code string) string {
	switch code {
	case "-32700":
		return "parse_error"
	case "-32600":
		return "invalid_request"
	case "-32601":
		return "method_not_found"
	case "-32602":
		return "invalid_params"
	case "-32603":
		return "internal_error"
	}
	return "rpc_error"
}
