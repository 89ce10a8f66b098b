package etch_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etch-audit/etch"
	"github.com/google/go-cmp/cmp"
)

// A keeper is a Recorder that keeps what it is given, or fails with err.
type keeper struct {
	mu     sync.Mutex
	events []*etch.Event
	err    error
}

func (k *keeper) Append(ctx context.Context, ev *etch.Event) (etch.Receipt, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := cmpErr(context.Cause(ctx), k.err); err != nil {
		return etch.Receipt{}, err
	}
	kept := *ev
	k.events = append(k.events, &kept)
	return etch.Receipt{}, nil
}

func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func diffEvents(got, want any) string {
	return cmp.Diff(want, got, cmp.AllowUnexported(etch.Optional[int64]{}, etch.Optional[uint64]{}))
}

func TestBeginEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := etch.WithScope(t.Context(), etch.Scope{Actor: etch.Actor{Username: "alice"}, SessionID: "s1"})
		to, start := new(keeper), time.Now()
		given := etch.Event{
			ID: "evt_given", Type: etch.ToolCall, CallID: "c1",
			Action: &etch.Action{Tool: "search", Allowed: true}, Labels: map[string]string{"k": "v"},
		}
		call, err := etch.Begin(ctx, to, &given)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		call.Completion().Labels["found"] = "7"
		call.Completion().Action.Allowed = false
		ctx, cancel := context.WithCancel(ctx)
		cancel() // the end is recorded all the same
		result := etch.Result{Type: etch.Success}
		for range 2 {
			if err := call.End(ctx, &result); err != nil {
				t.Fatal(err)
			}
		}
		want := []*etch.Event{
			{
				ID: "evt_given", Timestamp: start, Type: etch.ToolCall, Phase: etch.Attempt, CallID: "c1", SessionID: "s1",
				Actor: &etch.Actor{Username: "alice"}, Action: &etch.Action{Tool: "search", Allowed: true}, Labels: map[string]string{"k": "v"},
			},
			{
				Timestamp: start, Type: etch.ToolCall, Phase: etch.Completion, CallID: "c1", SessionID: "s1",
				Actor: &etch.Actor{Username: "alice"}, Action: &etch.Action{Tool: "search"}, Labels: map[string]string{"k": "v", "found": "7"},
				Result: &etch.Result{Type: etch.Success, Duration: 3 * time.Second},
			},
		}
		if d := diffEvents(to.events, want); d != "" {
			t.Errorf("events (-want +got):\n%s", d)
		}
		if result.Duration != 0 || given.Phase != "" || given.SessionID != "" || !given.Action.Allowed || len(given.Labels) != 1 {
			t.Errorf("what was given was changed: %+v, %+v", given, result)
		}
	})
}

