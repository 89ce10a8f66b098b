package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

// recallLog is a log in which two senders have had events recorded in turn: of each
// "0", "1" and so on.
func recallLog(t *testing.T, each int) *etch.Log {
	t.Helper()
	// A seal counts as a record: none comes between, however long this takes.
	log, err := etch.Create(filepath.Join(t.TempDir(), "audit.log"), &etch.Options{SealEvery: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	s := recallServer(t, log, recallRecords, recallBytes)
	for i := range each {
		for _, token := range []string{"a", "b"} {
			sendOnce(t, s, token, i, i, false)
		}
	}
	return log
}

func recallServer(t *testing.T, log *etch.Log, records, bytes int) *Server {
	t.Helper()
	s, err := New(log, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.recalled.records, s.recalled.bytes = records, bytes
	return s
}

// sendOnce has events from one number to another recorded in one request, and wants all
// of them to be known or none.
func sendOnce(t *testing.T, s *Server, token string, from, to int, known bool) {
	t.Helper()
	var events []*etch.Event
	for i := from; i <= to; i++ {
		// Their times say nothing of when they were recorded.
		events = append(events, &etch.Event{ID: fmt.Sprint("made_of_", i), Type: etch.SecurityEvent, Timestamp: time.Unix(int64(i)<<20, 0)})
	}
	want := 0
	if known {
		want = len(events)
	}
	got, err := s.RecordOnce(t.Context(), Sender{UID: -1, Token: token}, events)
	if err != nil || got != want {
		t.Errorf("%s, %d to %d: %d are known, %v; want %d", token, from, to, got, err, want)
	}
}

// TestRecallIsBounded shows that a server which begins knows again what is within so
// many records and bytes of the log's end, and records again what is before that, under
// the same id.
func TestRecallIsBounded(t *testing.T) {
	const each = 10
	line := 0
	for rec, err := range recallLog(t, each).Records(t.Context(), etch.Query{Reverse: true, Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		line = len(rec.Raw)
	}
	for name, c := range map[string]struct{ records, bytes, known int }{
		"all":        {recallRecords, recallBytes, each},
		"by records": {8, recallBytes, 4},
		"by bytes":   {recallRecords, 7*line + 1, 4},
	} {
		t.Run(name, func(t *testing.T) {
			log := recallLog(t, each)
			s := recallServer(t, log, c.records, c.bytes)
			for _, token := range []string{"a", "b"} {
				sendOnce(t, s, token, each-c.known, each-1, true)
				if c.known < each {
					sendOnce(t, s, token, 0, each-c.known-1, false)
				}
				sendOnce(t, s, token, 0, each-1, true)
			}
			sendOnce(t, s, "c", 0, each-1, false) // nobody else's stand in for its own
		})
	}
}

// TestUnknownIsRead shows that the log is read again where it was not known what became
// of events, and that what is remembered is not forgotten by that.
func TestUnknownIsRead(t *testing.T) {
	log := recallLog(t, 2)
	s := recallServer(t, log, 1, recallBytes) // of b's events the last
	sendOnce(t, s, "b", 1, 1, true)
	sendOnce(t, s, "b", 0, 0, false)
	own := &s.account(Sender{UID: -1, Token: "b"}).recent
	lost := &etch.Event{ID: "made_of_7", Type: etch.SecurityEvent}
	if _, err := log.Append(t.Context(), Sign([]*etch.Event{lost}, Sender{UID: -1, Token: "b"})[0]); err != nil {
		t.Fatal(err)
	}
	own.mu.Lock()
	s.note(own, []*etch.Event{{ID: "made_of_6"}, lost}, []etch.Receipt{{Durable: true}, {}}, etch.ErrUnknown)
	if own.ids.has(lost) {
		t.Error("an event is remembered of which nobody knows whether it is recorded")
	}
	own.mu.Unlock()
	sendOnce(t, s, "b", 6, 7, true)
	sendOnce(t, s, "b", 0, 1, true)
}

// TestRecallEndsWithTheServer shows that a server which drains does not wait for the log
// to be read, and that one whose log cannot be read records nothing twice.
func TestRecallEndsWithTheServer(t *testing.T) {
	log := recallLog(t, 1)
	s := recallServer(t, log, recallRecords, recallBytes)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.recall(ended); !errors.Is(err, context.Canceled) || !errors.Is(err, etch.ErrNotRecorded) {
		t.Errorf("a log that is not read: %v", err)
	}
	s.beginDrain()
	if err := s.recall(t.Context()); !errors.Is(err, ErrShuttingDown) {
		t.Errorf("a server that drains: %v", err)
	}
}

// TestRecentIsBounded shows that of one sender so many ids are remembered and no more,
// the last ones.
func TestRecentIsBounded(t *testing.T) {
	s := recallServer(t, recallLog(t, 0), recallRecords, recallBytes)
	var own recent
	n := 0
	for _, size := range []int{maxRecent - 1, 1, 1, 1000} {
		events := make([]*etch.Event, size)
		for i := range events {
			events[i] = &etch.Event{ID: fmt.Sprint(n)}
			n++
		}
		own.mu.Lock()
		s.note(&own, events, slices.Repeat([]etch.Receipt{{Durable: true}}, size), nil)
		own.mu.Unlock()
	}
	if len(own.ids.ids) != maxRecent || len(own.ids.order) != maxRecent {
		t.Errorf("%d ids, %d in order, want %d", len(own.ids.ids), len(own.ids.order), maxRecent)
	}
	for i, want := range map[int]bool{0: false, n - maxRecent - 1: false, n - maxRecent: true, n - 1: true} {
		if got := own.ids.has(&etch.Event{ID: fmt.Sprint(i)}); got != want {
			t.Errorf("the one of number %d of %d is remembered: %t, want %t", i, n, got, want)
		}
	}
}

// BenchmarkRecall is what a server that begins reads of a log of many records.
func BenchmarkRecall(b *testing.B) {
	const n = 1 << 17
	log, err := etch.Create(filepath.Join(b.TempDir(), "audit.log"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = log.Close() }() // what was written is measured, not kept
	events := make([]*etch.Event, n)
	for i := range events {
		events[i] = &etch.Event{ID: fmt.Sprint("made_of_", i), Type: etch.ToolCall, Action: &etch.Action{Tool: "fetch", Arguments: []byte(`{"path":"a file of some length"}`)}}
	}
	for some := range slices.Chunk(Sign(events, Sender{UID: -1, Token: "a"}), 1024) {
		if _, err := log.AppendBatch(b.Context(), some); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		s, err := New(log, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.recall(b.Context()); err != nil {
			b.Fatal(err)
		}
		if got := len(s.account(Sender{UID: -1, Token: "a"}).recent.ids.order); got != n {
			b.Fatalf("%d ids", got)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/record")
}
