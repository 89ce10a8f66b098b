package claudecode

import (
	"bytes"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

// maxTail is how much of a transcript is looked at: the records of one step of
// the model are its last, but for what a tool returned.
const maxTail = 512 << 10

// consult looks at the end of the transcript for the record of a call's result,
// and says by it how the call ended. It reports whether the record is there and tells.
func consult(m *hook.Message, c *hook.Call) bool {
	name := m.Body.Text("transcript_path")
	if name == "" || c.ID == "" || strings.ContainsAny(c.AgentID, `/\`) {
		return false
	}
	if c.AgentID != "" {
		name = strings.TrimSuffix(name, ".jsonl") + "/subagents/agent-" + c.AgentID + ".jsonl"
	}
	wanted := []byte(`"` + c.ID + `"`)
	for line := range m.Lines(name, maxTail) {
		if !bytes.Contains(line, wanted) || !bytes.Contains(line, []byte(`"tool_use_id"`)) {
			continue
		}
		if record, ok := hook.ParsePayload(line); ok && record.Text("type") == "user" {
			return settle(c, record)
		}
	}
	return false
}

// settle says how a call ended by the record of its result.
func settle(c *hook.Call, record hook.Payload) bool {
	text, failed := resultOf(c.ID, record)
	kind := record.Text("toolDenialKind")
	decision, decided := record.Object("permissionDecision")
	rejected := decided && decision.Text("decision") == "reject"
	switch {
	case kind == "interrupted" || kind == "cancelled", kind == "user-rejected" && !decided && !record.True("toolDenialBeforeRun"):
		c.End = hook.EndInterrupted // while it ran
		c.Fail("interrupted")
	case kind != "" || rejected:
		deny(c, whoOf(kind, decision), plainError(text))
	case !failed:
		c.Outcome = etch.Success // its own event was lost, or is late
		if result := record.Get("toolUseResult"); result != nil {
			c.Respond(result)
		} else {
			c.Output = hook.OutputOf([]byte(text))
		}
	default:
		c.Outcome = etch.Error
		if !exit(c, text) {
			c.Fail(plainError(text))
		}
	}
	return true
}

// resultOf returns what the record says came out of the call, and whether as an error.
func resultOf(id string, record hook.Payload) (text string, failed bool) {
	message, _ := record.Object("message")
	for _, raw := range hook.Elements(message.Get("content")) {
		block, ok := hook.ParsePayload(raw)
		if ok && block.Text("tool_use_id") == id {
			return block.Text("content"), block.True("is_error")
		}
	}
	return "", false
}

// whoOf returns who refused a call by the decision on record, which is absent
// where a person at the terminal refused.
func whoOf(kind string, decision hook.Payload) string {
	source, reason, code := decision.Text("source"), decision.Text("reasonType"), decision.Text("reasonCode")
	switch {
	case source == "hook" || reason == "hook":
		return hook.ByHook
	case reason == "classifier" || strings.HasPrefix(kind, "automode-"):
		return hook.ByClassifier
	case reason == "rule":
		return hook.ByRule // the source may be the user's settings
	case source == "user_reject":
		return hook.ByHost
	case strings.HasPrefix(source, "user"):
		return hook.ByUser
	case reason == "mode" || strings.HasPrefix(code, "mode:") || source == "config":
		return hook.ByMode
	case kind == "user-rejected":
		return hook.ByUser
	}
	return hook.ByRule
}
