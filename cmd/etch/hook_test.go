package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/hookrun"
	"github.com/etch-audit/etch/internal/site"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/google/go-cmp/cmp"
)

// payloadOf returns what Claude Code sends before the n-th call.
func payloadOf(n int) string {
	return fmt.Sprintf(`{"session_id":"s%d","hook_event_name":"PreToolUse","cwd":"/home/dev","tool_name":"Bash","tool_use_id":"toolu_%d","tool_input":{"command":"echo %d"}}`, n%7, n, n)
}

// hookCmd returns a hook's process for the log at path. Where the machine gives it no time
// it is late, as any hook is then, but loses nothing for that.
func hookCmd(path string, payload io.Reader, args ...string) *exec.Cmd {
	cmd := exec.Command("etch", append([]string{"hook", "--log", path}, args...)...)
	cmd.Stdin = payload
	cmd.Env = append(os.Environ(), "HOME="+filepath.Dir(path), "XDG_CONFIG_HOME="+filepath.Dir(path), "TEST_PATIENT=late")
	return cmd
}

// runsHook runs a hook that must go on, and returns how long it took.
func runsHook(t *testing.T, path string, n int) time.Duration {
	t.Helper()
	began := time.Now()
	out, err := hookCmd(path, strings.NewReader(payloadOf(n)), "claude-code", "PreToolUse").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("hook %d: %v, output %q: want silence and exit 0", n, err, out)
	}
	return time.Since(began)
}

// calls returns how often each call is in the log.
func callsIn(t *testing.T, path string) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, ev := range eventsIn(t, path) {
		if ev.Phase == etch.Attempt {
			found[ev.CallID]++
		}
	}
	return found
}

// drainAll lets the next writers empty the spool, and verifies the log. What a
// hook was unsure of is left alone for four seconds, and what a killed one has not
// finished for longer, which is cut short here.
func drainAll(t *testing.T, path string) {
	t.Helper()
	unfinished, err := filepath.Glob(filepath.Join(filepath.Dir(path), "audit.spool", "*.new"))
	for _, file := range unfinished {
		err = errors.Join(err, os.Chtimes(file, time.Time{}, time.Now().Add(-time.Hour)))
	}
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), patiently)
	defer cancel()
	for openAndClose(t, path); spooled(t, path).Events > 0; openAndClose(t, path) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the spool is never empty: %+v", spooled(t, path))
		}
	}
	if out, err := exec.Command("etch", "verify", "--log", path).CombinedOutput(); err != nil {
		t.Fatalf("verify: %v\n%s", err, out)
	}
}

