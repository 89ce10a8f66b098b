package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

// TestSessionEndReconcilesBesideADaemon shows that the calls that hooks have missed are
// recorded at the end of a session while a daemon of this user serves the log, once, and
// marked as coming from the transcript.
func TestSessionEndReconcilesBesideADaemon(t *testing.T) {
	dir := shortDir(t)
	path, _, stop := serve(t, dir)
	defer stop()
	const session = "11111111-1111-1111-1111-111111111111"
	at := filepath.Join(dir, ".claude", "projects", "-p")
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	const lines = `{"type":"assistant","sessionId":"` + session + `","cwd":"/p","timestamp":"2026-01-02T03:04:05Z","message":{"content":[{"type":"tool_use","id":"toolu_1","name":"Bash","input":{"command":"ls"}}]}}
{"type":"user","sessionId":"` + session + `","cwd":"/p","timestamp":"2026-01-02T03:04:06Z","message":{"content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"x"}]}}
`
	if err := os.WriteFile(filepath.Join(at, session+".jsonl"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"ETCH_HOOKS_RECONCILE=session_end", "TEST_PATIENT=1", "CLAUDE_CONFIG_DIR="}
	for _, payload := range []string{
		`{"session_id":"` + session + `","hook_event_name":"SessionStart","cwd":"/p","source":"startup"}`,
		`{"session_id":"` + session + `","hook_event_name":"SessionEnd","cwd":"/p","reason":"other"}`,
	} {
		if out, err := etchIn(path, payload, env, "hook", "claude-code"); err != nil || out != "" {
			t.Fatalf("%v: %s", err, out)
		}
	}
	filled := func() (found []etch.Event) {
		r, err := etch.OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		for rec, err := range r.Records(t.Context(), etch.Query{AllPhases: true, CallID: "toolu_1"}) {
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, rec.Event)
		}
		return found
	}
	if !every(t, 50*time.Millisecond, func() bool { return len(filled()) >= 2 }) {
		t.Fatal("nothing was recorded of the missing call")
	}
	if out, err := etchIn(path, "", env, "reconcile", "claude-code", "--fill"); err != nil {
		t.Errorf("again: %v: %s", err, out)
	}
	events := filled()
	if len(events) != 2 {
		t.Errorf("%d records of the call, want an attempt and a completion", len(events))
	}
	for _, ev := range events {
		if ev.Labels["capture"] != "transcript" {
			t.Errorf("labels %v: want that it is from the transcript", ev.Labels)
		}
	}
}
