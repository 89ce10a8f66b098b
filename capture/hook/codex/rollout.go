package codex

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

// maxTail is how much of a rollout is looked at: a turn's last records.
const maxTail = 512 << 10

// exited looks in the end of the rollout for the exit code of a command that has
// ended. Without it the command stands as the hook told of it.
func exited(m *hook.Message, c *hook.Call) {
	for item := range itemsOf(m, c, []byte(`"CommandExecution"`)) {
		done, ok := item.Object("item")
		if !ok || done.Text("id") != c.ID {
			continue
		}
		code, err := strconv.ParseInt(string(done.Get("exit_code")), 10, 64)
		if err != nil {
			continue
		}
		c.ExitCode = etch.Some(code)
		if code != 0 {
			c.Outcome = etch.Error
			c.SayExit()
		}
		return
	}
}

// itemsOf gives the payloads of the records at the end of the rollout that name
// the call and the kind, the newest first.
func itemsOf(m *hook.Message, c *hook.Call, kind []byte) iter.Seq[hook.Payload] {
	return func(yield func(hook.Payload) bool) {
		name := m.Body.Text("agent_transcript_path", "transcript_path")
		if name == "" || c.ID == "" {
			return
		}
		wanted := []byte(`"` + c.ID + `"`)
		for line := range m.Lines(name, maxTail) {
			if !bytes.Contains(line, wanted) || !bytes.Contains(line, kind) {
				continue
			}
			record, _ := hook.ParsePayload(line)
			if item, ok := record.Object("payload"); ok && !yield(item) {
				return
			}
		}
	}
}

// consult looks at the end of the rollout for what the model was told of a
// call, and says by it how the call ended. It reports whether that is there.
func consult(m *hook.Message, c *hook.Call) bool {
	for item := range itemsOf(m, c, []byte(`_call_output"`)) {
		if item.Text("call_id") == c.ID {
			text := wordsOf(item.Get("output"))
			return answered(c, text) || status(m, c, text)
		}
	}
	return false
}

// wordsOf returns the text of an output: a string, or parts of which some are text.
func wordsOf(output json.RawMessage) string {
	if text, ok := hook.Text(output); ok {
		return text
	}
	var words []string
	for _, raw := range hook.Elements(output) {
		if part, ok := hook.ParsePayload(raw); ok {
			words = append(words, part.Text("text"))
		}
	}
	return strings.Join(words, "\n")
}

// status says how a call that the model was told something of ended, by the record of
// its end, which of failures says no more. Without it the text may be what came out of
// the call, or an error.
func status(m *hook.Message, c *hook.Call, text string) bool {
	for item := range itemsOf(m, c, []byte(`"item_completed"`)) {
		done, ok := item.Object("item")
		if !ok || done.Text("id") != c.ID {
			continue
		}
		switch done.Text("status") {
		case "completed":
			c.Outcome = etch.Success // its completion was lost, not it
			return true
		case "failed":
			c.Fail(text)
			return true
		}
	}
	return false
}

// answered says how a call ended by what the model was told. It reports whether
// that tells: of one that yielded the model was told that it runs, and of some no more
// than what came out of them.
func answered(c *hook.Call, text string) bool {
	head, output, _ := strings.Cut(text, "\nOutput:\n")
	denial, refused := Refusal(text)
	switch {
	case text == "":
		return false
	case strings.Contains(head, "Process running with session ID"):
		return false
	case refused:
		c.Ended, c.Outcome, c.Denial = true, etch.Blocked, denial
	case strings.HasPrefix(text, "aborted"), strings.Contains(text, "aborted by user"):
		c.End = hook.EndInterrupted
		c.Fail(text)
	case strings.HasPrefix(text, "apply_patch verification failed"):
		c.End = hook.EndInvalid
		c.Fail(text)
	case strings.HasPrefix(text, "exec_command failed"):
		c.Fail(text)
	default:
		for line := range strings.Lines(head + "\n") {
			line = strings.TrimSpace(line)
			if !c.ExitLine(line, "Process exited with code", "") {
				c.ExitLine(line, "Exit code:", "")
			}
		}
		code, ok := c.ExitCode.Get()
		if !ok {
			return false
		}
		c.Output = hook.OutputOf([]byte(output))
		if c.Ended, c.Outcome = true, etch.Success; code != 0 {
			c.Outcome = etch.Error
			c.SayExit()
		}
	}
	return true
}
