package etch_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

// indexedLog makes a log of several segments, all but the active one indexed.
func indexedLog(t *testing.T) (path string, l *etch.Log) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "audit.log")
	l, err := etch.Create(path, &etch.Options{NoIndex: true, NoArchive: true, SealEvery: time.Hour}) // nobody but the test makes any, or writes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	base := time.Date(2026, 2, 16, 0, 0, 0, 0, time.UTC)
	var events []*etch.Event
	for i := range 1500 {
		ev := command(fmt.Sprintf("go test ./pkg%d -run 'Test%d' && echo %x", i%97, i%13, i*7919))
		ev.Timestamp = base.Add(time.Duration(i) * time.Minute)
		ev.ID = fmt.Sprintf("evt_%d", i)
		ev.Actor.Username = fmt.Sprintf("@user%d", i%31)
		ev.SessionID = fmt.Sprintf("s%d", i/20)
		if i%7 == 0 {
			ev.Result.Type, ev.Result.Message = etch.Error, "exit status 1"
		}
		if i%5 == 0 {
			attempt := *ev
			attempt.ID += "a"
			attempt.Phase, attempt.CallID, attempt.Result = etch.Attempt, fmt.Sprint("call", i), nil
			events = append(events, &attempt)
			ev.Phase, ev.CallID = etch.Completion, attempt.CallID
			if i%25 == 0 {
				continue // never completed
			}
		}
		events = append(events, ev)
	}
	for batch := range slices.Chunk(events, 300) {
		if _, err := l.AppendBatch(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if made, err := l.Index(t.Context(), nil); err != nil || made < 5 {
		t.Fatalf("%d indexes made, %v", made, err)
	}
	return path, l
}

// TestIndexedAnswers asks the same with and without indexes.
func TestIndexedAnswers(t *testing.T) {
	path, _ := indexedLog(t)
	r, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 2, 18, 12, 0, 0, 0, time.UTC)
	for _, expr := range []string{
		"user = user7", "user = user7 and failed", "not user = user7 and session in (s3, s4, s99)", "failed", "control",
		"text ~ 'pkg42 '", "command ~ '(?i)ECHO 1a'", "time >= 2026-02-17 and time < '2026-02-17 02:00'", "seq = 17", "id = evt_1234",
		"phase = attempt", "user = user0 or type = log_sealed", "exit_code = 0 and user = user3", "user = nobody", "call = call25",
	} {
		where, err := etch.ParseFilter(expr, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []etch.Query{{}, {Reverse: true}, {AllPhases: true}, {Control: true}, {Reverse: true, Limit: 3}, {Limit: 3}} {
			q.Where = where
			q.Notify = func(s string) { t.Error(s) }
			got := lines(t, r, q)
			q.NoIndex = true
			if want := lines(t, r, q); !slices.Equal(got, want) {
				t.Errorf("%s: %d records with index, %d without", expr, len(got), len(want))
			}
			q.NoIndex = false
			if q.Reverse || q.Limit > 0 {
				continue // of no matter where records are counted
			}
			for _, by := range [][]string{nil, {"user"}, {"result", "phase"}} {
				indexed, err := r.CountBy(t.Context(), q, by...)
				if err != nil {
					t.Fatal(err)
				}
				q.NoIndex = true
				scanned, err := r.CountBy(t.Context(), q, by...)
				if err != nil {
					t.Fatal(err)
				}
				q.NoIndex = false
				if !slices.EqualFunc(indexed, scanned, func(a, b etch.Group) bool {
					return a.Count == b.Count && slices.Equal(a.Values, b.Values)
				}) {
					t.Errorf("%s by %v: %v with index, %v without", expr, by, indexed, scanned)
				}
			}
		}
	}
}

func lines(t *testing.T, r *etch.Reader, q etch.Query) (all []string) {
	t.Helper()
	for rec, err := range r.Records(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(rec.Raw))
	}
	return all
}
