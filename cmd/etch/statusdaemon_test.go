package main

import (
	"errors"
	"os"
	"path/filepath"
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
