// Package execwrap runs one command and records it: the attempt before it
// starts, the completion after it ended, tied by a call id. What the command
// reads, writes, is sent and returns passes through untouched.
//
// [Wrap] is for programs that run commands by package exec, [Run] for one that
// stands in front of a command, as env and nice do.
//
// The command of Run shares the terminal and the process group of its wrapper, so
// that Ctrl-C, Ctrl-Z and a resized window reach it as they would without one.
//
// BUG(execwrap): The system does not tell whether a signal went to the wrapper
// alone or to its whole process group, of which the command has its own copy.
// SIGINT and SIGQUIT are not passed on while the group is the foreground of its
// terminal, whose keyboard sends them to the group: who sends one of the two to
// the wrapper's process id alone then does not reach the command. Every other
// signal is passed on 50 ms later, unless the command has ended by then: one
// that went to the group (of a timeout, of a terminal that hangs up) reaches a
// command twice that takes longer to end, and one that went to the wrapper
// alone reaches it that much later.
package execwrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/child"
	"github.com/etch-audit/etch/risk"
)

// Exit codes of a wrapper, as of env, nice and timeout.
const (
	ExitNotRecorded = 125               // the command did not start, or succeeded, and that is not on record
	ExitRefused     = 126               // refused by policy
	ExitNotExecuted = child.NotExecuted // found, and cannot be executed
	ExitNotFound    = child.NotFound
	ExitSignal      = child.Signal // plus the number of the signal that ended it
)

// A Command is what to run and how to record it.
type Command struct {
	Argv   []string // the program and its arguments; not empty
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Foreground reports whether the process group is now the foreground of its
	// terminal: SIGINT and SIGQUIT then come from its keyboard, and reach the
	// command without being passed on. Nil: it never is.
	Foreground func() bool

	Actor     etch.Actor
	SessionID string
	TurnID    string
	TraceID   string
	CallID    string // empty: a new one
	Tool      string // empty: "shell"
	Skill     string
	Cwd       string // where it runs, for the record; empty: it is asked for
	Labels    map[string]string

	// Deny refuses the command at or above a risk; empty: none.
	Deny etch.Risk
	// GoOn starts the command also when the attempt cannot be recorded.
	GoOn bool
	// Now is the clock; nil: [time.Now].
	Now func() time.Time
}

// An Outcome is what became of a command.
type Outcome struct {
	// Exit is the code for the wrapper to exit with: the command's own, or
	// one of the constants.
	Exit int
	// Refused reports that the policy refused the command, and Risk why.
	Refused bool
	Risk    risk.Assessment
	// Failure is why the command did not run; nil where it did, or was refused.
	Failure error
	// Unrecorded is what could not be recorded, and why; nil where all was.
	Unrecorded error
}

// Run records, runs and records. The command starts only when its attempt is on
// record, unless GoOn says otherwise, and only when ctx has not ended by then;
// once it runs, ctx ends neither the command nor its record.
//
// An event that the configuration skips counts as recorded.
func Run(ctx context.Context, log etch.Recorder, c *Command) Outcome {
	r := c.begin(log)
	event := r.event()
	if etch.Risk(r.Outcome.Risk.Level.String()).Reaches(r.Deny) {
		return r.refuse(ctx, event)
	}
	// Signals are held back from here on, so that none can end the wrapper
	// between the start of the command and its record.
	caught, release := child.Catch()
	defer release()
	call, err := etch.Begin(ctx, log, event)
	if err != nil {
		r.note("attempt", err)
		if !c.GoOn || ctx.Err() != nil {
			r.Exit = ExitNotRecorded
			r.Failure = errors.New("not started: its attempt is not on record")
			return r.Outcome
		}
	}
	result := r.run(ctx, caught)
	if err := call.End(ctx, result); err != nil {
		r.note("completion", err)
		if r.Exit == 0 && !c.GoOn {
			r.Exit = ExitNotRecorded
		}
	}
	return r.Outcome
}

// A running is one run of a command.
type running struct {
	Outcome
	*Command
	log   etch.Recorder
	cwd   string
	start time.Time
}

func (c *Command) begin(log etch.Recorder) *running {
	r := &running{Command: c, log: log, cwd: c.Cwd}
	if r.Now == nil {
		copied := *c
		copied.Now = time.Now
		r.Command = &copied
	}
	if r.cwd == "" {
		// Where the directory was removed nobody knows its name: left out.
		r.cwd, _ = os.Getwd()
	}
	r.Outcome.Risk = risk.Argv(c.Argv)
	r.start = r.Now()
	return r
}

// event returns what is about to be done.
func (r *running) event() *etch.Event {
	actor := r.Actor
	return &etch.Event{
		Timestamp: r.start,
		Type:      etch.CommandExecution,
		CallID:    r.CallID,
		SessionID: r.SessionID,
		TurnID:    r.TurnID,
		TraceID:   r.TraceID,
		Actor:     &actor,
		Action:    actionOf(r.Argv, r.Outcome.Risk, r.cwd, r.Tool, r.Skill),
		Labels:    r.Labels,
	}
}

// note remembers what is not on record.
func (r *running) note(what string, err error) {
	r.Unrecorded = errors.Join(r.Unrecorded, fmt.Errorf("%s of %s: %w", what, r.Argv[0], err))
}

// refuse records the violation. The command does not start, recorded or not.
func (r *running) refuse(ctx context.Context, event *etch.Event) Outcome {
	r.Refused, r.Exit = true, ExitRefused
	if err := recordRefusal(ctx, r.log, event, r.Outcome.Risk, r.Deny); err != nil {
		r.note("refusal", err)
	}
	return r.Outcome
}

// run starts the command, waits for its end and returns the result. Caught
// signals are passed on to it.
func (r *running) run(ctx context.Context, caught <-chan os.Signal) *etch.Result {
	if cause := context.Cause(ctx); cause != nil {
		// exec shows this as a shell does: as ended by the signal.
		r.Failure, r.Exit = fmt.Errorf("not started: %w", cause), ExitNotRecorded
		return &etch.Result{Type: etch.Error, Message: r.Failure.Error()}
	}
	cmd, err := child.Start(r.Argv, r.prepare)
	if err != nil {
		r.Failure, r.Exit = child.StartError(r.Argv[0], err), child.ExitOfStart(err)
		return &etch.Result{
			Type: etch.Error, Message: r.Failure.Error(),
			ExitCode: etch.Some(int64(r.Exit)), Duration: r.Now().Sub(r.start),
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var held []os.Signal // until the command had time to end by its own copies
	var due <-chan time.Time
	for {
		select {
		case s := <-caught:
			if child.FromKeyboard(s) && r.Foreground != nil && r.Foreground() {
				continue
			}
			if held = append(held, s); len(held) == 1 {
				due = time.After(grace)
			}
		case <-due:
			for _, s := range held {
				// The command may have ended meanwhile, which Wait tells.
				_ = cmd.Process.Signal(s)
			}
			held = nil
		case err := <-ended:
			return r.result(cmd, err)
		}
	}
}

func (r *running) prepare(argv []string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r.Stdin, r.Stdout, r.Stderr
	return cmd
}

// result tells how the command ended.
func (r *running) result(cmd *exec.Cmd, err error) *etch.Result {
	result := resultOf(cmd.ProcessState, err)
	result.Duration = r.Now().Sub(r.start)
	code, _ := result.ExitCode.Get()
	r.Exit = int(code)
	return result
}
