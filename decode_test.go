package etch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/etch-audit/etch/internal/record"
)

var allowOptional = cmp.AllowUnexported(Optional[uint64]{}, Optional[int64]{})

// lineOf makes a whole unsigned line of a body.
func lineOf(body string) []byte { return []byte(`{"seq":17,` + body + `}`) }

func decodeBody(t rapid.TB, body string) *Record {
	t.Helper()
	r := new(Record)
	if err := decodeLine(lineOf(body), r); err != nil {
		t.Fatalf("decodeLine: %v\nof %.300q", err, body)
	}
	return r
}

func TestDecodeFull(t *testing.T) {
	r := Record{Segment: 3, Offset: 99}
	line := lineOf(fullBody)
	line = append(line[:len(line)-1], `,"signature":"SHA256:`+strings.Repeat("A", 43)+`"}`...)
	if err := decodeLine(line, &r); err != nil {
		t.Fatalf("decodeLine: %v", err)
	}
	want := Record{
		Seq: 17, Event: *normal(fullEvent()), Raw: line, Segment: 3, Offset: 99,
		Signature: "SHA256:" + strings.Repeat("A", 43),
	}
	if diff := cmp.Diff(r, want, allowOptional); diff != "" {
		t.Errorf("record differs (-got +want):\n%s", diff)
	}
	if r.IsControl() {
		t.Error("an event is a control record")
	}
}

func TestDecodeControl(t *testing.T) {
	log := `{"origin":"x","size":[1,{"deep":null}]}`
	r := decodeBody(t, `"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_sealed","log":`+log)
	if !r.IsControl() || r.Control.Type != "log_sealed" || string(r.Control.Log) != log {
		t.Errorf("control is %+v", r.Control)
	}
	want := Event{Timestamp: normal(&Event{Timestamp: testTime}).Timestamp, Type: "log_sealed"}
	if !reflect.DeepEqual(r.Event, want) {
		t.Errorf("event of a control record is %+v, want %+v", r.Event, want)
	}
}

// A later version may add members anywhere, and names to the lists.
func TestDecodeSkipsUnknown(t *testing.T) {
	body := `"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"e","event_type":"tool_dream",` +
		`"new":{"a":[1,{"b":"}"},[]]},"actor":{"new_bytes":true,"channel":"x","nested":{"channel":"y"}},"log":1,` +
		`"action":{"risk_level":"extreme","approved":true,"approved_raw":1,"command\u005fx":2},"result":{"output":""}`
	r := decodeBody(t, body)
	if r.Event.Type != "tool_dream" || r.Event.Actor.Channel != "x" || r.Event.Action.Risk != "extreme" || !r.Event.Action.Approved {
		t.Errorf("event is %+v %+v %+v", r.Event, r.Event.Actor, r.Event.Action)
	}
}

func TestDecodeEscapedName(t *testing.T) {
	r := decodeBody(t, `"event_type":"tool_call","action":{"comm\u0061nd":"a\/\ud83d\ude42\u00e9"}`)
	if got, want := r.Event.Action.Command, "a/🙂é"; got != want {
		t.Errorf("command is %q, want %q", got, want)
	}
}

