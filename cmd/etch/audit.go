package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/question"
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

	where             []string
	words             []string // FIELD=VALUE
	grep              []string
	fixed, ignoreCase bool
	after             string
	cursor, follow    bool
	noIndex           bool

	fields    []string
	count     bool
	countBy   []string
	histogram string

	format, output string
	utc, wide      bool

	verifySignatures bool
	verifyOnly       bool // nothing else was asked for
}

var auditFormats = []string{"table", "short", "json", "jsonl", "csv", "zeph", "zeroclaw"}

func newAudit(at *place, std stdio) *cobra.Command {
	opts := auditOptions{place: at}
	cmd := &cobra.Command{
		Use:   "audit [FIELD=VALUE]...",
		Short: "Ask: who did what, when, how risky, with what outcome",
		Example: `  etch audit --user @alice
  etch audit --risk high+ --since 24h
  etch audit --where 'user = alice and (denied or risk >= high) and time >= yesterday'
  etch audit --grep 'curl .*\| *sh' --count-by user,risk
  etch audit --histogram 1h --since today
  etch audit --follow --failed
  etch audit --since yesterday --violations-only
  etch audit --format json --output audit.json
  etch audit --verify-signatures`,
		Long: auditHelp + folded(etch.FieldNames(), 79) + ".",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, words []string) error {
			opts.words = words
			opts.limitSet = cmd.Flags().Changed("limit")
			if err := refuseEmpty(cmd.Flags(), forAll); err != nil {
				return err
			}
			opts.verifyOnly = opts.verifySignatures && len(words) == 0 && !asksMore(cmd.Flags())
			return runAudit(cmd.Context(), opts, std)
		},
	}
	cmd.Flags().SortFlags = false
	opts.addFlags(cmd.Flags())
	completes(cmd, "type", etch.EventTypes()...)
	completes(cmd, "risk", "low", "medium", "high", "critical", "medium+", "high+")
	completes(cmd, "format", auditFormats...)
	completes(cmd, "fields", etch.FieldNames()...)
	completes(cmd, "count-by", etch.FieldNames()...)
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
	f.StringArrayVar(&o.where, "where", nil, "only what this `EXPRESSION` is true of; may be repeated")
	f.StringArrayVar(&o.grep, "grep", nil, "only where this `PATTERN` (RE2) is in a text of what was done; may be repeated")
	f.BoolVarP(&o.fixed, "fixed-strings", "F", false, "take the pattern as it stands")
	f.BoolVarP(&o.ignoreCase, "ignore-case", "i", false, "ignore the pattern's case")
	f.IntVarP(&o.limit, "limit", "n", 0, "only the newest `N`")
	f.BoolVarP(&o.reverse, "reverse", "r", false, "the newest first")
	f.StringVar(&o.after, "after", "", "only records behind the one with this `SEQ`; -n then takes the first")
	f.BoolVar(&o.cursor, "cursor", false, "tell on stderr what --after is for the next page")
	f.BoolVarP(&o.follow, "follow", "f", false, "go on as records come")
	f.BoolVar(&o.count, "count", false, "how many records match, instead of them")
	f.Var((*nameList)(&o.countBy), "count-by", "how many for each value of these `FIELDS`")
	f.StringVar(&o.histogram, "histogram", "", "how many in each `STEP` of time: 1m, 1h, 1d, 1w")
	f.Var((*nameList)(&o.fields), "fields", "only these `FIELDS` of each record")
	f.BoolVar(&o.noIndex, "no-index", false, "read every line, whatever indexes there are")
	f.StringVar(&o.format, "format", "table", "`FORMAT`: table, short, json, jsonl, csv, zeph, zeroclaw")
	f.StringVar(&o.output, "output", "", "write to this `FILE`, whole or not at all; -: stdout")
	f.BoolVar(&o.utc, "utc", false, "times in UTC, those of flags too")
	f.BoolVar(&o.wide, "wide", false, "fold and cut nothing to the width of the terminal")
	f.BoolVar(&o.verifySignatures, "verify-signatures", false, "verify the log; see above")
	once(f, "user", "risk", "since", "until", "channel", "agent", "session", "tool", "after")
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

