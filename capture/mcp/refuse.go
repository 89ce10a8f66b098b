package mcp

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/etch-audit/etch"
)

// A refusal says why a message is not passed on.
type refusal struct {
	reason  string
	unread  bool      // it cannot be judged for how it is written
	risk    etch.Risk // of a call, where that is why
	reasons []string
	with    *refusal // another's, that it came together with: then there is no other reason
}

// text says it to a client.
func (r *refusal) text() string {
	if r.with != nil {
		return "etch refuses this call, which came together with another: " + r.with.reason
	}
	return "etch refuses this call: " + r.reason
}

// judges reports whether what clients send is judged.
func (o *Options) judges() bool { return o.Deny != "" }

// decide judges messages that can only be passed on together, each once: where one is
// refused, all are, and each is told why. Unfit is why none of them can be judged for
// how they are written, "" where they can. It returns why, nil where they pass.
func (o *Options) decide(messages []*message, unfit string) (why *refusal) {
	for _, m := range messages {
		if m.refused = o.judge(m, unfit); why == nil {
			why = m.refused
		}
	}
	if why == nil {
		return nil
	}
	for _, m := range messages {
		if m.refused == nil {
			m.refused = &refusal{reason: "it came together with what is refused", with: why}
		}
	}
	return why
}

// judge returns why a message of the client is refused by itself, nil where it is not.
func (o *Options) judge(m *message, unfit string) *refusal {
	switch {
	case m.size > mostHeld:
		return &refusal{reason: tooLong, unread: unfit != ""}
	case m.broken:
		return &refusal{reason: notJSON, unread: true}
	case unfit != "":
		return &refusal{reason: unfit, unread: true}
	case m.garbled:
		return &refusal{reason: notUTF8, unread: true}
	case m.halved:
		return &refusal{reason: "it cannot be judged: half of a surrogate pair is in it, and readers differ in what that says"}
	case m.ambiguous:
		return &refusal{reason: "it cannot be judged: a member is given twice or in other letters"}
	case m.method() == "" && m.has(slotMethod):
		return &refusal{reason: "it cannot be judged: its method is no text"}
	case !isCall(m):
		return nil
	case o.Judge == nil:
		return &refusal{reason: "nobody judges it"}
	}
	e := &etch.Event{Type: etch.ToolCall, Action: &etch.Action{Tool: m.method(), MCPServerID: o.Name, ClaimSource: etch.ClaimMCP}}
	switch kindOf(client, m.method()) {
	case tool:
		if m.text(slotName) == "" {
			return &refusal{reason: "it cannot be judged: it names no tool"}
		}
		e.Action.Tool, e.Action.Arguments = m.text(slotName), m.values[slotArguments].kept
	case read:
		e.Action.Resource = m.text(slotURI)
	default:
		e.Action.Arguments = m.values[slotParams].kept
	}
	level, reasons := o.Judge(e)
	if !level.Reaches(o.Deny) {
		return nil
	}
	why := fmt.Sprintf("risk %s is at or above the limit %s", level, o.Deny)
	if len(reasons) > 0 {
		why += ": " + strings.Join(reasons, "; ")
	}
	return &refusal{reason: why, risk: level, reasons: reasons}
}

// isCall reports whether a client wants something done by a message.
func isCall(m *message) bool {
	return kindOf(client, m.method()) > greeting && m.method() != "" && !isNotification(m.method())
}

// tooLong is the reason where more came than is held back.
const tooLong = "it cannot be judged: it is too long"

// refuse records a message of the client that is not passed on. What is no call
// leaves no record, as if it had not been sent; what is no JSON may be one to others.
func (s *session) refuse(m *message, at time.Time) {
	why := m.refused
	if !isCall(m) {
		if why.reason == notJSON {
			s.note(client, oddBroken, m, at)
		}
		return
	}
	c := &call{kind: kindOf(client, m.method()), from: client, start: at}
	s.introduce(m)
	s.describe(c, m)
	s.begin(at)
	c.event.Action.Risk, c.event.Action.RiskReasons = why.risk, why.reasons
	s.add(c.attempt())
	e := c.completion(at, &etch.Result{})
	s.refused(e, why)
	s.add(e)
}

// refused fills in that what an event tells was refused.
func (s *session) refused(e *etch.Event, why *refusal) {
	turnedAway(e, why.reason)
	e.Security = &etch.Security{PolicyViolation: true, PolicyMatch: "deny_risk=" + string(s.opt.Deny)}
}

// codeRefused is the code of errors that answer what is refused: one of those
// that JSON-RPC leaves to servers, and neither MCP nor its SDKs use: theirs say what
// the client does next, as with -32003, which the Go SDK takes for its own end.
const codeRefused = -32080

// An rpcError answers what is refused.
type rpcError struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Error   struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// answerTo returns what a client is told of a message that is refused; nil where it
// wants to hear nothing.
func answerTo(m *message) json.RawMessage {
	answer := rpcError{Version: "2.0", ID: json.RawMessage("null")}
	id := &m.values[slotID]
	switch known := id.whole() && json.Valid(id.kept); {
	case known && (m.broken || m.has(slotMethod)):
		answer.ID = id.kept
	case !m.refused.unread:
		return nil
	}
	answer.Error.Code, answer.Error.Message = codeRefused, m.refused.text()
	text, err := json.Marshal(answer)
	if err != nil {
		return nil // the id is valid, and nothing else can fail
	}
	return text
}

// answersTo returns the lines that a client is told whose messages are refused; none
// where it wants to hear nothing.
func answersTo(messages []*message) []byte {
	var batch []json.RawMessage
	var out []byte
	for _, m := range messages {
		switch answer := answerTo(m); {
		case answer == nil:
		case m.batch:
			batch = append(batch, answer)
		default:
			out = append(append(out, answer...), '\n')
		}
	}
	if len(batch) > 0 {
		if text, err := json.Marshal(batch); err == nil { // they are JSON
			out = append(append(out, text...), '\n')
		}
	}
	return out
}
