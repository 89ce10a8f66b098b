package etch

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCallHidesNothing has completions that an agent, or another session with the
// same call ids, puts behind an attempt. Only one that repeats what was attempted
// may stand for it.
func TestCallHidesNothing(t *testing.T) {
	attempt := func() *Event {
		return &Event{
			Timestamp: naiveNow, ID: "evt_1", Type: ToolCall, Phase: Attempt, CallID: "call_0", SessionID: "s1",
			Actor: &Actor{Username: "alice", Agent: "codex"},
			Action: &Action{
				Tool: "shell", Command: "rm -rf /", Arguments: json.RawMessage(`{"path":"/"}`), Risk: RiskCritical,
				RiskReasons: []string{"recursive"}, Resource: "/", Cwd: "/srv",
			},
			Security: &Security{PolicyViolation: true},
		}
	}
	for name, test := range map[string]struct {
		change func(*Event)
		want   []uint64
	}{
		"repeated":      {func(*Event) {}, []uint64{2}},
		"approved":      {func(e *Event) { e.Action.Approved, e.Action.ApprovedBy = true, "bob" }, []uint64{2}},
		"more is known": {func(e *Event) { e.Security.TrustLevel, e.Labels = "low", map[string]string{"a": "b"} }, []uint64{2}},
		"session":       {func(e *Event) { e.SessionID = "s2" }, []uint64{1, 2}},
		"user":          {func(e *Event) { e.Actor.Username = "bob" }, []uint64{1, 2}},
		"no actor":      {func(e *Event) { e.Actor = nil }, []uint64{1, 2}},
		"command":       {func(e *Event) { e.Action.Command = "ls" }, []uint64{1, 2}},
		"arguments":     {func(e *Event) { e.Action.Arguments = json.RawMessage(`{"path":"."}`) }, []uint64{1, 2}},
		"resource":      {func(e *Event) { e.Action.Resource = "." }, []uint64{1, 2}},
		"reasons":       {func(e *Event) { e.Action.RiskReasons = nil }, []uint64{1, 2}},
		"risk":          {func(e *Event) { e.Action.Risk = RiskLow }, []uint64{1, 2}},
		"allowed":       {func(e *Event) { e.Action.Allowed = true }, []uint64{1, 2}},
		"no action":     {func(e *Event) { e.Action = nil }, []uint64{1, 2}},
		"no violation":  {func(e *Event) { e.Security = nil }, []uint64{1, 2}},
		"sender":        {func(e *Event) { e.Labels = map[string]string{LabelSenderUID: "65534"} }, []uint64{1, 2}},
		"token":         {func(e *Event) { e.Labels = map[string]string{LabelSenderToken: "ci"} }, []uint64{1, 2}},
	} {
		for indexed := range 2 {
			completion := attempt()
			completion.ID, completion.Phase, completion.Result = "evt_2", Completion, &Result{Type: Success, Message: strings.Repeat("x", 1<<16)}
			test.change(completion)
			l := newDrawnLog(t, true)
			l.Line(encode(attempt()))
			l.Line(encode(completion))
			l.Rotate()
			l.index(t, func(uint32) bool { return indexed == 1 })
			for _, reverse := range []bool{false, true} {
				var got []uint64
				for r, err := range l.reader().Records(t.Context(), Query{Reverse: reverse}) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, r.Seq)
				}
				slices.Sort(got)
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s: rows, indexed %d, reverse %v (-want +got):\n%s", name, indexed, reverse, diff)
				}
			}
			groups, err := l.reader().CountBy(t.Context(), Query{})
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(groups); got != fmt.Sprintf("[{[] %d}]", len(test.want)) {
				t.Errorf("%s: got the count %s, want %d", name, got, len(test.want))
			}
		}
	}
}