// collectLate is how much garbage an answer may gather, in percent of what is in
// use, which is a few MiB: most answers are given before any is collected.
const collectLate = 400

// collectingLate sets that for as long as a command runs, unless people have set
// something else.
func collectingLate(std stdio) (restore func()) {
	if std.getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(collectLate)
	return func() { debug.SetGCPercent(before) }
}

func runAudit(ctx context.Context, opts auditOptions, std stdio) error {
	defer collectingLate(std)()
	q, err := opts.query(std.now())
	if err != nil {
		return err
	}
	if opts.verifyOnly {
		return runVerify(ctx, verifyOptions{place: opts.place}, std)
	}
	std.tellZone(opts.utc)
	opts.tellWords(std)
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
	q.Notify = std.notes()
	a := audit{opts: &opts, reader: reader, query: q, std: std}
	if opts.verifySignatures {
		if err := a.verify(ctx); err != nil {
			return err
		}
		defer func() { _ = a.proof.Close() }() // it was only read
	}
	run := a.run
	if opts.counts() {
		run = a.tally
	}
	if err := run(ctx, resolved); err != nil {
		return err
	}
	return a.conclude(ctx)
}

// folded returns names with commas, folded at a width.
func folded(names []string, width int) string {
	var b strings.Builder
	column := len("Fields: ")
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
			if column += len(name) + 2; column > width {
				b.WriteByte('\n')
				column = len(name)
			} else {
				b.WriteByte(' ')
			}
		}
		b.WriteString(name)
	}
	return b.String()
}

// An audit is one run of the command.
type audit struct {
	opts   *auditOptions
	reader *etch.Reader
	query  *auditQuery
	std    stdio
	report *verify.Report // nil: it was not asked for
	sealed verify.Sealed  // what good seals prove
	proof  *verify.Check  // compares records with that; nil: it was not asked for

	withheld int        // records that nothing proves
	changed  error      // why a record is not the one that was verified: the first such
	skipped  func() int // records that the format has no place for; nil: it has for all

	rows    int
	last    uint64      // seq of the last record printed
	at      etch.Record // it, for its place
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
	a.quiet = func() {} // what has no end is never half done
	if !a.opts.follow {
		a.bar = newProgress(a.std, "searching")
		a.quiet = sync.OnceFunc(a.bar.stop)
	}
	defer a.quiet()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := newSink(out, a.renderer, cancel)
	err = a.print(ctx, s, out.screen)
	if failure := s.failure(); failure != nil {
		err = failure // and whatever else is said follows from it
	}
	a.quiet()
	if err != nil {
		err = errors.Join(err, s.abandon())
		if a.opts.follow {
			err = errors.Join(err, a.tellCursor(context.WithoutCancel(ctx))) // nothing else comes behind it
		}
		return err
	}
	if err := s.close(); err != nil {
		return err
	}
	return out.commit()
}

