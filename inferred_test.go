package etch

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestInferred has an end that was inferred, and behind it the one that was told: that one
// counts, whatever it says, wherever the records stand, in rows and in counts.
func TestInferred(t *testing.T) {
	record := func(id string, phase Phase, outcome Outcome, labels ...string) *Event {
		ev := &Event{
			Timestamp: naiveNow, ID: id, Type: CommandExecution, Phase: phase, CallID: "c", SessionID: "s", Actor: &Actor{Agent: "a"},
			Action: &Action{Tool: "shell", Command: "rm -rf build", Allowed: outcome != Blocked},
		}
		if outcome != "" {
			ev.Result = &Result{Type: outcome}
		}
		if len(labels) > 0 {
			ev.Labels = map[string]string{labels[0]: "Stop"}
		}
		return ev
	}
	attempt := record("evt_1", Attempt, "")
	guess := func(outcome Outcome) *Event { return record("evt_2", Completion, outcome, LabelInferred) }
	violation := guess(Blocked)
	violation.Security = &Security{PolicyViolation: true}
	for name, test := range map[string]struct {
		events []*Event
		want   []string
	}{
		"told behind a refusal":    {[]*Event{attempt, guess(Blocked), record("evt_3", Completion, Success)}, []string{"evt_3"}},
		"told behind an error":     {[]*Event{attempt, guess(Error), record("evt_3", Completion, Blocked)}, []string{"evt_3"}},
		"the same":                 {[]*Event{attempt, guess(Blocked), record("evt_3", Completion, Blocked)}, []string{"evt_3"}},
		"alone":                    {[]*Event{attempt, guess(Blocked)}, []string{"evt_2"}},
		"without attempt":          {[]*Event{guess(Error), record("evt_3", Completion, Success)}, []string{"evt_3"}},
		"another attempt":          {[]*Event{attempt, guess(Error), attempt, record("evt_3", Completion, Success)}, []string{"evt_2", "evt_3"}},
		"told before":              {[]*Event{attempt, record("evt_3", Completion, Success), guess(Error)}, []string{"evt_3", "evt_2"}},
		"violation of a policy":    {[]*Event{attempt, violation, record("evt_3", Completion, Success)}, []string{"evt_2", "evt_3"}},
		"labelled something else":  {[]*Event{attempt, record("evt_2", Completion, Error, "x"), record("evt_3", Completion, Success)}, []string{"evt_2", "evt_3"}},
		"two ends that are no end": {[]*Event{attempt, guess(Error), guess(Blocked), record("evt_3", Completion, Success)}, []string{"evt_3"}},
	} {
		for split := range 3 {
			l := newDrawnLog(t, true)
			for i, ev := range test.events {
				if l.Line(encode(ev)); split == 1 && i%2 == 0 || split == 2 {
					l.Rotate()
				}
			}
			l.Rotate()
			for _, indexed := range []bool{false, true} {
				l.index(t, func(uint32) bool { return indexed })
				for _, reverse := range []bool{false, true} {
					got := map[string]int{}
					for r, err := range l.reader().Records(t.Context(), Query{Reverse: reverse}) {
						if err != nil {
							t.Fatal(err)
						}
						got[r.Event.ID]++
					}
					want := map[string]int{}
					for _, id := range test.want {
						want[id]++
					}
					if diff := cmp.Diff(got, want); diff != "" {
						t.Errorf("%s, split %d, indexed %v, reverse %v: got before want:\n%s", name, split, indexed, reverse, diff)
					}
				}
				groups, err := l.reader().CountBy(t.Context(), Query{}, "type")
				if err != nil || fmt.Sprint(groups) != fmt.Sprintf("[{[command_execution] %d}]", len(test.want)) {
					t.Errorf("%s, split %d, indexed %v: counted %v, %v; want %d", name, split, indexed, groups, err, len(test.want))
				}
			}
		}
	}
}
