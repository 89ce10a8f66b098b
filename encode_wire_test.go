package etch

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestWhatIsSentIsRecordedAsItWas: an event that went over the wire is stored byte
// for byte as if it had not.
func TestWhatIsSentIsRecordedAsItWas(t *testing.T) {
	clock := func() time.Time { return time.Unix(1e9, 0) }
	l := &Log{opt: (&Options{Now: clock, Classify: func(*Event) (Risk, []string) { return RiskHigh, []string{"r"} }}).withDefaults()}
	if err := l.mask(nil); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		ev := randomEvent(t, 3000)
		valid(t, ev)
		if ev.ID == "" {
			ev.ID = "evt_x" // else each gets its own
		}
		if rapid.IntRange(0, 9).Draw(t, "no time") == 0 {
			ev.Timestamp = time.Time{}.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "ns")))
		}
		line := appendWire(nil, ev)
		if bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Fatalf("more than one line: %q", line)
		}
		got, err := ParseInput(line)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		var m masked
		var r Receipt
		want := l.encode(nil, ev, &m, &r)
		if stored := l.encode(nil, got, &m, &r); !bytes.Equal(stored, want) {
			t.Errorf("sent as %q\n got %q\nwant %q", line, stored, want)
		}
	})
}

// valid makes a random event one that Append takes.
func valid(t *rapid.T, ev *Event) {
	ev.Type = rapid.SampledFrom(eventTypes).Draw(t, "type")
	ev.Phase = rapid.SampledFrom([]Phase{"", Attempt, Completion}).Draw(t, "phase")
	if a := ev.Action; a != nil {
		a.Risk = rapid.SampledFrom(append([]Risk{""}, risks...)).Draw(t, "risk")
		a.ClaimSource = rapid.SampledFrom(append([]ClaimSource{""}, claimSources...)).Draw(t, "claim source")
		if rapid.IntRange(0, 9).Draw(t, "null") == 0 {
			a.Arguments = []byte("null")
		}
	}
	if r := ev.Result; r != nil {
		r.Type = rapid.SampledFrom(append([]Outcome{""}, outcomes...)).Draw(t, "outcome")
		if r.Type != Blocked {
			r.Reason = ""
		}
		if r.Type != Error {
			r.Message = ""
		}
		if r.Type != Rollback {
			r.Restored, r.Deleted = Optional[uint64]{}, Optional[uint64]{}
		}
	}
	if err := ev.Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestWireCostsNoAllocation(t *testing.T) {
	ev := &Event{Type: ToolCall, Timestamp: time.Unix(1e9, 5), Action: &Action{Tool: "shell", Arguments: []byte(`{"a":1}`)}}
	buf := appendWire(nil, ev)
	if n := testing.AllocsPerRun(100, func() { buf = appendWire(buf[:0], ev) }); n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}
