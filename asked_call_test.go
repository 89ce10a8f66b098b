package etch

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCallAsked has a completion whose input is not the attempt's: it stands for
// the attempt if it tells all of it, and hides nothing otherwise.
func TestCallAsked(t *testing.T) {
	attempt := func() *Event {
		return &Event{
			Timestamp: naiveNow, ID: "evt_1", Type: CommandExecution, Phase: Attempt, CallID: "c", SessionID: "s", Actor: &Actor{Agent: "a"},
			Action: &Action{
				Tool: "shell", Command: "rm <a> && b", Arguments: json.RawMessage(`{"timeout":5,"x":"<&>"}`), Resource: "r", Cwd: "/p",
				Risk: RiskHigh, RiskReasons: []string{"one", "two"}, Allowed: true,
			},
		}
	}
	one, both := []uint64{2}, []uint64{1, 2}
	for name, test := range map[string]struct {
		told func(*Action) // what the completion says of the attempt
		done func(*Event)
		want []uint64
	}{
		"all":              {func(*Action) {}, func(*Event) {}, one},
		"riskier":          {func(*Action) {}, func(e *Event) { e.Action.Risk = RiskCritical }, one},
		"refused":          {func(*Action) {}, func(e *Event) { e.Action.Allowed, e.Result.Type = false, Blocked }, one},
		"less risky":       {func(*Action) {}, func(e *Event) { e.Action.Risk = RiskMedium }, both},
		"other command":    {func(a *Action) { a.Command = "rm" }, func(*Event) {}, both},
		"no command":       {func(a *Action) { a.Command = "" }, func(*Event) {}, both},
		"other arguments":  {func(a *Action) { a.Arguments = nil }, func(*Event) {}, both},
		"other risk":       {func(a *Action) { a.Risk = RiskLow }, func(*Event) {}, both},
		"other reasons":    {func(a *Action) { a.RiskReasons = []string{"one"} }, func(*Event) {}, both},
		"other session":    {func(*Action) {}, func(e *Event) { e.SessionID = "t" }, both},
		"other agent":      {func(*Action) {}, func(e *Event) { e.Actor = &Actor{Agent: "b"} }, both},
		"other tool":       {func(*Action) {}, func(e *Event) { e.Action.Tool = "sh" }, both},
		"other call":       {func(*Action) {}, func(e *Event) { e.CallID = "d" }, both},
		"cut":              {func(*Action) {}, func(e *Event) { e.Action.Arguments = long(e.Action.Arguments) }, both},
		"told of nobody":   {func(a *Action) { *a = Action{} }, func(*Event) {}, both},
		"told in a string": {func(*Action) {}, func(e *Event) { e.Action.Arguments = []byte(`{"asked":"x"}`) }, both},
	} {
		for indexed := range 2 {
			completion := attempt()
			told := *completion.Action
			test.told(&told)
			arguments, err := AppendAsked(json.RawMessage(`{"timeout":6}`), &told)
			if err != nil {
				t.Fatal(err)
			}
			completion.ID, completion.Phase, completion.Result = "evt_2", Completion, &Result{Type: Success}
			completion.Action.Command, completion.Action.Arguments, completion.Action.RiskReasons = "ls", arguments, nil
			test.done(completion)
			l := newDrawnLog(t, true)
			l.Line(encode(attempt()))
			l.Line(encode(completion))
			l.Rotate()
			l.index(t, func(uint32) bool { return indexed == 1 })
			var of []*Record
			for _, r := range l.records(t) {
				if !r.IsControl() {
					of = append(of, r)
				}
			}
			if got := of[0].SameCall(of[1]); got != (len(test.want) == 1) || of[1].SameCall(of[0]) != got {
				t.Errorf("%s: SameCall = %v, want %v both ways", name, got, !got)
			}
			for _, reverse := range []bool{false, true} {
				var got []uint64
				for r, err := range l.reader().Records(t.Context(), Query{Reverse: reverse}) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, r.Seq)
				}
				if reverse && len(got) == 2 {
					got[0], got[1] = got[1], got[0]
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s: rows, indexed %d, reverse %v (-want +got):\n%s", name, indexed, reverse, diff)
				}
			}
		}
	}
}

// long makes arguments so long that the log cuts them.
func long(arguments json.RawMessage) json.RawMessage {
	return json.RawMessage(`{"x":"` + strings.Repeat("x", 1<<17) + `",` + string(arguments[1:]))
}

func TestAppendAsked(t *testing.T) {
	for arguments, want := range map[string]string{
		``:            `{"asked":{"command":"<a>"}}`,
		`{}`:          `{"asked":{"command":"<a>"}}`,
		` { } `:       `{ "asked":{"command":"<a>"}}`,
		`{"a":{}}`:    `{"a":{},"asked":{"command":"<a>"}}`,
		`[1]`:         ``,
		`"no object"`: ``,
	} {
		got, err := AppendAsked(json.RawMessage(arguments), &Action{Command: "<a>"})
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("AppendAsked(%s) = %s, %v, want %s", arguments, got, err, want)
		}
	}
}
