package question

import (
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

// Records returns the records that a query asks for, as
// [etch.Reader.Records] does, but that of a Limit without Reverse and After it
// gives the newest, in the order of the log. These take two looks: from the end to
// where they begin, and then forward; what cannot be read is yielded as the first
// look meets it, and so before all records and from the end.
func Records(ctx context.Context, reader *etch.Reader, q etch.Query) iter.Seq2[etch.Record, error] {
	if _, paged := q.After.Get(); q.Limit == 0 || q.Reverse || paged {
		return reader.Records(ctx, q)
	}
	return newestOf(ctx, reader, q, maxHeld)
}

// newestOf gives the newest records, holding at most so many bytes of them.
func newestOf(ctx context.Context, reader *etch.Reader, q etch.Query, most int) iter.Seq2[etch.Record, error] {
	return func(yield func(etch.Record, error) bool) {
		var found newest
		if !found.look(ctx, reader, q, most, yield) {
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
		between(ctx, reader, q, found, yield)
	}
}

// A newest is what the look from the end has found.
type newest struct {
	held        []etch.Record // the newest first
	over        bool          // they were too many to hold
	first, last uint64        // their numbers
}

// look looks at the newest records that q asks for, and reports whether to go on.
func (n *newest) look(ctx context.Context, reader *etch.Reader, q etch.Query, most int, yield func(etch.Record, error) bool) bool {
	q.Reverse = true
	bytes, seen := 0, 0
	for r, err := range reader.Records(ctx, q) {
		if err != nil {
			_, told := errors.AsType[*etch.CorruptionError](err)
			if !yield(etch.Record{}, err) || !told {
				return false
			}
			continue
		}
		if seen++; seen == 1 {
			n.last = r.Seq
		}
		n.first = r.Seq
		if bytes += len(r.Raw) + heldExtra; bytes > most {
			n.held, n.over = nil, true
		} else if !n.over {
			n.held = append(n.held, r)
		}
	}
	return true
}

// between gives the records that q asks for and the look from the end has seen.
func between(ctx context.Context, reader *etch.Reader, q etch.Query, seen newest, yield func(etch.Record, error) bool) {
	within, err := etch.ParseFilter(fmt.Sprintf("seq >= %d and seq <= %d", seen.first, seen.last), time.Time{})
	if err != nil {
		yield(etch.Record{}, err)
		return
	}
	q.Limit = 0
	q.Where = q.Where.And(within)
	for r, err := range reader.Records(ctx, q) {
		if _, told := errors.AsType[*etch.CorruptionError](err); told {
			continue
		}
		if !yield(r, err) {
			return
		}
	}
}