// What Begin could not record, its Call may still tell.
func TestBeginUnrecorded(t *testing.T) {
	to := &keeper{err: etch.ErrNotRecorded}
	call, err := etch.Begin(t.Context(), to, &etch.Event{Type: etch.ToolCall})
	if !errors.Is(err, etch.ErrNotRecorded) || call == nil {
		t.Fatalf("got %v, %v, want a call and that it is not recorded", call, err)
	}
	to.err = nil
	if err := call.End(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if len(to.events) != 1 || to.events[0].Phase != etch.Completion || !strings.HasPrefix(to.events[0].CallID, "call_") || to.events[0].Result != nil {
		t.Errorf("got events %+v, want the completion", to.events)
	}
}

func TestEndUnrecorded(t *testing.T) {
	to := new(keeper)
	call, err := etch.Begin(t.Context(), to, &etch.Event{Type: etch.ToolCall})
	if err != nil {
		t.Fatal(err)
	}
	to.err = etch.ErrUnknown
	for range 2 {
		if err := call.End(t.Context(), nil); !errors.Is(err, etch.ErrUnknown) {
			t.Errorf("got %v, want that it is not known", err)
		}
		to.err = nil // the first end is the only one
	}
	if len(to.events) != 1 {
		t.Errorf("got %d events, want the attempt alone", len(to.events))
	}
}

// What is not to be recorded stops nobody.
func TestBeginSkipped(t *testing.T) {
	to := &keeper{err: etch.ErrSkipped}
	call, err := etch.Begin(t.Context(), to, &etch.Event{Type: etch.ToolCall})
	if err != nil {
		t.Fatal(err)
	}
	if err := call.End(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// In a real log the two are one call, also where the end tells of a refusal.
func TestBeginSameCall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, allowed := range []bool{true, false} {
		call, err := etch.Begin(t.Context(), l, &etch.Event{Type: etch.ToolCall, Action: &etch.Action{Tool: "search", Allowed: true}})
		if err != nil {
			t.Fatal(err)
		}
		call.Completion().Action.Allowed = allowed
		if err := call.End(t.Context(), etch.ResultOf(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var records []etch.Record
	for r, err := range mustReader(t, path).Records(t.Context(), etch.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	if len(records) != 2 || records[0].Event.Phase != etch.Completion || records[1].Event.Phase != etch.Completion {
		t.Fatalf("got %+v, want two completions that hide their attempts", records)
	}
	if records[0].SameCall(&records[1]) {
		t.Error("the two calls are taken for one")
	}
}

func mustReader(t *testing.T, path string) *etch.Reader {
	t.Helper()
	r, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestResultOf(t *testing.T) {
	deadline, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for _, test := range []struct {
		err  error
		want etch.Result
	}{
		{nil, etch.Result{Type: etch.Success}},
		{errors.New("no such page"), etch.Result{Type: etch.Error, Message: "no such page"}},
		{fmt.Errorf("get: %w", deadline.Err()), etch.Result{Type: etch.Timeout, ErrorCategory: "timeout"}},
		{os.ErrDeadlineExceeded, etch.Result{Type: etch.Timeout, ErrorCategory: "timeout"}},
		{fmt.Errorf("get: %w", context.Canceled), etch.Result{Type: etch.Error, Message: "get: context canceled", ErrorCategory: "cancelled"}},
	} {
		if d := diffEvents(etch.ResultOf(test.err), &test.want); d != "" {
			t.Errorf("ResultOf(%v) (-want +got):\n%s", test.err, d)
		}
	}
}

func TestScope(t *testing.T) {
	outer := etch.Scope{
		Actor:     etch.Actor{Channel: "http", UserID: "7", Username: "alice", Agent: "helper", AgentID: "a1", Model: "m", CallerID: "c", Host: "h"},
		SessionID: "s", TurnID: "t", TraceID: "x",
	}
	ctx := etch.WithScope(t.Context(), outer)
	for _, test := range []struct{ inner, want etch.Scope }{
		{etch.Scope{}, outer},
		{
			etch.Scope{Actor: etch.Actor{Username: "bob"}, TurnID: "t2"}, // and not alice's id
			etch.Scope{
				Actor:     etch.Actor{Channel: "http", Username: "bob", Agent: "helper", AgentID: "a1", Model: "m", CallerID: "c", Host: "h"},
				SessionID: "s", TurnID: "t2", TraceID: "x",
			},
		},
		{
			etch.Scope{Actor: etch.Actor{Agent: "sub"}, SessionID: "s2", TraceID: "x2"}, // of whose model nothing is known
			etch.Scope{
				Actor:     etch.Actor{Channel: "http", UserID: "7", Username: "alice", Agent: "sub", CallerID: "c", Host: "h"},
				SessionID: "s2", TurnID: "t", TraceID: "x2",
			},
		},
	} {
		if got := etch.ScopeOf(etch.WithScope(ctx, test.inner)); got != test.want {
			t.Errorf("scope %+v in the outer: got %+v, want %+v", test.inner, got, test.want)
		}
	}
	shared := &etch.Actor{Username: "bob"}
	ev := etch.Event{Actor: shared, SessionID: "mine"}
	etch.ScopeOf(ctx).Fill(&ev)
	if *shared != (etch.Actor{Username: "bob"}) || ev.Actor.Username != "bob" || ev.Actor.UserID != "" || ev.Actor.Channel != "http" || ev.SessionID != "mine" || ev.TurnID != "t" {
		t.Errorf("got %+v of %+v, and the shared actor %+v", ev, ev.Actor, shared)
	}
	var empty etch.Event
	etch.ScopeOf(t.Context()).Fill(&empty)
	if empty.Actor != nil {
		t.Error("a scope of nothing made an actor")
	}
}
