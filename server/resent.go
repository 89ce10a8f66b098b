package server

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/etch-audit/etch"
)

// How requests that are sent again add nothing, though nobody says that they are.
//
// Exporters of telemetry repeat a request of which they were not told what became.
// Their events have ids that are made of their content. Those that were recorded
// lately are remembered, by sender, and the log is read for them once, by a server
// that has just begun: see [Server.recall]. So no request makes the server read much,
// however many events its sender has had recorded and however it dates them. What is
// beyond what is remembered is recorded again, under the same id: that an event
// stands there twice can be seen, that one is missing could not.

// A recent is what one sender has had recorded lately of what it may send again.
type recent struct {
	mu  sync.Mutex // held while events are looked for and appended
	ids memory     // guarded by mu: of what was recorded, when it was
}

// maxRecent is how many ids of one sender are remembered: at some 50 bytes each.
const maxRecent = 1 << 17

// RecordOnce is [Server.Record] for events that may be sent again, each with an id
// that is made of its content, and of an event without a time that is all that it is
// known by. One without an id is recorded each time that it is sent. Those that the
// same sender has had recorded within the last hour, and of which no more than 131,072
// others came after them, are not recorded again: it returns how many these are. Of
// what was recorded before the server began it knows what is among the log's last
// 524,288 records and 256 MiB. What is beyond these bounds is recorded again. Where it
// fails some may be recorded, and sending all of them again adds the rest.
func (s *Server) RecordOnce(ctx context.Context, sender Sender, events []*etch.Event) (known int, err error) {
	done, _, err := s.mayRecord(sender, events, (*Load).Add, 0)
	if err != nil {
		return 0, err
	}
	defer done()
	if err := s.recall(ctx); err != nil {
		return 0, err
	}
	own := &s.account(sender).recent
	own.mu.Lock() // what is sent again at the same time waits: the first may have it all
	defer own.mu.Unlock()
	own.ids.forget(s.opt.Now(), maxRecent)
	var missing []*etch.Event
	for _, ev := range Sign(events, sender) {
		if !own.ids.has(ev) {
			missing = append(missing, ev)
		}
	}
	if known = len(events) - len(missing); len(missing) == 0 {
		return known, nil
	}
	receipts, err := s.appendNow(ctx, missing, nil)
	s.note(own, missing, receipts, err)
	return known, err
}

// Turn holds one value while a request of the sender prepares events for
// [Server.RecordOnce] and has them recorded: who does so sends one and receives it
// afterwards. Others of the same sender could only wait for it there, with all that
// they hold by then.
func (s *Server) Turn(sender Sender) chan struct{} { return s.account(sender).turn }

// note remembers what is recorded. Where that is not known the log is read again: it
// knows. own.mu is held.
func (s *Server) note(own *recent, events []*etch.Event, receipts []etch.Receipt, err error) {
	now := s.opt.Now()
	for i, ev := range events {
		if i < len(receipts) && receipts[i].Durable && ev.ID != "" {
			own.ids.add(ev, now)
		}
	}
	own.ids.forget(now, maxRecent)
	if errors.Is(err, etch.ErrUnknown) {
		s.recalled.wanted.Add(1)
	}
}

// errUnread: of what is to be recorded once it cannot be read whether it is there.
func errUnread(cause error) error {
	return fmt.Errorf("%w: whether it is there already cannot be read: %w", etch.ErrNotRecorded, cause)
}
