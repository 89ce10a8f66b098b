package etch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

// lastEvent is the id of the event that a test's followers end with.
const lastEvent = "evt_last"

// A following is a Follow in a goroutine of its own.
type following struct {
	seqs  []uint64
	err   error
	ended chan struct{}
	first chan struct{} // closed when so many records came as were asked for
}

// follow follows a log up to the last event.
func follow(t *testing.T, path string, q etch.Query, first int) *following {
	t.Helper()
	r, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	f := &following{ended: make(chan struct{}), first: make(chan struct{})}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	go func() {
		defer cancel()
		defer close(f.ended)
		for rec, err := range r.Follow(ctx, q) {
			if err != nil {
				f.err = err
				return
			}
			f.seqs = append(f.seqs, rec.Seq)
			if len(f.seqs) == first {
				close(f.first)
			}
			if rec.Event.ID == lastEvent {
				return
			}
		}
		f.err = errors.New("it ended by itself")
	}()
	return f
}

// check compares what came with what the log has.
func (f *following) check(t *testing.T, what string, want []uint64) {
	t.Helper()
	<-f.ended
	if f.err != nil {
		t.Errorf("%s: %v", what, f.err)
	}
	if !slices.Equal(f.seqs, want) {
		for i := range max(len(f.seqs), len(want)) {
			if i >= len(f.seqs) || i >= len(want) || f.seqs[i] != want[i] {
				t.Errorf("%s: got %d records, want %d; from the %d. on %v, want %v", what, len(f.seqs), len(want), i, f.seqs[i:min(i+5, len(f.seqs))], want[min(i, len(want)):min(i+5, len(want))])
				return
			}
		}
	}
}

// seqs returns the records of a log that a query asks for.
func seqs(t *testing.T, path string, q etch.Query) (all []uint64) {
	t.Helper()
	r, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range r.Records(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec.Seq)
	}
	return all
}

// TestFollow follows a log that several writers append to, rotate and let go of.
func TestFollow(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	path := filepath.Join(t.TempDir(), "audit.log")
	w := &followed{t: t, path: path}
	l, err := etch.Create(path, &etch.Options{LockWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	w.logs = append(w.logs, l)
	w.append(l, 20, "before")

	before := seqs(t, path, etch.Query{AllPhases: true})
	all := etch.Query{AllPhases: true}
	from, after, limit, control := all, all, all, all
	from.From = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	after.After, after.Limit = etch.Some(before[10]), 3 // which would leave out what comes between
	limit.Limit = 5
	control.Control, control.From = true, from.From
	followers := map[string]*following{
		"from": follow(t, path, from, 20), "after": follow(t, path, after, 9), "limit": follow(t, path, limit, 5), "control": follow(t, path, control, 21),
	}
	for _, f := range followers {
		<-f.first
	}
	fresh := follow(t, path, etch.Query{}, 0) // it begins at some moment from now on

	var wg sync.WaitGroup
	for i := range uint64(3) {
		wg.Go(func() { w.write(rand.New(rand.NewPCG(seed, i)), fmt.Sprint("writer ", i)) })
	}
	wg.Wait()
	w.append(l, 0, lastEvent)

	events := seqs(t, path, all)
	everything := seqs(t, path, etch.Query{AllPhases: true, Control: true})
	followers["from"].check(t, "from a time", events)
	followers["after"].check(t, "after a record", events[11:])
	followers["limit"].check(t, "the newest five", events[15:])
	followers["control"].check(t, "with control records", everything[:slices.Index(everything, events[len(events)-1])+1])
	<-fresh.ended
	fresh.check(t, "from now on", events[len(events)-len(fresh.seqs):])
}

// A followed is a log that writers of a test share.
type followed struct {
	t    *testing.T
	path string
	mu   sync.Mutex
	logs []*etch.Log // all that were opened
}

func (w *followed) open() *etch.Log {
	l, err := etch.Open(w.path, &etch.Options{SealRecords: 7, Epoch: 20 * time.Millisecond, LockWait: time.Minute})
	if err != nil {
		w.t.Error(err)
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.logs = append(w.logs, l)
	return l
}

// close closes all logs, after the test: it lets go of them without it.
func (w *followed) close() {
	for _, l := range w.logs {
		if err := l.Close(); err != nil {
			w.t.Error(err)
		}
	}
}

// append appends so many events and one more, whose id is given.
func (w *followed) append(l *etch.Log, n int, id string) {
	var events []*etch.Event
	for i := range n {
		ev := command(fmt.Sprint("echo ", i))
		ev.Phase, ev.CallID = etch.Attempt, fmt.Sprint(id, i/2)
		if i%2 == 1 {
			ev.Phase = etch.Completion
		}
		events = append(events, ev)
	}
	if n == 0 || id == lastEvent {
		ev := command("true")
		ev.ID = id
		events = append(events, ev)
	}
	if _, err := l.AppendBatch(w.t.Context(), events); err != nil {
		w.t.Error(err)
	}
}

// write is one writer after another, none of which is closed.
func (w *followed) write(r *rand.Rand, name string) {
	l := w.open()
	for i := range 25 {
		if l == nil {
			return
		}
		w.append(l, 1+r.IntN(5), fmt.Sprint(name, i))
		switch r.IntN(8) {
		case 0:
			if _, err := l.Rotate(w.t.Context()); err != nil {
				w.t.Error(err)
			}
		case 1:
			l = w.open()
		}
	}
}