func openAndClose(t *testing.T, path string) {
	t.Helper()
	log, err := etch.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

func spooled(t *testing.T, path string) etch.SpoolInfo {
	t.Helper()
	info, err := etch.ReadSpoolInfo(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func errorsOf(path string) string {
	b, err := os.ReadFile(filepath.Join(site.Hooks(path), "errors.log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// TestHooksAtOnce starts 64 hooks at once where there is no log yet: each call
// is on record once, at the latest after the next writer.
func TestHooksAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() { runsHook(t, path, n) })
	}
	wg.Wait()
	drainAll(t, path)
	found := callsIn(t, path)
	for n := range 64 {
		if got := found[fmt.Sprint("toolu_", n)]; got != 1 {
			t.Errorf("call %d is %d times on record\n%s", n, got, errorsOf(path))
		}
	}
	if info := spooled(t, path); info.Events+info.Lost > 0 {
		t.Errorf("left in the spool: %+v", info)
	}
}

// TestHooksAtOnceTwice has the hooks of several calls come at once, each event twice, as agents
// with two settings files run them: attempts, then completions, then the session's end. None
// has more time than an agent gives it. Each is on record once, and no call has another end.
func TestHooksAtOnceTwice(t *testing.T) {
	const calls = 12
	path := filepath.Join(t.TempDir(), "audit.log")
	runs := func(event, payload string) {
		if out, err := hookCmd(path, strings.NewReader(payload), "claude-code", event).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v, output %q: want silence and exit 0", event, err, out)
		}
	}
	runs("SessionStart", `{"session_id":"s","source":"startup"}`)
	for _, step := range []struct{ event, response string }{{"PreToolUse", ""}, {"PostToolUse", `,"tool_response":{"stdout":"x","stderr":""}`}} {
		var wg sync.WaitGroup
		for i := range 2 * calls {
			payload := fmt.Sprintf(`{"session_id":"s","tool_name":"Bash","tool_input":{"command":"echo %[1]d"},"tool_use_id":"c%[1]d"%[2]s}`, i/2, step.response)
			wg.Go(func() { runs(step.event, payload) })
		}
		wg.Wait()
	}
	runs("Stop", `{"session_id":"s"}`)
	runs("SessionEnd", `{"session_id":"s","reason":"other"}`)
	drainAll(t, path)
	found := map[string]int{}
	for _, ev := range eventsIn(t, path) {
		if ev.CallID != "" {
			outcome := etch.Outcome("")
			if ev.Result != nil {
				outcome = ev.Result.Type
			}
			found[fmt.Sprintf("%s %s %s", ev.CallID, ev.Phase, outcome)]++
		}
	}
	want := map[string]int{}
	for i := range calls {
		want[fmt.Sprintf("c%d attempt ", i)], want[fmt.Sprintf("c%d completion success", i)] = 1, 1
	}
	if diff := cmp.Diff(found, want); diff != "" {
		t.Errorf("got (-) and want (+):\n%s\n%s", diff, errorsOf(path))
	}
}

// TestHookOfLockedLog spools within its time, and once somebody writes the log
// again the call is there, marked.
func TestHookOfLockedLog(t *testing.T) {
	path := testLog(t, 1)
	lock, err := vfs.OS().OpenLock(strings.TrimSuffix(path, ".log") + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Acquire(patiently); err != nil {
		t.Fatal(err)
	}
	took := runsHook(t, path, 1)
	if info := spooled(t, path); info.Events != 1 {
		t.Errorf("spool %+v, want 1 event\n%s", info, errorsOf(path))
	}
	if took > patiently { // else it waits for the lock
		t.Errorf("a hook took %v", took)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("etch", "rotate", "--log", path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "1 events that waited in the spool are on record") {
		t.Errorf("rotate: %v: %s", err, out)
	}
	if found := callsIn(t, path); found["toolu_1"] != 1 {
		t.Errorf("calls on record: %v", found)
	}
	out, err = exec.Command("etch", "audit", "--log", path, "label.spooled~20", "--count").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "1" {
		t.Errorf("%s, %v records are marked, want 1", out, err)
	}
}

// TestHookBehindItsAttempt: a completion is recorded behind an attempt that waits in
// the spool, and waits with it where it cannot be drained: else the call would stay open.
func TestHookBehindItsAttempt(t *testing.T) {
	for _, held := range []bool{false, true} {
		path := testLog(t, 1)
		base := strings.TrimSuffix(path, ".log")
		release := locked(t, base+".lock")
		runsHook(t, path, 1)
		release()
		if info := spooled(t, path); info.Events != 1 {
			t.Fatalf("spool %+v, want the attempt\n%s", info, errorsOf(path))
		}
		if held { // by a drain that does not end
			release = locked(t, filepath.Join(base+".spool", "lock"))
		}
		payload := strings.Replace(payloadOf(1), "PreToolUse", "PostToolUse", 1)
		payload = strings.TrimSuffix(payload, "}") + `,"tool_response":{"stdout":"1"}}`
		out, err := hookCmd(path, strings.NewReader(payload), "claude-code", "PostToolUse").CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("hook: %v, output %q", err, out)
		}
		want := 0
		if held {
			want = 2
			if info := spooled(t, path); info.Events != uint64(want) {
				t.Errorf("spool %+v, want attempt and completion", info)
			}
			release()
		}
		drainAll(t, path)
		rows, err := exec.Command("etch", "audit", "--log", path, "--format", "json", "agent=claude-code").Output()
		if err != nil || strings.Count(string(rows), `"call_id"`) != 1 || !strings.Contains(string(rows), `"phase":"completion"`) {
			t.Errorf("held %v: %v, rows %s: want one, its completion", held, err, rows)
		}
	}
}

// locked takes a lock file's lock, as another process would.
func locked(t *testing.T, path string) (release func()) {
	t.Helper()
	lock, err := vfs.OS().OpenLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Acquire(patiently); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := lock.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestHookKilled kills hooks at any moment of their work: what one has
// acknowledged is on record once, no call twice, and the log is intact.
func TestHookKilled(t *testing.T) {
	path := testLog(t, 1)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var acknowledged []string
	rounds := 120
	if testing.Short() {
		rounds = 20
	}
	for n := range rounds {
		cmd := hookCmd(path, strings.NewReader(payloadOf(n)), "claude-code", "PreToolUse")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(rng.Int64N(int64(25*time.Millisecond))), func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err == nil {
			acknowledged = append(acknowledged, fmt.Sprint("toolu_", n))
		}
		kill.Stop()
		if n%10 == 9 {
			openAndClose(t, path)
		}
	}
	drainAll(t, path)
	found := callsIn(t, path)
	t.Logf("%d of %d hooks lived, %d calls on record", len(acknowledged), rounds, len(found))
	for _, id := range acknowledged {
		if found[id] != 1 {
			t.Errorf("%s was acknowledged and is %d times on record", id, found[id])
		}
	}
	for id, n := range found {
		if n > 1 {
			t.Errorf("%s is %d times on record", id, n)
		}
	}
}

// TestHookOfFullDisk fills a small disk: hooks go on, what is lost is counted, and
// on record once there is room.
func TestHookOfFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount a small disk")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=256k", "etch-test", dir).CombinedOutput(); err != nil {
		t.Skipf("a small disk cannot be mounted: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	path := filepath.Join(dir, "audit.log")
	first := hookCmd(path, strings.NewReader(payloadOf(0)), "claude-code", "PreToolUse")
	first.Env = append(first.Env, "TEST_PATIENT=1") // it makes the log, however busy the machine
	if out, err := first.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("the first hook: %v, output %q", err, out)
	}
	filling := filepath.Join(dir, "filling")
	f, err := os.Create(filling)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(bytes.Repeat([]byte{'x'}, 512))
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 5; n++ {
		runsHook(t, path, n)
	}
	info := spooled(t, path)
	recorded := len(callsIn(t, path)) - 1
	if info.Lost == 0 || int(info.Lost)+int(info.Events)+recorded < 5 {
		t.Errorf("spool %+v, %d recorded: of 5 calls on a full disk some went unreported\n%s", info, recorded, errorsOf(path))
	}
	if err := os.Remove(filling); err != nil {
		t.Fatal(err)
	}
	drainAll(t, path)
	out, err := exec.Command("etch", "audit", "--log", path, "--type", "log_gap", "--format", "jsonl").CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf(`"lost":%d`, info.Lost)) {
		t.Errorf("audit: %v: %s: want a gap of %d", err, out, info.Lost)
	}
	if left := spooled(t, path); left.Events+left.Lost > 0 {
		t.Errorf("left in the spool: %+v", left)
	}
}

// TestHookOfSlowDisk lets each sync take longer than a hook has: the call is on
// record once all the same.
func TestHookOfSlowDisk(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace makes the disk slow, and is not here: make tools")
	}
	path := testLog(t, 1)
	cmd := hookCmd(path, strings.NewReader(payloadOf(1)), "claude-code", "PreToolUse")
	args := []string{"strace", "-f", "-qq", "-o", os.DevNull, "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:delay_enter=200000"}
	cmd.Args = append(args, append([]string{cmd.Path}, cmd.Args[1:]...)...)
	cmd.Path = strace
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Skipf("strace cannot make the disk slow: %v: %s", err, out)
	}
	drainAll(t, path)
	if found := callsIn(t, path); found["toolu_1"] != 1 {
		t.Errorf("calls on record: %v\n%s", found, errorsOf(path))
	}
}

