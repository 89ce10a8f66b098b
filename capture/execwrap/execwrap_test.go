package execwrap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/execwrap"
	"github.com/etch-audit/etch/internal/shellword"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestMain makes this test program the command that the tests run: what it does
// is in EXECWRAP, so that they need no other program and run on every system.
func TestMain(m *testing.M) {
	script, ok := os.LookupEnv("EXECWRAP")
	if !ok {
		os.Exit(m.Run())
	}
	for step := range strings.FieldsSeq(script) {
		switch step {
		case "copy":
			if _, err := new(bytes.Buffer).ReadFrom(os.Stdin); err != nil {
				os.Exit(99)
			}
			fmt.Print("copied")
		case "stderr":
			fmt.Fprint(os.Stderr, "words")
		case "three":
			os.Exit(3)
		}
	}
	os.Exit(0)
}

// A recorder keeps events, and fails those of the phases named.
type recorder struct {
	events []*etch.Event
	fail   map[etch.Phase]error
	hook   func(*etch.Event)
}

func (r *recorder) Append(ctx context.Context, e *etch.Event) (etch.Receipt, error) {
	if err := context.Cause(ctx); err != nil {
		return etch.Receipt{}, err
	}
	if err := r.fail[e.Phase]; err != nil {
		return etch.Receipt{}, err
	}
	r.events = append(r.events, e)
	if r.hook != nil {
		r.hook(e)
	}
	return etch.Receipt{}, nil
}

// command runs this program with a script.
func command(t *testing.T, script string) (*execwrap.Command, *bytes.Buffer) {
	t.Helper()
	t.Setenv("EXECWRAP", script)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := new(bytes.Buffer)
	clock := time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)
	return &execwrap.Command{
		Argv: []string{self, "arg"}, Stdin: strings.NewReader("input"), Stdout: out, Stderr: out,
		Actor: etch.Actor{Username: "alice", Channel: "cli"}, CallID: "c1", SessionID: "s1", Cwd: "/somewhere",
		Labels: map[string]string{"k": "v"},
		Now: func() time.Time {
			clock = clock.Add(250 * time.Millisecond)
			return clock
		},
	}, out
}

// wantEvent is the event of a phase of the command above.
func wantEvent(c *execwrap.Command, phase etch.Phase, result *etch.Result) *etch.Event {
	return &etch.Event{
		Timestamp: time.Date(2026, 2, 16, 12, 0, 0, 250e6, time.UTC),
		Type:      etch.CommandExecution, Phase: phase, CallID: "c1", SessionID: "s1",
		Actor: &etch.Actor{Username: "alice", Channel: "cli"},
		Action: &etch.Action{
			Tool: "shell", Command: shellword.Quote(c.Argv), Cwd: "/somewhere", Risk: etch.RiskLow,
			Approved: true, Allowed: true, ClaimSource: etch.ClaimShell,
		},
		Result: result,
		Labels: map[string]string{"k": "v"},
	}
}

func diff(got, want any) string {
	return cmp.Diff(want, got, cmp.AllowUnexported(etch.Optional[int64]{}, etch.Optional[uint64]{}), cmpopts.EquateErrors())
}

func TestRunRecordsBothPhases(t *testing.T) {
	for _, test := range []struct {
		script, output string
		exit           int
		result         etch.Result
	}{
		{"copy stderr", "copiedwords", 0, etch.Result{Type: etch.Success, ExitCode: etch.Some[int64](0)}},
		{"three", "", 3, etch.Result{Type: etch.Error, Message: "exit status 3", ExitCode: etch.Some[int64](3)}},
	} {
		c, out := command(t, test.script)
		test.result.Duration = 250 * time.Millisecond
		log := new(recorder)
		log.hook = func(e *etch.Event) {
			if e.Phase == etch.Attempt && out.Len() > 0 {
				t.Errorf("%s: it wrote %q before its attempt was recorded", test.script, out)
			}
		}
		got := execwrap.Run(t.Context(), log, c)
		if d := diff(got, execwrap.Outcome{Exit: test.exit}); d != "" {
			t.Errorf("%s: outcome (-want +got):\n%s", test.script, d)
		}
		want := []*etch.Event{wantEvent(c, etch.Attempt, nil), wantEvent(c, etch.Completion, &test.result)}
		if d := diff(log.events, want); d != "" {
			t.Errorf("%s: events (-want +got):\n%s", test.script, d)
		}
		if out.String() != test.output {
			t.Errorf("%s: got output %q, want %q", test.script, out, test.output)
		}
	}
}

func TestRunNotFound(t *testing.T) {
	c, _ := command(t, "")
	c.Argv = []string{"no-such-command"}
	log := new(recorder)
	got := execwrap.Run(t.Context(), log, c)
	if got.Exit != execwrap.ExitNotFound || got.Failure == nil {
		t.Errorf("got exit %d, failure %v, want %d and one", got.Exit, got.Failure, execwrap.ExitNotFound)
	}
	if len(log.events) != 2 || log.events[1].Result.Type != etch.Error {
		t.Fatalf("got events %+v, want an attempt and a completion with an error", log.events)
	}
	if code, ok := log.events[1].Result.ExitCode.Get(); !ok || code != execwrap.ExitNotFound {
		t.Errorf("got exit code %d, %v, want %d", code, ok, execwrap.ExitNotFound)
	}
}

var errDisk = errors.New("disk full")

