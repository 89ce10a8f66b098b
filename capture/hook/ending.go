package hook

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/etch-audit/etch"
)

// end says in m.Call how the call ended, by the shape of responses that agents
// share, and then lets the agent correct it.
func (m *Message) end() {
	c := &m.Call
	c.Ended, c.Outcome = true, etch.Success
	response := m.Body.Get("tool_response", "toolResponse", "toolResult", "tool_result", "tool_output", "toolOutput", "result_json", "response")
	if response != nil {
		c.Respond(response)
	}
	if failure := m.Body.Get("error", "error_message", "errorMessage"); failure != nil {
		c.Fail(MessageOf(failure))
	} else if m.Kind == FailureEvent {
		c.Fail("")
	}
	if m.Body.True("is_interrupt") {
		c.Outcome, c.End = etch.Error, EndInterrupted
	}
	if m.Delivery.Agent.End != nil {
		m.Delivery.Agent.End(m)
	}
	if code, ok := c.ExitCode.Get(); ok && code != 0 && c.Outcome == etch.Success {
		c.Outcome = etch.Error
		c.SayExit()
	}
}

// SayExit gives a call that failed by its exit code, and has no other error, an error that says so.
func (c *Call) SayExit() {
	if code, ok := c.ExitCode.Get(); ok && c.Error == "" {
		c.Error = "exit code " + strconv.FormatInt(code, 10)
	}
}

// Fail says that the call failed with a message. Where nothing came out of the
// call so far, the message is what came out.
func (c *Call) Fail(message string) {
	c.Ended, c.Error = true, message
	if c.Outcome == "" || c.Outcome == etch.Success {
		c.Outcome = etch.Error
	}
	if !c.Output.Known && message != "" {
		c.Output = OutputOf([]byte(message))
	}
	line, _, _ := strings.Cut(message, "\n")
	if TimedOut(line) {
		c.Outcome = etch.Timeout
	}
}

// TimedOut reports whether the first line of an error says that a call took too long.
func TimedOut(line string) bool {
	line = strings.ToLower(line)
	return strings.HasPrefix(line, "command timed out") || strings.Contains(line, " timed out after ")
}

// Respond says what came out of the call, by the shapes of responses that
// agents share, and that it failed where they say so.
func (c *Call) Respond(raw json.RawMessage) {
	raw = inputObject(raw)
	if text, ok := textBytes(raw); ok {
		c.Output = OutputOf(text)
		return
	}
	p, ok := ParsePayload(raw)
	if !ok {
		c.Output = OutputOf(raw)
		return
	}
	c.Output = OutputOf(outputBytes(raw, p))
	if n, ok := whole(p.Get("exit_code", "exitCode", "exit")); ok {
		c.ExitCode = etch.Some(n)
	}
	c.Output.Cut = p.True("truncated") || p.Get("persistedOutputPath") != nil
	if p.True("interrupted") {
		c.Outcome, c.End = etch.Error, EndInterrupted
	}
	if failure := p.Get("error"); failure != nil && string(failure) != `""` && string(failure) != "false" {
		c.Fail(MessageOf(failure))
	} else if p.True("isError") || p.True("is_error") || string(p.Get("success")) == "false" {
		c.Fail(firstText(p.Get("content")))
	}
}

// outputBytes returns the text of a response: what its shell wrote, first to
// standard output, or the text it gives to the model, or else the whole
// response as it stands.
func outputBytes(raw json.RawMessage, p Payload) []byte {
	stdout, isShell := Text(p.Get("stdout"))
	stderr, hasErrors := Text(p.Get("stderr"))
	if isShell || hasErrors {
		return []byte(stdout + stderr)
	}
	for _, name := range [...]string{"llmContent", "textResultForLlm", "text_result_for_llm", "output", "text"} {
		if text, ok := textBytes(p.Get(name)); ok {
			return text
		}
	}
	if value := p.Get("llmContent"); value != nil {
		return value
	}
	return raw
}

// firstText returns the first text among the parts of an MCP result.
func firstText(content json.RawMessage) string {
	for _, part := range Elements(content) {
		if p, ok := ParsePayload(part); ok {
			if text := p.Text("text"); text != "" {
				return text
			}
		}
	}
	return ""
}

// whole reads a whole number.
func whole(raw json.RawMessage) (int64, bool) {
	text, ok := Text(raw)
	if !ok {
		text = string(raw)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// ExitLine sets the exit code that a line such as "Exit Code: 3" tells, and
// reports whether it does.
func (c *Call) ExitLine(line, prefix, suffix string) bool {
	rest, ok := strings.CutPrefix(line, prefix)
	if !ok {
		return false
	}
	rest, ok = strings.CutSuffix(rest, suffix)
	if !ok {
		return false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
	if err != nil {
		return false
	}
	c.ExitCode = etch.Some(n)
	return true
}

// ShellTrailer sets the exit code and the signal that the result of a shell
// command tells below its output, in lines such as "Exit Code: 1". It reads
// them from the end, so that no output can pass for them where they are there.
func (c *Call) ShellTrailer(text string) {
	rest := strings.TrimSuffix(strings.TrimSpace(text), "</untrusted_context>")
	for len(rest) > 0 {
		at := strings.LastIndexByte(rest, '\n') + 1
		line := strings.TrimSpace(rest[at:])
		rest = rest[:max(at-1, 0)]
		label, value, ok := strings.Cut(line, ":")
		switch {
		case line == "":
		case !ok:
			return
		case label == "Exit Code":
			if c.ExitLine(line, "Exit Code:", "") {
				return
			}
		case label == "Signal":
			if s := strings.TrimSpace(value); s != "" && s != "(none)" {
				c.Outcome, c.Error = etch.Error, "ended by signal "+s
			}
		case label != "Process Group PGID" && label != "Background PIDs" && label != "Error":
			return
		}
	}
}

// ShellCutOff says that a shell command did not run to its end, where the text
// for the model begins with that, and reports whether it does.
func (c *Call) ShellCutOff(text string) bool {
	text = strings.TrimPrefix(strings.TrimSpace(text), "<untrusted_context>\n")
	line, _, _ := strings.Cut(text, "\n")
	switch {
	case strings.HasPrefix(line, "Command was cancelled by user"):
		c.End = EndInterrupted
		c.Fail(line)
	case strings.HasPrefix(line, "Command was automatically cancelled"):
		c.Fail(line)
		c.Outcome = etch.Timeout
	default:
		return false
	}
	return true
}
