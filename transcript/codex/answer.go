package codex

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	hookcodex "github.com/etch-audit/etch/capture/hook/codex"
	"github.com/etch-audit/etch/internal/later"
	"github.com/etch-audit/etch/transcript"
)

var (
	exited = later.Value[*regexp.Regexp]{Make: func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^(?:Process exited with code|Exit code:) (-?\d+)$`)
	}}
	running = later.Value[*regexp.Regexp]{Make: func() *regexp.Regexp { return regexp.MustCompile(`(?m)^Process running with session ID \d+$`) }}
)

// answer takes what the model was told of a call.
func (p *parser) answer(c *transcript.Call, l *line, raw json.RawMessage) {
	text, code := answerOf(raw)
	s := p.states[c.ID]
	if s == nil {
		s = &state{}
		p.states[c.ID] = s
	}
	// What Codex puts before the output ends at "Output:"; behind it the
	// program may have printed anything.
	head, output, cut := strings.Cut(text, "\nOutput:\n")
	_, whole := code.Get() // a version that puts nothing before the output
	if whole {
		head, output, cut = "", text, true
	}
	if !s.over && running.Get().MatchString(head) {
		s.running = true
		return
	}
	p.open.End(c.ID)
	if !cut {
		output = text
	}
	c.Output = hook.OutputOf([]byte(output))
	if _, known := c.ExitCode.Get(); !known {
		if _, told := code.Get(); !told {
			code = transcript.ExitCode(exited.Get(), head)
		}
		c.ExitCode = code
	}
	c.Finish(transcript.Time(l.Timestamp), output, s.failed)
	if whole {
		c.Exit(c.ExitCode) // it ran, and all of the text is what came out
	} else {
		classify(c, text, head)
	}
	p.give(c)
}

// classify sets what the words of an answer say beside success and failure.
func classify(c *transcript.Call, text, head string) {
	denial, refused := hookcodex.Refusal(text)
	switch {
	case refused:
		c.Refuse(denial.By, denial.Reason)
	case strings.HasPrefix(text, "unsupported call: "):
		c.Cut(hook.EndUnknownTool)
		c.Error = text
	case strings.HasPrefix(text, "failed to parse function arguments"):
		c.Cut(hook.EndInvalid)
		c.Error = text
	case strings.HasSuffix(head, "\naborted by user"), head == "aborted by user", head == "aborted":
		c.Cut(hook.EndInterrupted)
	case strings.HasPrefix(text, "apply_patch verification failed"), strings.HasPrefix(text, "exec_command failed: "):
		c.Outcome, c.Error = etch.Error, text
	default:
		c.Exit(c.ExitCode)
	}
}

// answerOf returns the text of an answer and the exit code, where the version
// that wrote it put both into one object.
func answerOf(raw json.RawMessage) (string, etch.Optional[int64]) {
	text := transcript.Text(raw)
	if len(raw) > 0 && raw[0] == '{' {
		var o struct {
			Content json.RawMessage `json:"content"`
		}
		transcript.Decode(raw, &o)
		text = transcript.Text(o.Content)
	}
	if !strings.HasPrefix(text, `{"output":`) || !json.Valid([]byte(text)) {
		return text, etch.Optional[int64]{}
	}
	var o struct {
		Output   string `json:"output"`
		Metadata struct {
			ExitCode *int64 `json:"exit_code"`
		} `json:"metadata"`
	}
	transcript.Decode([]byte(text), &o)
	if o.Metadata.ExitCode == nil {
		return o.Output, etch.Optional[int64]{}
	}
	return o.Output, etch.Some(*o.Metadata.ExitCode)
}
