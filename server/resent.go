package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/etch-audit/etch"
)

// How requests that are sent again add nothing, though nobody says that they are.
//
// Exporters of telemetry repeat a request of which they were not told what became.
// Their events have ids that are made of their content. Those that were recorded
// lately are remembered, by sender; what was recorded before that, by a daemon that
// has ended for instance, is looked for in the log. Most events cannot be there: they
// are younger than what is remembered.

// A recent is what one sender has had recorded lately of what it may send again.
type recent struct {
	mu    sync.Mutex // held while events are looked for and appended
	ids   memory     // guarded by mu: of what was recorded, when it was
	since time.Time  // guarded by mu: all is remembered that was recorded later; zero: since the server began
}

// maxRecent is how many ids of one sender are remembered; those before are looked for
// in the log.
const maxRecent = 1 << 15

// maxAhead is how far in the future an event may be dated: what was recorded at a
// time is dated no later than that much behind it.
const maxAhead = 2 * time.Minute

// RecordOnce is [Server.Record] for events that may be sent again, each with an id
// that is made of its content, and of an event without a time that is all that it is
// known by. One without an id is recorded each time that it is sent. Those that the same sender has had recorded within the last hour are not
// recorded again: it returns how many these are. Where it fails some may be recorded,
// and sending all of them again adds the rest.
func (s *Server) RecordOnce(ctx context.Context, sender Sender, events []*etch.Event) (known int, err error) {
	done, _, err := s.mayRecord(sender, events, (*Load).Add, 0)
	if err != nil {
		return 0, err
	}
	defer done()
	own := s.account(sender)
	own.recent.mu.Lock() // what is sent again at the same time waits: the first may have it all
	defer own.recent.mu.Unlock()
	missing, err := s.notYet(ctx, &own.recent, Sign(events, sender))
	if err != nil {
		return 0, fmt.Errorf("%w: whether it is there already cannot be read: %w", etch.ErrNotRecorded, err)
	}
	if known = len(events) - len(missing); len(missing) == 0 {
		return known, nil
	}
	receipts, err := s.appendNow(ctx, missing, nil)
	own.recent.note(missing, receipts, s.opt.Now(), err)
	return known, err
}

// Turn holds one value while a request of the sender prepares events for
// [Server.RecordOnce] and has them recorded: who does so sends one and receives it
// afterwards. Others of the same sender could only wait for it there, with all that
// they hold by then.
func (s *Server) Turn(sender Sender) chan struct{} { return s.account(sender).turn }

// note remembers what is recorded.
func (r *recent) note(events []*etch.Event, receipts []etch.Receipt, now time.Time, err error) {
	for i, ev := range events {
		if i < len(receipts) && receipts[i].Durable && ev.ID != "" {
			r.ids.add(ev, now)
		}
	}
	if errors.Is(err, etch.ErrUnknown) {
		r.since = now // the log knows
	}
	r.forget(now)
}

// forget forgets what is too old, and too much.
func (r *recent) forget(now time.Time) {
	if last := r.ids.forget(now, maxRecent); last.After(r.since) {
		r.since = last
	}
}

// notYet returns the events that their sender has not had recorded. The mutex is held.
func (s *Server) notYet(ctx context.Context, own *recent, events []*etch.Event) ([]*etch.Event, error) {
	now := s.opt.Now()
	own.forget(now)
	since := own.since
	if since.Before(s.began) {
		since = s.began
	}
	var missing []*etch.Event
	q := lookup{wanted: make(map[string]bool), now: now, oldest: now.Add(-repeatAge)}
	for _, ev := range events {
		if own.ids.has(ev) {
			continue
		}
		missing = append(missing, ev)
		if ev.ID != "" && since.After(q.oldest) && (ev.Timestamp.IsZero() || !ev.Timestamp.After(since.Add(maxAhead))) {
			q.want(ev)
		}
	}
	if len(q.wanted) == 0 {
		return missing, nil
	}
	found, err := s.lookUp(ctx, &q, senderOf(events[0]))
	if err != nil {
		return nil, err
	}
	kept := missing[:0]
	for _, ev := range missing {
		if !found[ev.ID] {
			kept = append(kept, ev)
		}
	}
	return kept, nil
}

// A lookup is what is looked for in the log.
type lookup struct {
	wanted      map[string]bool // ids
	now         time.Time
	first, last time.Time // of the events
	oldest      time.Time // when the first of them can have been recorded
}

func (q *lookup) want(ev *etch.Event) {
	q.wanted[ev.ID] = true
	first, last := ev.Timestamp, ev.Timestamp
	if first.IsZero() { // it has the time at which it was recorded
		first, last = q.oldest, q.now
	}
	if q.first.IsZero() || first.Before(q.first) {
		q.first = first
	}
	if last.After(q.last) {
		q.last = last
	}
}

// wants reports whether a record may be one of those, but for its sender.
func (q *lookup) wants(ev *etch.Event) bool {
	return q.wanted[ev.ID] && !ev.Timestamp.Before(q.first.Truncate(time.Microsecond)) && ev.Timestamp.Before(q.last.Add(time.Microsecond))
}

// lookUp returns which of the ids are in the log, from a sender. The newest records
// come first, and it ends at the first seal that was made before there was anything to
// be found. The query itself has no times: it would leave that seal out.
func (s *Server) lookUp(ctx context.Context, q *lookup, sender string) (map[string]bool, error) {
	query := etch.Query{
		AllPhases: true, Control: true, Reverse: true,
		Match: func(r *etch.Record) bool {
			if r.IsControl() {
				return r.Event.Timestamp.Before(q.oldest.Add(-maxAhead)) // clocks are set, too
			}
			return q.wants(&r.Event) && senderOf(&r.Event) == sender
		},
	}
	return s.look(ctx, query, len(q.wanted))
}