func TestDecodeErrors(t *testing.T) {
	const sum = `"0000000000000000000000000000000000000000000000000000000000000000"`
	tests := []struct{ body, member, reason string }{
		{`"event_type":1`, "event_type", "expected a string"},
		{`"event_type":null`, "event_type", "expected a string"},
		{`"event_type":"a","event_type":"b"`, "event_type", "duplicate member"},
		{`"event_type":"a","x":1,"x":1`, "x", "duplicate member"},
		{`"event_type":"a","x":{"y":1,"y":2}`, "x", "duplicate member"},
		{`"event_type":"a","seq":1`, "seq", "duplicate member"},
		{`"event_type":"a","action":{"tool":"a","\u0074ool":"b"}`, "action.tool", "duplicate member"},
		{`"labels":{"a":"1","a":"2"}`, "labels.a", "duplicate member"},
		{`"labels":{"\\xc3\\xa9":"1","é":"2"},"labels_escaped":true`, "labels", "same bytes"},
		{`"labels":{"\\":"1"},"labels_escaped":true`, "labels", `expected \\ or \x`},
		{`"labels":{"a":"\\"},"labels_escaped":true`, "labels", `expected \\ or \x`},
		{`"action":{"risk_reasons":["\\"],"risk_reasons_escaped":true}`, "action.risk_reasons", `expected \\ or \x`},
		{`"action":{"arguments":"\\","arguments_raw":true,"arguments_escaped":true}`, "action.arguments", `expected \\ or \x`},
		{`"labels":{"a":1}`, "labels.a", "expected a string"},
		{`"labels":[]`, "labels", "expected an object of strings"},
		{`"timestamp":"2026-02-16T12:34:56Z"`, "timestamp", "expected a time like"},
		{`"timestamp":"2026-02-30T12:34:56.000000Z"`, "timestamp", "expected a time like"},
		{`"timestamp":"2026-02-28T12:34:60.000000Z"`, "timestamp", "expected a time like"},
		{`"timestamp":17`, "timestamp", "expected a string"},
		{`"actor":"x"`, "actor", "expected an object"},
		{`"actor":{"channel":5}`, "actor.channel", "expected a string"},
		{`"action":{"approved":"yes"}`, "action.approved", "expected true or false"},
		{`"action":{"approved":tru}`, "action.approved", "expected a value"},
		{`"action":{"risk_reasons":"x"}`, "action.risk_reasons", "expected an array of strings"},
		{`"action":{"risk_reasons":["x",1]}`, "action.risk_reasons", "expected a string"},
		{`"action":{"arguments":{"a":1,"a":2}}`, "action.arguments", "duplicate member"},
		{`"action":{"arguments":1,"arguments_raw":true}`, "action.arguments", "not a string"},
		{`"action":{"arguments":"a","arguments_escaped":true}`, "action.arguments", "not marked as raw"},
		{`"action":{"command":"\\y","command_escaped":true}`, "action.command", `expected \\ or \x`},
		{`"action":{"command":"\\x4g","command_escaped":true}`, "action.command", `expected \\ or \x`},
		{`"action":{"command":"\\x41","command_escaped":true}`, "action.command", `expected \\ or \x`},
		{`"action":{"command":"\\xF","command_escaped":true}`, "action.command", `expected \\ or \x`},
		{`"action":{"command":"x","command_escaped":1}`, "action.command_escaped", "expected true or false"},
		{`"action":{"command":"x","command_bytes":1}`, "action.command", "must stand together"},
		{`"action":{"command":"x","command_sha256":` + sum + `}`, "action.command", "must stand together"},
		{`"action":{"command":"x","command_sha256":"00"}`, "action.command_sha256", "expected 64 hexadecimal digits"},
		{`"action":{"command":"x","command_bytes":-1}`, "action.command_bytes", "expected a whole number"},
		{`"result":{"exit_code":1.0}`, "result.exit_code", "expected a whole number"},
		{`"result":{"exit_code":1e2}`, "result.exit_code", "expected a whole number"},
		{`"result":{"exit_code":01}`, "result", "expected a comma"},
		{`"result":{"exit_code":9223372036854775808}`, "result.exit_code", "expected a whole number"},
		{`"result":{"duration_ms":-1}`, "result.duration_ms", "expected a whole number from 0"},
		{`"result":{"duration_ms":9223372036855}`, "result.duration_ms", "to 9223372036854"},
		{`"result":{"output_bytes":18446744073709551616}`, "result.output_bytes", "expected a whole number"},
		{`"result":{"success":true,"type":"error"}`, "result.success", "exactly when"},
		{`"result":{"type":"success","success":false}`, "result.success", "exactly when"},
		{`"truncated":"yes"`, "truncated", "expected true or false"},
		{`"signature":"SHA256:` + strings.Repeat("A", 43) + `","x":1`, "signature", "end of the line"},
		{`"signature":"SHA256:` + strings.Repeat("A", 42) + `"`, "signature", "end of the line"},
		{`"signature":1`, "signature", "expected a string"},
		{`"event_id":"e","event_type":"log_sealed","log":{}`, "event_type", "reserved"},
		{`"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_sealed"`, "log", "expected an object"},
		{`"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_sealed","log":[]`, "log", "expected an object"},
		{`"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200), "x", "nested too deeply"},
		{"\"event_id\":\"\xff\"", "event_id", "invalid UTF-8"},
		{"\"event_id\":\"\n\"", "event_id", "control character"},
		{`"event_id":"\x"`, "event_id", "unknown escape"},
		{`"event_id":"\u12g4"`, "event_id", `bad \u escape`},
		{`"event_id":"\ude00"`, "event_id", "unpaired surrogate"},
		{`"event_id":"\ud83d\u0041"`, "event_id", "unpaired surrogate"},
		{`"event_id":"x`, "event_id", "string has no end"},
		{`"event_id"`, "", "expected a colon"},
		{`"event_id":}`, "event_id", "expected a string"},
		{`"a":1,`, "", "expected a member name"},
		{`"a":1}`, "", "unexpected text"},
		{`event_id:1`, "", "expected a member name"},
		{``, "", "expected a member name"},
	}
	for _, tt := range tests {
		before := Record{Seq: 5, Segment: 1, Offset: 2}
		r := before
		err := decodeLine(lineOf(tt.body), &r)
		e, ok := errors.AsType[*SyntaxError](err)
		if !ok {
			t.Errorf("%s: error is %v, want a SyntaxError", tt.body, err)
			continue
		}
		if e.Member != tt.member || !strings.Contains(e.Reason, tt.reason) {
			t.Errorf("%s:\n got %q: %s\nwant %q: %s", tt.body, e.Member, e.Reason, tt.member, tt.reason)
		}
		if e.Offset < 0 || e.Offset > len(tt.body)+20 {
			t.Errorf("%s: offset is %d", tt.body, e.Offset)
		}
		if !reflect.DeepEqual(r, before) {
			t.Errorf("%s: the record was changed by an error", tt.body)
		}
	}
}

func TestDecodeErrorOffset(t *testing.T) {
	line := `{"seq":17,"event_type":"a","actor":{"channel":5}}`
	err := decodeLine([]byte(line), new(Record))
	want := fmt.Sprintf("actor.channel: expected a string (at byte %d)", strings.Index(line, "5}"))
	if err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}

func TestDecodeEnvelopeErrors(t *testing.T) {
	for _, line := range []string{
		"", "{", "{}", `{"seq":1}`, `{"seq":01,"a":1}`, `{"seq":-1,"a":1}`, `{"a":1,"seq":1}`, `{"seq":18446744073709551616,"a":1}`,
		` {"seq":1,"a":1}`, `{"seq":1,"a":1} `, `{"seq":1,"a":1}}`, `{"seq":1,"a":1}{}`, `{"seq": 1,"a":1}`,
		`{"seq":1,"a":"` + strings.Repeat("x", maxBody+200) + `"}`,
	} {
		if err := decodeLine([]byte(line), new(Record)); err == nil {
			t.Errorf("%.80q is read as a record", line)
		}
	}
}

// What fits comes back as it was.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ev := randomEvent(t, 500)
		r := decodeBody(t, encode(ev))
		if len(r.Cuts) > 0 {
			return // TestCutKeepsHeads is about these
		}
		if diff := cmp.Diff(&r.Event, normal(ev), allowOptional); diff != "" {
			t.Fatalf("event differs (-got +want):\n%s", diff)
		}
	})
}

