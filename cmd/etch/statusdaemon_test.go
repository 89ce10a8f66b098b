package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/site"
	"github.com/etch-audit/etch/server"
)

// TestStatusByTheDaemonsWord shows that whether the next event can be recorded is what
// the daemon says that records it, and not what the user's own log is like, which
// nothing is written to meanwhile.
func TestStatusByTheDaemonsWord(t *testing.T) {
	path := testLog(t, 1) // this user's own
	if err := os.Remove(filepath.Join(strings.TrimSuffix(path, ".log")+".keys", "mac.key")); err != nil {
		t.Fatal(err)
	}
	about := etch.DaemonStatus{Log: "/elsewhere/audit.log", UID: "998", User: "etch", Version: "v9"}
	_, socket, stop := serveWith(t, shortDir(t), &server.Options{About: func() etch.DaemonStatus { return about }})
	defer stop()
	look := func() *inspection {
		t.Helper()
		std, _, _ := console(time.Now())
		resolved, err := place{log: path, settings: []site.Setting{{Key: "server.socket", Value: socket, Origin: "test"}}}.load(std)
		if err != nil {
			t.Fatal(err)
		}
		in, err := newInspection(t.Context(), resolved, std)
		if err := errors.Join(err, in.look()); err != nil {
			t.Fatal(err)
		}
		return in
	}
	in := look()
	if len(in.Problems) > 0 || !in.Daemon.Ready || in.Exists {
		t.Errorf("problems %q, daemon %+v", in.Problems, in.Daemon)
	}
	if got, want := in.aboutDaemon(), "runs as user etch (uid 998), version v9, log /elsewhere/audit.log"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	about.Problem = "the disk is full"
	if in = look(); len(in.Problems) != 1 || !strings.Contains(in.Problems[0], about.Problem) || in.Daemon.Ready {
		t.Errorf("problems %q, daemon %+v", in.Problems, in.Daemon)
	}
	about.Problem, about.Log = "", path // this log, whose key is missing, is the one then
	if in = look(); len(in.Problems) == 0 {
		t.Error("a log without its key has no problem")
	}
}

// TestStatusTellsOfAnOldDaemon shows that what waits because the daemon is of an older
// version is a problem, which names both versions and what to do.
func TestStatusTellsOfAnOldDaemon(t *testing.T) {
	path := testLog(t, 1)
	spooled := strings.TrimSuffix(path, ".log") + ".daemon.log"
	spool, err := etch.OpenSpool(spooled, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := spool.Put(etch.ErrNotRecorded, &etch.Event{ID: "evt_waits", Timestamp: time.Now(), Type: etch.ToolCall}); err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSuffix(spooled, ".log") + ".spool"
	files, err := filepath.Glob(filepath.Join(dir, "*.spool"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	refusal := fmt.Sprintf(`{"at":"2026-02-16T12:00:00Z","cause":"daemon: once: unknown member","files":[%q]}`, filepath.Base(files[0]))
	if err := os.WriteFile(filepath.Join(dir, "refused"), []byte(refusal), 0o600); err != nil {
		t.Fatal(err)
	}
	about := etch.DaemonStatus{Log: path, Version: "v9"}
	_, socket, stop := serveWith(t, shortDir(t), &server.Options{About: func() etch.DaemonStatus { return about }})
	defer stop()
	std, _, _ := console(time.Now())
	resolved, err := place{log: path, settings: []site.Setting{{Key: "server.socket", Value: socket, Origin: "test"}}}.load(std)
	if err != nil {
		t.Fatal(err)
	}
	in, err := newInspection(t.Context(), resolved, std)
	if err := errors.Join(err, in.look()); err != nil {
		t.Fatal(err)
	}
	want := `1 of 1 files in the spool for the daemon wait for a newer one: what it said at 2026-02-16T12:00:00.000000Z is "daemon: once: unknown member" (it is version v9, this is ` +
		version().Version + `). Restart it with this version of etch; the files are kept, and sent again`
	if !slices.Contains(in.Problems, want) {
		t.Errorf("got %q, want %q among them", in.Problems, want)
	}
}
