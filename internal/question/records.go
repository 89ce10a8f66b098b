package question

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/etch-audit/etch"
)

// maxHeld is how many bytes of records may be held to turn them round, and
// besides the line what one takes.
const (
	maxHeld   = 4 << 20
	heldExtra = 1 << 10
)

// ErrWithheld comes with a record that matches and is not to be shown.
var ErrWithheld = errors.New("the record is withheld")

// Records returns the records that a query asks for, as [etch.Reader.Records]
// does, but for two things. Of a Limit without Reverse and After it gives the
// newest, in the order of the log: these mostly take two looks, from the end to
// where they begin, and then forward. And a record that withholds, where it is not
// nil, is true of comes with [ErrWithheld] and is none of the Limit. It is asked of
// every record right before that is given, by the goroutine that gives it.
//
// What cannot be read, and what is withheld, is yielded as the first look meets
// it, and so before all records and from the end.
func Records(ctx context.Context, reader *etch.Reader, q etch.Query, withholds func(*etch.Record) bool) iter.Seq2[etch.Record, error] {
	s := search{ctx: ctx, reader: reader, query: q, limit: q.Limit, withheld: withholds, most: maxHeld}
	if withholds != nil {
		s.query.Limit = 0 // what is withheld is none of what was asked for
	}
	if _, paged := q.After.Get(); q.Limit == 0 || q.Reverse || paged {
		return s.plain
	}
	return s.newest
}

// A search is one run through a log for a query.
type search struct {
	ctx      context.Context
	reader   *etch.Reader
	query    etch.Query
	limit    int                     // 0: none
	withheld func(*etch.Record) bool // nil: none is
	most     int                     // bytes that may be held
}

// withholds reports whether a record is withheld. It takes the record itself: what the
// address is taken of is made anew for each, and that only where somebody is asked.
func (s *search) withholds(r etch.Record) bool { return s.withheld != nil && s.asked(r) }

//go:noinline
func (s *search) asked(r etch.Record) bool { return s.withheld(&r) }

// plain gives the records in the order in which they are met.
func (s *search) plain(yield func(etch.Record, error) bool) {
	given := 0
	for r, err := range s.reader.Records(s.ctx, s.query) {
		if err == nil && s.withholds(r) {
			err = ErrWithheld
		}
		if !yield(r, err) {
			return
		}
		if err != nil {
			continue
		}
		if given++; given == s.limit {
			return
		}
	}
}

// newest gives the newest records.
func (s *search) newest(yield func(etch.Record, error) bool) {
	var found span
	if !s.back(s.query, &found, yield) {
		return
	}
	if !found.over {
		for _, r := range slices.Backward(found.held) {
			if !yield(r, nil) {
				return
			}
		}
		return
	}
	q, err := s.fixed()
	if err != nil {
		yield(etch.Record{}, err)
		return
	}
	found = span{over: true}
	failed := false
	told := func(_ etch.Record, err error) bool {
		if _, damage := errors.AsType[*etch.CorruptionError](err); damage || errors.Is(err, ErrWithheld) {
			return true // it was told
		}
		failed = true
		yield(etch.Record{}, err)
		return false
	}
	if s.back(q, &found, told) && !failed {
		s.between(q, &found, yield)
	}
}

// fixed returns the query for the log as it is now, so that it does not grow
// between two looks: a call that completes meanwhile would be in neither.
func (s *search) fixed() (etch.Query, error) {
	q := s.query
	if _, fixed := q.Before.Get(); fixed {
		return q, nil
	}
	status, err := s.reader.Status()
	if err == nil && status.State {
		q.Before = etch.Some(status.Size)
	}
	return q, err
}

// A span is what a look from the end has found.
type span struct {
	held        []etch.Record // the newest first
	over        bool          // they are too many to hold
	first, last uint64        // their numbers
	count       int
}

// back looks at the newest records, and reports whether to go on. It yields what
// is no record.
func (s *search) back(q etch.Query, found *span, yield func(etch.Record, error) bool) bool {
	q.Reverse = true
	size := 0
	for r, err := range s.reader.Records(s.ctx, q) {
		if err == nil && s.withholds(r) {
			err = ErrWithheld
		}
		if err != nil {
			if !yield(r, err) {
				return false
			}
			continue
		}
		if found.count++; found.count == 1 {
			found.last = r.Seq
		}
		found.first = r.Seq
		if size += len(r.Raw) + heldExtra; size > s.most {
			found.held, found.over = nil, true
		} else if !found.over {
			if q.LinesOnly {
				r.Raw = bytes.Clone(r.Raw) // it is valid until the next record
			}
			found.held = append(found.held, r)
		}
		if found.count == s.limit {
			break
		}
	}
	return true
}

// between gives the records that the look from the end has seen.
func (s *search) between(q etch.Query, seen *span, yield func(etch.Record, error) bool) {
	if seen.count == 0 {
		return
	}
	within, err := etch.ParseFilter(fmt.Sprintf("seq >= %d and seq <= %d", seen.first, seen.last), time.Time{})
	if err != nil {
		yield(etch.Record{}, err)
		return
	}
	q.Limit = 0
	q.Where = q.Where.And(within)
	for r, err := range s.reader.Records(s.ctx, q) {
		if _, told := errors.AsType[*etch.CorruptionError](err); told {
			continue
		}
		if err == nil && s.withholds(r) {
			continue // it was told, unless it was changed since: that is told by who withholds
		}
		if !yield(r, err) {
			return
		}
	}
}
