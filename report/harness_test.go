package report_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/report"
)

// The week that most tests are about, and when it is over.
var (
	monday = time.Date(2026, 2, 9, 9, 0, 0, 0, time.UTC)
	made   = monday.AddDate(0, 0, 7)
)

// newLog makes a log of events, whose own records are of the time now.
func newLog(t testing.TB, now time.Time, events ...*etch.Event) *etch.Reader {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, &etch.Options{Now: func() time.Time { return now }, SealEvery: time.Hour, Epoch: 24 * time.Hour, Durability: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range events {
		if _, err := log.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

// week asks for the week, and half of its rows.
func week() report.Options {
	return report.Options{From: monday, Until: made, Made: made, Top: 5}
}

func gather(t testing.TB, reader *etch.Reader, opts report.Options) *report.Report {
	t.Helper()
	r, err := report.Gather(t.Context(), reader, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// command is an event of a command that was allowed and succeeded.
func command(at time.Time, user, text string, risk etch.Risk) *etch.Event {
	return &etch.Event{
		Timestamp: at, Type: etch.CommandExecution,
		Actor:  &etch.Actor{Username: user, Agent: "helper"},
		Action: &etch.Action{Tool: "shell", Command: text, Risk: risk, Allowed: true},
		Result: &etch.Result{Type: etch.Success, ExitCode: etch.Some(int64(0)), Duration: time.Second},
	}
}

// randomEvents returns events of about four weeks, in an order that is nearly
// that of time; a few are of the future.
func randomEvents(r *rand.Rand, n int) []*etch.Event {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var events []*etch.Event
	for i := range n {
		at := monday.AddDate(0, 0, -20).Add(time.Duration(i) * 28 * 24 * time.Hour / time.Duration(n))
		at = at.Add(time.Duration(r.IntN(72)-36) * time.Hour)
		ev := command(at, pick("@alice", "alice", "bob", "carol"), pick("ls", "ls  -la", "ls -la", "sudo x", "make", "rm -rf a"), "")
		ev.Action.Command += pick("", "", fmt.Sprint(" ", r.IntN(40)))
		ev.Action.Risk = etch.Risk(pick("", "low", "low", "medium", "high", "critical"))
		ev.Actor.Agent = pick("", "helper", "other")
		ev.Action.Tool = pick("shell", "exec", "")
		switch r.IntN(9) {
		case 0:
			ev.Action.Allowed, ev.Result = false, nil
		case 1:
			ev.Result.Type, ev.Result.Reason = etch.Blocked, "policy"
		case 2:
			ev.Result.Type, ev.Result.Message = etch.Error, "exit status 1"
		case 3:
			ev.Phase, ev.CallID, ev.Result = etch.Attempt, fmt.Sprint("call", r.IntN(n)), nil
		case 4:
			ev.Phase, ev.CallID = etch.Completion, fmt.Sprint("call", r.IntN(n))
		case 5:
			ev.Security = &etch.Security{PolicyViolation: r.IntN(2) == 0, Redactions: uint64(r.IntN(3))}
		case 6:
			ev.Action, ev.Result, ev.Type = nil, nil, etch.SessionStart
		case 7:
			ev.Actor = &etch.Actor{UserID: pick("alice", "4711"), AgentID: "helper"}
		}
		events = append(events, ev)
	}
	return events
}
