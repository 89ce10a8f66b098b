package server

import (
	"context"
	"fmt"
	"maps"
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

// A sending says how an event is sent.
type sending uint8

const (
	plainly  sending = iota // to be recorded
	again                   // to be recorded where the log does not have it; its first message may come yet
	imported                // likewise; there is no other message of it
)

// repeats are what was sent as something that may be recorded already, by sender:
// nobody can keep somebody else's event out, nor hold one up.
type repeats struct {
	mu      sync.Mutex
	senders map[string]*repeated // guarded by mu, by their labels
}

// A repeated is what one sender has sent again.
type repeated struct {
	mu    sync.RWMutex // held for reading while the sender's events with ids are appended
	ids   memory       // guarded by mu: of what was sent again, when it was so first
	one   sync.Mutex   // held by who looks and appends what is not there
	looks bucket       // guarded by one: of milliseconds
}

// maxRepeats is how many ids of one sender are remembered, who could send any number.
const maxRepeats = 1 << 16

// of returns what the sender of an event has sent again.
func (r *repeats) of(ev *etch.Event) *repeated {
	sender := senderOf(ev)
	r.mu.Lock()
	defer r.mu.Unlock()
	own, ok := r.senders[sender]
	if !ok {
		if r.senders == nil {
			r.senders = make(map[string]*repeated)
		}
		own = new(repeated)
		r.senders[sender] = own
	}
	return own
}

// senderOf tells senders apart by what the server says of them.
func senderOf(ev *etch.Event) string {
	return ev.Labels[LabelSenderUID] + "\n" + ev.Labels[LabelSenderToken]
}

// remember remembers ids, and forgets old ones. Whoever appends an event with an id
// has ended by then, or will find these. It reports false where there is no room.
func (r *repeated) remember(events []*etch.Event, how []sending, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids.forget(now, maxRepeats)
	for i, ev := range events {
		if how[i] != again || r.ids.has(ev) {
			continue
		}
		if len(r.ids.order) >= maxRepeats {
			return false
		}
		r.ids.add(ev, now)
	}
	return true
}

// appendOnce appends those of the events, all of one sender, that the log does not
// have from that sender. Only events that are marked, or have a remembered id, are
// looked for.
func (s *Server) appendOnce(ctx context.Context, events []*etch.Event, how []sending) (receipts []etch.Receipt, known []bool, err error) {
	own := s.repeats.of(events[0])
	own.one.Lock()
	defer own.one.Unlock()
	if !s.mayLook(own) {
		return nil, nil, ErrShuttingDown
	}
	if !own.remember(events, how, s.opt.Now()) {
		return nil, nil, fmt.Errorf("%w: too many events were sent again within %v", etch.ErrNotRecorded, repeatAge)
	}
	receipts = make([]etch.Receipt, len(events))
	found, err := s.find(ctx, own, events, how)
	if err != nil {
		return receipts, nil, errUnread(err)
	}
	known = make([]bool, len(events))
	var missing []*etch.Event
	var places []int
	for i, ev := range events {
		if known[i] = found[ev.ID]; known[i] {
			continue
		}
		if how[i] != plainly {
			found[ev.ID] = true // the same event twice in one message
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

// find returns which ids of events are in the log, from their sender and at their
// times.
func (s *Server) find(ctx context.Context, own *repeated, events []*etch.Event, how []sending) (map[string]bool, error) {
	wanted := make(map[string]bool)
	sender := senderOf(events[0])
	var at []time.Time
	own.mu.RLock()
	for i, ev := range events {
		if ev.ID == "" || how[i] == plainly && !own.ids.has(ev) {
			continue
		}
		wanted[ev.ID] = true
		at = append(at, ev.Timestamp.UTC().Truncate(time.Microsecond))
	}
	own.mu.RUnlock()
	found := make(map[string]bool)
	began := time.Now()
	defer func() { own.looked(time.Since(began)) }()
	for _, w := range windowsOf(at) {
		some, err := s.look(ctx, etch.Query{AllPhases: true, From: w.first, Until: w.last.Add(time.Microsecond), Match: func(r *etch.Record) bool {
			return wanted[r.Event.ID] && senderOf(&r.Event) == sender
		}}, len(wanted))
		if err != nil {
			return nil, err
		}
		maps.Copy(found, some)
	}
	return found, nil
}
