package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/site"
)

// wholeDaemon serves a log as "etch serve" does, with HTTP, and returns its socket.
func wholeDaemon(t *testing.T, path string, settings ...site.Setting) (socket string, stop func()) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("sockets have no senders here")
	}
	std, _, _ := console(time.Now())
	std.now = time.Now
	resolved, err := place{log: path, settings: settings}.load(std)
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{resolved: resolved, std: std}
	if err := d.open(); err != nil {
		t.Fatal(errors.Join(err, d.close()))
	}
	served := make(chan error, 1)
	go func() { served <- d.server.ServeSocket(context.Background(), d.sockets[0]) }()
	return d.sockets[0].Addr().String(), func() {
		t.Helper()
		if err := errors.Join(d.drain(&http.Server{}), <-served, d.close()); err != nil {
			t.Error(err)
		}
	}
}

// A daemon tells of a log what the log's files do, but of what others have sent; what
// is cut off, and what it was not made for, is no answer.
func TestDaemonLog(t *testing.T) {
	path := filepath.Join(shortDir(t), "audit.log")
	log, err := etch.Create(path, &etch.Options{Rotate: etch.BySize, SealEvery: time.Hour}) // the numbers are those of the events
	if err != nil {
		t.Fatal(err)
	}
	began := time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)
	for i := range 30 {
		ev := &etch.Event{
			Type: []etch.EventType{etch.ToolCall, etch.UserPrompt}[i%2], Timestamp: began.Add(time.Duration(i) * time.Minute), SessionID: fmt.Sprint("s", i%3),
			CallID: fmt.Sprintf("a \"quoted\" ü id %d", i%5), Actor: &etch.Actor{Agent: []string{"bot", "other"}[i%7/6]}, Labels: map[string]string{},
		}
		if ev.Type == etch.ToolCall {
			ev.Action = &etch.Action{Tool: fmt.Sprint("t", i), Arguments: []byte(`{"a":"\u00e9"}`)}
			ev.Phase = []etch.Phase{etch.Attempt, etch.Completion}[i%4/2]
		}
		if i%10 == 9 {
			ev.Labels["sender_uid"] = "4242424"
		}
		if i%10 == 6 {
			ev.Labels["sender_token_name"] = "ci"
		}
		if _, err := log.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	socket, stop := wholeDaemon(t, path)
	defer stop()
	far := newDaemonLog(socket)
	defer far.client.CloseIdleConnections()
	if err := far.mayAsk(t.Context()); err != nil {
		t.Fatal(err)
	}
	near, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	odd := func(r *etch.Record) bool { return r.Seq%2 == 1 }
	for name, q := range map[string]etch.Query{
		"all":         {AllPhases: true},
		"a row each":  {},
		"a session":   {Session: "s1", Agent: "bot", AllPhases: true},
		"a call":      {CallID: "a \"quoted\" ü id 3", AllPhases: true},
		"times":       {From: began.Add(3 * time.Minute), Until: began.Add(20*time.Minute + time.Second), Types: []etch.EventType{etch.UserPrompt, etch.SessionEnd}, AllPhases: true},
		"a limit":     {AllPhases: true, Limit: 3, Match: odd},
		"of nobody":   {Session: "s9"},
		"a condition": {AllPhases: true, Match: odd},
	} {
		var want, got []etch.Record
		for rec, err := range near.Records(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			if rec.Event.Labels["sender_uid"] == "" && rec.Event.Labels["sender_token_name"] == "" {
				rec.Segment, rec.Offset = 0, 0
				want = append(want, rec)
			}
		}
		for rec, err := range far.Records(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rec)
		}
		if d := cmp.Diff(want, got, cmp.Comparer(func(a, b etch.Optional[uint64]) bool { return a == b }), cmp.Comparer(func(a, b etch.Optional[int64]) bool { return a == b })); d != "" || name != "of nobody" && len(got) == 0 {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	for _, err := range far.Records(t.Context(), etch.Query{Reverse: true}) {
		if err == nil {
			t.Error("it answers what it does not ask")
		}
	}
}
