package transcript

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

// Time returns a time as transcripts write it, RFC 3339 with a zone; the zero
// time where s is none.
func Time(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// Text returns the text of a result: a string, or the texts of a list of parts.
func Text(content json.RawMessage) string {
	if len(content) == 0 {
		return ""
	}
	if content[0] == '"' {
		var s string
		Decode(content, &s)
		return s
	}
	var parts []struct {
		Text string `json:"text"`
	}
	Decode(content, &parts)
	var text strings.Builder
	for _, part := range parts {
		if part.Text != "" && text.Len() > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(part.Text)
	}
	return text.String()
}

// ExitCode returns the number behind the words of pattern, which has one group:
// the exit code that an agent put into a text.
func ExitCode(pattern *regexp.Regexp, text string) etch.Optional[int64] {
	m := pattern.FindStringSubmatch(text)
	if m == nil {
		return etch.Optional[int64]{}
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return etch.Optional[int64]{}
	}
	return etch.Some(n)
}

// Finish sets how a call ended: at that time, as a success or with an error of
// that text. What is more is the format's to set.
func (c *Call) Finish(end time.Time, failure string, failed bool) {
	c.Ended, c.Over = true, end
	if c.Duration == 0 && !c.Start.IsZero() && end.After(c.Start) {
		c.Duration = end.Sub(c.Start)
	}
	c.Outcome = etch.Success
	if failed {
		c.Outcome, c.Error = etch.Error, failure
	}
}

// Exit sets the exit code; one that is not 0 is a failure, whatever the agent
// calls it.
func (c *Call) Exit(code etch.Optional[int64]) {
	c.ExitCode = code
	if n, ok := code.Get(); ok && n != 0 && c.Outcome == etch.Success {
		c.Outcome = etch.Error
	}
}

// Refuse sets that a call was refused.
func (c *Call) Refuse(by, reason string) {
	c.Outcome, c.Error = etch.Blocked, ""
	c.Denial = hook.Denial{By: by, Reason: reason}
}

// Cut sets that a call had no ordinary end.
func (c *Call) Cut(why string) {
	c.End = why
	if c.Outcome == etch.Success || c.Outcome == "" {
		c.Outcome = etch.Error
	}
}
