package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/hookrun"
	"github.com/etch-audit/etch/internal/site"
)

// TestPostedHookAnswersAsTheCommand shows that what a hook is answered by HTTP is what
// "etch hook" says for the same payload and settings, byte for byte, as far as that is
// said on standard output alone.
func TestPostedHookAnswersAsTheCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("sockets have no senders here")
	}
	settings := []site.Setting{{Key: "policy.deny_risk", Value: "high", Origin: "test"}}
	dir := shortDir(t)
	std, _, _ := console(time.Now())
	std.now = time.Now
	resolved, err := place{log: filepath.Join(dir, "audit.log"), settings: settings}.load(std)
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{resolved: resolved, std: std}
	if err := d.open(); err != nil {
		t.Fatal(errors.Join(err, d.close()))
	}
	served := make(chan error, 1)
	go func() { served <- d.server.ServeSocket(context.Background(), d.sockets[0]) }()
	defer func() {
		if err := errors.Join(d.drain(&http.Server{}), <-served, d.close()); err != nil {
			t.Error(err)
		}
	}()
	socket := d.sockets[0].Addr().String()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	post := func(agent, event, payload string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://etch/hook/"+agent+"/"+event, strings.NewReader(payload))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s, %v", agent, event, resp.Status, err)
		}
		return string(body)
	}
	command := func(agent, event, payload string) (out []byte, code int) {
		t.Helper()
		cmd := hookCmd(filepath.Join(t.TempDir(), "own.log"), strings.NewReader(payload), agent, event)
		cmd.Env = append(cmd.Env, "ETCH_DENY_RISK=high", "TEST_PATIENT=1")
		out, err := cmd.Output()
		if ended, ok := errors.AsType[*exec.ExitError](err); ok {
			return out, ended.ExitCode()
		}
		if err != nil {
			t.Fatal(err)
		}
		return out, 0
	}
	const call = `"cwd":"/home/dev","tool_use_id":"toolu_1","tool_name":"Bash","tool_input":{"command":"COMMAND"}}`
	refusals := 0
	for _, name := range []string{"claude-code", "codex", "gemini", "antigravity", "cursor"} {
		a := hookrun.AgentNamed(name)
		for _, event := range []string{"PreToolUse", "PermissionRequest", "BeforeTool", "Stop"} {
			for _, words := range []string{"ls", "rm -rf /", "rm -rf / # " + strings.Repeat("x", 9<<20)} {
				if len(words) > 100 && (event != "PreToolUse" || testing.Short()) {
					continue // with -race, which goes with -short, neither judges so much within its two seconds
				}
				var payload, posted string
				for try := 0; try == 0 || strings.Contains(posted, "has not judged") && try < 50; try++ { // a busy machine takes longer than an agent waits
					payload = strings.Replace(fmt.Sprintf(`{"session_id":"s-%s-%s-%.2s-%d-%d","hook_event_name":"%s",`, a.Name, event, words, len(words), try, event)+call, "COMMAND", words, 1)
					posted = post(a.Name, event, payload)
				}
				out, code := command(a.Name, event, payload)
				switch {
				case code != 0: // a refusal that is no words: of Claude Code another one stands for it
					if a.Posted != nil && !strings.Contains(posted, `"permissionDecision":"deny"`) || a.Posted == nil && strings.Contains(posted, "deny") {
						t.Errorf("%s %s: posted %q", a.Name, event, posted)
					}
				case len(words) > 100 && strings.Contains(string(out), "deny") && strings.Contains(posted, "deny"):
					// A busy machine may not have judged so much within two seconds, and says so.
				case len(out) == 0 && posted != "{}\n" || len(out) > 0 && posted != string(out):
					t.Errorf("%s %s %q: posted %q, the command says %q", a.Name, event, words[:min(len(words), 20)], posted, out)
				case strings.Contains(posted, "deny"):
					refusals++
				}
			}
		}
	}
	if refusals < 3 {
		t.Errorf("%d refusals in words were compared, want some of Claude Code, Gemini CLI and others", refusals)
	}
}
