package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/etch-audit/etch/capture/source"
)

// An importSummary is what became of the entries.
type importSummary struct {
	Source  string `json:"source"`
	DryRun  bool   `json:"dry_run"`
	Added   int    `json:"added"`
	Present int    `json:"present"`
	Skipped int    `json:"skipped"`
	Faults  int    `json:"faults"`
	Whole   bool   `json:"whole"`
}

// An importAnswer is one line of JSON: a report, or the summary.
type importAnswer struct {
	Report  *source.Report `json:"report,omitempty"`
	Summary *importSummary `json:"summary,omitempty"`
}

// print prints a report. That nobody reads it is no reason to record nothing: the
// error is kept for the end.
func (r *importRun) print(report *source.Report) {
	if r.unread != nil {
		return
	}
	if r.opts.format == "json" {
		r.unread = printJSON(r.std, importAnswer{Report: report})
		return
	}
	if r.printed {
		_, r.unread = fmt.Fprintln(r.std.out)
	}
	r.printed = true
	if r.unread == nil {
		_, r.unread = report.WriteTo(r.std.out)
	}
}

// faultsOf returns how many faults a report has.
func faultsOf(report *source.Report) int {
	n := 0
	for _, f := range report.Files {
		n += len(f.Faults) + f.FaultsLeftOut
	}
	return n
}

// tellNewFaults tells the faults that were found since it was last called, of
// files that are followed.
func (r *importRun) tellNewFaults(quiet bool) {
	for _, p := range r.parsers {
		for _, f := range p.Report().Files {
			for _, fault := range f.Faults[min(r.told[f], len(f.Faults)):] {
				if !quiet {
					r.std.warn("%s: %s", f.Name, fault.String())
				}
			}
			r.told[f] = len(f.Faults)
		}
	}
}

// conclude prints what became of it all, and returns the exit code as an error.
// Where the import failed, that was because of err.
func (r *importRun) conclude(err error) error {
	if r.opts.follow {
		for _, p := range r.parsers {
			r.print(p.Report())
		}
	}
	r.doubtProgram()
	c := r.into.Counts()
	sum := importSummary{Source: r.source.name, DryRun: r.opts.dryRun, Added: c.Added, Present: c.Present, Skipped: c.Skipped, Whole: err == nil}
	for _, p := range r.parsers {
		sum.Faults += faultsOf(p.Report())
	}
	r.printSummary(&sum)
	if errors.Is(err, context.Canceled) {
		r.std.hint("import again to add the rest: nothing is added twice")
	}
	if damage := r.into.Damage(); damage != nil {
		return fail(exitFailed, "\"etch verify\" says more", fmt.Errorf("some of the log cannot be read, and what it tells may now be in it twice: %w", damage))
	}
	if r.unread == nil && sum.Faults > 0 {
		return exitWith(exitFailed)
	}
	return r.unread
}

// doubtProgram asks about files of which no line is a record of the program that was named.
func (r *importRun) doubtProgram() {
	for _, p := range r.parsers {
		for _, f := range p.Report().Files {
			if f.Records == 0 && f.Fragments > 0 {
				r.std.hint("no line of %s is a record of %s's: is it another program's? --dry-run looks without recording", f.Name, r.source.name)
			}
		}
	}
}

func (r *importRun) printSummary(sum *importSummary) {
	if r.unread != nil {
		return
	}
	if r.opts.format == "json" {
		r.unread = printJSON(r.std, importAnswer{Summary: sum})
		return
	}
	verb := "recorded"
	if sum.DryRun {
		verb = "new; nothing was recorded"
	}
	text := fmt.Sprintf("\n%s %s; %d %s there before", count(sum.Added, "event"), verb, sum.Present, plural(sum.Present, "was", "were"))
	if sum.Skipped > 0 {
		text += fmt.Sprintf("; %d left out, as the configuration says", sum.Skipped)
	}
	if !sum.Whole {
		text += "; the import was not finished"
	}
	_, r.unread = fmt.Fprintln(r.std.out, text)
}
