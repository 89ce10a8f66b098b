package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/verify"
)

// verify verifies the whole log, and finds what seals prove of it. What is wrong
// is told in full, on stderr: data will follow on stdout.
func (a *audit) verify(ctx context.Context) (err error) {
	if a.report, err = (verifyOptions{place: a.opts.place, sealed: &a.sealed}).report(ctx, a.std); err != nil {
		return err
	}
	if a.report.Verdict == verify.Intact {
		a.std.note("verified: %s, %d records%s", a.report.Verdict, a.report.Summary.Records, unsealed(a.report.Summary.UnsealedTail))
	} else if err := a.tell(); err != nil {
		return err
	}
	a.proof = a.sealed.Check(a.open)
	if a.report.Verdict != verify.Intact {
		// A completion that nothing proves must not stand for a proven attempt.
		a.opts.allPhases, a.query.AllPhases = true, true
		return nil
	}
	// The answer is about the lines that were proved: what came since, or is not
	// sealed yet, is not known, so that no completion there stands for an attempt.
	a.query.Before = etch.Some(a.sealed.Size())
	return nil
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

// unsealed says how many records at the end no seal covers yet.
func unsealed(n uint64) string {
	if n == 0 {
		return ", all of them sealed"
	}
	return fmt.Sprintf(", the last %d not sealed yet and so not shown", n)
}

// open opens a segment for what compares its lines with those that were verified.
func (a *audit) open(number uint32) (*io.SectionReader, io.Closer, error) {
	return a.reader.OpenSegment(int(number))
}

// withholds reports whether a record is not to be shown, as no good seal proves
// its very bytes at the place that it claims, and takes note of a change since. Without
// --verify-signatures none is withheld.
func (a *audit) withholds(r *etch.Record) bool {
	if a.proof == nil {
		return false
	}
	err := a.proof.Line(r.Seq, r.Raw)
	if err != nil && !errors.Is(err, verify.ErrUnsealed) && a.report.Verdict == verify.Intact && a.changed == nil {
		a.changed = fmt.Errorf("segment %d, offset %d: %w", r.Segment, r.Offset, err)
	}
	return err != nil
}

// onlyProven makes a query give proven records only, where that was asked for.
func (a *audit) onlyProven(q *etch.Query) {
	if a.proof != nil {
		q.Match = func(r *etch.Record) bool {
			withheld := a.withholds(r)
			if withheld {
				a.withheld++
			}
			return !withheld
		}
	}
}
