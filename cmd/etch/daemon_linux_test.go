package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/etch-audit/etch"
)

// TestAnotherUsersDaemon: a hook runs as a user who may not write beside the log. What
// it cannot hand over waits in that user's own home, and who sent it is on record.
func TestAnotherUsersDaemon(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("wants two users: only root may become another")
	}
	const agent = 4242 // somebody without a name
	top := shortDir(t)
	for dir := top; strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	state, home, bin := filepath.Join(top, "state"), filepath.Join(top, "home"), filepath.Join(top, "etch")
	for _, dir := range []string{state, home} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(home, agent, agent); err != nil {
		t.Fatal(err)
	}
	copyProgram(t, bin)
	path := filepath.Join(state, "audit.log")
	command := func(stdin string, args ...string) *exec.Cmd {
		cmd := exec.Command(bin, args...)
		cmd.Stdin = strings.NewReader(stdin)
		cmd.Dir = home
		cmd.Env = []string{"HOME=" + home, "PATH=/usr/bin:/bin", "ETCH_LOG_PATH=" + path, "TEST_PATIENT=1"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: agent, Gid: agent}}
		return cmd
	}
	run := func(stdin string, args ...string) {
		t.Helper()
		if out, err := command(stdin, args...).CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	_, socket, stop := serve(t, state)
	stop()
	quiet := silent(t, socket)
	if err := os.Chmod(socket, 0o600); err != nil { // this user may not enter
		t.Fatal(err)
	}
	run(payloadOf(1), "hook", "claude-code", "PreToolUse")
	if out, _ := command("", "status").CombinedOutput(); !strings.Contains(string(out), "not ready") ||
		!strings.Contains(string(out), "cannot be reached") || strings.Contains(string(out), "no file can be made") {
		t.Errorf("status says something else than that the daemon cannot be reached:\n%s", out)
	}
	quiet()
	info, err := etch.ReadSpoolInfo(filepath.Join(home, ".local", "state", "etch", "audit.daemon.log"))
	if err != nil || info.Events != 1 {
		t.Fatalf("the spool at home: got %+v, %v, want one event", info, err)
	}
	// Its exit code is that of writing the log without the daemon, which this user cannot.
	if out, _ := command("", "status").CombinedOutput(); !strings.Contains(string(out), "1 events wait for the daemon") {
		t.Errorf("status says nothing of it:\n%s", out)
	}
	_, socket, stop = serve(t, state)
	if err := os.Chmod(socket, 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := command("", "status").CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "ready: a daemon records") ||
		!strings.Contains(string(out), "of the log this user can read nothing") {
		t.Errorf("status of a daemon that records: %v\n%s", err, out)
	}
	run(payloadOf(2), "hook", "claude-code", "PreToolUse")
	run("", "log", "--type", "tool_call", "--tool", "after")
	stop()
	uids := map[string]string{}
	for _, ev := range eventsIn(t, path) {
		if ev.CallID != "" {
			uids[ev.CallID] = ev.Labels["sender_uid"]
		}
	}
	if uids["toolu_1"] != "4242" || uids["toolu_2"] != "4242" {
		t.Errorf("got %v, want both calls, sent by 4242", uids)
	}
}

// TestADaemonForOthers: a socket that this user may not enter keeps nobody from a log
// of their own.
func TestADaemonForOthers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("wants two users: only root may become another")
	}
	dir := shortDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 4242, 4242); err != nil {
		t.Fatal(err)
	}
	bin, path, socket := filepath.Join(dir, "etch"), filepath.Join(dir, "audit.log"), filepath.Join(dir, "audit.sock")
	copyProgram(t, bin)
	defer silent(t, socket)()
	if err := os.Chmod(socket, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"log", "--type", "tool_call", "--tool", "x"}, {"hook", "claude-code", "PreToolUse"}} {
		cmd := exec.Command(bin, args...)
		cmd.Stdin, cmd.Dir = strings.NewReader(payloadOf(1)), dir
		cmd.Env = []string{"HOME=" + dir, "PATH=/usr/bin:/bin", "ETCH_LOG_PATH=" + path, "TEST_PATIENT=1"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4242, Gid: 4242}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	if got := senders(t, path); len(got) != 2 {
		t.Errorf("got %v, want both on record", got)
	}
}

// copyProgram copies the program to where another user can run it.
func copyProgram(t *testing.T, to string) {
	t.Helper()
	from, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{in, out} {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
