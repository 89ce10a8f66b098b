package reconcile_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/reconcile"
	"github.com/google/go-cmp/cmp"
)

// A captured is a run of a real agent, and what its hooks missed of it.
type captured struct {
	agent, run string
	calls      int
	missing    string // "tool tool …", of those that hooks could have told of
	unseen     string // of those that none can
	open       string
	guessed    string // of whose end the hooks could only guess, and did wrong or did not know all
	copied     int
	onlyLogged string
	finding    string
	prompts    int // that no hook told of
}

// captures are the runs whose hooks and transcripts are in testdata. What hooks
// miss stands in the captures' summary.json too; where it says more, another
// hook of the agent told of the call in the end (Claude Code's PostToolBatch).
var captures = []captured{
	{agent: "claude-code", run: "basic", calls: 16},
	{agent: "claude-code", run: "sub", calls: 9},
	{agent: "claude-code", run: "perm", calls: 3},
	{agent: "claude-code", run: "dontask", calls: 3},
	{agent: "claude-code", run: "mode_deny", calls: 1},
	{agent: "claude-code", run: "mode_exit2", calls: 1},
	{agent: "claude-code", run: "host", calls: 3, guessed: "Write"},
	{agent: "claude-code", run: "dup", calls: 1},
	{agent: "claude-code", run: "fork", calls: 2, copied: 2}, // a session, a fork of it, and another
	{agent: "claude-code", run: "tamper", calls: 5, missing: "Bash Bash Bash", open: "Bash", finding: reconcile.HooksStopped},
	{agent: "claude-code", run: "sigkill", calls: 1, open: "Bash"},
	{agent: "claude-code", run: "tty", calls: 7, unseen: "Bash", guessed: "Bash"}, // typed with !
	{agent: "codex", run: "basic", calls: 22, unseen: "echo exec_command no_such_tool update_plan write_stdin"},
	{agent: "codex", run: "perm_never", calls: 4, guessed: "Bash"},
	{agent: "codex", run: "mode_deny", calls: 1, guessed: "Bash"},
	{agent: "codex", run: "dup", calls: 1},
	{agent: "codex", run: "sigkill", calls: 1, open: "Bash"},
	{agent: "codex", run: "sub", calls: 4},
	{agent: "codex", run: "tty", calls: 7, unseen: "Bash"},
	{agent: "gemini", run: "basic", calls: 22, unseen: "get-sum no_such_tool run_shell_command", guessed: "run_shell_command"},
	{agent: "gemini", run: "perm_default", calls: 2, unseen: "run_shell_command write_file"},
	{agent: "gemini", run: "mode_deny", calls: 1, guessed: "run_shell_command"},
	{agent: "gemini", run: "tamper", calls: 3},
	{agent: "gemini", run: "sigkill", onlyLogged: "run_shell_command"}, // it writes a call down when it has ended
	{agent: "gemini", run: "sub", calls: 6, unseen: "codebase_investigator complete_task generalist"},
	{agent: "gemini", run: "tty", calls: 4, unseen: "run_shell_command"},
	{agent: "gemini", run: "resume", calls: 1},
	{agent: "qwen", run: "basic", calls: 20},
	{agent: "qwen", run: "mode_exit2", calls: 1},
	{agent: "qwen", run: "perm_default", calls: 2},
	{agent: "copilot", run: "basic", calls: 19},
	{agent: "copilot", run: "mode_exit2", calls: 1},
	{agent: "copilot", run: "perm", calls: 2, guessed: "bash create"},
	{agent: "copilot", run: "denytool", calls: 1, guessed: "bash"},
	{agent: "copilot", run: "pascal", calls: 19},
}

