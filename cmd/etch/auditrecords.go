package main

import (
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

// records returns the records asked for. With --after -n takes the first behind
// it. The newest in the order of the log take two looks: from the end to where
// they begin, and then forward.
func (a *audit) records(ctx context.Context) iter.Seq2[etch.Record, error] {
	q := a.query.Query
	if a.opts.follow {
		return a.reader.Follow(ctx, q)
	}
	_, paged := q.After.Get()
	all := q.Limit == 0
	if a.withholds() {
		q.Limit = 0 // what is withheld is none of what was asked for
	}
	if all || q.Reverse || paged {
		return a.reader.Records(ctx, q)
	}
	return func(yield func(etch.Record, error) bool) {
		newest, err := a.newest(ctx, q, maxHeld)
		if err == nil && newest.held == nil {
			newest, q, err = a.newestFixed(ctx, q)
		}
		if err != nil {
			yield(etch.Record{}, err)
			return
		}
		if newest.held != nil {
			for _, r := range slices.Backward(newest.held) {
				if !yield(r, nil) {
					return
				}
			}
			return
		}
		a.between(ctx, q, newest, yield)
	}
}

// A newest is what the look from the end has found.
type newest struct {
	held        []etch.Record // the newest first; nil where they were too many to hold
	first, last uint64        // their numbers
}

// newestFixed looks again at records that were too many to hold, in a log that
// does not grow any more: it returns the query for it. Otherwise a call that
// completes between this look and the next would be in neither.
func (a *audit) newestFixed(ctx context.Context, q etch.Query) (newest, etch.Query, error) {
	if _, fixed := q.Before.Get(); !fixed {
		status, err := a.reader.Status()
		if err != nil {
			return newest{}, q, err
		}
		if status.State {
			q.Before = etch.Some(status.Size)
		}
	}
	a.damages, a.withheld = 0, 0
	found, err := a.newest(ctx, q, 0)
	return found, q, err
}

// newest looks at the newest records that q asks for. What cannot be read on the
// way is counted, however much it is.
func (a *audit) newest(ctx context.Context, q etch.Query, most int) (newest, error) {
	q.Reverse = true
	found := newest{held: []etch.Record{}}
	bytes, n := 0, 0
	for r, err := range a.reader.Records(ctx, q) {
		if damage, ok := errors.AsType[*etch.CorruptionError](err); ok {
			a.damages++
			a.first = damage // the last to be met is the first in the log
			continue
		}
		if err != nil {
			return found, err
		}
		if a.unproven(&r) {
			a.withheld++
			continue
		}
		if n++; n == 1 {
			found.last = r.Seq
		}
		found.first = r.Seq
		if bytes += len(r.Raw) + heldExtra; bytes > most {
			found.held = nil
		} else if found.held != nil {
			found.held = append(found.held, r)
		}
		if n == a.opts.limit {
			break
		}
	}
	return found, nil
}

// between gives the records that q asks for and the look from the end has seen.
func (a *audit) between(ctx context.Context, q etch.Query, seen newest, yield func(etch.Record, error) bool) {
	within, err := etch.ParseFilter(fmt.Sprintf("seq >= %d and seq <= %d", seen.first, seen.last), a.std.now())
	if err != nil {
		yield(etch.Record{}, err)
		return
	}
	q.Limit = 0
	q.Where = q.Where.And(within)
	for r, err := range a.reader.Records(ctx, q) {
		if _, told := errors.AsType[*etch.CorruptionError](err); told {
			continue
		}
		if !yield(r, err) {
			return
		}
	}
}
