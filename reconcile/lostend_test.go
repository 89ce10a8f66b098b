package reconcile_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/reconcile"
)

// endsIn returns which deliveries of a run tell how calls ended.
func endsIn(t *testing.T, path string) (at []int) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for line := range strings.Lines(string(content)) {
		var d delivered
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		switch strings.ToLower(d.Event) {
		case "posttooluse", "posttoolusefailure", "aftertool", "posttoolbatch":
			at = append(at, i)
		}
		i++
	}
	return at
}

// TestEveryLostEnd drops each delivery of each captured run that tells how a call ended, one
// after the other. Whatever the hooks then make of the call, once the log is filled each call
// has one row, with the outcome that it has where nothing was lost, or that the transcript
// tells; and while a row has another one, something is said to be lacking.
func TestEveryLostEnd(t *testing.T) {
	ends := map[string]int{}
	runs, err := filepath.Glob(filepath.Join("..", "transcript", "testdata", "*", "*", "hooks.jsonl"))
	if err != nil || len(runs) == 0 {
		t.Fatal(runs, err)
	}
	for _, run := range runs {
		name, agent := filepath.Base(filepath.Dir(run)), filepath.Base(filepath.Dir(filepath.Dir(run)))
		lost := endsIn(t, run)
		ends[agent] += len(lost)
		t.Run(agent+"/"+name, func(t *testing.T) {
			whole := newBench(t, agent, name)
			whole.together = true
			whole.replay(t, nil)
			right := whole.outcomes(t)
			filled := whole.rows(t)
			for _, at := range lost {
				whole.loses(t, agent, name, at, right, filled)
			}
		})
	}
	for agent := range sources {
		if ends[agent] < 15 {
			t.Errorf("%s: %d ends were lost, which are hardly all kinds", agent, ends[agent])
		}
	}
}

// loses replays a run without one delivery.
func (b *bench) loses(t *testing.T, agent, name string, at int, right map[string]bool, filled []string) {
	t.Helper()
	without := newBench(t, agent, name)
	without.together = true
	var what string
	without.replay(t, func(i int, d delivered) bool {
		if i == at {
			what = d.Event
		}
		return i != at
	})
	before := run(t.Context(), t, without.options(t))
	for _, row := range without.rows(t) {
		if !right[row] && before.sum.Lacking() == 0 {
			t.Errorf("without delivery %d, %s: nothing is lacking, and the log shows %s:\n%v", at, what, row, before)
		}
	}
	got := without.fill(t)
	rows := without.rows(t)
	for _, row := range rows {
		if !right[row] {
			t.Errorf("without delivery %d, %s: once filled the log shows %s:\n%v", at, what, row, got)
		}
	}
	if len(rows) != len(filled) {
		t.Errorf("without delivery %d, %s: %d calls have rows once filled, want %d\n%s\nwant\n%s", at, what, len(rows), len(filled), strings.Join(rows, "\n"), strings.Join(filled, "\n"))
	}
	if after := run(t.Context(), t, without.options(t)); after.sum.Lacking() > 0 || after.sum.Guessed > 0 || after.sum.Twice > 0 {
		t.Errorf("without delivery %d, %s: after the fill %v", at, what, after)
	}
	records := without.records(t)
	if without.fill(t); without.records(t) != records {
		t.Errorf("without delivery %d, %s: a second fill recorded more", at, what)
	}
}

// rows returns the calls that the log shows, each with what it says of the end.
func (b *bench) rows(t *testing.T) []string {
	t.Helper()
	var rows []string
	for rec, err := range b.reader(t).Records(t.Context(), etch.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if ev := &rec.Event; ev.CallID != "" && ev.Type != etch.ApprovalRequest && ev.Type != etch.ApprovalDecision {
			rows = append(rows, b.rowOf(ev, outcomeOf(ev)))
		}
	}
	slices.Sort(rows)
	return rows
}

// rowOf returns a row. Of the names of a tool, hooks and transcripts may tell different ones.
func (b *bench) rowOf(ev *etch.Event, outcome etch.Outcome) string {
	tool := cmp.Or(b.format.Tools[ev.Action.Tool], ev.Action.Tool)
	return fmt.Sprintf("%s %s %s", ev.Labels["input_sha256"], tool, outcome)
}

// outcomeOf returns an outcome as hooks and transcripts both know it.
func outcomeOf(ev *etch.Event) etch.Outcome {
	switch {
	case ev.Result == nil:
		return "open"
	case ev.Result.Type == etch.Success, ev.Result.Type == etch.Blocked:
		return ev.Result.Type
	}
	return etch.Error
}

// outcomes returns the rows that calls may have: as the log of all deliveries has them,
// and as the transcript does, of every call that the two tell differently. It fills the log.
func (b *bench) outcomes(t *testing.T) map[string]bool {
	t.Helper()
	right := map[string]bool{}
	records, asked := map[uint64]etch.Event{}, map[string]etch.Event{}
	for rec, err := range b.reader(t).Records(t.Context(), etch.Query{AllPhases: true}) {
		if err != nil {
			t.Fatal(err)
		}
		ev := rec.Event
		records[rec.Seq] = ev
		if attempt, ok := asked[ev.CallID]; ok && ev.Phase == etch.Completion && ev.Labels[etch.LabelInferred] == "" {
			right[b.rowOf(&attempt, outcomeOf(&ev))] = true // its input was changed before it ran
		} else if ev.Phase == etch.Attempt && ev.Action != nil {
			asked[ev.CallID] = ev
		}
	}
	differ := map[string]bool{}
	for _, c := range run(t.Context(), t, b.options(t)).calls {
		seq, ok := c.Seq.Get()
		ev := records[seq]
		if !ok || ev.Action == nil {
			continue
		}
		told := etch.Event{Result: &etch.Result{Type: c.Outcome}}
		right[b.rowOf(&ev, outcomeOf(&told))] = true
		if c.Status == reconcile.Guessed {
			differ[b.rowOf(&ev, outcomeOf(&ev))] = true
		}
	}
	for _, row := range b.rows(t) {
		if !differ[row] {
			right[row] = true
		}
	}
	b.fill(t)
	for _, row := range b.rows(t) {
		right[row] = true // what no hook tells of
	}
	return right
}

func (b *bench) reader(t *testing.T) *etch.Reader {
	t.Helper()
	reader, err := etch.OpenReader(b.path)
	if err != nil {
		t.Fatal(err)
	}
	return reader
}