// TestHookOfHangingDisk: where on_error is "block", a call of which the disk does not say
// whether it is recorded is refused; else, and wherever the agent asks for no leave, it
// goes on. The tracer keeps the process for as long as the disk hangs, past its answer.
func TestHookOfHangingDisk(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace makes the disk hang, and is not here: make tools")
	}
	path := testLog(t, 1)
	var wg sync.WaitGroup
	for n, test := range []struct {
		event, policy string
		code          int
	}{
		{"PreToolUse", "block", 2}, {"PreToolUse", "spool", 0}, {"UserPromptSubmit", "block", 0}, {"PostToolUse", "block", 0},
	} {
		wg.Go(func() {
			// A machine that stops for as long as the disk hangs has a disk that does not.
			for _, hangs := range []time.Duration{5 * time.Second, 20 * time.Second, time.Minute} {
				payload := strings.Replace(payloadOf(n), "PreToolUse", test.event, 1)
				cmd := hookCmd(path, strings.NewReader(payload), "claude-code", test.event)
				cmd.Env = append(cmd.Env, "ETCH_HOOKS_ON_ERROR="+test.policy, "TEST_PATIENT=")
				cmd.Args = append([]string{
					"strace", "-f", "-qq", "-o", os.DevNull, "-e", "trace=fdatasync,fsync",
					"-e", fmt.Sprint("inject=fdatasync,fsync:delay_enter=", hangs.Microseconds()), cmd.Path,
				}, cmd.Args[1:]...)
				cmd.Path = strace
				began := time.Now()
				out, err := cmd.CombinedOutput()
				took := time.Since(began)
				if took < hookrun.Usual().Ends {
					t.Errorf("%s, %s: it took %v: the disk does not hang", test.event, test.policy, took)
				}
				code := 0
				if failed, ok := errors.AsType[*exec.ExitError](err); ok {
					code = failed.ExitCode()
				}
				if code == test.code && (code == 2) == strings.Contains(string(out), "etch cannot record this call") {
					break
				}
				const words = "%s, %s, with a disk that hangs for %v: %v after %v, said %q, want exit %d"
				if hangs == time.Minute {
					t.Errorf(words, test.event, test.policy, hangs, err, took, out, test.code)
				}
				t.Logf(words, test.event, test.policy, hangs, err, took, out, test.code)
			}
		})
	}
	wg.Wait()
}

