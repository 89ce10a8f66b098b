package etch

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"time"
)

// followEvery is how often a log that is followed is looked at.
const followEvery = 100 * time.Millisecond

// Follow returns the records that match the query as they are recorded, each
// once and in the order of their sequence numbers, whichever process wrote it
// and however often the log was rotated meanwhile. It ends with ctx, whose
// error comes last.
//
// Records that are there already come first where the query asks for some: from
// a time or a record on, or the newest Limit. Behind a record come all: with After
// Limit is not heeded, for some would be left out between those and what comes next.
// Attempts come with their completions, as a completion is not known before it is
// there. Of Reverse nothing is heeded. Errors are as those of [Reader.Records].
func (r *Reader) Follow(ctx context.Context, q Query) iter.Seq2[Record, error] {
	q.Reverse, q.AllPhases = false, true
	if q.After.set {
		q.Limit = 0
	}
	return func(yield func(Record, error) bool) {
		f := follower{r: r, q: q, ctx: ctx, yield: yield}
		if !f.history() {
			return
		}
		tick := time.NewTicker(followEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				yield(Record{}, ctx.Err())
				return
			case <-tick.C:
			}
			if !f.more() {
				return
			}
		}
	}
}

// A follower follows a log for one consumer.
type follower struct {
	r     *Reader
	q     Query
	ctx   context.Context
	yield func(Record, error) bool
	at    Place // where the log was read to
}

// history gives what is there already and asked for, and notes where the log
// ended then. It reports whether the consumer wants more.
func (f *follower) history() bool {
	v, err := f.r.view(f.ctx)
	if err != nil {
		return f.yield(Record{}, err) && false
	}
	wanted := f.q.Limit > 0 || !f.q.From.IsZero() || f.q.After.set
	if f.at, err = f.r.endOf(v); err == nil && wanted {
		if f.give(v) {
			_ = v.close() // it was only read, and nobody is there to tell
			return false
		}
	}
	f.q.Limit = 0
	if closed := v.close(); err == nil {
		err = closed
	}
	return err == nil || f.yield(Record{}, err) && false
}

// give gives the records of a view, and reports whether the consumer has had
// enough.
func (f *follower) give(v *view) (stopped bool) {
	q := f.q
	if q.Limit == 0 {
		return f.r.search(f.ctx, v, &q, nil, f.yield)
	}
	var newest []Record
	q.Reverse = true
	f.r.search(f.ctx, v, &q, nil, func(rec Record, err error) bool {
		if err != nil {
			_, damage := errors.AsType[*CorruptionError](err)
			stopped = !f.yield(Record{}, err) || !damage
			return !stopped
		}
		if q.LinesOnly {
			rec.Raw = bytes.Clone(rec.Raw) // it is valid until the next record
		}
		newest = append(newest, rec)
		return true
	})
	for i := len(newest) - 1; i >= 0 && !stopped; i-- {
		stopped = !f.yield(newest[i], nil)
	}
	return stopped
}

// endOf returns where the records of a view end, and holds the view to it: where
// there is no state to say so, the last segment may be growing. A segment that
// does not say its number is none to go on from.
func (r *Reader) endOf(v *view) (Place, error) {
	for i := range slices.Backward(v.parts) {
		last := &v.parts[i]
		if last.Number == 0 {
			continue
		}
		file, end, err := r.open(v, *last)
		if err == nil && last.end < 0 { // what follows the last line feed is being written
			end = lastFeed(file, 0, end)
		}
		if err == nil && last.file == nil {
			err = file.Close()
		}
		last.end = end
		return Place{int(last.Number), end}, err
	}
	return Place{}, nil
}

// more gives what was recorded since the last look. It reports whether the
// consumer wants more.
func (f *follower) more() bool {
	v, err := f.r.view(f.ctx)
	if err != nil {
		return f.ctx.Err() != nil || f.yield(Record{}, err) && false
	}
	end, err := f.r.endOf(v)
	if err == nil && end != f.at {
		if stopped := f.since(v, end); stopped {
			_ = v.close() // it was only read, and nobody is there to tell
			return false
		}
	}
	if closed := v.close(); err == nil {
		err = closed
	}
	return err == nil || f.yield(Record{}, err) && false
}

// since gives the records of a view from where the last one ended, and reports
// whether the consumer has had enough.
func (f *follower) since(v *view, end Place) (stopped bool) {
	from := f.at
	f.at = end
	q := f.q
	q.Begin = from
	return f.r.search(f.ctx, v, &q, nil, f.yield)
}
