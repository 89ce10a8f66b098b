package execwrap_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/execwrap"
	"github.com/etch-audit/etch/internal/shellword"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// self returns this program with a script, in a directory of its own.
func self(ctx context.Context, t *testing.T, script string) *exec.Cmd {
	t.Helper()
	t.Setenv("EXECWRAP", script)
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, path, "some arg")
	cmd.Stdin = strings.NewReader("input")
	cmd.Dir = t.TempDir()
	return cmd
}

// wrapped are the two events of a command; only what varies is left to compare.
func wrapped(cmd *exec.Cmd, result etch.Result) []*etch.Event {
	event := func(phase etch.Phase) *etch.Event {
		return &etch.Event{
			Type: etch.CommandExecution, Phase: phase, SessionID: "s1", Actor: &etch.Actor{Username: "alice"},
			Action: &etch.Action{
				Tool: "shell", Command: shellword.Quote(cmd.Args), Cwd: cmd.Dir, Risk: etch.RiskLow,
				Approved: true, Allowed: true, ClaimSource: etch.ClaimShell,
			},
		}
	}
	completion := event(etch.Completion)
	completion.Result = &result
	return []*etch.Event{event(etch.Attempt), completion}
}

var unforeseen = cmp.Options{
	cmpopts.IgnoreFields(etch.Event{}, "Timestamp", "CallID"),
	cmpopts.IgnoreFields(etch.Result{}, "Duration"),
	cmp.AllowUnexported(etch.Optional[int64]{}, etch.Optional[uint64]{}),
}

func alice(t *testing.T) context.Context {
	return etch.WithScope(t.Context(), etch.Scope{Actor: etch.Actor{Username: "alice"}, SessionID: "s1"})
}

func TestCmd(t *testing.T) {
	run := func(c *execwrap.Cmd) ([]byte, error) { return nil, c.Run() }
	success := etch.Result{Type: etch.Success, ExitCode: etch.Some[int64](0)}
	three := etch.Result{Type: etch.Error, Message: "exit status 3", ExitCode: etch.Some[int64](3)}
	with := func(r etch.Result, n uint64) etch.Result {
		r.OutputBytes = etch.Some(n)
		return r
	}
	for _, test := range []struct {
		name, script string
		run          func(*execwrap.Cmd) ([]byte, error)
		out          string
		exit         int
		result       etch.Result
	}{
		{"Run", "copy", run, "", 0, success},
		{"Run of a failure", "three", run, "", 3, three},
		{"Output", "copy stderr", (*execwrap.Cmd).Output, "copied", 0, with(success, 6)},
		{"Output of a failure", "copy stderr three", (*execwrap.Cmd).Output, "copied", 3, with(three, 6)},
		{"CombinedOutput", "copy stderr", (*execwrap.Cmd).CombinedOutput, "copiedwords", 0, with(success, 11)},
		{"Start and Wait", "three", func(c *execwrap.Cmd) ([]byte, error) {
			if err := c.Start(); err != nil {
				return nil, err
			}
			return nil, c.Wait()
		}, "", 3, three},
	} {
		log := new(recorder)
		cmd := self(alice(t), t, test.script)
		out, err := test.run(execwrap.Wrap(alice(t), log, cmd, nil))
		if string(out) != test.out {
			t.Errorf("%s: got output %q, want %q", test.name, out, test.out)
		}
		exit, failed := errors.AsType[*exec.ExitError](err)
		if failed != (test.exit != 0) || failed && exit.ExitCode() != test.exit || err != nil && !failed {
			t.Errorf("%s: got error %v, want exit code %d", test.name, err, test.exit)
		}
		if failed && test.name == "Output of a failure" && string(exit.Stderr) != "words" {
			t.Errorf("%s: got stderr %q of the error, want what package exec keeps there", test.name, exit.Stderr)
		}
		if d := cmp.Diff(wrapped(cmd, test.result), log.events, unforeseen); d != "" {
			t.Errorf("%s: events (-want +got):\n%s", test.name, d)
		}
		first, second := log.events[0], log.events[1]
		if first.CallID == "" || first.CallID != second.CallID || !first.Timestamp.Equal(second.Timestamp) || first.Timestamp.IsZero() {
			t.Errorf("%s: got %q at %s and %q at %s, want one call", test.name, first.CallID, first.Timestamp, second.CallID, second.Timestamp)
		}
		if second.Result.Duration <= 0 {
			t.Errorf("%s: got duration %s", test.name, second.Result.Duration)
		}
	}
}