// tools returns the tools of the calls of a status, sorted.
func (r result) tools(status reconcile.Status, unseen bool) string {
	var names []string
	for _, c := range r.calls {
		if c.Status == status && (c.Unseen != "") == unseen {
			names = append(names, c.Tool)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// TestCaptured compares the real agents' transcripts with what their hooks told
// in the same run, fills the log, and finds nothing missing then.
func TestCaptured(t *testing.T) {
	for _, want := range captures {
		t.Run(want.agent+"/"+want.run, func(t *testing.T) {
			b := newBench(t, want.agent, want.run)
			b.replay(t, nil)
			got := run(t.Context(), t, b.options(t))
			var finding strings.Builder
			for _, f := range got.findings {
				finding.WriteString(f.Kind)
			}
			found := captured{
				want.agent, want.run, got.sum.Calls, got.tools(reconcile.Missing, false), got.tools(reconcile.Missing, true),
				got.tools(reconcile.Open, false), got.tools(reconcile.Guessed, false), got.sum.Copied, got.tools(reconcile.OnlyLogged, false), finding.String(),
				got.sum.PromptsMissing,
			}
			if diff := cmp.Diff(found, want, cmp.AllowUnexported(captured{})); diff != "" {
				t.Errorf("got (-) and want (+):\n%s\n%v", diff, got)
			}
			if got.sum.Uncertain() || got.sum.Twice > 0 || got.sum.Recorded+got.sum.Missing+got.sum.Open != got.sum.Calls {
				t.Errorf("numbers that cannot be: %v", got)
			}
			b.checkFill(t, got)
		})
	}
}

// checkFill fills the log twice, and compares once more.
func (b *bench) checkFill(t *testing.T, before result) {
	t.Helper()
	filled := b.fill(t)
	if filled.sum.PromptsFilled != before.sum.PromptsMissing {
		t.Errorf("filled %d of %d prompts", filled.sum.PromptsFilled, before.sum.PromptsMissing)
	}
	if want := before.sum.Missing + before.sum.Open + before.sum.Guessed; filled.sum.Filled != want || filled.sum.Lacking() != 0 {
		t.Errorf("filled %d of %d, and %d are lacking still: %v", filled.sum.Filled, want, filled.sum.Lacking(), filled)
	}
	records := b.records(t)
	if again := b.fill(t); again.sum.Filled != 0 || len(again.findings) > 0 {
		t.Errorf("a second fill recorded %d calls and %d findings: %v", again.sum.Filled, len(again.findings), again)
	}
	if got := b.records(t); got != records {
		t.Errorf("a second fill added %d records", got-records)
	}
	after := run(t.Context(), t, b.options(t))
	if after.sum.Lacking() != 0 || after.sum.Recorded != after.sum.Calls || after.sum.Twice > 0 || len(after.findings) > 0 {
		t.Errorf("after the fill: %v", after)
	}
	if after.sum.Differing != before.sum.Differing {
		t.Errorf("the fill made %d calls differ: %v", after.sum.Differing-before.sum.Differing, after)
	}
}

// fill records what is missing.
func (b *bench) fill(t *testing.T) result {
	t.Helper()
	opt := b.options(t)
	log, err := etch.Open(b.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	opt.Fill, opt.Settled = log, hook.NewSessions(b.path+".hooks").Settled
	got := run(t.Context(), t, opt)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return got
}

// records returns the number of events in the log.
func (b *bench) records(t *testing.T) int {
	t.Helper()
	n := 0
	for range b.all(t) {
		n++
	}
	return n
}

// all returns every event of the log.
func (b *bench) all(t *testing.T) []etch.Event {
	t.Helper()
	reader, err := etch.OpenReader(b.path)
	if err != nil {
		t.Fatal(err)
	}
	var events []etch.Event
	for rec, err := range reader.Records(t.Context(), etch.Query{AllPhases: true}) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, rec.Event)
	}
	return events
}

// Nothing of a session is on record: that is a finding, and all of it can be
// filled.
func TestSilentSession(t *testing.T) {
	for _, c := range []struct{ agent, run string }{
		{"claude-code", "sub"}, {"codex", "basic"}, {"gemini", "basic"}, {"qwen", "basic"}, {"copilot", "basic"},
	} {
		t.Run(c.agent, func(t *testing.T) {
			b := newBench(t, c.agent, c.run)
			got := run(t.Context(), t, b.options(t))
			if got.sum.Missing != got.sum.Calls || len(got.findings) != 1 || got.findings[0].Kind != reconcile.HooksSilent ||
				got.findings[0].Risk != etch.RiskHigh {
				t.Fatalf("got %v", got)
			}
			b.checkFill(t, got)
		})
	}
}

// A filled call is the event that the hooks would have made of it, but for what
// says where it is from.
func TestFilledIsMarked(t *testing.T) {
	b := newBench(t, "claude-code", "tamper")
	b.replay(t, nil)
	before := b.records(t)
	b.fill(t)
	events := b.all(t)[before:]
	var got []string
	for _, ev := range events {
		line := fmt.Sprintf("%s %s %s", ev.Type, ev.Phase, ev.Labels["capture"])
		if ev.Result != nil {
			line += " " + string(ev.Result.Type)
		}
		if f := ev.Labels["finding"]; f != "" {
			line += " " + f + " " + string(ev.Action.Risk)
		}
		got = append(got, line)
		if ev.Timestamp.Year() != 2026 || !strings.HasPrefix(ev.ID, "evt_0") || len(ev.ID) != 30 {
			t.Errorf("event %s at %v", ev.ID, ev.Timestamp)
		}
	}
	attempt, completion := "command_execution attempt transcript", "command_execution completion transcript success"
	// What is open comes last: by the clock of these hooks it could be another call.
	want := []string{attempt, completion, attempt, completion, attempt, completion, completion, "security_event  transcript hooks-stopped high"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got (-) and want (+):\n%s", diff)
	}
}

// Two that fill at the same time under a lock, as the command takes one, record
// each call once.
func TestFillsOneAfterTheOther(t *testing.T) {
	b := newBench(t, "codex", "basic")
	b.replay(t, nil)
	log := b.open(t)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		opt := b.options(t)
		opt.Fill = log
		wg.Go(func() {
			mu.Lock()
			defer mu.Unlock()
			if _, err := reconcile.Run(t.Context(), opt, func(*reconcile.Row) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	ids := map[string]bool{}
	for _, ev := range b.all(t) {
		if ids[ev.ID] {
			t.Errorf("event %s is there twice", ev.ID)
		}
		ids[ev.ID] = true
	}
	if got := run(t.Context(), t, b.options(t)); got.sum.Twice > 0 || got.sum.Lacking() != 0 {
		t.Errorf("got %v", got)
	}
}

// Hooks that told of some calls only: exactly the others are missing, whichever
// they are.
func TestEveryLostDelivery(t *testing.T) {
	for _, agent := range []string{"claude-code", "gemini", "copilot"} {
		t.Run(agent, func(t *testing.T) {
			whole := newBench(t, agent, "basic")
			whole.replay(t, nil)
			want := run(t.Context(), t, whole.options(t)).sum
			for _, lost := range []int{3, 4, 9} {
				b := newBench(t, agent, "basic")
				b.replay(t, func(i int, _ delivered) bool { return i != lost })
				got := run(t.Context(), t, b.options(t))
				if got.sum.Calls != want.Calls || got.sum.Missing > want.Missing+1 || got.sum.Twice > 0 || got.sum.OnlyLogged > 0 {
					t.Errorf("without delivery %d: %v", lost, got)
				}
				b.checkFill(t, got)
			}
		})
	}
}

// A call that ended a moment ago is not said to be missing: its hook is at work.
func TestRecent(t *testing.T) {
	b := newBench(t, "claude-code", "mode_exit2")
	opt := b.options(t)
	opt.Now = time.Date(2026, 11, 21, 18, 3, 47, 0, time.UTC)
	if got := run(t.Context(), t, opt); got.sum.Recent != 1 || got.sum.Missing != 0 || len(got.findings) > 0 {
		t.Errorf("a second after the call: %v", got)
	}
	opt.Now = opt.Now.Add(reconcile.DefaultSettle)
	if got := run(t.Context(), t, opt); got.sum.Recent != 0 || got.sum.Missing != 1 {
		t.Errorf("later: %v", got)
	}
}

// Once a session's end is on record, no hook of it is at work any more: what is
// missing is missing.
func TestRecentInEndedSession(t *testing.T) {
	b := newBench(t, "claude-code", "mode_exit2")
	var session struct {
		ID string `json:"session_id"`
	}
	b.replay(t, func(_ int, d delivered) bool {
		if err := json.Unmarshal(d.Stdin, &session); err != nil {
			t.Fatal(err)
		}
		return false
	})
	now := time.Date(2026, 11, 21, 18, 3, 47, 0, time.UTC)
	ended := &etch.Event{Timestamp: now, Type: etch.SessionEnd, SessionID: session.ID, Actor: &etch.Actor{Agent: "claude-code"}, Labels: map[string]string{"capture": hook.SourceHook}}
	if _, err := b.open(t).Append(t.Context(), ended); err != nil {
		t.Fatal(err)
	}
	opt := b.options(t)
	opt.Now = now
	if got := run(t.Context(), t, opt); got.sum.Recent != 0 || got.sum.Missing != 1 {
		t.Errorf("a second after the call, in a session that has ended: %v", got)
	}
}

// A call without an end is left alone until nothing happened for a day.
func TestUnfinished(t *testing.T) {
	b := newBench(t, "claude-code", "sigkill")
	b.replay(t, nil)
	opt := b.options(t)
	opt.Now = written.Add(reconcile.DefaultAbandon - time.Minute)
	if got := run(t.Context(), t, opt); got.sum.Unfinished != 1 || got.sum.Lacking() != 0 {
		t.Errorf("before: %v", got)
	}
	opt.Now = written.Add(reconcile.DefaultAbandon + time.Minute)
	got := run(t.Context(), t, opt)
	if got.sum.Open != 1 || got.calls[0].End != hook.EndKilled {
		t.Errorf("after: %v", got)
	}
}

// What was filled, hooks that come later do not end again.
func TestFilledBeforeHooks(t *testing.T) {
	b := newBench(t, "claude-code", "tamper")
	b.replay(t, nil)
	b.fill(t)
	log := b.open(t)
	sessions := hook.NewSessions(b.path + ".hooks")
	b.deliver(t, log, sessions, delivered{"SessionEnd", []byte(`{"hook_event_name":"SessionEnd","session_id":"5960d293-ed70-47d5-9a37-0e58c9c003d9","reason":"other"}`)}, 1000)
	if got := run(t.Context(), t, b.options(t)); got.sum.Twice > 0 || got.sum.Recorded != got.sum.Calls {
		t.Errorf("got %v", got)
	}
}

// Sessions without a transcript are told, and are no fault.
func TestWithoutTranscript(t *testing.T) {
	b := newBench(t, "claude-code", "basic")
	b.replay(t, nil)
	opt := b.options(t)
	opt.Environment.Getenv = func(string) (string, bool) { return "", false }
	got := run(t.Context(), t, opt)
	if got.sum.LogOnly != 1 || got.sum.Lacking() != 0 || len(got.sessions) != 1 || got.sessions[0].Logged != 16 || got.sessions[0].Transcript {
		t.Errorf("got %v %+v", got, got.sessions)
	}
}

// What the configuration does not record is not said to be lacking.
func TestSkipped(t *testing.T) {
	b := newBench(t, "codex", "tty")
	opt := b.options(t)
	opt.Skip = etch.Skip{Commands: true, FileAccess: true}
	got := run(t.Context(), t, opt)
	if got.sum.Missing == 0 || got.sum.Lacking() != got.sum.PromptsMissing {
		t.Errorf("got %v", got)
	}
}
