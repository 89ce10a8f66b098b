package jsonl

import (
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

func TestAppendFields(t *testing.T) {
	r := &etch.Record{Seq: 7, Event: etch.Event{
		Type: etch.CommandExecution, Timestamp: time.Date(2026, 2, 16, 13, 0, 0, 123456789, time.FixedZone("", 3600)),
		Actor: &etch.Actor{Username: "al\"ice"}, Labels: map[string]string{"a": "b"},
		Action: &etch.Action{Allowed: true, RiskReasons: []string{"one", "two"}},
	}}
	names := []string{"seq", "time", "user", "label.a", "label.b", "action.allowed", "tool", "seq"}
	got, err := AppendFields([]byte("x"), r, names)
	want := `x{"seq":7,"time":"2026-02-16T12:00:00.123456Z","user":"al\"ice","label.a":"b","label.b":null,"action.allowed":true,"tool":null,"seq":7}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	if got, err := AppendFields(nil, r, nil); err != nil || string(got) != "{}" {
		t.Errorf("no field: got %s, %v", got, err)
	}
}

func TestAppendCount(t *testing.T) {
	names := []string{"user", "exit_code", "denied", "tool"}
	group := etch.Group{Values: []string{"a\nb", "-1", "true", ""}, Count: 18446744073709551615}
	got, err := AppendCount(nil, names, group)
	want := `{"user":"a\nb","exit_code":-1,"denied":true,"tool":null,"count":18446744073709551615}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	if got, err := AppendCount(nil, nil, etch.Group{Count: 3}); err != nil || string(got) != `{"count":3}` {
		t.Errorf("no field: got %s, %v", got, err)
	}
	if _, err := AppendCount(nil, []string{"exit_code"}, etch.Group{Values: []string{"x"}}); err == nil {
		t.Error("a number that is none is written")
	}
}
