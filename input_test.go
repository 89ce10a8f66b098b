package etch

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseInput(t *testing.T) {
	seedTime := time.Date(2026, 2, 16, 12, 34, 56, 0, time.UTC)
	tests := []struct {
		name, in string
		want     Event
	}{
		{"least", `{"event_type":"tool_call"}`, Event{Type: ToolCall}},
		{"white space", " {\t\"event_type\" :\n\"tool_call\" } \r\n", Event{Type: ToolCall}},
		{"nulls", `{"timestamp":null,"event_type":"tool_call","actor":null,"action":{"command":null,"arguments":null,"approved":null,"risk_reasons":null},
			"result":{"success":null,"exit_code":null,"duration_ms":null},"labels":{"a":null}}`, Event{
			Type: ToolCall, Action: &Action{}, Result: &Result{}, Labels: map[string]string{},
		}},
		{"the seed's event", `{"timestamp":"2026-02-16T12:34:56Z","event_id":"evt_1a2b3c4d","event_type":"command_execution",
			"actor":{"channel":"telegram","user_id":"123456789","username":"@alice"},
			"action":{"command":"ls -la","risk_level":"low","approved":false,"allowed":true},
			"result":{"success":true,"exit_code":0,"duration_ms":15},
			"security":{"policy_violation":false,"rate_limit_remaining":19}}`, Event{
			Timestamp: seedTime, ID: "evt_1a2b3c4d", Type: CommandExecution,
			Actor:    &Actor{Channel: "telegram", UserID: "123456789", Username: "@alice"},
			Action:   &Action{Command: "ls -la", Risk: RiskLow, Allowed: true},
			Result:   &Result{Type: Success, ExitCode: Some[int64](0), Duration: 15 * time.Millisecond},
			Security: &Security{RateLimitRemaining: Some[uint64](19)},
		}},
		{"offset", `{"event_type":"tool_call","timestamp":"2026-02-16T14:34:56.5+02:00"}`, Event{Type: ToolCall, Timestamp: seedTime.Add(time.Second / 2)}},
		{"unix seconds", `{"event_type":"tool_call","timestamp":"1712345678"}`, Event{Type: ToolCall, Timestamp: time.Unix(1712345678, 0).UTC()}},
		{"zero time", `{"event_type":"tool_call","timestamp":"0001-01-01T01:00:00+01:00"}`, Event{Type: ToolCall, Timestamp: time.Time{}.Add(time.Nanosecond)}},
		{"epoch", `{"event_type":"tool_call","timestamp":"0"}`, Event{Type: ToolCall, Timestamp: time.Unix(0, 0).UTC()}},
		{"failure without a type", `{"event_type":"tool_call","result":{"success":false}}`, Event{Type: ToolCall, Result: &Result{}}},
		{"success after the type", `{"event_type":"tool_call","result":{"type":"timeout","success":false}}`, Event{Type: ToolCall, Result: &Result{Type: Timeout}}},
		{"empty names", `{"event_type":"tool_call","phase":"","action":{"risk_level":""}}`, Event{Type: ToolCall, Action: &Action{}}},
		{
			"any bytes", `{"event_type":"tool_call","action":{"command":"\\xff\\\\","command_escaped":true,"arguments":"\\xfe","arguments_raw":true,"arguments_escaped":true}}`,
			Event{Type: ToolCall, Action: &Action{Command: "\xff\\", Arguments: json.RawMessage("\xfe")}},
		},
	}
	for _, tt := range tests {
		got, err := ParseInput([]byte(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(got, &tt.want, allowOptional); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tt.name, diff)
		}
	}
}

