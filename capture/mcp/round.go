package mcp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/etch-audit/etch"
)

// Since its version of 2026-07-28 the protocol needs no initialize: each request
// says who the client is, and a server asks by answering that it needs input, and
// is told in the same request made again (SEP-2322, SEP-2575).
const (
	metaClient  = "io.modelcontextprotocol/clientInfo"
	metaServer  = "io.modelcontextprotocol/serverInfo"
	metaVersion = "io.modelcontextprotocol/protocolVersion"
)

// introduce takes what a client says of itself with a request.
func (s *session) introduce(m *message) {
	if s.facts["client"] != "" {
		return
	}
	meta := m.object(slotMeta)
	s.client(membersOf(meta[metaClient]), textIn(meta, metaVersion))
}

// client takes what a client says of itself.
func (s *session) client(info map[string]json.RawMessage, version string) {
	s.fact("client", textIn(info, "name"))
	s.fact("client_version", textIn(info, "version"))
	s.fact("protocol_version", version)
	if name := short(textIn(info, "name")); s.opt.Actor.Agent == "" && name != "" {
		s.actor.Agent = name
	}
}

// membersOf decodes an object; of what is none there are no members.
func membersOf(raw json.RawMessage) map[string]json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return nil
	}
	return members
}

// needsInput reports whether an answer only asks for something.
func (m *message) needsInput() bool { return m.text(slotResultType) == "input_required" }

// inputAsked records what a server asks with its answer to a call.
func (s *session) inputAsked(c *call, m *message, at time.Time) {
	questions := m.object(slotInputRequests)
	for _, id := range slices.Sorted(maps.Keys(questions)) {
		question := membersOf(questions[id])
		e := s.inputEvent(c, id, textIn(question, "method"), at)
		if e.Type == etch.ApprovalDecision {
			e.Type = etch.ApprovalRequest
		}
		e.Action.Arguments = digestOf(question["params"])
		s.add(e)
	}
}

// inputGiven records what a client answers with a call that is made again.
func (s *session) inputGiven(c *call, m *message, at time.Time) {
	answers := m.object(slotInputResponses)
	for _, id := range slices.Sorted(maps.Keys(answers)) {
		answer := membersOf(answers[id])
		method := "sampling/createMessage"
		if _, ok := answer["action"]; ok {
			method = "elicitation/create"
		} else if _, ok := answer["roots"]; ok {
			method = "roots/list"
		}
		e := s.inputEvent(c, id, method, at)
		sum := sha256.Sum256(answers[id])
		e.Result = &etch.Result{Type: etch.Success, OutputBytes: etch.Some(uint64(len(answers[id]))), OutputSHA256: hex.EncodeToString(sum[:])}
		e.Action.Approved = true
		if e.Type == etch.ApprovalDecision {
			decide(e, textIn(answer, "action"))
		}
		s.add(e)
	}
}

// inputEvent returns the event of a question within a call, or of its answer.
func (s *session) inputEvent(c *call, id, method string, at time.Time) *etch.Event {
	e := s.event(etch.ToolCall, at)
	if kindOf(server, method) == question {
		e.Type = etch.ApprovalDecision
	}
	e.CallID, e.TraceID = c.event.CallID, c.event.TraceID
	e.Action.Tool, e.Action.Approved = cut(method, longestMessage), false
	e.Labels["from"], e.Labels["input_id"] = "server", cut(id, longestMessage)
	return e
}

func digestOf(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	sum := sha256.Sum256(raw)
	return appendDigest(nil, int64(len(raw)), sum[:])
}