func TestRoundTripFull(t *testing.T) {
	for _, outcome := range append([]Outcome{""}, outcomes...) {
		ev := fullEvent()
		ev.Result.Type, ev.Result.Reason = outcome, "blocked command: sudo"
		ev.Result.Restored, ev.Result.Deleted = Some[uint64](3), Some[uint64](0)
		if diff := cmp.Diff(&decodeBody(t, encode(ev)).Event, normal(ev), allowOptional); diff != "" {
			t.Errorf("event with result %q differs (-got +want):\n%s", outcome, diff)
		}
	}
}

// checkStable fails the test where a line that is read does not come back the
// same from being written and read again.
func checkStable(t rapid.TB, r *Record) {
	t.Helper()
	if r.IsControl() {
		return
	}
	body := encode(&r.Event)
	checkBody(t, []byte(body))
	again := decodeBody(t, body)
	if len(again.Cuts) > 0 {
		return // what was read is longer when it is written: escapes
	}
	if body2 := encode(&again.Event); body2 != body {
		t.Errorf("written and read again it is\n%.2000q, was\n%.2000q", body2, body)
	}
}

func FuzzAppendBody(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		ev := randomEvent(t, 200000)
		body := appendBody(nil, ev)
		checkBody(t, body)
		r := decodeBody(t, string(body))
		if len(r.Cuts) > 0 {
			return
		}
		if diff := cmp.Diff(&r.Event, normal(ev), allowOptional); diff != "" {
			t.Fatalf("event differs (-got +want):\n%s", diff)
		}
	}))
}

func FuzzDecodeLine(f *testing.F) {
	f.Add(lineOf(fullBody))
	f.Add(lineOf(`"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_sealed","log":{"a":1}`))
	f.Add(lineOf(`"action":{"command":"\\xff","command_escaped":true,"arguments":"\\xff","arguments_escaped":true,"arguments_raw":true}`))
	f.Add(lineOf(`"labels":{"\\xff":"\\\\"},"labels_escaped":true,"result":{"success":true},"x":[{"y":null}],"truncated":true`))
	f.Add(lineOf(`"event_type":"a","signature":"SHA256:` + strings.Repeat("A", 43) + `"`))
	long := fullEvent()
	fillTexts(long, "\xff\"", 3000)
	f.Add(lineOf(encode(long)))
	f.Fuzz(func(t *testing.T, line []byte) {
		before := bytes.Clone(line)
		var r Record
		if err := decodeLine(line, &r); err != nil {
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Errorf("error is no SyntaxError: %v", err)
			}
			return
		}
		if !bytes.Equal(line, before) {
			t.Error("the line was changed")
		}
		if !json.Valid(line) {
			t.Errorf("%q was read as a record", line)
		}
		if name := duplicate(json.NewDecoder(bytes.NewReader(line))); name != "" {
			t.Errorf("%q was read as a record, but has %q twice", line, name)
		}
		if l, err := record.Split(line); err != nil || l.Seq != r.Seq || (l.MAC != nil) != (r.Signature != "") {
			t.Errorf("the envelope is read as %+v, %v, not as %+v", l, err, r)
		}
		checkStable(t, &r)
	})
}

func BenchmarkDecode(b *testing.B) {
	line := lineOf(encode(realistic()))
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	var r Record
	for b.Loop() {
		if err := decodeLine(line, &r); err != nil {
			b.Fatal(err)
		}
	}
}
