package audithttp_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var errDisk = errors.New("disk full")

// A recorder keeps events, and fails those of the phases named.
type recorder struct {
	mu     sync.Mutex
	events []*etch.Event
	fail   map[etch.Phase]error
	more   chan struct{} // gets one for each event, if there is room
}

func (r *recorder) Append(ctx context.Context, e *etch.Event) (etch.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := context.Cause(ctx); err != nil {
		return etch.Receipt{}, err
	}
	if err := r.fail[e.Phase]; err != nil {
		return etch.Receipt{}, err
	}
	if err := e.Validate(); err != nil {
		return etch.Receipt{}, err
	}
	kept := *e
	r.events = append(r.events, &kept)
	select {
	case r.more <- struct{}{}:
	default:
	}
	return etch.Receipt{}, nil
}

// taken returns the events so far.
func (r *recorder) taken() []*etch.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events
}

// completion returns the second of two events, which are one call.
func (r *recorder) completion(t *testing.T) *etch.Event {
	t.Helper()
	events := r.taken()
	if len(events) != 2 || events[0].Phase != etch.Attempt || events[1].Phase != etch.Completion || events[0].CallID != events[1].CallID || events[0].CallID == "" {
		t.Fatalf("got events %+v, want an attempt and its completion", events)
	}
	return events[1]
}

var unforeseen = cmp.Options{
	cmpopts.IgnoreFields(etch.Event{}, "Timestamp", "CallID", "Phase"),
	cmpopts.IgnoreFields(etch.Result{}, "Duration"),
	cmp.AllowUnexported(etch.Optional[int64]{}, etch.Optional[uint64]{}),
}

// say writes a text. What does not arrive, the other side misses.
func say(w io.Writer, text string) { _, _ = io.WriteString(w, text) }
