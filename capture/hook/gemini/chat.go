package gemini

import (
	"bytes"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

// maxTail is how much of a chat is looked at: a turn's last lines. Each tool's
// description stands in them again.
const maxTail = 512 << 10

// consult looks at the end of the chat for a call, and says by it how the call
// ended. It reports whether that is there. Calls have no ids that hooks know: the one
// meant has the tool and the input, and was over after the call had begun.
func consult(m *hook.Message, c *hook.Call) bool {
	name := m.Body.Text("transcript_path")
	if name == "" || c.Digest == "" {
		return false
	}
	for line := range m.Lines(name, maxTail) {
		if !bytes.Contains(line, []byte(`"toolCalls"`)) {
			continue
		}
		record, _ := hook.ParsePayload(line)
		for _, raw := range hook.Elements(record.Get("toolCalls")) {
			if call, ok := hook.ParsePayload(raw); ok && is(c, call) && settle(c, call) {
				return true
			}
		}
	}
	return false
}

// is reports whether an entry of the chat is the call.
func is(c *hook.Call, entry hook.Payload) bool {
	name := c.Tool
	if c.Server != "" {
		name = "mcp_" + c.Server + "_" + c.Tool
	}
	if entry.Text("name") != name || hook.InputDigest(entry.Get("args")) != c.Digest {
		return false
	}
	over, err := time.Parse(time.RFC3339Nano, entry.Text("timestamp"))
	return err == nil && !over.Before(c.Start.Truncate(time.Millisecond))
}

// settle says how a call ended by the chat's entry, and reports whether that tells
// that it has. What came out of one that ran is for its own event to tell.
func settle(c *hook.Call, entry hook.Payload) bool {
	failure := failureIn(entry)
	denial, refused := Refusal(failure)
	switch status := entry.Text("status"); {
	case refused:
		c.Ended, c.Denial = true, denial
		c.Outcome = etch.Blocked
	case status == "cancelled":
		c.End = hook.EndInterrupted
		c.Fail(failure)
	case status == "error":
		c.Fail(failure)
	case status == "success":
		c.End = hook.EndUnknown
	default:
		return false
	}
	return true
}

// failureIn returns the error that the model was told.
func failureIn(entry hook.Payload) string {
	var words strings.Builder
	for _, raw := range hook.Elements(entry.Get("result")) {
		part, _ := hook.ParsePayload(raw)
		answer, _ := part.Object("functionResponse")
		response, _ := answer.Object("response")
		words.WriteString(response.Text("error"))
	}
	return words.String()
}

// Refusal returns who refused a call and why, by the error that the model was told,
// and whether it was refused at all. The words begin the error: further on stands what a
// tool that ran says of its input, or what came out of it.
func Refusal(failure string) (denial hook.Denial, refused bool) {
	if reason, ok := strings.CutPrefix(failure, "Tool execution blocked: "); ok {
		return hook.Denial{By: hook.ByHook, Reason: reason}, true
	}
	switch {
	case strings.HasPrefix(failure, "Tool execution denied by policy"):
		return hook.Denial{By: hook.ByRule, Reason: failure}, true
	case strings.HasPrefix(strings.TrimPrefix(failure, "[Operation Cancelled] Reason: "), "User denied execution"):
		return hook.Denial{By: hook.ByUser, Reason: failure}, true
	}
	return hook.Denial{}, false
}
