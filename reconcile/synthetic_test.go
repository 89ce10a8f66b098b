package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/reconcile"
)

// began is when the synthetic sessions began.
var began = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// write writes a transcript of Claude Code.
func (b *bench) write(t *testing.T, session string, lines ...string) {
	t.Helper()
	path := filepath.Join(b.dir, "projects", "-p", session+".jsonl")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.age(t)
}

// said returns the lines of a call that ran in a session, a second after the
// one before.
func said(session, id string, n int, command, failure string) string {
	at := began.Add(time.Duration(n) * time.Second).Format(time.RFC3339)
	return fmt.Sprintf(`{"type":"assistant","sessionId":%q,"cwd":"/p","timestamp":%q,"message":{"content":[{"type":"tool_use","id":%q,"name":"Bash","input":{"command":%q}}]}}
{"type":"user","sessionId":%q,"cwd":"/p","timestamp":%q,"message":{"content":[{"type":"tool_result","tool_use_id":%q,"content":%q,"is_error":%v}]}}`,
		session, at, id, command, session, at, id, failure, failure != "")
}

// record records a call as hooks would have; the call's own members win.
func (b *bench) record(t *testing.T, c hook.Call, phases ...etch.Phase) {
	t.Helper()
	c.Tool, c.Cwd, c.Source = "Bash", "/p", hook.SourceHook
	if c.Start.IsZero() {
		c.Start = began
	}
	log, err := etch.Open(b.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, phase := range phases {
		ev := b.agent.Attempt(&c, hook.Recording{})
		if phase == etch.Completion {
			c.Ended = true
			ev = b.agent.Completion(&c, hook.Recording{})
		}
		if _, err := log.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

func call(session, id, command string, outcome etch.Outcome) hook.Call {
	return hook.Call{Session: session, ID: id, Input: hook.Object("command", command), Outcome: outcome}
}

// at is a call so many seconds later, as its hook knows it.
func at(seconds int, c hook.Call) hook.Call {
	c.Start = began.Add(time.Duration(seconds)*time.Second + 20*time.Millisecond)
	return c
}

// rows returns the statuses and differences that were reported.
func (r result) rows() string {
	var list []string
	for _, c := range r.calls {
		var s strings.Builder
		s.WriteString(string(c.Status) + " " + c.ID)
		for _, d := range c.Difference {
			s.WriteString(" " + d.What)
		}
		list = append(list, s.String())
	}
	for _, f := range r.findings {
		list = append(list, f.Kind)
	}
	return strings.Join(list, "; ")
}

func TestRows(t *testing.T) {
	both := []etch.Phase{etch.Attempt, etch.Completion}
	exit := call("S", "a", "ls", etch.Error)
	exit.ExitCode = etch.Some(int64(2))
	denied := call("S", "a", "ls", etch.Blocked)
	denied.Denial = hook.Denial{By: hook.ByRule}
	ours := call("S", "a", "ls", etch.Blocked)
	ours.Denial = hook.Denial{By: hook.ByPolicy}
	byHook := strings.Replace(said("S", "a", 1, "ls", "no"), `"message":{"content":[{"type":"tool_result"`,
		`"toolDenialKind":"permission-rule","permissionDecision":{"decision":"reject","source":"hook"},"message":{"content":[{"type":"tool_result"`, 1)
	guess := call("S", "a", "ls", etch.Error)
	guess.End = hook.EndKilled
	rewritten := call("S", "a", "ls -l", etch.Success)
	for name, c := range map[string]struct {
		record func(t *testing.T, b *bench)
		said   string
		want   string
	}{
		"the same": {func(t *testing.T, b *bench) { b.record(t, call("S", "a", "ls", etch.Success), both...) }, said("S", "a", 1, "ls", ""), ""},
		"twice": {func(t *testing.T, b *bench) {
			b.record(t, call("S", "a", "ls", etch.Success), etch.Attempt, etch.Completion, etch.Completion)
		}, said("S", "a", 1, "ls", ""), "twice a"},
		"inferred, then told": {func(t *testing.T, b *bench) {
			b.record(t, call("S", "a", "ls", ""), etch.Attempt)
			b.append(t, inferred(b, guess))
			b.record(t, call("S", "a", "ls", etch.Success), etch.Completion)
		}, said("S", "a", 1, "ls", ""), ""},
		"told, then inferred": {func(t *testing.T, b *bench) {
			b.record(t, call("S", "a", "ls", etch.Success), both...)
			b.append(t, inferred(b, guess))
		}, said("S", "a", 1, "ls", ""), "guessed a outcome"},
		"inferred, and so": {func(t *testing.T, b *bench) {
			b.record(t, call("S", "a", "ls", ""), etch.Attempt)
			b.append(t, inferred(b, guess))
		}, said("S", "a", 1, "ls", "no"), ""},
		"inferred alone": {func(t *testing.T, b *bench) {
			b.record(t, call("S", "a", "ls", ""), etch.Attempt)
			b.append(t, inferred(b, denied))
		}, said("S", "a", 1, "ls", ""), "guessed a denial"},
		"another input":     {func(t *testing.T, b *bench) { b.record(t, call("S", "a", "rm x", etch.Success), both...) }, said("S", "a", 1, "ls", ""), "differs a input"},
		"another outcome":   {func(t *testing.T, b *bench) { b.record(t, call("S", "a", "ls", etch.Success), both...) }, said("S", "a", 1, "ls", "no"), "differs a outcome"},
		"another exit code": {func(t *testing.T, b *bench) { b.record(t, exit, both...) }, said("S", "a", 1, "ls", "Exit code 3"), "differs a exit_code"},
		"no exit code":      {func(t *testing.T, b *bench) { b.record(t, call("S", "a", "ls", etch.Success), both...) }, said("S", "a", 1, "ls", "Exit code 3"), "adds a exit_code outcome"},
		"refused or not":    {func(t *testing.T, b *bench) { b.record(t, denied, both...) }, said("S", "a", 1, "ls", ""), "differs a denial"},
		"refused by etch":   {func(t *testing.T, b *bench) { b.record(t, ours, both...) }, byHook, ""},
		"refused by two":    {func(t *testing.T, b *bench) { b.record(t, denied, both...) }, byHook, "adds a denial"},
		"a guess":           {func(t *testing.T, b *bench) { b.record(t, guess, both...) }, said("S", "a", 1, "ls", ""), "differs a outcome"},
		"changed by a hook": {func(t *testing.T, b *bench) {
			b.record(t, call("S", "a", "ls", ""), etch.Attempt)
			b.record(t, rewritten, etch.Completion)
		}, said("S", "a", 1, "ls", ""), ""},
		"a secret": {func(t *testing.T, b *bench) {
			b.record(t, call("S", "a", "PASSWORD=hunter2hunter2 ls", etch.Success), both...)
		}, said("S", "a", 1, "PASSWORD=hunter2hunter2 ls", ""), ""},
		"open": {func(t *testing.T, b *bench) { b.record(t, call("S", "a", "ls", ""), etch.Attempt) }, said("S", "a", 1, "ls", ""), "open a"},
		"only in the log": {func(t *testing.T, b *bench) {
			b.record(t, call("S", "a", "ls", etch.Success), both...)
			b.record(t, call("S", "x", "rm x", etch.Success), both...)
		}, said("S", "a", 1, "ls", ""), "only-logged x"},
		"another agent's": {func(t *testing.T, b *bench) {
			b.agent = sources["codex"].agent
			b.record(t, call("S", "a", "ls", etch.Success), both...)
			b.agent = sources["claude-code"].agent
		}, said("S", "a", 1, "ls", ""), "missing a; hooks-silent"},
		"not by a hook": {func(t *testing.T, b *bench) {
			b.append(t, &etch.Event{Type: etch.CommandExecution, Phase: etch.Completion, CallID: "a", SessionID: "S", Actor: &etch.Actor{Agent: "claude-code"}, Action: &etch.Action{Tool: "Bash"}, Result: &etch.Result{Type: etch.Success}})
		}, said("S", "a", 1, "ls", ""), "missing a; hooks-silent"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "claude-code", "")
			c.record(t, b)
			b.write(t, "S", c.said)
			if got := run(t.Context(), t, b.options(t)); got.rows() != c.want {
				t.Errorf("got %s, want %s", got.rows(), c.want)
			}
		})
	}
}

// inferred returns the end of a call that no event of its own told.
func inferred(b *bench, c hook.Call) *etch.Event {
	c.Tool, c.Source, c.Start, c.Ended = "Bash", hook.SourceHook, began, true
	ev := b.agent.Completion(&c, hook.Recording{})
	ev.Labels[etch.LabelInferred] = "Stop"
	return ev
}

func (b *bench) append(t *testing.T, ev *etch.Event) {
	t.Helper()
	log, err := etch.Open(b.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// A fork whose copies say nothing of it is known by what the log has of its
// parent; what the parent lost too is missing of one of them only.
func TestForkByLog(t *testing.T) {
	b := newBench(t, "claude-code", "")
	both := []etch.Phase{etch.Attempt, etch.Completion}
	b.record(t, call("P", "a", "ls", etch.Success), both...)
	b.record(t, call("P", "b", "ls", etch.Success), both...)
	b.record(t, call("C", "d", "ls", etch.Success), both...)
	b.write(t, "P", said("P", "a", 1, "ls", ""), said("P", "b", 2, "ls", ""), said("P", "c", 3, "ls", ""))
	b.write(t, "C", said("C", "a", 1, "ls", ""), said("C", "b", 2, "ls", ""), said("C", "c", 3, "ls", ""), said("C", "d", 4, "ls", ""), said("C", "e", 5, "ls", ""))
	opt := b.options(t)
	opt.Select.Session = "C"
	if got := run(t.Context(), t, opt); got.sum.Copied != 2 || got.sum.Missing != 2 {
		t.Errorf("the fork alone: %v", got)
	}
	if got := b.fill(t); got.sum.Filled == 0 {
		t.Errorf("got %v", got)
	}
	after := run(t.Context(), t, b.options(t))
	if after.sum.Lacking() != 0 || after.sum.Twice > 0 {
		t.Errorf("after the fill: %v", after)
	}
	n := 0
	for _, ev := range b.all(t) {
		if ev.CallID == "c" && ev.Phase == etch.Completion {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the call that both have and neither recorded is there %d times", n)
	}
}

// Files of one session that repeat each other tell of each call once.
func TestRepeatedInSession(t *testing.T) {
	b := newBench(t, "claude-code", "")
	b.record(t, call("S", "a", "ls", etch.Success), etch.Attempt, etch.Completion)
	lines := []string{said("S", "a", 1, "ls", ""), said("S", "b", 2, "ls", "")}
	b.write(t, "S", lines...)
	b.write(t, filepath.Join("S", "subagents", "agent-x"), lines...)
	if got := run(t.Context(), t, b.options(t)); got.sum.Calls != 2 || got.sum.Copied != 2 || got.sum.Missing != 1 {
		t.Errorf("got %v", got)
	}
}

// A session that goes on under another id is compared with what the log has of
// that one, unless it has a transcript of its own.
func TestOtherSession(t *testing.T) {
	both := []etch.Phase{etch.Attempt, etch.Completion}
	b := newBench(t, "claude-code", "")
	b.record(t, call("S", "a", "ls", etch.Success), both...)
	b.record(t, call("T", "b", "ls", etch.Success), both...)
	b.write(t, "S", said("S", "a", 1, "ls", ""), said("T", "b", 2, "ls", ""), said("T", "c", 3, "ls", ""))
	if got := run(t.Context(), t, b.options(t)); got.rows() != "missing c" || got.sum.Recorded != 2 {
		t.Errorf("got %s: %v", got.rows(), got)
	}
	b.write(t, "T", said("T", "b", 2, "ls", ""), said("T", "c", 3, "ls", ""))
	if got := run(t.Context(), t, b.options(t)); got.rows() != "missing c; hooks-stopped" || got.sum.Copied != 2 || got.sum.Calls != 3 {
		t.Errorf("with a transcript of its own: got %s: %v", got.rows(), got)
	}
	b.checkFill(t, run(t.Context(), t, b.options(t)))
}

// A place of the log that cannot be read makes the answer uncertain.
func TestDamagedLog(t *testing.T) {
	b := newBench(t, "claude-code", "basic")
	b.replay(t, nil)
	content, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(content), `"call_id":"toolu_mockb75c524f0c39455ca1"`)
	content[at] = '\x01'
	if err := os.WriteFile(b.path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := run(t.Context(), t, b.options(t)); got.sum.Damaged == 0 || !got.sum.Uncertain() {
		t.Errorf("got %v", got)
	}
}

// A log that cannot be written to ends the fill with its error, and the rows
// that were not recorded are not said to be.
func TestFillFails(t *testing.T) {
	b := newBench(t, "codex", "basic")
	opt := b.options(t)
	broken := errors.New("the disk is full")
	opt.Fill = recorder(func([]*etch.Event) ([]etch.Receipt, error) { return nil, broken })
	_, err := reconcile.Run(t.Context(), opt, func(row *reconcile.Row) error {
		if row.Call != nil && row.Call.Filled {
			t.Errorf("%s is said to be recorded", row.Call.ID)
		}
		return nil
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	opt.Fill = recorder(func(events []*etch.Event) ([]etch.Receipt, error) {
		return make([]etch.Receipt, len(events)), etch.ErrSkipped
	})
	got := run(t.Context(), t, opt)
	if got.sum.Filled != 0 || got.sum.Skipped != got.sum.Missing+got.sum.PromptsMissing || got.sum.Lacking() != 0 {
		t.Errorf("all skipped: %v", got)
	}
}

// A recorder is an [reconcile.Recorder].
type recorder func([]*etch.Event) ([]etch.Receipt, error)

func (r recorder) AppendBatch(_ context.Context, events []*etch.Event) ([]etch.Receipt, error) {
	return r(events)
}

// Whoever has seen enough ends it.
func TestReportEnds(t *testing.T) {
	b := newBench(t, "codex", "basic")
	enough := errors.New("enough")
	if _, err := reconcile.Run(t.Context(), b.options(t), func(*reconcile.Row) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := reconcile.Run(ctx, b.options(t), func(*reconcile.Row) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A transcript of tens of megabytes is read in little memory, whatever of it is
// missing.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it writes tens of megabytes")
	}
	b := newBench(t, "claude-code", "")
	filler := strings.Repeat("x", 20_000)
	var lines []string
	for i := range 1500 {
		lines = append(lines, said("S", fmt.Sprintf("id%d", i), i, "echo "+filler, ""))
	}
	b.write(t, "S", lines...)
	lines = nil
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := uint64(0)
	opt := b.options(t)
	n := 0
	_, err := reconcile.Run(t.Context(), opt, func(row *reconcile.Row) error {
		if row.Call == nil {
			return nil
		}
		if n++; n%500 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
		}
		return nil
	})
	if err != nil || n != 1500 {
		t.Fatalf("%d calls, %v", n, err)
	}
	if most > 8<<20 {
		t.Errorf("%d MiB are held while 30 MiB are read", most>>20)
	}
}

// An id that comes again with another input is another call's: servers of models
// count calls anew with each turn, and in each session.
func TestIDUsedAgain(t *testing.T) {
	both := []etch.Phase{etch.Attempt, etch.Completion}
	b := newBench(t, "claude-code", "")
	b.record(t, at(1, call("S", "call_0", "ls", etch.Success)), both...)
	b.record(t, at(4, call("S", "call_1", "ls", etch.Success)), both...)
	b.record(t, at(5, call("S", "call_1", "pwd", etch.Success)), both...)
	b.write(t, "S", said("S", "call_0", 1, "ls", ""), said("S", "call_0", 2, "rm -rf /", ""), said("S", "call_0", 3, "ls", ""),
		said("S", "call_1", 4, "ls", ""), said("S", "call_1", 5, "pwd", ""))
	b.write(t, "U", said("U", "call_0", 1, "env", ""), said("U", "call_0", 2, "ls", ""))
	got := run(t.Context(), t, b.options(t))
	if got.rows() != "missing call_0; missing call_0; missing call_0; missing call_0; hooks-silent" || got.sum.Recorded != 3 {
		t.Errorf("got %s: %v", got.rows(), got)
	}
	b.checkFill(t, got)
	var commands []string
	for _, ev := range b.all(t) {
		if ev.Phase == etch.Completion && ev.Labels["capture"] == "transcript" {
			commands = append(commands, ev.Action.Command)
		}
	}
	if strings.Join(commands, "; ") != "rm -rf /; ls; env; ls" {
		t.Errorf("recorded %q", commands)
	}
}

// An id too long for a line is a hash of it: what was recorded is found again.
func TestLongID(t *testing.T) {
	b := newBench(t, "claude-code", "")
	b.write(t, "S", said("S", strings.Repeat("a", 70_000), 1, "ls", ""))
	b.checkFill(t, run(t.Context(), t, b.options(t)))
}

// A time that lies ahead is no time: a record under it would be the newest for ever.
func TestFutureIsNoTime(t *testing.T) {
	b := newBench(t, "claude-code", "")
	b.write(t, "S", said("S", "a", 1<<30, "ls", ""))
	b.checkFill(t, run(t.Context(), t, b.options(t)))
	for _, ev := range b.all(t) {
		if ev.Timestamp.After(time.Now().Add(time.Hour)) {
			t.Errorf("%s is recorded under %v", ev.CallID, ev.Timestamp)
		}
	}
}
