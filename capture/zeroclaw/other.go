package zeroclaw

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/zeroclaw"
)

// An other is an object of another of ZeroClaw's logs.
type other struct {
	generation string
	event      *etch.Event
	skip       string // what it is, where it is no audit record: left out
}

// A row is what is read of such objects. Their formats are nobody's promise, so
// they are read as far as the types fit.
type row struct {
	// Of the operational log.
	At         string          `json:"@timestamp"`
	Timestamp  string          `json:"timestamp"`
	ID         string          `json:"id"`
	TraceID    string          `json:"trace_id"`
	SpanID     string          `json:"span_id"`
	Event      json.RawMessage `json:"event"`
	Message    string          `json:"message"`
	Severity   *int            `json:"severity_number"`
	Service    struct{ Name, Version string }
	Attributes struct {
		Input  json.RawMessage `json:"input"`
		Output json.RawMessage `json:"output"`
		Tool   string          `json:"tool"`
		CallID string          `json:"tool_call_id"`
		Error  string          `json:"error"`
	} `json:"attributes"`
	ZeroClaw struct {
		Alias      string `json:"agent_alias"`
		Channel    string `json:"channel"`
		Tool       string `json:"tool"`
		Session    string `json:"session_id"`
		DurationMS *int64 `json:"duration_ms"`
	} `json:"zeroclaw"`

	// Of the webhook.
	Args       json.RawMessage `json:"args"`
	Tool       string          `json:"tool"`
	DurationMS *int64          `json:"duration_ms"`
	Error      *string         `json:"error"`
	Success    *bool           `json:"success"`
}

// parseOther returns what an object of another log holds, nil where it is none.
func parseOther(text []byte) *other {
	if !json.Valid(text) {
		return nil
	}
	var r row
	// Syntax was checked; what is left are types that do not fit, which
	// encoding/json passes over and goes on.
	_ = json.Unmarshal(text, &r)
	switch {
	case r.Severity != nil && len(r.Event) > 0:
		return r.trace()
	case string(r.Event) == `"tool_call"` && r.Tool != "":
		return r.webhook()
	}
	return nil
}

// trace returns what a row of the operational log holds. Rows that are not of a
// tool are left out: they tell of the program, not of what was done.
func (r *row) trace() *other {
	var event struct{ Action, Category, Outcome string }
	_ = json.Unmarshal(r.Event, &event) // as in parseOther
	o := &other{generation: "runtime-trace-v2"}
	if r.At == "" {
		o.generation, r.At = "runtime-trace-v1", r.Timestamp
	}
	t, err := zeroclaw.ParseTime(r.At)
	if err != nil {
		return nil
	}
	if event.Category != "tool" {
		o.skip = "operational rows of " + firstOf(strings.ToValidUTF8(event.Category, "?"), "no category")
		return o
	}
	tool := firstOf(r.ZeroClaw.Tool, r.Attributes.Tool)
	ev := &etch.Event{
		Timestamp: t, Type: etch.ToolCall, CallID: r.Attributes.CallID,
		SessionID: r.ZeroClaw.Session, TraceID: r.TraceID,
		Actor:  &etch.Actor{Channel: r.ZeroClaw.Channel, Agent: zeroclaw.ProgramZeroClaw, AgentID: r.ZeroClaw.Alias},
		Action: &etch.Action{Tool: tool, Command: command(r.Attributes.Input), Arguments: r.Attributes.Input, Allowed: true},
		Labels: map[string]string{"zeroclaw_log": "runtime-trace"},
	}
	keepTime(ev, r.At)
	if r.ID != "" && len(r.ID) <= maxEventID {
		ev.Labels[zeroclaw.LabelEventID] = r.ID
	}
	if event.Action == "invoke" {
		ev.Phase = etch.Attempt
	} else {
		ev.Phase = etch.Completion
		ev.Result = r.traceResult(event.Action, event.Outcome)
	}
	o.event = ev
	return o
}

// traceResult returns how a call ended. No outcome is an unknown one.
func (r *row) traceResult(action, outcome string) *etch.Result {
	result := &etch.Result{Duration: millis(r.ZeroClaw.DurationMS)}
	switch {
	case outcome == "success":
		result.Type = etch.Success
	case outcome == "failure" || action == "fail":
		result.Type, result.Message = etch.Error, r.Attributes.Error
	}
	if out := output(r.Attributes.Output); out != nil {
		sum := sha256.Sum256(out)
		result.OutputBytes = etch.Some(uint64(len(out)))
		result.OutputSHA256 = hex.EncodeToString(sum[:])
	}
	return result
}

// webhook returns what the body of a webhook's request holds.
func (r *row) webhook() *other {
	t, err := zeroclaw.ParseTime(r.Timestamp)
	if err != nil {
		return nil
	}
	ev := &etch.Event{
		Timestamp: t, Type: etch.ToolCall, Phase: etch.Completion,
		Actor:  &etch.Actor{Agent: zeroclaw.ProgramZeroClaw},
		Action: &etch.Action{Tool: r.Tool, Command: command(r.Args), Arguments: r.Args, Allowed: true},
		Labels: map[string]string{"zeroclaw_log": "webhook"},
	}
	keepTime(ev, r.Timestamp)
	if r.Success != nil {
		ev.Result = &etch.Result{Duration: millis(r.DurationMS), Type: etch.Success}
		if !*r.Success {
			ev.Result.Type = etch.Error
			if r.Error != nil {
				ev.Result.Message = *r.Error
			}
		}
	}
	return &other{generation: "webhook", event: ev}
}

func millis(ms *int64) time.Duration {
	if ms == nil {
		return 0
	}
	return time.Duration(min(max(*ms, 0), int64(maxMillis))) * time.Millisecond
}

// command returns the member command of a tool's arguments, "" where there is none.
func command(args json.RawMessage) string {
	var shell struct {
		Command string `json:"command"`
	}
	_ = json.Unmarshal(args, &shell) // as in parseOther
	return shell.Command
}

// output returns the bytes of what a tool gave: a text, or the text of an object.
func output(raw json.RawMessage) []byte {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []byte(text)
	}
	var object struct{ Text *string }
	if json.Unmarshal(raw, &object) == nil && object.Text != nil {
		return []byte(*object.Text)
	}
	return raw
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
