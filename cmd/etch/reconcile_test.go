package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/vfs"
)

// What a hook has just put into the spool is left alone for a while, as the hook may be
// at it. Who fills the log waits for that, and does not give up.
func TestFillWaitsForTheSpool(t *testing.T) {
	path := testLog(t, 1)
	home := filepath.Dir(path)
	lock, err := vfs.OS().OpenLock(strings.TrimSuffix(path, ".log") + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Acquire(patiently); err != nil {
		t.Fatal(err)
	}
	runsHook(t, path, 1)
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	// As if it had been killed nine seconds ago, before it came to the end of the file.
	spooled, err := filepath.Glob(filepath.Join(home, "audit.spool", "*.spool"))
	if err != nil || len(spooled) != 1 {
		entries, _ := os.ReadDir(filepath.Join(home, "audit.spool"))
		t.Fatalf("the spool has %v, %v", entries, err)
	}
	ago := time.Now().Add(-9 * time.Second)
	unfinished := strings.TrimSuffix(spooled[0], ".spool") + ".new"
	if err := errors.Join(os.Rename(spooled[0], unfinished), os.Chtimes(unfinished, ago, ago)); err != nil {
		t.Fatal(err)
	}
	fill := exec.Command("etch", "reconcile", "claude-code", "--fill", "--log", path)
	fill.Env = append(os.Environ(), "HOME="+home, "CLAUDE_CONFIG_DIR="+home)
	out, err := fill.CombinedOutput()
	if strings.Contains(string(out), "try again") || !strings.Contains(string(out), "no transcript was found") {
		t.Errorf("%v: %s", err, out)
	}
	if found := callsIn(t, path); found["toolu_1"] != 1 {
		t.Errorf("calls on record: %v", found)
	}
}

// TestFilledForWhom shows that what is filled is of the person whom the session's hooks told,
// else of who owns the transcript, and of who fills only where that is the same.
func TestFilledForWhom(t *testing.T) {
	path := testLog(t, 1)
	home := filepath.Dir(path)
	projects := filepath.Join(home, ".claude", "projects", "-p")
	if err := os.MkdirAll(projects, 0o700); err != nil {
		t.Fatal(err)
	}
	lines := func(session string, ids ...string) {
		var text strings.Builder
		for i, id := range ids {
			fmt.Fprintf(&text, `{"type":"assistant","sessionId":%q,"cwd":"/p","timestamp":"2026-01-02T03:04:0%dZ","message":{"content":[{"type":"tool_use","id":%q,"name":"Bash","input":{"command":"ls"}}]}}`+"\n", session, i, id)
			fmt.Fprintf(&text, `{"type":"user","sessionId":%q,"cwd":"/p","timestamp":"2026-01-02T03:04:0%dZ","message":{"content":[{"type":"tool_result","tool_use_id":%q,"content":"x"}]}}`+"\n", session, i, id)
		}
		if err := os.WriteFile(filepath.Join(projects, session+".jsonl"), []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lines("told", "c1", "c2")
	lines("silent", "c3")
	want := map[string]string{"c1": "alice  terminal", "c2": "alice  terminal", "c3": "filler  "}
	if os.Getuid() == 0 {
		lines("others", "c4")
		if err := os.Chown(filepath.Join(projects, "others.jsonl"), 65534, 65534); err != nil {
			t.Fatal(err)
		}
		name := ""
		if u, err := user.LookupId("65534"); err == nil {
			name = u.Username
		}
		want["c4"] = name + " 65534 "
	}
	env := []string{"ETCH_HOOKS_RECONCILE=off", "CLAUDE_CONFIG_DIR=", "ETCH_USER=alice", "ETCH_CHANNEL=terminal"}
	payload := `{"session_id":"told","hook_event_name":"PreToolUse","cwd":"/p","tool_name":"Bash","tool_use_id":"c1","tool_input":{"command":"ls"}}`
	if out, err := etchIn(path, payload, env, "hook", "claude-code"); err != nil || out != "" {
		t.Fatalf("%v: %s", err, out)
	}
	env[2], env[3] = "ETCH_USER=filler", "ETCH_CHANNEL=cron"
	if out, err := etchIn(path, "", env, "reconcile", "claude-code", "--fill"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for rec, err := range r.Records(t.Context(), etch.Query{AllPhases: true, Agent: "claude-code"}) {
		if err != nil {
			t.Fatal(err)
		}
		ev := &rec.Event
		who := ev.Actor.Username + " " + ev.Actor.UserID + " " + ev.Actor.Channel
		if want[ev.CallID] == "" {
			continue
		}
		if before := got[ev.CallID]; before != "" && before != who {
			t.Errorf("%s is of %q and of %q", ev.CallID, before, who)
		}
		got[ev.CallID] = who
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
