package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/internal/hookrun"
)

// TestHookOfSilentInput never gets its payload, or never all of it.
func TestHookOfSilentInput(t *testing.T) {
	for _, begun := range []string{"", `{"session_id":"s1","hook_ev`} {
		path := testLog(t, 1)
		in, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.WriteString(begun); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		cmd := hookCmd(path, in, "claude-code", "PreToolUse")
		cmd.Env = append(cmd.Env, "TEST_PATIENT=silent")
		answer, err := cmd.CombinedOutput()
		if err != nil || len(answer) > 0 {
			t.Errorf("%q: %v, output %q", begun, err, answer)
		}
		if took := time.Since(began); took > patiently {
			t.Errorf("%q: it waited %v", begun, took)
		}
		if err := errors.Join(in.Close(), out.Close()); err != nil {
			t.Fatal(err)
		}
		drainAll(t, path)
		got, err := exec.Command("etch", "audit", "--log", path, "tool=hook", "--format", "jsonl").CombinedOutput()
		if err != nil || !strings.Contains(string(got), fmt.Sprintf(`"bytes":%d`, len(begun))) || !strings.Contains(string(got), `"whole":false`) {
			t.Errorf("%q: %v: on record: %s", begun, err, got)
		}
	}
}

// TestHookOfHugePayload is told what it was, not stored.
func TestHookOfHugePayload(t *testing.T) {
	path := testLog(t, 1)
	huge := io.MultiReader(strings.NewReader(`{"session_id":"s1","x":"`), io.LimitReader(endless{}, hook.MaxPayload))
	if out, err := hookCmd(path, huge, "codex", "PreToolUse").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v, output %q", err, out)
	}
	drainAll(t, path)
	got, err := exec.Command("etch", "audit", "--log", path, "tool=hook", "--format", "jsonl").CombinedOutput()
	if err != nil || !bytes.Contains(got, []byte(`"agent":"codex"`)) || bytes.Contains(got, []byte("00000")) {
		t.Errorf("%v: on record: %s", err, got)
	}
}

// TestHookOfHugePayloadRefused shows that a call is refused whose payload is too long to
// be judged, where the policy refuses any.
func TestHookOfHugePayloadRefused(t *testing.T) {
	for variable, rule := range map[string]string{"ETCH_DENY_RISK=critical": "deny_risk=critical", "ETCH_HOOKS_ON_ERROR=block": "on_error=block"} {
		path := testLog(t, 1)
		huge := io.MultiReader(strings.NewReader(`{"session_id":"s1","x":"`), io.LimitReader(endless{}, hook.MaxPayload))
		cmd := hookCmd(path, huge, "codex", "PreToolUse")
		cmd.Env = append(cmd.Env, variable, "TEST_PATIENT=1")
		out, err := cmd.CombinedOutput()
		ended, ok := errors.AsType[*exec.ExitError](err)
		if !ok || ended.ExitCode() != 2 || !bytes.Contains(out, []byte("cannot look at")) {
			t.Errorf("%s: %v, output %q", variable, err, out)
		}
		drainAll(t, path)
		got, err := exec.Command("etch", "audit", "--log", path, "tool=hook", "--format", "jsonl").CombinedOutput()
		if err != nil || !bytes.Contains(got, []byte(rule)) {
			t.Errorf("%v: on record: %s", err, got)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// TestHookSurvivesPanic answers what the agent takes for "go on" whatever breaks.
func TestHookSurvivesPanic(t *testing.T) {
	path := testLog(t, 1)
	std, out, words := console(time.Now())
	std.in = panicking{}
	c, ok := hookrun.Parse([]string{"--log=" + path, "gemini", "BeforeTool"})
	if !ok {
		t.Fatal("not a hook's command line")
	}
	if code := hookrun.Run(c, std.hook(hookrun.Usual())); code != 0 || words.Len() > 0 {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out, words)
	}
	if got := errorsOf(path); !strings.Contains(got, "panic: oh") {
		t.Errorf("errors.log: %s", got)
	}
	if info := spooled(t, path); info.Events != 1 {
		t.Errorf("spool %+v, want the event that something was delivered", info)
	}
}

// hook returns the process of a hook that ends by returning.
func (s stdio) hook(patience hookrun.Patience) hookrun.Process {
	return hookrun.Process{In: s.in, Out: s.out, Err: s.err, Env: s.env, Now: s.now, Exit: func(int) {}, Patience: &patience}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("oh") }

// TestHookThatSaysAll has a parent that does not close the pipe behind the
// payload: all of it has come, and is recorded as what it is.
func TestHookThatSaysAll(t *testing.T) {
	path := testLog(t, 1)
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.WriteString(payloadOf(7)); err != nil {
		t.Fatal(err)
	}
	if answer, err := hookCmd(path, in, "claude-code", "PreToolUse").CombinedOutput(); err != nil || len(answer) > 0 {
		t.Errorf("%v, output %q", err, answer)
	}
	if err := errors.Join(in.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	drainAll(t, path)
	if got := callsIn(t, path); got["toolu_7"] != 1 {
		t.Errorf("calls %v, want toolu_7", got)
	}
}

// TestHookTooLateForNothing delivers a call for the second time, and its time is up:
// nothing is to be recorded of it, and nothing is.
func TestHookTooLateForNothing(t *testing.T) {
	path := testLog(t, 1)
	runsHook(t, path, 7)
	hasty := hookrun.Usual()
	hasty.Records, hasty.Payload, hasty.Ends = 0, patiently, 2*patiently // up at once, and no hurry behind it
	std, _, _ := console(time.Now())
	std.in = &slow{strings.NewReader(payloadOf(7))}
	c, ok := hookrun.Parse([]string{"--log=" + path, "claude-code", "PreToolUse"})
	if !ok {
		t.Fatal("not a hook's command line")
	}
	if code := hookrun.Run(c, std.hook(hasty)); code != 0 {
		t.Errorf("exit %d", code)
	}
	drainAll(t, path)
	got, err := exec.Command("etch", "audit", "--log", path, "tool=hook", "--count").CombinedOutput()
	if err != nil || strings.TrimSpace(string(got)) != "0" {
		t.Errorf("%v: %s records that something was delivered, want 0", err, got)
	}
}

// slow gives what it has after a while.
type slow struct{ in io.Reader }

func (s *slow) Read(p []byte) (int, error) {
	<-time.After(20 * time.Millisecond) // longer than the hook has
	return s.in.Read(p)
}
