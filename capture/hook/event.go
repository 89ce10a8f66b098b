package hook

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/etch-audit/etch"
)

// maxMessage is the length of the longest error message that is recorded where
// outputs are not: an agent puts a command's output into it.
const maxMessage = 240

// Attempt returns the event that says that a call is about to run. It stands as
// allowed: nobody has refused it so far. Its Actor names the agent alone.
//
// The same call gives the same event, whether a hook or a transcript told of
// it, but for the label capture.
func (a *Agent) Attempt(c *Call, opt Recording) *etch.Event {
	e := a.event(c, opt)
	e.Phase = etch.Attempt
	e.Action.Allowed = true
	return e
}

// Completion returns the event that says how a call ended. It repeats what
// Attempt says of actor and action, with the input that ran.
func (a *Agent) Completion(c *Call, opt Recording) *etch.Event {
	e := a.event(c, opt)
	e.Phase = etch.Completion
	c.settle(e, opt)
	return e
}

func (a *Agent) event(c *Call, opt Recording) *etch.Event {
	e := &etch.Event{
		Timestamp: c.Start,
		CallID:    c.ID,
		SessionID: c.Session,
		TurnID:    c.Turn,
		Actor:     &etch.Actor{Agent: a.Name, AgentID: c.AgentID, Model: c.Model},
	}
	a.describe(e, c, opt)
	setLabel(e, "capture", c.Source)
	setLabel(e, "agent_type", c.AgentType)
	setLabel(e, "parent_session", c.ParentSession)
	setLabel(e, "permission_mode", c.Mode)
	switch {
	case len(c.Input) == 0:
	case c.Digest != "":
		setLabel(e, "input_sha256", c.Digest)
	default:
		setLabel(e, "input_sha256", InputDigest(c.Input))
	}
	return e
}

// settle fills in how the call ended.
func (c *Call) settle(e *etch.Event, opt Recording) {
	r := &etch.Result{Type: c.Outcome, ExitCode: c.ExitCode, Duration: c.Duration}
	e.Result = r
	if r.Type == "" {
		r.Type = etch.Error
	}
	if c.Output.Known {
		r.OutputBytes, r.OutputSHA256 = etch.Some(c.Output.Bytes), c.Output.SHA256
		r.Truncated = c.Output.Cut
		if opt.Output && len(c.Output.Text) > 0 {
			setLabel(e, "output", cutText(string(c.Output.Text), 4*maxKept))
		}
	}
	setLabel(e, "end", c.End)
	setLabel(e, "denied_by", c.Denial.By)
	message := c.message(opt)
	switch r.Type {
	case etch.Blocked:
		r.Reason, r.ErrorCategory, r.ErrorDomain = message, "denied", "action"
		e.Action.Allowed = false
	case etch.Error, etch.Timeout:
		e.Action.Allowed, e.Action.Approved = true, c.End == ""
		r.ErrorCategory = categoryOf(c)
		if r.Type == etch.Error {
			r.Message = message
		}
	default:
		e.Action.Allowed, e.Action.Approved = true, true
	}
}

// categoryOf names why a call failed.
func categoryOf(c *Call) string {
	code, coded := c.ExitCode.Get()
	switch {
	case c.Outcome == etch.Timeout:
		return "timeout"
	case c.End != "":
		return strings.ReplaceAll(c.End, "-", "_")
	case coded && code != 0:
		return "exit_code"
	}
	return "tool_error"
}

// message returns the error or the reason as it is recorded. Unless outputs are
// recorded it is the first line: what follows may be what a command wrote.
func (c *Call) message(opt Recording) string {
	text := c.Error
	if c.Outcome == etch.Blocked && c.Denial.Reason != "" {
		text = c.Denial.Reason
	}
	if opt.Output {
		return cutText(text, maxKept)
	}
	text = strings.TrimSpace(text)
	text, _, _ = strings.Cut(text, "\n")
	return cutText(strings.TrimSpace(text), maxMessage)
}

// cutText returns the beginning of a text, at most n bytes, at a character.
func cutText(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// OutputOf returns the Output that consists of the given bytes, which it keeps.
func OutputOf(text []byte) Output {
	return Output{Known: true, Bytes: uint64(len(text)), SHA256: digest(text), Text: text}
}

// toolName names the tool as none of another server's is named.
func (c *Call) toolName() string {
	if c.Server == "" {
		return c.Tool
	}
	return c.Server + "\x00" + c.Tool
}

// madeID returns the id of a call whose agent gives it none. No other call has it,
// whatever is remembered of the session, which may be lost, or somebody else's: a delivery is
// known by what was sent and when, and its process by a number that it drew. Two turns
// of one delivery give a call the same id.
func (t *Turn) madeID(c *Call, digest string) string {
	t.made++
	sum := sha256.Sum256(t.m.Delivery.Payload)
	text := appendQuoted(nil, c.Session)
	text = appendQuoted(text, c.toolName())
	text = appendQuoted(text, digest)
	text = append(text, sum[:]...)
	text = append(text, t.sessions.nonce[:]...)
	text = strconv.AppendInt(text, t.now.UnixNano(), 10)
	text = strconv.AppendInt(append(text, '#'), int64(t.made), 10)
	sum = sha256.Sum256(text)
	return "call_" + hex.EncodeToString(sum[:13])
}

// maxID is the length of the longest id that is recorded as it is: those of agents
// have some forty bytes.
const maxID = 256

// BoundID returns the id of a call or a session as it is recorded: itself, or
// where it is so long that the log would cut it, a hash of it, by which the
// records of one call, and of one session, still belong together.
func BoundID(id string) string {
	if len(id) <= maxID {
		return id
	}
	return "sha256:" + digest([]byte(id))
}

func (c *Call) bound() {
	c.ID, c.Session, c.ParentSession = BoundID(c.ID), BoundID(c.Session), BoundID(c.ParentSession)
}

// plausible returns the time that an agent told, where it lies near the clock's
// reading; else that reading.
func plausible(told, now time.Time) time.Time {
	const ahead, behind = time.Minute, 10 * time.Minute
	if told.IsZero() || now.IsZero() || told.After(now.Add(ahead)) || told.Before(now.Add(-behind)) {
		return now
	}
	return told
}