// What the log shows of an event can be given again, without its envelope.
func TestParseInputReadsBodies(t *testing.T) {
	got, err := ParseInput([]byte("{" + fullBody + "}"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, normal(fullEvent()), allowOptional); diff != "" {
		t.Errorf("event differs (-got +want):\n%s", diff)
	}
}

func TestParseInputKeepsNothing(t *testing.T) {
	line := []byte(`{"event_type":"tool_call","action":{"command":"ls","arguments":{"a":1}}}`)
	ev, err := ParseInput(line)
	if err != nil {
		t.Fatal(err)
	}
	clear(line)
	if ev.Action.Command != "ls" || string(ev.Action.Arguments) != `{"a":1}` {
		t.Errorf("the event changed with the line: %+v", ev.Action)
	}
}

func TestParseInputErrors(t *testing.T) {
	tests := []struct{ in, member, reason, nearest string }{
		{``, "", "expected an object", ""},
		{`[]`, "", "expected an object", ""},
		{`{}`, "event_type", "is missing", ""},
		{`{"event_type":""}`, "event_type", "is missing", ""},
		{`{"event_type":null}`, "event_type", "is missing", ""},
		{`{"event_type":"command_exection"}`, "event_type", "is not an event type", "command_execution"},
		{`{"event_type":"quux"}`, "event_type", "is not an event type", ""},
		{`{"event_type":"log_sealed"}`, "event_type", "reserved to the log", ""},
		{`{"event_type":"log_anything"}`, "event_type", "reserved to the log", ""},
		{`{"event_type":"tool_call","phase":"complete"}`, "phase", "(attempt, completion)", "completion"},
		{`{"event_type":"tool_call","action":{"risk_level":"hgih"}}`, "action.risk_level", "(low, medium, high, critical)", "high"},
		{`{"event_type":"tool_call","action":{"risk_level":"HIGH"}}`, "action.risk_level", "is not a risk level", "high"},
		{`{"event_type":"tool_call","action":{"claim_source":"filesystem"}}`, "action.claim_source", "is not a claim source", "file_system"},
		{`{"event_type":"tool_call","result":{"type":"eror"}}`, "result.type", "is not an outcome", "error"},
		{`{"event_type":"tool_call","result":{"type":"error","reason":"x"}}`, "result.reason", `only with the type "blocked"`, ""},
		{`{"event_type":"tool_call","result":{"message":"x"}}`, "result.message", `only with the type "error"`, ""},
		{`{"event_type":"tool_call","result":{"type":"error","restored":0}}`, "result.restored", `only with the type "rollback"`, ""},
		{`{"event_type":"tool_call","result":{"type":"success","deleted":1}}`, "result.deleted", `only with the type "rollback"`, ""},
		{`{"event_type":"tool_call","result":{"type":"error","success":true}}`, "result.success", "exactly when", ""},
		{`{"event_type":"tool_call","comand":"ls"}`, "comand", "unknown member", ""},
		{`{"event_type":"tool_call","command":"ls"}`, "command", "unknown member", "action.command"},
		{`{"event_type":"tool_call","sesion_id":"x"}`, "sesion_id", "unknown member", "session_id"},
		{`{"event_type":"tool_call","action":{"risk":"low"}}`, "action.risk", "unknown member", "action.risk_level"},
		{`{"event_type":"tool_call","action":{"comand":"ls"}}`, "action.comand", "unknown member", "action.command"},
		{`{"event_type":"tool_call","action":{"command":"x","command_bytes":1}}`, "action.command_bytes", "unknown member", ""},
		{`{"event_type":"tool_call","seq":1}`, "seq", "written by the log", ""},
		{`{"event_type":"tool_call","signature":"SHA256:x"}`, "signature", "written by the log", ""},
		{`{"event_type":"tool_call","truncated":true}`, "truncated", "written by the log", ""},
		{`{"event_type":"tool_call","log":{}}`, "log", "written by the log", ""},
		{`{"event_type":"tool_call","event_type":"tool_call"}`, "event_type", "duplicate member", ""},
		{`{"event_type":"tool_call","action":{"tool":null,"tool":"x"}}`, "action.tool", "duplicate member", ""},
		{`{"event_type":"tool_call","labels":{"a":1}}`, "labels.a", "expected a string", ""},
		{`{"event_type":"tool_call","labels":{"a":"x","a":"y"}}`, "labels.a", "duplicate member", ""},
		{`{"event_type":"tool_call","labels":{"a":null,"a":"y"}}`, "labels.a", "duplicate member", ""},
		{`{"event_type":"tool_call","timestamp":"yesterday"}`, "timestamp", "expected a time like", ""},
		{`{"event_type":"tool_call","timestamp":"2026-02-30T00:00:00Z"}`, "timestamp", "expected a time like", ""},
		{`{"event_type":"tool_call","timestamp":"-1"}`, "timestamp", "expected a time like", ""},
		{`{"event_type":"tool_call","timestamp":"253402300800"}`, "timestamp", "expected a time like", ""},
		{`{"event_type":"tool_call","timestamp":1712345678}`, "timestamp", "expected a string", ""},
		{`{"event_type":"tool_call","result":{"duration_ms":1.5}}`, "result.duration_ms", "expected a whole number", ""},
		{`{"event_type":"tool_call","result":{"exit_code":"0"}}`, "result.exit_code", "expected a value", ""},
		{`{"event_type":"tool_call","action":{"approved":1}}`, "action.approved", "expected true or false", ""},
		{`{"event_type":"tool_call"} {}`, "", "unexpected text", ""},
		{`{"event_type":"tool_call",}`, "", "expected a member name", ""},
		{`{"event_type":"tool_call"`, "", "expected a comma", ""},
	}
	for _, tt := range tests {
		ev, err := ParseInput([]byte(tt.in))
		e, ok := errors.AsType[*SyntaxError](err)
		if !ok || ev != nil {
			t.Errorf("%s: got %v, %v, want a SyntaxError", tt.in, ev, err)
			continue
		}
		if e.Member != tt.member || !strings.Contains(e.Reason, tt.reason) || e.Nearest != tt.nearest {
			t.Errorf("%s:\n got %q: %s; nearest %q\nwant %q: %s; nearest %q", tt.in, e.Member, e.Reason, e.Nearest, tt.member, tt.reason, tt.nearest)
		}
	}
}

func TestSyntaxErrorText(t *testing.T) {
	_, err := ParseInput([]byte(`{"event_type":"tool_call","action":{"risk_level":"hgih"}}`))
	want := `action.risk_level: "hgih" is not a risk level (low, medium, high, critical); did you mean "high"? (at byte 49)`
	if err == nil || err.Error() != want {
		t.Errorf("error is\n%v, want\n%s", err, want)
	}
}

func FuzzParseInput(f *testing.F) {
	f.Add([]byte("{" + fullBody + "}"))
	f.Add([]byte(`{"timestamp":"1712345678","event_type":"tool_call","result":{"success":true},"labels":{"a":null}}`))
	f.Add([]byte(`{"event_type":"tool_call","action":{"command":"\\xff","command_escaped":true}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		ev, err := ParseInput(line)
		if err != nil {
			if _, ok := errors.AsType[*SyntaxError](err); !ok || ev != nil {
				t.Errorf("got %v, %v, want a SyntaxError only", ev, err)
			}
			return
		}
		if err := ev.Validate(); err != nil {
			t.Errorf("an event that was read is not valid: %v", err)
		}
		body := encode(ev)
		checkBody(t, []byte(body))
		r := decodeBody(t, body)
		if len(r.Cuts) > 0 {
			return
		}
		if want := normal(ev); !reflect.DeepEqual(&r.Event, want) {
			t.Errorf("event differs (-got +want):\n%s", cmp.Diff(&r.Event, want, allowOptional))
		}
	})
}
