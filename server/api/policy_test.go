package api

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/server"
	"github.com/etch-audit/etch/server/token"
)

// denied returns the reason for which Claude Code takes a call to be refused; "" where
// it takes it to go on.
func denied(t *testing.T, body string) string {
	t.Helper()
	var answer struct {
		HookSpecificOutput struct {
			HookEventName, PermissionDecision, PermissionDecisionReason string
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	o := answer.HookSpecificOutput
	if o.PermissionDecision == "" {
		return ""
	}
	if o.PermissionDecision != "deny" || o.HookEventName != "PreToolUse" || o.PermissionDecisionReason == "" {
		t.Errorf("an answer of no meaning: %s", body)
	}
	return o.PermissionDecisionReason
}

// judging is a policy for tests: what has a command is of a high risk.
func judging(limit etch.Risk, block bool) func(*Options) {
	return func(o *Options) {
		o.DenyRisk, o.Block = limit, block
		o.Classify = func(ev *etch.Event) (etch.Risk, []string) {
			if ev.Action.Command != "" {
				return etch.RiskHigh, []string{"it is a command"}
			}
			return etch.RiskLow, nil
		}
	}
}

// TestHookIsRefused shows that a call whose risk the policy refuses is refused, each
// time that it is asked about, on record with its refusal, and nothing more.
func TestHookIsRefused(t *testing.T) {
	b := newBench(t, server.Limits{}, judging(etch.RiskHigh, false))
	other := b.token(b.handler.opt.Tokens, "another", token.Send)
	for range 2 {
		got := b.deliver("/hook/claude-code/PreToolUse", preTool)
		if want := "etch refuses this call: risk high is at or above the limit high: it is a command"; got.status != 200 || denied(t, got.body) != want {
			t.Errorf("%d %s, want %q", got.status, got.body, want)
		}
	}
	post := strings.Replace(preTool, "PreToolUse", "PostToolUse", 1)
	post = post[:len(post)-1] + `,"tool_response":{"stdout":"ok"}}`
	for _, secret := range []string{b.send, other} {
		if got := b.do("POST", "/hook/claude-code", secret, post, "Content-Type", "application/json"); got.status != 200 || denied(t, got.body) != "" {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	if got := b.deliver("/hook/claude-code", strings.Replace(strings.Replace(preTool, `"Bash"`, `"Read"`, 1), `"command":"npm test"`, `"file_path":"/p/a"`, 1)); denied(t, got.body) != "" {
		t.Errorf("a call of a low risk: %s", got.body)
	}
	b.handler.Wait()
	var told []string
	for _, r := range b.records("call = toolu_1 and command = \"npm test\"") {
		ev := r.Event
		if ev.Phase == etch.Attempt {
			told = append(told, ev.Labels[server.LabelSenderToken]+" attempt")
			continue
		}
		told = append(told, ev.Labels[server.LabelSenderToken]+" "+string(ev.Result.Type))
		if ev.Result.Type == etch.Blocked && (ev.Security == nil || ev.Security.PolicyMatch != "deny_risk=high") {
			t.Errorf("the refusal says %+v", ev.Security)
		}
	}
	// What another sender says of a call of that name is kept out by nothing.
	if got, want := strings.Join(told, ", "), "sender attempt, sender blocked, another success"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestHookIsNotRefusedInVain shows that nothing is said to be refused of an agent that
// takes no refusal by HTTP, nor at an event that may not be refused.
func TestHookIsNotRefusedInVain(t *testing.T) {
	b := newBench(t, server.Limits{}, judging(etch.RiskHigh, true))
	silent := &hook.Agent{Name: "claude-code"}
	b.handler.opt.Agent = func(string) *hook.Agent { return silent }
	if got := b.deliver("/hook/claude-code/PreToolUse", preTool); got.status != 200 || got.body != "{}\n" {
		t.Errorf("%d %s", got.status, got.body)
	}
	b.handler.Wait()
	if n := len(b.records("denied")); n != 0 {
		t.Errorf("%d calls are said to be refused", n)
	}
}

// TestHookIsRefusedUnrecorded shows that with on_error = "block" a call that the log
// does not take at once is refused, whatever stops it, and that nothing else is.
func TestHookIsRefusedUnrecorded(t *testing.T) {
	b := newBench(t, server.Limits{}, judging("", true))
	const cannot = "etch cannot record this call, and [hooks] on_error is \"block\": "
	if got := b.deliver("/hook/claude-code/PreToolUse", preTool); denied(t, got.body) != "" {
		t.Errorf("while all is well: %s", got.body)
	}
	release := b.locked()
	second := strings.ReplaceAll(preTool, "toolu_1", "toolu_2")
	if got := b.deliver("/hook/claude-code/PreToolUse", second); !strings.HasPrefix(denied(t, got.body), cannot) {
		t.Errorf("while nothing can be written: %d %s", got.status, got.body)
	}
	if got := b.deliver("/hook/claude-code/SessionEnd", `{"session_id":"s1","reason":"exit"}`); got.status != 200 || denied(t, got.body) != "" {
		t.Errorf("the end of the session: %d %s", got.status, got.body)
	}
	b.handler.Wait()
	release()
	b.handler.opt.Spool = func(error, ...*etch.Event) error { return errors.New("the spool is full") }
	release = b.locked()
	third := strings.ReplaceAll(preTool, "toolu_1", "toolu_3")
	if got := b.deliver("/hook/claude-code/PreToolUse", third); got.status != 200 || !strings.HasPrefix(denied(t, got.body), cannot) {
		t.Errorf("while nothing can be kept either: %d %s", got.status, got.body)
	}
	b.handler.Wait()
	release()
}