// print gives the records to the sink. The bar goes before they come, where both
// would be on one screen.
func (a *audit) print(ctx context.Context, s *sink, screen bool) error {
	shown := func(*etch.Record) {}
	if a.bar != nil && a.bar.shows {
		place, err := a.places()
		if err != nil {
			return err
		}
		shown = func(r *etch.Record) { a.bar.set(place(r)) }
	}
	var r etch.Record // one for all: what is given to a renderer would be made anew for each
	for next, err := range a.records(ctx) {
		if errors.Is(err, question.ErrWithheld) {
			a.withheld++
			continue
		}
		if err != nil {
			damage, ok := errors.AsType[*etch.CorruptionError](err)
			if !ok {
				return err
			}
			a.damage(damage)
			continue
		}
		r = next
		if a.proof != nil && a.rows > 0 && a.again(&r, a.last, a.opts.reverse) {
			a.withheld++
			continue
		}
		a.rows++
		a.last, a.at = r.Seq, etch.Record{Seq: r.Seq, Segment: r.Segment, Offset: r.Offset, Raw: r.Raw}
		if screen {
			a.quiet()
		}
		shown(&r)
		if err := s.add(&r); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// damage takes note of a line that cannot be read. Who follows a log has no end
// to be told at.
func (a *audit) damage(err *etch.CorruptionError) {
	a.damages++
	// Who looks from the end meets the last one first.
	if first, ok := errors.AsType[*etch.CorruptionError](a.first); !ok || isBefore(err, first) {
		a.first = err
	}
	if a.opts.follow {
		a.std.warn("%v", unreadable(1, err))
	}
}

// isBefore reports whether one damage lies before another in the log.
func isBefore(a, b *etch.CorruptionError) bool {
	return cmp.Or(cmp.Compare(a.Segment, b.Segment), cmp.Compare(a.Offset, b.Offset)) < 0
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
func (a *audit) conclude(ctx context.Context) error {
	switch {
	case a.withheld > 0:
		a.std.note("%s that %s not shown: nothing proves %s", count(a.withheld, "record"), plural(a.withheld, "matches is", "match are"), plural(a.withheld, "it", "them"))
	case a.rows == 0 && !a.opts.count:
		a.std.note("no record matches")
	}
	if a.skipped != nil && a.skipped() > 0 {
		n := a.skipped()
		a.std.note("%s left out: the schema of %s has no place for %s", count(n, "record"), a.opts.format, plural(n, "it", "them"))
	}
	if err := errors.Join(a.tellCursor(ctx), a.hintRiskier(ctx)); err != nil {
		return err
	}
	if a.damages > 0 {
		return fail(exitFailed, "\"etch verify\" says more", unreadable(a.damages, a.first))
	}
	if a.changed != nil {
		return fail(exitFailed, "ask again, and verify", fmt.Errorf("the log was changed while it was asked: %w", a.changed))
	}
	if a.report != nil && a.report.ExitCode() != 0 {
		return exitWith(a.report.ExitCode())
	}
	return nil
}

// plural returns the word for one, or for another number.
func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// tellCursor tells what --after is for the next page. Behind the last page that
// is where what comes later begins. None is told where the last record's number is not
// that of its place: it could lead past whatever is there.
func (a *audit) tellCursor(ctx context.Context) error {
	if !a.opts.cursor {
		return nil
	}
	after, paged := a.query.After.Get()
	if a.rows > 0 {
		after = a.last
	} else if !paged {
		return nil // there is no record yet
	}
	if a.rows > 0 && a.proof == nil {
		err := a.reader.CheckNumber(ctx, &a.at)
		if damage, ok := errors.AsType[*etch.CorruptionError](err); ok {
			a.damage(damage)
			a.std.note("no cursor: the number of the last record is not that of its place, or that of what follows is not")
			return nil
		}
		if err != nil {
			return err
		}
	}
	end := ""
	if !a.opts.follow && (a.opts.limit == 0 || a.rows < a.opts.limit || !paged) {
		end = " (the end: nothing matches behind it yet)"
	}
	a.std.note("cursor: --after %d%s", after, end)
	return nil
}

// unreadable says that n places of the log could not be read, of which the first
// has an error.
func unreadable(n int, first error) error {
	if !errors.Is(first, etch.ErrMissing) {
		return fmt.Errorf("%s cannot be read: %w", places(n), first)
	}
	if n > 1 {
		return fmt.Errorf("the answer is not whole: %w; and %d more", first, n-1)
	}
	return fmt.Errorf("the answer is not whole: %w", first)
}

// places counts what may be a line each, or more: the frame of an archive, or bytes
// that are no line.
func places(n int) string {
	if n == 1 {
		return "a place of the log"
	}
	return fmt.Sprintf("%d places of the log", n)
}
