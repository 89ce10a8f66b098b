package execwrap

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/child"
	"github.com/etch-audit/etch/risk"
)

// Options are the settings of a [Cmd]. A nil *Options, and every zero field, means
// the default.
type Options struct {
	// Tool is what the record calls it; default "shell".
	Tool string
	// Skill is on whose behalf it runs; default: none.
	Skill  string
	Labels map[string]string
	// Deny refuses commands at or above a risk; default: none is refused.
	Deny etch.Risk
	// OnError is told what cannot be recorded, and decides: the command goes on as
	// if it was recorded where it returns nil, else the command fails with what it
	// returns, and does not start if its attempt is what is not on record. Default:
	// it fails with the error.
	OnError func(error) error
}

// A Cmd is an [exec.Cmd] that is recorded: its attempt before it starts, its
// completion when it has ended. It is used as one: Run, Output and CombinedOutput, or
// Start and Wait, once. Who runs it is told by the [etch.Scope] of its context.
//
// Whoever starts it and never waits leaves the attempt alone on record. What stands
// in its environment and goes through its pipes is not recorded, so what
// a shell reads from Stdin is not judged either.
type Cmd struct {
	*exec.Cmd
	ctx   context.Context // as that of exec.Cmd, which does not show its own
	to    etch.Recorder
	opt   Options
	begun bool
	call  *etch.Call // nil where the command was refused
}

// A RefusedError says that the policy refuses a command, which was not started.
type RefusedError struct {
	Name  string // the program
	Risk  risk.Assessment
	Limit etch.Risk // the lowest risk that is refused
}

// Error names the command and why it is refused.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s is refused: %s", e.Name, refusalReason(e.Risk, e.Limit))
}

// Wrap returns cmd as one that is recorded. Nothing happens yet: cmd may still
// be changed, and must not be run by itself. The context should be that which cmd was
// made with: only by it a command that was killed as time was up is known as such.
func Wrap(ctx context.Context, to etch.Recorder, cmd *exec.Cmd, opts *Options) *Cmd {
	c := &Cmd{Cmd: cmd, ctx: ctx, to: to}
	if opts != nil {
		c.opt = *opts
	}
	return c
}

// Run records, starts the command and waits for its end as [exec.Cmd.Run] does. Its
// errors are that one's, a [*RefusedError], or one of [etch.Log.Append] for what could
// not be recorded, told apart by [errors.As] and [errors.Is].
func (c *Cmd) Run() error {
	return c.around(c.Cmd.Run)
}

// Output is [exec.Cmd.Output], recorded as Run does; the record says how many
// bytes it returned.
func (c *Cmd) Output() ([]byte, error) { return c.collect(c.Cmd.Output) }

// CombinedOutput is [exec.Cmd.CombinedOutput], recorded as Run does; the record says
// how many bytes it returned.
func (c *Cmd) CombinedOutput() ([]byte, error) { return c.collect(c.Cmd.CombinedOutput) }

// Start records the attempt and starts the command as [exec.Cmd.Start] does, with
// the errors of Run. One that does not start is recorded as failed.
func (c *Cmd) Start() error {
	if err := c.begin(); err != nil {
		return err
	}
	if err := c.Cmd.Start(); err != nil {
		return c.end(c.startFailed(err), err)
	}
	return nil
}

// Wait waits for the end of the command as [exec.Cmd.Wait] does, and records the
// completion, with the errors of Run.
func (c *Cmd) Wait() error {
	err := c.Cmd.Wait()
	if c.call == nil || c.Process == nil {
		return err // it was never started
	}
	return c.end(c.ended(err), err)
}

func (c *Cmd) around(run func() error) error {
	_, err := c.collect(func() ([]byte, error) { return nil, run() })
	return err
}

// collect runs the command to its end between its two records.
func (c *Cmd) collect(run func() ([]byte, error)) ([]byte, error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	out, err := run()
	if c.Process == nil {
		return out, c.end(c.startFailed(err), err)
	}
	result := c.ended(err)
	if out != nil {
		result.OutputBytes = etch.Some(uint64(len(out)))
	}
	return out, c.end(result, err)
}