func TestRunUnrecorded(t *testing.T) {
	attempt := map[etch.Phase]error{etch.Attempt: errDisk}
	completion := map[etch.Phase]error{etch.Completion: errDisk}
	both := map[etch.Phase]error{etch.Attempt: errDisk, etch.Completion: errDisk}
	for _, test := range []struct {
		name   string
		fail   map[etch.Phase]error
		goOn   bool
		script string
		exit   int
		output string
		lost   bool
	}{
		{"the attempt", attempt, false, "stderr", execwrap.ExitNotRecorded, "", true},
		{"the attempt, going on", attempt, true, "stderr", 0, "words", true},
		{"the completion of a success", completion, false, "stderr", execwrap.ExitNotRecorded, "words", true},
		{"the completion of a failure", completion, false, "stderr three", 3, "words", true},
		{"the completion, going on", completion, true, "stderr", 0, "words", true},
		{"both, going on", both, true, "stderr three", 3, "words", true},
		{"skipped", map[etch.Phase]error{etch.Attempt: etch.ErrSkipped, etch.Completion: etch.ErrSkipped}, false, "stderr", 0, "words", false},
	} {
		c, out := command(t, test.script)
		c.GoOn = test.goOn
		got := execwrap.Run(t.Context(), &recorder{fail: test.fail}, c)
		if got.Exit != test.exit || out.String() != test.output {
			t.Errorf("%s: got exit %d, output %q, want %d, %q", test.name, got.Exit, out, test.exit, test.output)
		}
		if lost := errors.Is(got.Unrecorded, errDisk); lost != test.lost {
			t.Errorf("%s: got unrecorded %v, want it to tell: %v", test.name, got.Unrecorded, test.lost)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	for _, test := range []struct {
		deny    etch.Risk
		refused bool
	}{
		{"", false},
		{etch.RiskCritical, false},
		{etch.RiskHigh, true},
		{etch.RiskMedium, true},
		{"unreadable", true}, // never taken for no policy
	} {
		c, _ := command(t, "")
		c.Argv, c.Deny = []string{"git", "push", "--force-and-no-such-flag", "--force", "nowhere"}, test.deny
		log := new(recorder)
		if !test.refused {
			c.Argv[0] = "no-such-dir/git" // judged the same, and starts nothing
		}
		got := execwrap.Run(t.Context(), log, c)
		if got.Refused != test.refused {
			t.Errorf("deny %q: got refused %v, want %v (risk %s)", test.deny, got.Refused, test.refused, got.Risk.Level)
			continue
		}
		if !test.refused {
			continue
		}
		if got.Exit != execwrap.ExitRefused || len(log.events) != 1 {
			t.Fatalf("deny %q: got exit %d, %d events, want %d, 1", test.deny, got.Exit, len(log.events), execwrap.ExitRefused)
		}
		e := log.events[0]
		if e.Type != etch.PolicyViolation || !e.Security.PolicyViolation || e.Action.Allowed || e.Action.Approved || e.Phase != "" ||
			e.Result.Type != etch.Blocked || !strings.Contains(e.Result.Reason, "git-force-push") {
			t.Errorf("deny %q: got %+v, %+v, %+v", test.deny, e, e.Action, e.Result)
		}
	}
}

func TestRunRefusesUnrecorded(t *testing.T) {
	c, out := command(t, "stderr")
	c.Deny = etch.RiskLow
	got := execwrap.Run(t.Context(), &recorder{fail: map[etch.Phase]error{"": errDisk}}, c)
	if !got.Refused || got.Exit != execwrap.ExitRefused || !errors.Is(got.Unrecorded, errDisk) || out.Len() > 0 {
		t.Errorf("got %+v, output %q, want it refused and that told", got, out)
	}
}

// A context that ends before the command starts stops it; one that ends later
// stops neither the command nor its record.
func TestRunContext(t *testing.T) {
	for _, phase := range []etch.Phase{"before", etch.Attempt, etch.Completion} {
		ctx, cancel := context.WithCancel(t.Context())
		c, out := command(t, "stderr")
		log := &recorder{hook: func(e *etch.Event) {
			if e.Phase == phase {
				cancel()
			}
		}}
		want, records := "", 2
		switch phase {
		case "before":
			records = 0
			cancel()
		case etch.Completion:
			want = "words"
		}
		got := execwrap.Run(ctx, log, c)
		if out.String() != want || len(log.events) != records {
			t.Errorf("ended at %s: got output %q, %d events, want %q, %d", phase, out, len(log.events), want, records)
		}
		if started := want != ""; (got.Failure == nil) != started {
			t.Errorf("ended at %s: got failure %v", phase, got.Failure)
		}
		cancel()
	}
}

// A completion says who acted even where whoever records changes what it got.
func TestRunSharesNoActor(t *testing.T) {
	c, _ := command(t, "")
	log := &recorder{hook: func(e *etch.Event) { e.Actor.Username = "mallory" }}
	execwrap.Run(t.Context(), log, c)
	if c.Actor.Username != "alice" {
		t.Errorf("got actor %q of the command, want it unchanged", c.Actor.Username)
	}
}

func TestRunFindsOutTheRest(t *testing.T) {
	c, _ := command(t, "")
	c.CallID, c.Cwd, c.Now = "", "", nil
	log := new(recorder)
	execwrap.Run(t.Context(), log, c)
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	first, second := log.events[0], log.events[1]
	if !strings.HasPrefix(first.CallID, "call_") || first.CallID != second.CallID {
		t.Errorf("got call ids %q and %q, want one", first.CallID, second.CallID)
	}
	if first.Action.Cwd != cwd {
		t.Errorf("got cwd %q, want %q", first.Action.Cwd, cwd)
	}
	if since := time.Since(first.Timestamp); since < 0 || since > time.Minute {
		t.Errorf("got timestamp %s, want now", first.Timestamp)
	}
}
