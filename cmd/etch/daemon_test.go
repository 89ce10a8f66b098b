package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/server"
)

// serve makes a log in dir, or opens it, and serves it on a socket beside it until
// stop is called.
func serve(t *testing.T, dir string) (path, socket string, stop func()) {
	t.Helper()
	return serveWith(t, dir, nil)
}

func serveWith(t *testing.T, dir string, opts *server.Options) (path, socket string, stop func()) {
	t.Helper()
	path, socket = filepath.Join(dir, "audit.log"), filepath.Join(dir, "audit.sock")
	log, err := etch.Open(path, nil)
	if err != nil {
		log, err = etch.Create(path, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(log, opts)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.ServeSocket(context.Background(), l) }()
	return path, socket, func() {
		t.Helper()
		if err := s.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}
}

// shortDir is a directory for a log and its socket, whose path must be short. Where the
// kernel does not say who connects nobody may send, and there is nothing to test.
func shortDir(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("sockets have no senders here")
	}
	dir, err := os.MkdirTemp("", "etch")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// silent listens on a socket and never answers.
func silent(t *testing.T, socket string) (stop func()) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			if _, err := l.Accept(); err != nil {
				return
			}
		}
	}()
	return func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// etchIn runs the program for the log at path, with settings besides.
func etchIn(path, stdin string, env []string, args ...string) (string, error) {
	cmd := exec.Command("etch", args...)
	cmd.Stdin = strings.NewReader(stdin)
	dir := filepath.Dir(path)
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "ETCH_LOG_PATH="+path)
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// senders returns, for each tool on record, the pid of its sender; "" where this
// process's daemon did not record it.
func senders(t *testing.T, path string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, ev := range eventsIn(t, path) {
		if ev.Type != etch.AuthSuccess && ev.Action != nil {
			found[ev.Action.Tool+ev.CallID] = ev.Labels[server.LabelSenderPID]
		}
	}
	return found
}

func TestCommandsUseTheDaemon(t *testing.T) {
	path, _, stop := serve(t, shortDir(t))
	for _, args := range [][]string{
		{"log", "--ack", "--type", "tool_call", "--tool", "logged"},
		{"exec", "--tool", "executed", "--call-id", "", "--", "true"},
		{"hook", "claude-code", "PreToolUse"},
	} {
		if out, err := etchIn(path, payloadOf(1), []string{"TEST_PATIENT=1"}, args...); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	if out, err := etchIn(path, "", []string{"ETCH_CONNECT=never"}, "log", "--type", "tool_call", "--tool", "direct"); err != nil {
		t.Errorf("past the daemon: %v\n%s", err, out)
	}
	stop()
	got := senders(t, path)
	for _, tool := range []string{"logged", "Bashtoolu_1"} {
		if pid, ok := got[tool]; !ok || pid == "" {
			t.Errorf("%s: got sender %q, recorded %v: want that the daemon recorded it (%v)", tool, pid, ok, got)
		}
	}
	if pid, ok := got["direct"]; !ok || pid != "" {
		t.Errorf("direct: got sender %q, recorded %v, want that the log was written directly", pid, ok)
	}
	executed := 0
	for tool, pid := range got {
		if strings.HasPrefix(tool, "executed") && pid != "" {
			executed++
		}
	}
	if executed != 1 { // attempt and completion have one call id
		t.Errorf("exec: got %d calls by the daemon, want 1: %v", executed, got)
	}
}

// TestADaemonThatIsNotThere: where none must record, the log is written; where one
// must, nothing is.
func TestADaemonThatIsNotThere(t *testing.T) {
	dir := shortDir(t)
	path, socket, stop := serve(t, dir)
	stop()
	// What a daemon leaves that was killed.
	fd, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	fd.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := fd.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := etchIn(path, "", nil, "log", "--type", "tool_call", "--tool", "direct"); err != nil {
		t.Errorf("a socket that nobody listens on: %v\n%s", err, out)
	}
	if out, err := etchIn(path, payloadOf(2), []string{"TEST_PATIENT=1"}, "hook", "claude-code", "PreToolUse"); err != nil || out != "" {
		t.Errorf("a hook: %v\n%s", err, out)
	}
	must := []string{"ETCH_SOCKET=" + socket, "TEST_PATIENT=1"}
	if out, err := etchIn(path, "", must, "log", "--type", "tool_call", "--tool", "refused"); err == nil || !strings.Contains(out, "etch serve") {
		t.Errorf("a daemon that must record: got %v\n%s", err, out)
	}
	if out, err := etchIn(path, payloadOf(3), must, "hook", "claude-code", "PreToolUse"); err != nil || out != "" {
		t.Errorf("a hook whose daemon is not there: %v\n%s", err, out)
	}
	got := senders(t, path)
	_, direct := got["direct"]
	_, refused := got["refused"]
	_, second := got["Bashtoolu_2"]
	_, third := got["Bashtoolu_3"]
	if !direct || refused || !second || third {
		t.Errorf("got %v, want direct and toolu_2", got)
	}
	if err := os.Remove(socket); err != nil {
		t.Fatal(err)
	}
	_, _, stop = serve(t, dir)
	if out, err := etchIn(path, payloadOf(4), must, "hook", "claude-code", "PreToolUse"); err != nil || out != "" {
		t.Errorf("a hook: %v\n%s", err, out)
	}
	if out, err := etchIn(path, "", must, "log", "--type", "tool_call", "--tool", "last"); err != nil {
		t.Errorf("log: %v\n%s", err, out)
	}
	stop()
	if calls := callsIn(t, path); calls["toolu_3"] != 1 || calls["toolu_4"] != 1 {
		t.Errorf("got %v, want the call that was spooled, and the next, once each", calls)
	}
}

// TestAHookWaitsForNoDaemon: one that does not answer costs the agent no more than a
// log that is locked, and the call is on record later.
func TestAHookWaitsForNoDaemon(t *testing.T) {
	dir := shortDir(t)
	path, socket, stop := serve(t, dir)
	stop()
	quiet := silent(t, socket)
	for n := range 3 {
		took := runsHook(t, path, n)
		t.Logf("a hook whose daemon is silent took %v", took)
		if took > patiently {
			t.Errorf("got %v, want that it does not wait for the daemon", took)
		}
	}
	quiet()
	_, _, stop = serve(t, dir)
	if out, err := etchIn(path, "", nil, "log", "--type", "tool_call", "--tool", "next"); err != nil {
		t.Errorf("log: %v\n%s", err, out)
	}
	stop()
	calls := callsIn(t, path)
	for _, call := range []string{"toolu_0", "toolu_1", "toolu_2"} {
		if calls[call] != 1 {
			t.Errorf("%s is on record %d times, want once", call, calls[call])
		}
	}
	if out, err := etchIn(path, "", nil, "verify"); err != nil {
		t.Errorf("verify: %v\n%s", err, out)
	}
}