// TestCallRefused has a call that is refused behind its attempt: its completion
// stands for both, where they lie in one segment and where in two.
func TestCallRefused(t *testing.T) {
	for _, violation := range []bool{false, true} {
		for _, apart := range []bool{false, true} {
			for indexed := range 2 {
				attempt := &Event{
					Timestamp: naiveNow, ID: "evt_1", Type: ToolCall, Phase: Attempt, CallID: "c", SessionID: "s",
					Action: &Action{Tool: "shell", Command: "ls", Allowed: true},
				}
				completion := *attempt
				completion.ID, completion.Phase, completion.Result = "evt_2", Completion, &Result{Type: Blocked}
				completion.Action = &Action{Tool: "shell", Command: "ls", Allowed: violation}
				completion.Security = &Security{PolicyViolation: violation}
				l := newDrawnLog(t, true)
				l.Line(encode(attempt))
				if apart {
					l.Rotate()
				}
				l.Line(encode(&completion))
				l.Rotate()
				l.index(t, func(uint32) bool { return indexed == 1 })
				var of []*Record
				for _, r := range l.records(t) {
					if r.Event.CallID != "" {
						of = append(of, r)
					}
				}
				if len(of) != 2 || !of[0].SameCall(of[1]) || !of[1].SameCall(of[0]) {
					t.Errorf("the two are not said to be of one call: %v", of)
				}
				for _, reverse := range []bool{false, true} {
					for r, err := range l.reader().Records(t.Context(), Query{Where: mustFilter(t, "phase = attempt"), Reverse: reverse}) {
						t.Errorf("violation %v, apart %v, indexed %d: got a row of the attempt, or %v: %v", violation, apart, indexed, err, r)
					}
				}
			}
		}
	}
}

// TestCallCut has a call whose records are cut at different places.
func TestCallCut(t *testing.T) {
	l := newDrawnLog(t, true)
	ev := &Event{Timestamp: naiveNow, ID: "evt_1", Type: ToolCall, Phase: Attempt, CallID: "c", Action: &Action{Command: strings.Repeat("long ", 13_000)}}
	l.Line(encode(ev)) // whole
	ev.Phase, ev.Result = Completion, &Result{Type: Error, ErrorCategory: strings.Repeat("x", 2000)}
	l.Line(encode(ev)) // cut
	l.index(t, func(uint32) bool { return false })
	log := l.records(t)
	if cuts := [2]int{len(log[1].Cuts), len(log[2].Cuts)}; cuts != [2]int{0, 1} {
		t.Fatalf("got %v cuts, want 0 and 1", cuts)
	}
	for _, err := range l.reader().Records(t.Context(), Query{Where: mustFilter(t, "phase = attempt")}) {
		t.Errorf("got a row of the attempt, or %v", err)
	}
}

func mustFilter(t *testing.T, text string) *Filter {
	t.Helper()
	f, err := ParseFilter(text, naiveNow)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestArgumentsHideNothing asks for what stands in arguments that an agent has made
// so that some readers of JSON refuse them, and others do not.
func TestArgumentsHideNothing(t *testing.T) {
	for _, arguments := range []string{
		`{"x":"\ud800","command":"sudo"}`,
		`{"a":1,"a":["sudo"]}`,
		`{"a":1,"a":"\u0073udo"}`,
		`{"a":1,"a":"s\u0075do","b":"\"" }`,
		strings.Repeat("[", 70) + `"sudo"` + strings.Repeat("]", 70),
		"[\"\xff\",\"sudo\"]",
	} {
		for indexed := range 2 {
			l := newDrawnLog(t, true)
			l.Line(encode(&Event{Timestamp: naiveNow, ID: "evt_1", Type: ToolCall, Action: &Action{Arguments: json.RawMessage(arguments)}}))
			l.Rotate()
			l.index(t, func(uint32) bool { return indexed == 1 })
			for _, where := range []string{"text ~ sudo", "text ~ '(?i)SUDO'", "arguments = sudo"} {
				n := 0
				for _, err := range l.reader().Records(t.Context(), Query{Where: mustFilter(t, where)}) {
					if err != nil {
						t.Fatal(err)
					}
					n++
				}
				if n != 1 {
					t.Errorf("%s of %q, indexed %d: got %d records, want 1", where, arguments, indexed, n)
				}
			}
		}
	}
}
