package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/etch-audit/etch"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type logOptions struct {
	place *place
	ack   bool
	stdin bool // "-": events from stdin
	event eventFlags
}

func newLog(at *place, std stdio) *cobra.Command {
	opts := logOptions{place: at}
	cmd := &cobra.Command{
		Use:   "log [flags] | -",
		Short: "Record one event from flags, or events from stdin",
		Example: `  etch log --type file_access --user alice --resource /etc/passwd --allowed --success
  producer | etch log --ack -`,
		Long: `Records one event that the flags describe, or with "-" one event object a line
from stdin, with the member names of docs/spec/log-format.md; only event_type
must be there. An event from flags gets channel, user, host, agent and session
as "etch exec" finds them where no flag says; one from stdin is taken as it is.

--ack prints a receipt a line, in the order of the input, once the event is on
disk; "line" is the number of its line. A line that is no event is reported with
its number, the others are recorded, and the exit code is 1.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == "-" {
				return nil
			}
			return noArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.stdin = len(args) == 1
			if opts.stdin {
				if name := firstEventFlag(cmd.Flags()); name != "" {
					return usagef("put it into the events", "--%s says nothing about events from stdin", name)
				}
			}
			return runLog(cmd.Context(), opts, std)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&opts.ack, "ack", false, "print a receipt of each event once it is on disk")
	opts.event.add(cmd.Flags())
	completes(cmd, "type", etch.EventTypes()...)
	completes(cmd, "phase", etch.Attempt, etch.Completion)
	completes(cmd, "risk", etch.RiskLow, etch.RiskMedium, etch.RiskHigh, etch.RiskCritical)
	completes(cmd, "outcome", etch.Success, etch.Blocked, etch.Error, etch.Timeout, etch.Rollback)
	return cmd
}

// firstEventFlag returns the first flag given that describes an event.
func firstEventFlag(f *pflag.FlagSet) string {
	name := ""
	f.Visit(func(flag *pflag.Flag) {
		switch flag.Name {
		case "ack", "log", "config":
		default:
			name = flag.Name
		}
	})
	return name
}

func runLog(ctx context.Context, opts logOptions, std stdio) (err error) {
	var event *etch.Event
	if !opts.stdin {
		if event, err = opts.event.event(std); err != nil {
			return err
		}
	}
	resolved, err := opts.place.load(std)
	if err != nil {
		return err
	}
	if opts.ack {
		// A receipt is of what is on disk, so who asks for one waits for it,
		// also where the configuration lets others go on at once.
		resolved.Audit.Durability = 0
	}
	log, err := openAppender(ctx, resolved, std, opts.event.action.Tool)
	if err != nil {
		hint := hintOf(err) + "\n" + consequenceUnopened(resolved.Audit.OnError)
		return fail(exitFailed, hint, fmt.Errorf("%w: %w; nothing was written", etch.ErrNotRecorded, err))
	}
	defer closeLog(log, &err)
	acks := newReceipts(opts.ack, std)
	if opts.stdin {
		err := logStream(ctx, log, resolved.Audit.OnError, acks, std)
		indexBriefly(ctx, log, std)
		return err
	}
	receipt, err := log.Append(ctx, event)
	if errors.Is(err, etch.ErrSkipped) {
		std.note("skipped: the configuration says that such events are not recorded")
		err = nil
	}
	if err != nil {
		return fail(exitFailed, consequence(resolved.Audit.OnError), err)
	}
	acks.add(0, receipt)
	return acks.flush()
}

// consequence says what the failure policy makes of an error of the log.
func consequence(policy etch.OnError) string {
	if policy == etch.Continue {
		return "on_error is \"continue\": a writer that is still open when the log can be written again puts the loss on record as a gap"
	}
	return "on_error is \"block\": who cannot record must not act"
}

// consequenceUnopened is consequence where the log could not even be opened:
// then there is no writer that could count the loss.
func consequenceUnopened(policy etch.OnError) string {
	if policy == etch.Continue {
		return "on_error is \"continue\": the action may go on, and no record will tell of the loss"
	}
	return consequence(policy)
}

// A batcher records events together. An [etch.Log] is one.
type batcher interface {
	AppendBatch(ctx context.Context, events []*etch.Event) ([]etch.Receipt, error)
}

// logStream records the events of stdin. Lines are read and parsed while those
// before them are on their way to the disk; what has come by then goes there
// together. A stall of the input delays nothing that came before it.
func logStream(ctx context.Context, log batcher, policy etch.OnError, acks *receipts, std stdio) error {
	in := newIntake(ctx, std.in)
	bad := 0
	for {
		lines, err := in.take()
		for _, line := range lines {
			if line.err != nil {
				bad++
				std.note("error: line %d: %v", line.number, line.err)
			}
		}
		if appending := appendLines(ctx, log, lines, acks); appending != nil {
			if policy != etch.Continue || ctx.Err() != nil {
				return fail(exitFailed, consequence(policy), errors.Join(appending, acks.flush()))
			}
			bad++
			std.note("error: %v", appending)
		}
		if err := acks.flush(); err != nil && !acks.broken {
			return err
		}
		if err != nil {
			return in.end(err, bad, acks)
		}
	}
}

// appendLines appends the events among lines in one batch.
func appendLines(ctx context.Context, log batcher, lines []inputLine, acks *receipts) error {
	events := make([]*etch.Event, 0, len(lines))
	numbers := make([]int, 0, len(lines))
	for _, line := range lines {
		if line.err == nil {
			events = append(events, line.event)
			numbers = append(numbers, line.number)
		}
	}
	if len(events) == 0 {
		return nil
	}
	got, err := log.AppendBatch(ctx, events)
	if errors.Is(err, etch.ErrSkipped) {
		err = nil // all of them: each has its zero receipt
	}
	var lost []int
	for i, number := range numbers {
		if err == nil || i < len(got) && got[i].Durable {
			acks.add(number, got[i])
		} else {
			lost = append(lost, number)
		}
	}
	switch {
	case err == nil || len(lost) == 0:
		return err
	case len(lost) == 1:
		return fmt.Errorf("line %d: %w", lost[0], err)
	}
	return fmt.Errorf("%d lines from %d to %d: %w", len(lost), lost[0], lost[len(lost)-1], err)
}
