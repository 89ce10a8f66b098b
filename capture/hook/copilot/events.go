package copilot

import (
	"bytes"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

// maxTail is how much of a session's events is looked at: a turn's last lines.
const maxTail = 512 << 10

// consult looks at the end of the session's events for a call that was refused, and
// says by them by whom and why. It reports whether that is there: Copilot writes them
// when it finds the time, some seconds late. Calls have no ids that hooks know: the one
// meant has the tool and the input, and was over after the call had begun.
func consult(m *hook.Message, c *hook.Call) bool {
	name := m.Body.Text("transcriptPath", "transcript_path")
	if name == "" || c.Digest == "" {
		return false
	}
	refused := make(map[string]hook.Denial) // by the ids that the events have
	for line := range m.Lines(name, maxTail) {
		ended, begun := bytes.Contains(line, []byte(`"tool.execution_complete"`)), bytes.Contains(line, []byte(`"tool.execution_start"`))
		if !ended && !begun {
			continue
		}
		record, _ := hook.ParsePayload(line)
		data, ok := record.Object("data")
		if !ok {
			continue
		}
		id := data.Text("toolCallId")
		if record.Text("type") == "tool.execution_complete" {
			failure, _ := data.Object("error")
			if denial, ok := Refusal(failure.Text("code"), failure.Text("message")); ok && after(record.Text("timestamp"), c.Start) {
				refused[id] = denial
			}
			continue
		}
		if denial, ok := refused[id]; ok && record.Text("agentId") == c.AgentID && is(c, data) {
			c.Ended, c.Outcome, c.Denial = true, etch.Blocked, denial
			return true
		}
	}
	return false
}

// after reports whether a time is not before another, of which the parts below a
// millisecond are not known.
func after(text string, start time.Time) bool {
	t, err := time.Parse(time.RFC3339Nano, text)
	return err == nil && !t.Before(start.Truncate(time.Millisecond))
}

// is reports whether the beginning of a call is that of the call.
func is(c *hook.Call, begun hook.Payload) bool {
	server, tool := splitTool(begun.Text("toolName"))
	return server == c.Server && tool == c.Tool && hook.InputDigest(begun.Get("arguments")) == c.Digest
}

// BeforeUse begins the words about a call that a hook of preToolUse has refused.
const BeforeUse = "Denied by preToolUse hook"

// Refusal returns who refused a call and why, by the code and the message of its error,
// and whether it was refused at all.
func Refusal(code, message string) (denial hook.Denial, refused bool) {
	denial = hook.Denial{By: hook.ByUser, Reason: message}
	switch {
	case code != "denied" && code != "rejected":
		return hook.Denial{}, false
	case strings.HasPrefix(message, BeforeUse), strings.HasPrefix(message, "Permission denied by a PermissionRequest hook"):
		denial.By = hook.ByHook
	case strings.Contains(message, "due to the following rules"):
		denial.By = hook.ByRule
	case strings.Contains(message, "no interactive user response"):
		denial.By = hook.ByMode
	}
	return denial, true
}
