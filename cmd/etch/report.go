package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/terminal"
	reports "github.com/etch-audit/etch/report"
	"github.com/etch-audit/etch/verify"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type reportOptions struct {
	place *place

	since, until string
	user, agent  string
	top          int
	noVerify     bool

	format, output string
	utc, wide      bool
}

var reportFormats = []string{"text", "md", "json", "html"}

// reportSpan is the period where none is asked for: reports made a week apart
// leave nothing out.
const reportSpan = 7 * 24 * time.Hour

func newReport(at *place, std stdio) *cobra.Command {
	opts := reportOptions{place: at}
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Sum up a period: who did how much, how risky, what failed, what was new",
		Example: `  etch report
  etch report --since yesterday --user @alice
  etch report --format html --output monday.html`,
		Long: `Sums up the last seven days, or the period that is asked for: totals, compared
with the period of the same length before; events by day, user, agent, tool, risk
and outcome; what was denied and what failed; the riskiest commands, and why; the
programs and commands that the log had not seen before the period; gaps,
recoveries and broken epochs; and what verifying the whole log comes to.

--since and --until take what those of "etch audit" take. A period under two days
has a bar for each hour, one over 92 days a bar for each month, or for each year
where events lie more than ten years apart. Failed is what ended, not in success,
and was not denied.

New is a program or a command that no event has from before the period, of the
same user and agent where one is asked for. White space makes no difference; a
program is the first word of each part of a command, without its directory.

Formats: text, md (Markdown), json, html (one page that loads nothing and runs
nothing). --output writes the file whole or not at all, readable by its owner
only. Nothing is written to the log.

Exit codes: 0 done, 1 failed or the log is damaged, 2 wrong use, or the log could
not be verified (--no-verify does without).`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseEmpty(cmd.Flags(), forAll); err != nil {
				return err
			}
			return runReport(cmd.Context(), opts, std)
		},
	}
	cmd.Flags().SortFlags = false
	opts.addFlags(cmd.Flags())
	completes(cmd, "format", reportFormats...)
	return cmd
}

func (o *reportOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.since, "since", "", "from this `TIME` on; default: seven days before the end")
	f.StringVar(&o.until, "until", "", "before this `TIME`; a day is included; default: now")
	f.StringVar(&o.user, "user", "", "only of this user: `NAME` or id, with or without \"@\"")
	f.StringVar(&o.agent, "agent", "", "only of this agent: `NAME` or id")
	f.IntVar(&o.top, "top", 10, "at most `N` rows in a list")
	f.StringVar(&o.format, "format", "text", "`FORMAT`: text, md, json, html")
	f.StringVar(&o.output, "output", "", "write to this `FILE`, whole or not at all; -: stdout")
	f.BoolVar(&o.utc, "utc", false, "times in UTC, those of flags too")
	f.BoolVar(&o.wide, "wide", false, "cut nothing to the width of the terminal")
	f.BoolVar(&o.noVerify, "no-verify", false, "do not verify the log")
	once(f, "since", "until", "user", "agent")
}

// maxTop bounds the rows of a list: what is longer is no report.
const maxTop = 1000

// ask turns the flags into what the report is about. Every error is about wrong
// use.
func (o *reportOptions) ask(now time.Time) (reports.Options, error) {
	if o.utc {
		now = now.UTC()
	}
	ask := reports.Options{User: o.user, Agent: o.agent, Top: o.top, Made: now, Zone: now.Location(), Until: now}
	if o.top <= 0 || o.top > maxTop {
		return ask, usagef("", "--top must be from 1 to %d, got %d", maxTop, o.top)
	}
	if !slices.Contains(reportFormats, o.format) {
		return ask, oneOf("format", o.format, reportFormats)
	}
	since, err := parseTime("--since", o.since, now)
	if err != nil {
		return ask, err
	}
	until, err := parseTime("--until", o.until, now)
	if err != nil {
		return ask, err
	}
	if o.until != "" {
		ask.Until = until.Until
	}
	if ask.From = since.From; o.since == "" {
		ask.From = ask.Until.Add(-reportSpan)
	}
	if !ask.From.Before(ask.Until) {
		return ask, usagef("", "the report would end before it begins: --since %q, --until %q", o.since, o.until)
	}
	return ask, nil
}

func runReport(ctx context.Context, opts reportOptions, std stdio) error {
	ask, err := opts.ask(std.now())
	if err != nil {
		return err
	}
	std.tellZone(opts.utc)
	resolved, err := opts.place.loadForReading(std)
	if err != nil {
		return err
	}
	reader, err := openReader(resolved)
	if err != nil {
		return err
	}
	// Before anything long: whether it can be written at all.
	out, err := (&auditOptions{output: opts.output}).openOutput(resolved, std)
	if err != nil {
		return err
	}
	made, err := opts.make(ctx, reader, ask, std)
	if err == nil {
		err = opts.write(out, made, std)
	}
	if err == nil {
		err = out.commit()
	}
	if err = errors.Join(err, out.discard()); err != nil {
		return err
	}
	return concludeReport(made)
}

// make gathers the report, and verifies the log before: what was written
// meanwhile is in the report and not in the verdict, never the other way round.
func (o *reportOptions) make(ctx context.Context, reader *etch.Reader, ask reports.Options, std stdio) (*reports.Report, error) {
	var verdict *verify.Report
	var sealed verify.Sealed
	if !o.noVerify {
		var err error
		if verdict, err = (verifyOptions{place: o.place, sealed: &sealed}).report(ctx, std); err != nil {
			return nil, err
		}
	}
	place, err := (&audit{opts: &auditOptions{}, reader: reader}).places()
	if err != nil {
		return nil, err
	}
	bar := newProgress(std, "reading")
	quiet := sync.OnceFunc(bar.stop)
	defer quiet()
	ask.Progress = func(r *etch.Record) { bar.set(place(r)) }
	ask.Notify = std.notes()
	made, err := reports.Gather(ctx, reader, ask)
	if err == nil && verdict != nil {
		made.SetVerification(verdict, sealed.Size())
	}
	return made, err
}

// write writes the report in its format. What a terminal shows moves no cursor
// in any of them.
func (o *reportOptions) write(out *output, made *reports.Report, std stdio) error {
	if o.format == "text" {
		look := (&audit{opts: &auditOptions{utc: o.utc, wide: o.wide, output: o.output}, std: std}).look(out.screen)
		return made.WriteText(out, reports.TextOptions{Width: look.Width, Colour: look.Colour})
	}
	w := terminal.NewWriter(out) // changes no value of JSON, and nothing of what is harmless
	var err error
	switch o.format {
	case "md":
		err = made.WriteMarkdown(w)
	case "html":
		err = made.WriteHTML(w)
	default:
		err = writeJSON(w, made)
	}
	if err != nil {
		return err
	}
	return w.Close()
}

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// concludeReport returns the exit code as an error.
func concludeReport(made *reports.Report) error {
	if n := int(made.Log.Unreadable); n > 0 {
		first := made.Log.Damages[0]
		err := fmt.Errorf("%s cannot be read: %s: offset %d: %s", places(n), first.Segment, first.Offset, first.Detail)
		return fail(exitFailed, "\"etch verify\" says more", err)
	}
	switch v := made.Verification; {
	case v == nil || v.Verdict == verify.Intact:
		return nil
	case v.Verdict == verify.Damaged:
		return exitWith(exitFailed)
	default:
		return exitWith(exitUndecided)
	}
}
