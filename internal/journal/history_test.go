package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/merkle"
)

// ctx is that of calls that nobody cancels.
var ctx = context.Background()

// A fate is what is known of an event.
type fate int

const (
	pending  fate = iota // the call has not returned, or said nothing
	recorded             // it is in the log for ever
	refused              // it is not in the log and will not be
	doubtful             // either
)

func (f fate) String() string {
	return [...]string{"pending", "recorded", "refused", "doubtful"}[f]
}

// A place is where an event stands in a log.
type place struct {
	seq  uint64
	leaf merkle.Hash
}

// An eventFate is what one caller was told of one event.
type eventFate struct {
	fate
	place
	placed bool // place is known
}

// A history is what callers were told of their events, by number.
type history struct {
	mu     sync.Mutex
	events []eventFate // guarded by mu
}

func (h *history) clone() *history {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &history{events: slices.Clone(h.events)}
}

// eventID is how an event is found again in a log.
func eventID(n int) string { return fmt.Sprintf("evt_%08d", n) }

// event returns the number and the body, of about so many bytes, of a new event.
func (h *history) event(size int) (int, []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.events)
	h.events = append(h.events, eventFate{})
	head := `"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"` + eventID(n) + `","event_type":"command_execution","action":{"command":"`
	return n, []byte(head + strings.Repeat("x", max(0, size-len(head))) + `"}`)
}

// told takes note of the outcome of an append. An error that is not exactly one
// of the outcomes is a fault.
func (h *history) told(t tb, n int, r journal.Receipt, err error) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	e := &h.events[n]
	no, unknown := errors.Is(err, journal.ErrNotRecorded), errors.Is(err, journal.ErrUnknown)
	switch {
	case err == nil && r.Durable:
		*e = eventFate{recorded, place{r.Seq, r.Leaf}, true}
	case err == nil: // of interval durability
	case no && !unknown:
		e.fate = refused
	case unknown && !no:
		e.fate = doubtful
	default:
		t.Errorf("append: error is not one outcome: not recorded %v, unknown %v: %v", no, unknown, err)
	}
}

// synced takes note that everything appended so far is durable.
func (h *history) synced() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.events {
		if h.events[i].fate == pending {
			h.events[i].fate = recorded
		}
	}
}

// check compares what callers were told with the events that a log holds.
func (h *history) check(events map[string][]place) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := 0
	for n, e := range h.events {
		got := events[eventID(n)]
		known += len(got)
		switch {
		case len(got) > 1:
			return fmt.Errorf("event %d stands %d times in the log", n, len(got))
		case e.fate == recorded && len(got) == 0:
			return fmt.Errorf("event %d was acknowledged at seq %d and is not in the log", n, e.seq)
		case e.fate == refused && len(got) > 0:
			return fmt.Errorf("event %d was not recorded, so its caller was told, and stands at seq %d", n, got[0].seq)
		case e.fate == recorded && e.placed && got[0] != e.place:
			return fmt.Errorf("event %d has seq %d and leaf %s in the log, its receipt said %d and %s", n, got[0].seq, got[0].leaf, e.seq, e.leaf)
		}
	}
	total := 0
	for _, places := range events {
		total += len(places)
	}
	if total != known {
		return fmt.Errorf("log holds %d events, %d were ever appended", total, known)
	}
	return nil
}

// settle turns doubt into what a recovered log shows.
func (h *history) settle(events map[string][]place) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n := range h.events {
		e := &h.events[n]
		switch got := events[eventID(n)]; {
		case len(got) == 1:
			*e = eventFate{recorded, got[0], true}
		case e.fate == doubtful || e.fate == pending:
			e.fate = refused
		}
	}
}

// count returns how many events have a fate.
func (h *history) count(f fate) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, e := range h.events {
		if e.fate == f {
			n++
		}
	}
	return n
}
