package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/verify"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// An auditOptions is what is asked for, and how the answer is to look.
type auditOptions struct {
	place *place

	user, channel, agent, session, tool string
	risk                                string
	types                               []string
	since, until                        string
	violations, failed, denied          bool
	control, allPhases                  bool
	limit                               int
	limitSet                            bool
	reverse                             bool

	format, output string
	utc, wide      bool

	verifySignatures bool
	verifyOnly       bool // nothing else was asked for
}

var auditFormats = []string{"table", "short", "json", "jsonl", "csv"}

func newAudit(at *place, std stdio) *cobra.Command {
	opts := auditOptions{place: at}
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Ask: who did what, when, how risky, with what outcome",
		Example: `  etch audit --user @alice
  etch audit --risk high+ --since 24h
  etch audit --since yesterday --violations-only
  etch audit --format json --output audit.json
  etch audit --verify-signatures`,
		Long: `Prints the events that match all of the flags, in the order they were recorded;
a call is one row: its completion, or its attempt, marked "open", where there is
none. "!" behind the risk marks a policy violation.

Times are RFC 3339, a date, "2026-02-03 15:04[:05]", 24h, 7d, 2w (ago), now, today,
yesterday or @unix. What has no offset is local time, or UTC with --utc. --until
is exclusive; where it is a day (a date, today, yesterday), that day is included.

--risk high asks for exactly that level, --risk high+ for that and above. A user
matches by name or id, with or without "@". A violation is an event flagged as
one, or of the type policy_violation.

Formats: table (cut to the terminal's width: --wide), short (one line each), json
(an array), jsonl (the stored lines, byte for byte), csv (cells that a spreadsheet
would take for a formula begin with an apostrophe). --output writes the file
whole or not at all, readable by its owner only.

--verify-signatures alone verifies the whole log as "etch verify" does. Together
with anything else it verifies first, tells on stderr, and marks each record that
no good seal covers yet.

Exit codes: 0 done, 1 failed or the log is damaged, 2 wrong use or, with
--verify-signatures, it could not be decided.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.limitSet = cmd.Flags().Changed("limit")
			opts.verifyOnly = opts.verifySignatures && !asksMore(cmd.Flags())
			return runAudit(cmd.Context(), opts, std)
		},
	}
	cmd.Flags().SortFlags = false
	opts.addFlags(cmd.Flags())
	completes(cmd, "type", etch.EventTypes()...)
	completes(cmd, "risk", "low", "medium", "high", "critical", "medium+", "high+")
	completes(cmd, "format", auditFormats...)
	return cmd
}

func (o *auditOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.user, "user", "", "only of this user: `NAME` or id, with or without \"@\"")
	f.StringVar(&o.risk, "risk", "", "only of this `LEVEL`: low, medium, high, critical; high+: that and above")
	f.StringVar(&o.since, "since", "", "only from this `TIME` on")
	f.StringVar(&o.until, "until", "", "only before this `TIME`; a day is included")
	f.BoolVar(&o.violations, "violations-only", false, "only policy violations")
	f.StringSliceVar(&o.types, "type", nil, "only of this event `TYPE`; may be repeated")
	f.StringVar(&o.channel, "channel", "", "only by this way in, for instance cli or telegram")
	f.StringVar(&o.agent, "agent", "", "only of this agent: `NAME` or id")
	f.StringVar(&o.session, "session", "", "only of the session of this `ID`")
	f.StringVar(&o.tool, "tool", "", "only of the tool of this `NAME`")
	f.BoolVar(&o.failed, "failed", false, "only what ended, and not in success")
	f.BoolVar(&o.denied, "denied", false, "only what was not allowed, or was blocked")
	f.BoolVar(&o.allPhases, "phase", false, "attempts beside their completions: a row each")
	f.BoolVar(&o.control, "control", false, "the log's records about itself, too")
	f.IntVarP(&o.limit, "limit", "n", 0, "only the newest `N`")
	f.BoolVarP(&o.reverse, "reverse", "r", false, "the newest first")
	f.StringVar(&o.format, "format", "table", "`FORMAT`: table, short, json, jsonl, csv")
	f.StringVar(&o.output, "output", "", "write to this `FILE`, whole or not at all; -: stdout")
	f.BoolVar(&o.utc, "utc", false, "times in UTC, those of flags too")
	f.BoolVar(&o.wide, "wide", false, "cut nothing to the width of the terminal")
	f.BoolVar(&o.verifySignatures, "verify-signatures", false, "verify the log; see above")
}

// asksMore reports whether flags ask for more than that a log be verified.
func asksMore(f *pflag.FlagSet) bool {
	more := false
	f.Visit(func(flag *pflag.Flag) {
		if !slices.Contains([]string{"verify-signatures", "log", "config", "utc", "wide"}, flag.Name) {
			more = true
		}
	})
	return more
}

func runAudit(ctx context.Context, opts auditOptions, std stdio) error {
	q, err := opts.query(std.now())
	if err != nil {
		return err
	}
	if opts.verifyOnly {
		return runVerify(ctx, verifyOptions{place: opts.place}, std)
	}
	resolved, err := opts.place.loadForReading(std)
	if err != nil {
		return err
	}
	reader, err := openReader(resolved)
	if opts.verifySignatures && err != nil && !errors.Is(err, etch.ErrLogGone) {
		return fail(exitUndecided, hintOf(err), err)
	}
	if err != nil {
		return err
	}
	a := audit{opts: &opts, reader: reader, query: q, std: std}
	if opts.verifySignatures {
		if err := a.verify(ctx); err != nil {
			return err
		}
	}
	if err := a.run(ctx, resolved); err != nil {
		return err
	}
	return a.conclude()
}

// An audit is one run of the command.
type audit struct {
	opts   *auditOptions
	reader *etch.Reader
	query  *auditQuery
	std    stdio
	report *verify.Report // nil: it was not asked for
	proven uint64         // good seals cover the records below

	rows    int
	damages int
	first   error // the first damage

	bar   *progress
	quiet func() // takes the bar away
}

// run prints the records.
func (a *audit) run(ctx context.Context, resolved *config.Resolved) (err error) {
	out, err := a.opts.openOutput(resolved, a.std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.discard()) }()
	a.bar = newProgress(a.std, "searching")
	a.quiet = sync.OnceFunc(a.bar.stop)
	defer a.quiet()
	s := newSink(out, a.renderer)
	err = a.print(ctx, s, out.screen)
	a.quiet()
	if err != nil {
		return errors.Join(err, s.abandon())
	}
	if err := s.close(); err != nil {
		return err
	}
	return out.commit()
}

// print gives the records to the sink. The bar goes before they come, where both
// would be on one screen.
func (a *audit) print(ctx context.Context, s *sink, screen bool) error {
	place, err := a.places()
	if err != nil {
		return err
	}
	for r, err := range a.records(ctx) {
		damage, ok := errors.AsType[*etch.CorruptionError](err)
		switch {
		case ok:
			a.damages++
			if a.first == nil {
				a.first = damage
			}
			continue
		case err != nil:
			return err
		}
		a.rows++
		if screen {
			a.quiet()
		}
		a.bar.set(place(&r))
		if err := s.add(&r); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// places returns what says how many bytes of the log lie before a record, or
// behind it where the search goes backwards, and how many there are.
func (a *audit) places() (func(*etch.Record) (int64, int64), error) {
	status, err := a.reader.Status()
	if err != nil {
		return nil, err
	}
	var total int64
	starts := map[int]int64{}
	for _, s := range status.Segments {
		starts[s.Number] = total
		total += s.Bytes
	}
	return func(r *etch.Record) (int64, int64) {
		before := starts[r.Segment] + r.Offset
		if a.opts.reverse {
			return total - before, total
		}
		return before, total
	}, nil
}

// conclude says what the rows do not show, and returns the exit code as an
// error.
func (a *audit) conclude() error {
	if a.rows == 0 {
		a.std.note("no record matches")
	}
	if level, ok := a.query.hidden(); ok {
		a.std.hint("there are riskier ones than %s, not shown: --risk %s+", level, level)
	}
	if a.damages > 0 {
		return fail(exitFailed, "\"etch verify\" says more", fmt.Errorf("%s cannot be read: %w", lines(a.damages), a.first))
	}
	if a.report != nil && a.report.ExitCode() != 0 {
		return exitWith(a.report.ExitCode())
	}
	return nil
}

func lines(n int) string {
	if n == 1 {
		return "a line of the log"
	}
	return fmt.Sprintf("%d lines of the log", n)
}

// verify verifies the whole log, and finds what seals prove of it. What is wrong
// is told in full, on stderr: data will follow on stdout.
func (a *audit) verify(ctx context.Context) (err error) {
	if a.report, err = (verifyOptions{place: a.opts.place}).report(ctx, a.std); err != nil {
		return err
	}
	if a.report.Verdict == verify.Intact {
		a.std.note("verified: %s, %d records, %d of them after the last seal",
			a.report.Verdict, a.report.Summary.Records, a.report.Summary.UnsealedTail)
	} else if err := a.tell(); err != nil {
		return err
	}
	a.proven, err = provenSize(ctx, a.reader, a.report)
	return err
}

func (a *audit) tell() error {
	var b strings.Builder
	if err := writeReport(&b, a.report); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		a.std.note("%s", strings.TrimSuffix(line, "\n"))
	}
	return nil
}

// provenSize returns the size of the last seal that covers only lines that are
// as they were written: none after the first fault.
func provenSize(ctx context.Context, reader *etch.Reader, report *verify.Report) (uint64, error) {
	if report.Verdict == verify.Undecided {
		return 0, nil
	}
	s := search{ctx: ctx, reader: reader} // of damage on the way the report tells
	seal, err := s.newestSeal()
	if err != nil || seal == nil {
		return 0, err
	}
	size := seal.Seq
	for _, f := range report.Faults {
		good := uint64(0)
		if f.LastGoodSeal != nil {
			good = *f.LastGoodSeal
		}
		size = min(size, good)
	}
	return size, nil
}
