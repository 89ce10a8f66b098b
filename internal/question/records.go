package question

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

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
	if !s.back(&found, yield) {
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
	s.again(&found, yield)
}

// A span is what a look from the end has found.
type span struct {
	held   []etch.Record // the newest first
	over   bool          // they are too many to hold
	places places        // of them, then
	first  etch.Place    // of the oldest
	count  int
}

// add adds the next older record. Of size bytes that are too many to hold, where it
// stands is kept.
func (f *span) add(r etch.Record, tooMany bool) {
	f.count++
	f.first = etch.Place{Segment: r.Segment, Offset: r.Offset}
	switch {
	case f.over:
	case !tooMany:
		f.held = append(f.held, r)
		return
	default:
		f.over, f.places = true, places{}
		for _, r := range f.held {
			f.places.add(etch.Place{Segment: r.Segment, Offset: r.Offset})
		}
		f.held = nil
	}
	f.places.add(f.first)
}

// back looks at the newest records, and reports whether to go on. It yields what
// is no record.
func (s *search) back(found *span, yield func(etch.Record, error) bool) bool {
	q := s.query
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
		size += len(r.Raw) + heldExtra
		tooMany := size > s.most
		if q.LinesOnly && !tooMany {
			r.Raw = bytes.Clone(r.Raw) // it is valid until the next record
		}
		found.add(r, tooMany)
		if found.count == s.limit {
			break
		}
	}
	return true
}

// errGone is told where a second look does not find what the first has seen.
var errGone = errors.New("the log was changed while it was asked")

// again gives the records that the look from the end has seen, whatever was recorded
// since. It knows them by where they stand: the numbers that they claim are theirs to
// choose who can write the files, and one digit would take all others out of sight.
func (s *search) again(seen *span, yield func(etch.Record, error) bool) {
	q := s.query
	q.Limit, q.Begin, q.Notify = 0, seen.first, nil // that was told
	q.AllPhases = true                              // which attempts have a row of their own is known
	left := seen.count
	for r, err := range s.reader.Records(s.ctx, q) {
		if _, told := errors.AsType[*etch.CorruptionError](err); told {
			continue
		}
		if err == nil && !seen.places.has(etch.Place{Segment: r.Segment, Offset: r.Offset}) {
			continue
		}
		left--
		// What is withheld was told, unless it was changed since: that is told by who
		// withholds.
		if (err != nil || !s.withholds(r)) && !yield(r, err) || err == nil && left == 0 {
			return
		}
	}
	yield(etch.Record{}, fmt.Errorf("%w: %d records that were there are not any more", errGone, left))
}