// doctorOf returns what the doctor says of a log where there is no agent.
func doctorOf(t *testing.T, path string) (code int, said string) {
	t.Helper()
	cmd := exec.Command("etch", "doctor", "--log", path)
	cmd.Env = append(os.Environ(), "HOME="+filepath.Dir(path))
	out, err := cmd.CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return failed.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, string(out)
}

// TestHookGivenUp: a call whose payload does not come in time is refused where on_error
// is "block", or the policy refuses any, by what the settings say of the event, and a change
// of settings where they are guarded. It is counted as lost, and the doctor tells of it.
func TestHookGivenUp(t *testing.T) {
	refusals := map[string]string{
		"block": "etch cannot record this call", "spool": "etch cannot", "critical": "etch refuses what it cannot judge in time",
		"guard": "etch had no time to look at these settings",
	}
	for _, test := range []struct {
		agent, event, policy string
		code                 int
		said                 string
	}{
		{"claude-code", "PreToolUse", "block", 2, ""},
		{"claude-code", "PreToolUse", "spool", 0, ""},
		{"claude-code", "PostToolUse", "block", 0, ""},
		{"codex", "Stop", "block", 0, ""},
		{"gemini", "BeforeTool", "block", 0, `{"decision":"deny"`},
		{"gemini", "AfterAgent", "block", 0, "{}"},
		{"claude-code", "PreToolUse", "critical", 2, ""},
		{"claude-code", "PostToolUse", "critical", 0, ""},
		{"gemini", "BeforeTool", "critical", 0, `{"decision":"deny"`},
		{"codex", "Stop", "critical", 0, ""},
		{"claude-code", "ConfigChange", "guard", 2, ""},
	} {
		t.Run(fmt.Sprintf("%s %s %s", test.agent, test.event, test.policy), func(t *testing.T) {
			t.Parallel()
			path := testLog(t, 1)
			in, _ := io.Pipe() // nobody writes: what waits for it is left waiting, as where a process ends
			std, out, words := console(time.Now())
			settings := map[string]string{"HOME": filepath.Dir(path)}
			switch test.policy {
			case "block", "spool":
				settings["ETCH_HOOKS_ON_ERROR"] = test.policy
			case "critical":
				settings["ETCH_DENY_RISK"] = test.policy
			}
			std.in, std.env = in, func(name string) (string, bool) {
				value, ok := settings[name]
				return value, ok
			}
			c, ok := hookrun.Parse([]string{"--log=" + path, "--guard=" + strconv.FormatBool(test.policy == "guard"), test.agent, test.event})
			if !ok {
				t.Fatal("not a hook's command line")
			}
			patience := hookrun.Usual()
			patience.Payload = time.Hour // and the usual end: a busy machine has read the settings by then
			patience.Locks = time.Minute // for what is counted
			p, ended := std.hook(patience), make(chan int, 1)
			p.Exit = func(code int) { ended <- code }
			go hookrun.Run(c, p)
			code := <-ended
			if code != test.code || !strings.HasPrefix(out.String(), test.said) || (code == 2) != strings.Contains(words.String(), refusals[test.policy]) {
				t.Errorf("exit %d, stdout %q, stderr %q, want exit %d, %q\n%s", code, out, words, test.code, test.said, errorsOf(path))
			}
			if info := spooled(t, path); info.Lost != 1 {
				t.Errorf("%d events are counted as lost, want 1", info.Lost)
			}
			if code, out := doctorOf(t, path); code != exitFailed || !strings.Contains(out, "hooks may have lost 1 events, the last at") {
				t.Errorf("doctor: exit %d, %s", code, out)
			}
		})
	}
}

// The times that docs/agents.md promises are those that a hook keeps.
func TestHookPatience(t *testing.T) {
	page, err := os.ReadFile("../../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ = bytes.Cut(page, []byte("## How long a hook takes\n"))
	usual := hookrun.Usual()
	for _, want := range []string{
		fmt.Sprintf("%d ms after the start", usual.Records.Milliseconds()), fmt.Sprintf("after %v s at most", usual.Payload.Seconds()),
		fmt.Sprintf("after %v s |", usual.Ends.Seconds()),
	} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page does not say %q", want)
		}
	}
}
