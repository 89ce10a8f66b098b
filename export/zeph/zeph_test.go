package zeph_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/export/zeph"
)

func TestWriter(t *testing.T) {
	at := time.Date(2026, 7, 23, 9, 46, 40, 0, time.UTC)
	var out bytes.Buffer
	w := zeph.NewWriter(&out)
	for _, r := range []etch.Record{
		{Control: &etch.Control{Type: "log_sealed", Log: json.RawMessage(`{}`)}},
		{Event: etch.Event{Timestamp: at, Type: etch.SessionStart}},
		{Event: etch.Event{
			Timestamp: at, Type: etch.CommandExecution, Actor: &etch.Actor{Username: "alice", CallerID: "cli"},
			Action: &etch.Action{Tool: "bash", Command: "make <all>", Cwd: "/src", Allowed: true, Risk: etch.RiskLow, Skill: "build"},
			Result: &etch.Result{Type: etch.Error, Message: "exit 2", ExitCode: etch.Some[int64](2), Duration: time.Second},
			Labels: map[string]string{"team": "a", "import_file": "x"},
		}},
		{Event: etch.Event{
			Timestamp: at, Type: etch.NetworkEgress, CallID: "c", Action: &etch.Action{Tool: "fetch"},
			Egress: &etch.Egress{URL: "https://10.0.0.1/", Host: "10.0.0.1", Method: "GET", Blocked: true, BlockReason: "ssrf", Hop: etch.Some[uint64](1)},
		}},
	} {
		if err := w.Add(&r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := `{"timestamp":"1784800000","tool":"bash","command":"make <all>","result":{"type":"error","message":"exit 2"},"duration_ms":1000,"exit_code":2,"caller_id":"cli","resolved_cwd":"/src","skill_name":["build"]}
{"timestamp":"1784800000","kind":"egress","correlation_id":"c","tool":"fetch","url":"https://10.0.0.1/","host":"10.0.0.1","method":"GET","duration_ms":0,"response_bytes":0,"blocked":true,"block_reason":"ssrf","hop":1}
`
	if out.String() != want {
		t.Errorf("got  %s\nwant %s", out.String(), want)
	}
	if w.Skipped() != 2 {
		t.Errorf("%d records skipped, want 2", w.Skipped())
	}
}

type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteError(t *testing.T) {
	w := zeph.NewWriter(full{})
	record := etch.Record{Event: etch.Event{Type: etch.ToolCall, Action: &etch.Action{Command: strings.Repeat("x", 8192)}}}
	if err := w.Add(&record); !errors.Is(err, errFull) {
		t.Errorf("Add returned %v, want the error of the writer", err)
	}
	if err := w.Flush(); !errors.Is(err, errFull) {
		t.Errorf("Flush returned %v, want the error of the writer", err)
	}
}
