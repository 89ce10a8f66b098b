//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/server"
)

// claimedIn returns the events of a log that its senders say are imported.
func claimedIn(t *testing.T, path string) []etch.Event {
	t.Helper()
	if own := importedIn(t, path); len(own) > 0 {
		t.Errorf("%d events are imported by the log's own word", len(own))
	}
	var events []etch.Event
	for _, ev := range eventsIn(t, path) {
		if ev.Labels["claimed_"+source.LabelSHA256] != "" {
			events = append(events, ev)
		}
	}
	return events
}

// TestImportThroughDaemon shows that an import reaches the log of a daemon that this
// user may not write, each entry once however often, and that what it says of the source
// is kept as its sender's claim: nothing gains trust by it.
func TestImportThroughDaemon(t *testing.T) {
	path, socket, stop := serveWith(t, shortDir(t), &server.Options{About: func() etch.DaemonStatus {
		return etch.DaemonStatus{Log: "/elsewhere/audit.log", User: "etch"}
	}})
	defer stop()
	t.Setenv("ETCH_SOCKET", socket)
	file, own := filepath.Join(t.TempDir(), "zeph.jsonl"), filepath.Join(t.TempDir(), "own.log")
	text := zephLine(0, "a") + zephLine(1, "b") + zephLine(1, "b") + "garbage\n" + zephLine(2, "c")
	appendTo(t, file, text)
	for i, want := range []importSummary{{Added: 5}, {Present: 5}} {
		_, sum := imports(t, own, "zeph", file)
		if sum.Added != want.Added || sum.Present != want.Present || !sum.Whole {
			t.Errorf("import %d: got %+v, want %+v", i, sum, want)
		}
	}
	// What stood before the line that cannot be read is gone.
	if err := os.WriteFile(file, []byte(strings.TrimPrefix(text, zephLine(0, "a"))+zephLine(3, "d")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, sum := imports(t, own, "zeph", file); sum.Added != 1 || sum.Present != 4 {
		t.Errorf("a file that has grown and lost its beginning: got %+v, want 1 added and 4 present", sum)
	}
	if _, err := os.Stat(own); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a log of this user's own was made: %v", err)
	}
	events := claimedIn(t, path)
	if diff := cmp.Diff(commandsOf(events), strings.Fields("a b b c d")); diff != "" {
		t.Errorf("commands (-got +want):\n%s", diff)
	}
	for _, ev := range events {
		for name := range ev.Labels {
			if strings.HasPrefix(name, "import_") {
				t.Errorf("the label %s is the log's own word", name)
			}
		}
		if ev.Labels["claimed_"+source.LabelVerdict] == "" || ev.Labels[server.LabelSenderUID] == "" {
			t.Errorf("labels %v", ev.Labels)
		}
	}
}

// TestImportThroughDaemonKeepsIDsApart shows that records which share the id that their
// program gave them are as many events.
func TestImportThroughDaemonKeepsIDsApart(t *testing.T) {
	path, socket, stop := serveWith(t, shortDir(t), &server.Options{About: func() etch.DaemonStatus {
		return etch.DaemonStatus{Log: "/elsewhere/audit.log"}
	}})
	defer stop()
	sample, err := os.ReadFile(filepath.Join("..", "..", "capture", "zeroclaw", "testdata", "zeroclaw", "rotated", "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	line := strings.SplitAfter(string(sample), "\n")[0]
	file := filepath.Join(t.TempDir(), "audit.log")
	appendTo(t, file, line+strings.Replace(line, "step", "other step", 1))
	t.Setenv("ETCH_SOCKET", socket)
	own := filepath.Join(t.TempDir(), "own.log")
	if _, sum := imports(t, own, "zeroclaw", file); sum.Added != 2 {
		t.Errorf("got %+v, want 2 added", sum)
	}
	if _, sum := imports(t, own, "zeroclaw", file); sum.Added != 0 || sum.Present != 2 {
		t.Errorf("again: got %+v, want 2 present", sum)
	}
	ids := map[string]bool{}
	for _, ev := range claimedIn(t, path) {
		ids[ev.ID] = true
		if ev.Labels["zeroclaw_event_id"] == "" {
			t.Errorf("the id of the record is lost: %v", ev.Labels)
		}
	}
	if len(ids) != 2 {
		t.Errorf("ids %v", ids)
	}
	cmd := importCmd(own, "zeroclaw", file, "--dry-run")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "how much is new cannot be told") {
		t.Errorf("a dry run: %v\n%s", err, out)
	}
}
