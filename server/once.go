package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/etch-audit/etch"
)

// How an event is recorded once, however often it is sent.
//
// A sender that does not know what became of an event keeps it, and sends it again
// later with its id and its time, as one that is to be recorded only where the log
// does not have it. The server looks among its records of that time. What it cannot
// find there is the first message, where that still is on its way: in a socket's
// buffer, behind a process that hangs. So the id is remembered before the log is
// looked at, and a message with that id is from then on looked for as well. Messages
// that were being appended at that moment are waited for.

// repeats are the ids that were sent as ones that may be recorded already.
type repeats struct {
	mu  sync.RWMutex         // held for reading while events with ids are appended
	ids map[string]time.Time // guarded by mu, by repeatOf: when it was sent
	one sync.Mutex           // held by who looks and appends what is not there
}

// A first message comes within repeatAge of a second one, or never: its connection
// has long been closed by then.
const repeatAge = time.Hour

// maxRepeats is how many ids are remembered: they are a sender's, who could send any
// number.
const maxRepeats = 1 << 18

// has reports whether the event has a remembered id. mu is held.
func (r *repeats) has(ev *etch.Event) bool {
	_, ok := r.ids[repeatOf(ev)]
	return ok
}

// repeatOf returns what makes two messages one: the id, and who sent it. Nobody can
// keep somebody else's event out.
func repeatOf(ev *etch.Event) string {
	return ev.Labels[LabelSenderUID] + "\n" + ev.Labels[LabelSenderToken] + "\n" + ev.ID
}

// remember remembers ids, and forgets old ones. Whoever appends an event with an id
// has ended by then, or will find these. It reports false where there is no room.
func (r *repeats) remember(events []*etch.Event, once []bool, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, at := range r.ids {
		if now.Sub(at).Abs() > repeatAge {
			delete(r.ids, id)
		}
	}
	if r.ids == nil {
		r.ids = make(map[string]time.Time)
	}
	if len(r.ids)+len(events) > maxRepeats {
		return false
	}
	for i, ev := range events {
		if once[i] {
			r.ids[repeatOf(ev)] = now
		}
	}
	return true
}

// appendOnce appends those of the events that the log does not have. Only events
// that are marked, or have a remembered id, are looked for.
func (s *Server) appendOnce(ctx context.Context, events []*etch.Event, once []bool) (receipts []etch.Receipt, known []bool, err error) {
	s.repeats.one.Lock()
	defer s.repeats.one.Unlock()
	if !s.repeats.remember(events, once, s.opt.Now()) {
		return nil, nil, fmt.Errorf("%w: too many events were sent again within %v", etch.ErrNotRecorded, repeatAge)
	}
	receipts = make([]etch.Receipt, len(events))
	found, err := s.find(ctx, events, once)
	if err != nil {
		return receipts, nil, fmt.Errorf("%w: whether it is there already cannot be read: %w", etch.ErrNotRecorded, err)
	}
	known = make([]bool, len(events))
	var missing []*etch.Event
	var places []int
	for i, ev := range events {
		if known[i] = found[repeatOf(ev)]; known[i] {
			continue
		}
		if once[i] {
			found[repeatOf(ev)] = true // the same event twice in one message
		}
		missing, places = append(missing, ev), append(places, i)
	}
	if len(missing) == 0 {
		return receipts, known, nil
	}
	got, err := s.appendNow(ctx, missing, nil)
	for i, r := range got {
		receipts[places[i]] = r
	}
	return receipts, known, err
}

// find returns which of the events, as repeatOf has them, are in the log at their
// times.
func (s *Server) find(ctx context.Context, events []*etch.Event, once []bool) (map[string]bool, error) {
	wanted := make(map[string]bool)
	var first, last time.Time
	s.repeats.mu.RLock()
	for i, ev := range events {
		if ev.ID == "" || !once[i] && !s.repeats.has(ev) {
			continue
		}
		at := ev.Timestamp.UTC().Truncate(time.Microsecond)
		wanted[repeatOf(ev)] = true
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	s.repeats.mu.RUnlock()
	found := make(map[string]bool)
	if len(wanted) == 0 {
		return found, nil
	}
	q := etch.Query{AllPhases: true, From: first, Until: last.Add(time.Microsecond), Match: func(r *etch.Record) bool {
		return wanted[repeatOf(&r.Event)]
	}}
	for r, err := range s.log.Records(ctx, q) {
		if _, damage := errors.AsType[*etch.CorruptionError](err); damage {
			continue // a line that cannot be read vouches for no event
		}
		if err != nil {
			return nil, err
		}
		found[repeatOf(&r.Event)] = true
	}
	return found, nil
}
