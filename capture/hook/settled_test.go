package hook_test

import (
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

// What was put on record from elsewhere is neither ended nor recorded again.
func TestSettled(t *testing.T) {
	for name, sender := range map[string]string{"the user's own": "", "a sender's": "uid 1000"} {
		t.Run(name, func(t *testing.T) { testSettled(t, sender) })
	}
}

func testSettled(t *testing.T, sender string) {
	sessions := hook.NewSessions(t.TempDir())
	agent := &hook.Agent{Name: "some"}
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	deliver := func(payload string) []*etch.Event {
		t.Helper()
		now = now.Add(time.Second)
		turn, err := sessions.Begin(t.Context(), &hook.Delivery{
			Agent: agent, Payload: []byte(payload), Now: now, Sender: sender,
			Getenv: func(string) (string, bool) { return "", false },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := turn.Keep(); err != nil {
			t.Fatal(err)
		}
		return turn.Events
	}
	call := func(event, id string) string {
		return `{"hook_event_name":"` + event + `","session_id":"s","tool_name":"Bash","tool_use_id":"` + id + `","tool_input":{"command":"ls"}}`
	}
	settled := func(id string) hook.SettledCall {
		return hook.SettledCall{ID: id, Input: hook.InputDigest([]byte(`{"command":"ls"}`))}
	}
	if err := sessions.Settled(t.Context(), "s", settled("a")); err != nil {
		t.Errorf("of a session that is not known: %v", err)
	}
	for _, id := range []string{"a", "b"} {
		if n := len(deliver(call("PreToolUse", id))); n != 1 {
			t.Fatalf("attempt %s gave %d events", id, n)
		}
	}
	if err := sessions.Settled(t.Context(), "s", settled("a"), settled("c")); err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{call("PostToolUse", "a"), call("PreToolUse", "c"), call("PostToolUse", "c")} {
		if events := deliver(payload); len(events) != 0 {
			t.Errorf("%s gave %d events", payload, len(events))
		}
	}
	var ended []string
	for _, ev := range deliver(`{"hook_event_name":"SessionEnd","session_id":"s"}`) {
		if ev.Phase == etch.Completion {
			ended = append(ended, ev.CallID)
		}
	}
	if len(ended) != 1 || ended[0] != "b" {
		t.Errorf("the session's end ended %v, want b alone", ended)
	}
}
