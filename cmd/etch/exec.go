package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/execwrap"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/site"
	"github.com/spf13/cobra"
)

type execOptions struct {
	place *place
	argv  []string
	actor etch.Actor // what flags say; the rest is found out

	session, turn, trace, callID string
	tool, skill                  string
	labels                       []string
	denyRisk                     string
	denySet                      bool
}

func newExec(at *place, std stdio) *cobra.Command {
	opts := execOptions{place: at}
	cmd := &cobra.Command{
		Use:   "exec [flags] -- CMD [ARG...]",
		Short: "Run a command and record it: before it starts and after it ends",
		Example: `  etch exec -- git push origin main
  etch exec --user alice --agent deploy-bot --deny-risk high -- ./release.sh`,
		Long: `Runs CMD with its input, output, terminal, signals and exit code passed through
untouched. The attempt is on disk before CMD starts; exit code, duration and
signal follow when it has ended.

Actor, session and agent come from the flags, from ETCH_USER, ETCH_USER_ID,
ETCH_CHANNEL, ETCH_AGENT, ETCH_AGENT_ID, ETCH_MODEL, ETCH_HOST, ETCH_SESSION, or
from the process and what the known agents put into its environment.

Exit codes: CMD's own; 128+n where signal n ended it; 127 not found; 126 not
executable, or refused by policy; 125 where the attempt cannot be recorded and
on_error is "block" (CMD was not started), or the completion of a CMD that
succeeded cannot be recorded (it says so).`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("see \"etch exec --help\"", "no command given: etch exec -- CMD")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.argv = args
			opts.denySet = cmd.Flags().Changed("deny-risk")
			return runExec(cmd.Context(), opts, std)
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false) // what follows CMD is CMD's
	addActorFlags(f, &opts.actor)
	f.StringVar(&opts.session, "session", "", "the session `ID`")
	f.StringVar(&opts.turn, "turn", "", "the turn `ID`")
	f.StringVar(&opts.trace, "trace", "", "the trace `ID`")
	f.StringVar(&opts.callID, "call-id", "", "the `ID` that ties attempt and completion; default: a new one")
	f.StringVar(&opts.tool, "tool", "shell", "the tool's `NAME`")
	f.StringVar(&opts.skill, "skill", "", "the skill's `NAME`")
	f.StringArrayVar(&opts.labels, "label", nil, "a label `KEY=VALUE`; may be repeated")
	f.StringVar(&opts.denyRisk, "deny-risk", "", "refuse CMD at or above this `RISK`: low, medium, high, critical; none")
	completes(cmd, "deny-risk", etch.RiskLow, etch.RiskMedium, etch.RiskHigh, etch.RiskCritical, "none")
	return cmd
}

func runExec(ctx context.Context, opts execOptions, std stdio) error {
	labels, err := parseLabels(opts.labels)
	if err != nil {
		return err
	}
	at := *opts.place
	if opts.denySet {
		at.settings = append(at.settings, site.Setting{Key: "policy.deny_risk", Value: opts.denyRisk, Origin: "flag --deny-risk"})
	}
	resolved, err := at.load(std)
	if err != nil {
		return err
	}
	log, closing, err := openRecorder(ctx, resolved, std, opts.tool)
	if err != nil {
		hint := hintOf(err) + "\n" + consequenceUnopened(resolved.Audit.OnError)
		return fail(execwrap.ExitNotRecorded, hint, fmt.Errorf("%s was not started, it cannot be recorded: %w", opts.argv[0], err))
	}
	out := execwrap.Run(ctx, log, opts.command(resolved, labels, std))
	if err := closing(); err != nil {
		// What was appended is on disk; what is missing is its seal.
		std.warn("the log was not closed well, the next writer will seal it: %v", err)
	}
	return execError(ctx, out, opts.argv[0], std)
}

func (o *execOptions) command(resolved *config.Resolved, labels map[string]string, std stdio) *execwrap.Command {
	return &execwrap.Command{
		Argv:  o.argv,
		Stdin: std.in, Stdout: std.out, Stderr: std.err,
		Foreground: inForeground,
		Actor:      overlay(execwrap.ActorOf(std.getenv), o.actor),
		SessionID:  cmp.Or(o.session, execwrap.SessionOf(std.getenv)),
		TurnID:     o.turn,
		TraceID:    o.trace,
		CallID:     o.callID,
		Tool:       o.tool,
		Skill:      o.skill,
		Labels:     labels,
		Deny:       resolved.Policy.DenyRisk,
		GoOn:       resolved.Audit.OnError == etch.Continue,
		Now:        std.now,
	}
}

// openRecorder opens the log, or connects to the daemon that has it, and returns it
// and what closes it. Under
// "continue" a log that cannot be opened stops nothing: what takes its place
// says why of every event.
func openRecorder(ctx context.Context, resolved *config.Resolved, std stdio, tool string) (etch.Recorder, func() error, error) {
	log, err := openAppender(ctx, resolved, std, tool)
	if err == nil {
		return log, log.Close, nil
	}
	if resolved.Audit.OnError == etch.Continue {
		return noRecorder{err}, func() error { return nil }, nil
	}
	return nil, nil, err
}

// A noRecorder stands for a log that could not be opened.
type noRecorder struct{ why error }

// Append says why nothing is recorded.
func (n noRecorder) Append(context.Context, *etch.Event) (etch.Receipt, error) {
	return etch.Receipt{}, fmt.Errorf("%w: %w", etch.ErrNotRecorded, n.why)
}

// execError tells what people must know, and returns the exit code as an error.
func execError(ctx context.Context, out execwrap.Outcome, name string, std stdio) error {
	if out.Unrecorded != nil {
		for line := range strings.SplitSeq(out.Unrecorded.Error(), "\n") {
			std.note("error: not on record: %s", line)
		}
	}
	switch {
	case out.Refused:
		std.note("error: %s is refused: its risk is %s, at or above deny_risk", name, out.Risk.Level)
		for _, reason := range out.Risk.Reasons {
			std.note("reason: %s", reason) // and no hint: whoever was refused shall not be told a way round
		}
	case out.Failure != nil && ctx.Err() != nil:
		return ctx.Err() // exits as the signal says
	case out.Failure != nil:
		std.note("error: %v", out.Failure)
	}
	return exitWith(out.Exit)
}