// begin records the attempt, or the refusal.
func (c *Cmd) begin() error {
	if c.begun {
		return errors.New("execwrap: already started")
	}
	c.begun = true
	event, judged := c.event()
	if etch.Risk(judged.Level.String()).Reaches(c.opt.Deny) {
		refused := &RefusedError{Name: c.name(), Risk: judged, Limit: c.opt.Deny}
		lost := recordRefusal(c.ctx, c.to, event, judged, c.opt.Deny)
		return c.prevent(errors.Join(refused, c.unrecorded("refusal", lost)))
	}
	call, err := etch.Begin(c.ctx, c.to, event)
	if err != nil && c.ctx.Err() != nil {
		return c.prevent(fmt.Errorf("%s is not started: %w", c.name(), err))
	}
	if err := c.unrecorded("attempt", err); err != nil {
		return c.prevent(fmt.Errorf("%s is not started: %w", c.name(), err))
	}
	c.call = call
	return nil
}

// prevent keeps the command from being started, and closes what it would have had,
// as its own Start does where it fails.
func (c *Cmd) prevent(err error) error {
	c.Err = err
	_ = c.Cmd.Start() // fails with that error, or with that of a program that was not found
	return err
}

func (c *Cmd) end(result *etch.Result, err error) error {
	if lost := c.unrecorded("completion", c.call.End(c.ctx, result)); lost != nil {
		return errors.Join(err, lost)
	}
	return err
}

// unrecorded asks whether a failure to record is one of the command.
func (c *Cmd) unrecorded(what string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("record the %s of %s: %w", what, c.name(), err)
	if c.opt.OnError != nil {
		return c.opt.OnError(err)
	}
	return err
}

func (c *Cmd) event() (*etch.Event, risk.Assessment) {
	argv, judged := c.judge()
	return &etch.Event{
		Type:   etch.CommandExecution,
		Action: actionOf(argv, judged, c.cwd(), c.opt.Tool, c.opt.Skill),
		Labels: maps.Clone(c.opt.Labels),
	}, judged
}

// judge returns the arguments of the record and their risk. What runs is the file
// at Path: where the first argument says something else, which some programs
// go by, both are judged.
func (c *Cmd) judge() ([]string, risk.Assessment) {
	argv := c.Args
	if len(argv) == 0 {
		argv = []string{c.Path}
	}
	judged := risk.Argv(argv)
	if c.Path == "" || programOf(c.Path) == programOf(argv[0]) {
		return argv, judged
	}
	argv = append([]string{c.Path}, argv[1:]...)
	if other := risk.Argv(argv); other.Level >= judged.Level {
		judged = other
	}
	return argv, judged
}

func programOf(path string) string {
	return strings.TrimSuffix(filepath.Base(path), ".exe")
}

func (c *Cmd) name() string {
	if len(c.Args) > 0 {
		return c.Args[0]
	}
	return c.Path
}

// cwd returns where the command runs, "" where nobody knows its name.
func (c *Cmd) cwd() string {
	if c.Dir == "" {
		dir, _ := os.Getwd()
		return dir
	}
	if dir, err := filepath.Abs(c.Dir); err == nil {
		return dir
	}
	return c.Dir
}

// startFailed tells why the command did not start, with what a shell would exit.
func (c *Cmd) startFailed(err error) *etch.Result {
	result := etch.ResultOf(child.StartError(c.name(), err))
	if c.ctx.Err() == nil {
		result.ExitCode = etch.Some(int64(child.ExitOfStart(err)))
	}
	return result
}

// ended tells how the command ended. One that failed as its context was over is
// taken to have failed for that.
func (c *Cmd) ended(err error) *etch.Result {
	if c.ProcessState == nil {
		return etch.ResultOf(err) // the system did not say
	}
	result := resultOf(c.ProcessState, err)
	if over := c.ctx.Err(); over != nil && err != nil {
		cut := etch.ResultOf(over)
		if cut.Type == etch.Error {
			cut.Message = result.Message + ": " + cut.Message
		}
		cut.ExitCode = result.ExitCode
		return cut
	}
	return result
}