// The pipes are those of package exec, and the attempt is there before a byte is.
func TestCmdPipes(t *testing.T) {
	log := new(recorder)
	cmd := self(t.Context(), t, "copy")
	cmd.Stdin = nil
	c := execwrap.Wrap(t.Context(), log, cmd, &execwrap.Options{Tool: "git", Skill: "release", Labels: map[string]string{"k": "v"}})
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if len(log.events) != 1 || log.events[0].Phase != etch.Attempt {
		t.Fatalf("got events %+v after the start, want the attempt", log.events)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(out)
	if err != nil || string(text) != "copied" {
		t.Errorf("got %q, %v, want copied", text, err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	last := log.events[1]
	if last.Action.Tool != "git" || last.Action.Skill != "release" || last.Labels["k"] != "v" {
		t.Errorf("got action %+v, labels %v, want those of the options", last.Action, last.Labels)
	}
	if err := c.Wait(); err == nil {
		t.Error("a second Wait succeeded")
	}
	if err := c.Run(); err == nil {
		t.Error("a second start succeeded")
	}
	if len(log.events) != 2 {
		t.Errorf("got %d events, want no more than two", len(log.events))
	}
}

func TestCmdNotStarted(t *testing.T) {
	for _, test := range []struct {
		name string
		cmd  *exec.Cmd
		exit int64
	}{
		{"not found", exec.Command("no-such-command"), execwrap.ExitNotFound},
		{"no such directory", &exec.Cmd{Path: "no-such-dir/x"}, execwrap.ExitNotFound},
		{"nothing", &exec.Cmd{}, execwrap.ExitNotExecuted},
	} {
		for _, start := range []func(*execwrap.Cmd) error{(*execwrap.Cmd).Run, (*execwrap.Cmd).Start} {
			log := new(recorder)
			c := execwrap.Wrap(t.Context(), log, test.cmd, nil)
			if err := start(c); err == nil {
				t.Errorf("%s: it was started", test.name)
			}
			if len(log.events) != 2 || log.events[1].Result.Type != etch.Error {
				t.Fatalf("%s: got events %+v, want an attempt and a completion with an error", test.name, log.events)
			}
			if code, ok := log.events[1].Result.ExitCode.Get(); code != test.exit || !ok {
				t.Errorf("%s: got exit code %d, %v, want %d", test.name, code, ok, test.exit)
			}
			if err := c.Wait(); err == nil {
				t.Errorf("%s: Wait succeeded", test.name)
			}
			test.cmd = &exec.Cmd{Path: test.cmd.Path, Args: test.cmd.Args, Err: test.cmd.Err} // to be started again
		}
	}
}

func TestCmdUnrecorded(t *testing.T) {
	attempt := map[etch.Phase]error{etch.Attempt: errDisk}
	completion := map[etch.Phase]error{etch.Completion: errDisk}
	both := map[etch.Phase]error{etch.Attempt: errDisk, etch.Completion: errDisk}
	for _, test := range []struct {
		name    string
		fail    map[etch.Phase]error
		goOn    bool
		script  string
		output  string
		exit    int  // of the error
		disk    bool // it is of the error
		dropped int  // how many are told
	}{
		{"the attempt", attempt, false, "stderr", "", 0, true, 0},
		{"the attempt, going on", attempt, true, "stderr", "words", 0, false, 1},
		{"the completion", completion, false, "stderr", "words", 0, true, 0},
		{"the completion of a failure", completion, false, "three", "", 3, true, 0},
		{"both, going on", both, true, "stderr three", "words", 3, false, 2},
	} {
		var opts execwrap.Options
		var told []error
		if test.goOn {
			opts.OnError = func(err error) error {
				told = append(told, err)
				return nil
			}
		}
		out, err := execwrap.Wrap(t.Context(), &recorder{fail: test.fail}, self(t.Context(), t, test.script), &opts).CombinedOutput()
		if string(out) != test.output {
			t.Errorf("%s: got output %q, want %q", test.name, out, test.output)
		}
		exit, failed := errors.AsType[*exec.ExitError](err)
		if failed != (test.exit != 0) || failed && exit.ExitCode() != test.exit || errors.Is(err, errDisk) != test.disk {
			t.Errorf("%s: got error %v, want exit code %d, that of the disk: %v", test.name, err, test.exit, test.disk)
		}
		if len(told) != test.dropped {
			t.Errorf("%s: was told %v, want %d", test.name, told, test.dropped)
		}
	}
}

// OnError may let the command fail with an error of its own.
func TestCmdOnError(t *testing.T) {
	ours := errors.New("call the operator")
	opts := &execwrap.Options{OnError: func(error) error { return ours }}
	c := execwrap.Wrap(t.Context(), &recorder{fail: map[etch.Phase]error{etch.Attempt: errDisk}}, self(t.Context(), t, ""), opts)
	if err := c.Run(); !errors.Is(err, ours) || c.Process != nil {
		t.Errorf("got %v, process %v, want our error and none", err, c.Process)
	}
}

func TestCmdRefused(t *testing.T) {
	for _, fail := range []error{nil, errDisk} {
		log := &recorder{fail: map[etch.Phase]error{"": fail}}
		cmd := exec.Command("git", "push", "--force", "nowhere")
		c := execwrap.Wrap(alice(t), log, cmd, &execwrap.Options{Deny: etch.RiskHigh})
		pipe, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		err = c.Run()
		refused, ok := errors.AsType[*execwrap.RefusedError](err)
		if !ok || refused.Limit != etch.RiskHigh || !strings.Contains(err.Error(), "git is refused: risk high is at or above the limit high: git-force-push") {
			t.Fatalf("got error %v, want that it is refused and why", err)
		}
		if errors.Is(err, errDisk) != (fail != nil) {
			t.Errorf("got error %v, want it to tell of %v", err, fail)
		}
		if _, err := pipe.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
			t.Errorf("got %v of its pipe, want it closed", err)
		}
		if c.Process != nil {
			t.Error("it was started")
		}
		if fail != nil {
			continue
		}
		e := log.events[0]
		if len(log.events) != 1 || e.Type != etch.PolicyViolation || !e.Security.PolicyViolation || e.Action.Allowed || e.Action.Approved || e.Phase != "" ||
			e.Result.Type != etch.Blocked || e.Actor.Username != "alice" || e.SessionID != "s1" {
			t.Errorf("got %+v, %+v, %+v", e, e.Action, e.Result)
		}
	}
}

// An ending is a context that ends when the test says so, and as it says.
type ending struct {
	context.Context
	done chan struct{}
	err  error // read once done is closed
}

func (e *ending) Done() <-chan struct{} { return e.done }

func (e *ending) Err() error {
	select {
	case <-e.done:
		return e.err
	default:
		return nil
	}
}

func TestCmdTimeout(t *testing.T) {
	for _, test := range []struct {
		end      error
		want     etch.Outcome
		category string
	}{
		{context.DeadlineExceeded, etch.Timeout, "timeout"},
		{context.Canceled, etch.Error, "cancelled"},
	} {
		ctx := &ending{t.Context(), make(chan struct{}), test.end}
		cmd := self(ctx, t, "copy")
		r, w := io.Pipe() // it reads until it is killed
		cmd.Stdin = r
		cmd.Cancel = func() error {
			err := cmd.Process.Kill()
			_ = w.Close() // always nil
			return err
		}
		log := new(recorder)
		c := execwrap.Wrap(ctx, log, cmd, nil)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		close(ctx.done)
		if err := c.Wait(); err == nil || len(log.events) != 2 {
			t.Fatalf("%v: got %v, %d events, want an error and two", test.end, err, len(log.events))
		}
		got := log.events[1].Result
		if got.Type != test.want || got.ErrorCategory != test.category {
			t.Errorf("%v: got %+v, want %s", test.end, got, test.want)
		}
		if _, ok := got.ExitCode.Get(); !ok {
			t.Errorf("%v: got no exit code", test.end)
		}
	}
}

// What was over before it began is neither started nor recorded, whoever would go on.
func TestCmdOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	log, out := new(recorder), new(bytes.Buffer)
	cmd := self(t.Context(), t, "stderr") // of a context that is not over
	cmd.Stderr = out
	err := execwrap.Wrap(ctx, log, cmd, &execwrap.Options{OnError: func(error) error { return nil }}).Run()
	if !errors.Is(err, context.Canceled) || len(log.events) > 0 || out.Len() > 0 {
		t.Errorf("got %v, %d events, output %q, want nothing done", err, len(log.events), out)
	}
}

// What runs is the file at Path, whatever the first argument says.
func TestCmdJudgesBothNames(t *testing.T) {
	for _, test := range []struct {
		cmd  exec.Cmd
		want string
		risk etch.Risk
	}{
		{exec.Cmd{Path: "/bin/ls", Args: []string{"ls", "-l"}}, "ls -l", etch.RiskLow},
		{exec.Cmd{Path: "/bin/rm", Args: []string{"ls", "-rf", "/"}}, "/bin/rm -rf /", etch.RiskCritical},
		{exec.Cmd{Path: "/bin/busybox", Args: []string{"rm", "-rf", "/"}}, "/bin/busybox -rf /", etch.RiskCritical},
		{exec.Cmd{Path: "/bin/ls"}, "/bin/ls", etch.RiskLow},
	} {
		log := new(recorder)
		stop := errors.New("not to be started")
		if err := execwrap.Wrap(t.Context(), stopper{log, stop}, &test.cmd, nil).Run(); !errors.Is(err, stop) {
			t.Fatalf("%s: got %v, want that it was not started", test.want, err)
		}
		if got := log.events[0].Action; got.Command != test.want || got.Risk != test.risk {
			t.Errorf("got %q, risk %s, want %q, %s", got.Command, got.Risk, test.want, test.risk)
		}
	}
}

// A stopper keeps what it is given, and says that it did not.
type stopper struct {
	kept *recorder
	err  error
}

func (s stopper) Append(ctx context.Context, ev *etch.Event) (etch.Receipt, error) {
	_, err := s.kept.Append(ctx, ev)
	return etch.Receipt{}, errors.Join(err, s.err)
}
