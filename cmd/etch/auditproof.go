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
	// The answer is about the lines that were proved: what came since, or is not
	// sealed yet, is not known, so that no completion there stands for an attempt.
	a.query.Before = etch.Some(a.sealed.Size())
	intact := a.report.Verdict == verify.Intact
	if !intact || a.sealed.Ahead() { // what the state says is not where they end
		segment, offset := a.sealed.End()
		a.query.End = etch.Some(etch.Place{Segment: int(segment), Offset: offset})
	}
	if intact {
		return nil
	}
	a.query.NoIndex = true // behind them anything may stand, under any number, and vouch for any index
	a.std.note("%s", provenPart(a.sealed.Size()))
	return nil
}

// provenPart says what of a log the answer is about.
func provenPart(n uint64) string {
	switch n {
	case 0:
		return "nothing is shown: no seal proves any record"
	case 1:
		return "the answer is about the first record, which is proved; nothing behind it is shown"
	}
	return fmt.Sprintf("the answer is about the first %d records, which are proved; nothing behind them is shown", n)
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
	err := a.proof.Line(uint32(r.Segment), r.Seq, r.Raw)
	if err != nil && !errors.Is(err, verify.ErrUnsealed) {
		a.change(r, err)
	}
	return err != nil
}

// change takes note that a record is not as it was verified, or those around it are
// not.
func (a *audit) change(r *etch.Record, err error) {
	if a.changed != nil {
		return
	}
	if _, region := errors.AsType[*verify.RegionError](err); !region {
		err = fmt.Errorf("segment %d, offset %d: %w", r.Segment, r.Offset, err)
	}
	a.changed = err
}

// errAgain is told of a record that a segment has which took another's place.
var errAgain = errors.New("the record is there once more, or out of its order")

// again reports whether a record is one that was given before the one that was given
// last, or is that, which of a log that nobody changes none is.
func (a *audit) again(r *etch.Record, last uint64, reverse bool) bool {
	if r.Seq != last && (r.Seq < last) == reverse {
		return false
	}
	a.change(r, errAgain)
	return true
}

// onlyProven makes a query give proven records only, where that was asked for.
func (a *audit) onlyProven(q *etch.Query) {
	if a.proof == nil {
		return
	}
	var last *uint64 // they come from the end
	q.Match = func(r *etch.Record) bool {
		if a.withholds(r) || last != nil && a.again(r, *last, true) {
			a.withheld++
			return false
		}
		last = new(r.Seq)
		return true
	}
}
