package server_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/server"
)

// TestRecordBoundsARequest shows that events which share a text are counted as what
// they take in the log each, and that nothing of a request that is too much is recorded.
func TestRecordBoundsARequest(t *testing.T) {
	d := startDaemon(t, &server.Options{Limits: server.Limits{MaxEvent: 1 << 16}})
	sender := server.Sender{Transport: server.TransportHTTP, UID: -1, GID: -1, PID: -1, Token: "ci"}
	if err := d.Admit(t.Context(), sender); err != nil {
		t.Fatal(err)
	}
	ev := &etch.Event{Type: etch.ToolCall, Labels: map[string]string{"shared": strings.Repeat("x", 60_000)}}
	events := make([]*etch.Event, 300)
	for i := range events {
		events[i] = ev
	}
	before := len(d.records(t))
	if _, err := d.Record(t.Context(), sender, events); !errors.Is(err, server.ErrTooLarge) {
		t.Errorf("18 MB of events in a request: got %v, want ErrTooLarge", err)
	}
	if got := len(d.records(t)); got != before {
		t.Errorf("%d of them are recorded", got-before)
	}
	load, taken := d.NewLoad(), 0
	for ; load.Add(ev) == nil; taken++ {
		if taken == len(events) {
			t.Fatal("a load takes all of them")
		}
	}
	if err := load.Add(&etch.Event{Type: etch.ToolCall}); err != nil {
		t.Errorf("a small event has no room beside those that are too much: %v", err)
	}
	if _, err := d.Record(t.Context(), sender, events[:taken]); err != nil {
		t.Errorf("what a load takes is not recorded: %v", err)
	}
	if got := len(d.records(t)); got != before+taken {
		t.Errorf("%d recorded, want %d", got-before, taken)
	}
}
