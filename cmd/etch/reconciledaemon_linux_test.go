package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/etch-audit/etch/internal/site"
)

// TestReconcileAsksAnotherUsersDaemon: of a log that another user's daemon holds, who
// may ask is told what is missing from it, and who may not why that cannot be known.
func TestReconcileAsksAnotherUsersDaemon(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("wants two users: only root may become another")
	}
	const agent = 4242
	top := shortDir(t)
	for dir := top; strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	state, home, bin := filepath.Join(top, "state"), filepath.Join(top, "home"), filepath.Join(top, "etch")
	sessions := filepath.Join(home, ".claude", "projects", "-p")
	for _, dir := range []string{state, sessions} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copyProgram(t, bin)
	const session = "11111111-1111-1111-1111-111111111111"
	var text strings.Builder
	for _, id := range []string{"toolu_1", "toolu_2"} {
		text.WriteString(`{"type":"assistant","sessionId":"` + session + `","cwd":"/p","timestamp":"2026-01-02T03:04:05Z","message":{"content":[{"type":"tool_use","id":"` + id + `","name":"Bash","input":{"command":"ls"}}]}}
{"type":"user","sessionId":"` + session + `","cwd":"/p","timestamp":"2026-01-02T03:04:06Z","message":{"content":[{"type":"tool_result","tool_use_id":"` + id + `","content":"x"}]}}
`)
	}
	if err := os.WriteFile(filepath.Join(sessions, session+".jsonl"), []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(home, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, agent, agent)
	}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(state, "audit.log")
	run := func(stdin string, args ...string) (string, int) {
		t.Helper()
		cmd := exec.Command(bin, args...)
		cmd.Stdin, cmd.Dir = strings.NewReader(stdin), home
		cmd.Env = []string{"HOME=" + home, "PATH=/usr/bin:/bin", "ETCH_LOG_PATH=" + path, "TEST_PATIENT=1"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: agent, Gid: agent}}
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	expect := func(code int, words string, args ...string) {
		t.Helper()
		if out, got := run("", append([]string{"reconcile", "claude-code"}, args...)...); got != code || !strings.Contains(out, words) {
			t.Errorf("%v: exit %d, want %d and %q:\n%s", args, got, code, words, out)
		}
	}
	open := func(settings ...site.Setting) (stop func()) {
		t.Helper()
		socket, stop := wholeDaemon(t, path, settings...)
		if err := os.Chmod(socket, 0o666); err != nil {
			t.Fatal(err)
		}
		return stop
	}
	stop := open()
	for _, event := range []string{"PreToolUse", "PostToolUse"} {
		out, code := run(`{"session_id":"`+session+`","cwd":"/p","hook_event_name":"`+event+`","tool_use_id":"toolu_1","tool_name":"Bash","tool_input":{"command":"ls"},"tool_response":{}}`, "hook", "claude-code", event)
		if code != 0 || out != "" {
			t.Fatalf("%s: exit %d: %s", event, code, out)
		}
	}
	expect(2, "what is missing cannot be known")
	expect(2, "read_users")
	expect(2, "for the daemon at", "--fill")
	stop()
	stop = open(site.Setting{Key: "server.read_users", Value: "4242", Origin: "test"})
	expect(1, "1 on record, 1 missing")
	stop()
	expect(2, "permission denied") // nobody is there to be asked
}
