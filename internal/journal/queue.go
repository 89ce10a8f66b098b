package journal

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
)

// Whoever appends puts a body into the queue's batch and waits. One of those
// who wait is elected leader: it takes the whole batch and commits it with one
// write and one sync, while the next batch gathers. Whoever finds nobody
// leading leads at once, so that a lone caller pays for no hand-over.

// A signal tells a waiter what to do.
type signal int

const (
	finished signal = iota // the outcome is in the waiter
	lead                   // commit the batch you wait in
)

// A waiter is one caller of Append or of another operation.
type waiter struct {
	wake     chan signal // capacity 1: whoever signals never blocks
	receipts []Receipt   // one a body, filled by the leader
	one      [1]Receipt  // backs receipts for a single body
	recorded int         // how many of them are durable
	extra    extra       // filled by the leader for who waits for no body
	err      error
	left     bool // the caller gave up before its bodies were taken: they are not to be written; guarded by queue.mu until they are taken
	gone     bool // the caller gave up, and a leader may still write to the waiter; the caller's own
}

// An extra is what became of what a batch was asked for besides its bodies.
type extra struct {
	checkpoint merkle.Checkpoint // the newest one
	rotated    bool              // a segment was ended
}

// An entry is one body in a batch.
type entry struct {
	start, end int // in the batch's bytes
	w          *waiter
	index      int // in w.receipts
}

// A batch is what is committed together. Its bytes are reused.
type batch struct {
	bodies  []byte
	entries []entry
	waiters []*waiter
	seal    bool             // make a seal even if none is due
	rotate  bool             // end the active segment, if it holds an event
	settle  bool             // make durable what others have written
	gaps    []control.GapLog // to be recorded before the bodies
	closing bool
}

func (b *batch) reset() {
	if cap(b.bodies) > 2*maxQueued {
		*b = batch{} // one huge batch is no reason to keep its memory
		return
	}
	clear(b.entries)
	clear(b.waiters)
	*b = batch{bodies: b.bodies[:0], entries: b.entries[:0], waiters: b.waiters[:0]}
}

// body returns the bytes of an entry.
func (b *batch) body(e *entry) []byte { return b.bodies[e.start:e.end] }

// wanted returns the first entry from i on whose caller has not given up.
func (b *batch) wanted(i int) int {
	for i < len(b.entries) && b.entries[i].w != nil && b.entries[i].w.left {
		i++
	}
	return i
}

// maxQueued bounds the bytes that wait in interval mode: a caller beyond it
// waits until they are taken to be written.
const maxQueued = 4 << 20

// A queue gathers what is to be committed and elects who commits it.
type queue struct {
	mu      sync.Mutex
	gather  *batch // guarded by mu
	spare   *batch // guarded by mu: the batch committed last, for reuse
	leading bool   // guarded by mu
	closing bool   // guarded by mu: Close was called
	closed  bool   // guarded by mu: nothing more is taken
	lazy    bool   // nobody waits for bodies: interval durability

	taken chan struct{} // guarded by mu: closed when the gathering batch is taken; nil: nobody waits for that

	pool sync.Pool

	present atomic.Int64 // waiters of gather; written under mu
	crowd   atomic.Int64 // waiters of the last batch, and those who had come meanwhile
}

func (q *queue) init(lazy bool) {
	q.gather, q.spare, q.lazy = new(batch), new(batch), lazy
	q.pool.New = func() any { return &waiter{wake: make(chan signal, 1)} }
}

// waiter returns a waiter for n bodies.
func (q *queue) waiter(n int) *waiter {
	w := q.pool.Get().(*waiter)
	w.recorded, w.err, w.left, w.gone = 0, nil, false, false
	w.one[0], w.extra = Receipt{}, extra{} // what its last user was told is not for this one
	if n > 1 {
		w.receipts = make([]Receipt, n)
	} else {
		w.receipts = w.one[:n]
	}
	return w
}

// add puts bodies and a waiter into the gathering batch. The caller must hold mu.
func (q *queue) add(w *waiter, bodies ...[]byte) {
	b := q.gather
	for i, body := range bodies {
		start := len(b.bodies)
		b.bodies = append(b.bodies, body...)
		b.entries = append(b.entries, entry{start, len(b.bodies), w, i})
	}
	if w != nil {
		b.waiters = append(b.waiters, w)
		q.present.Add(1)
	}
}

// tryAdd puts a body that nobody waits for into the gathering batch, and returns
// how many bytes that holds. Where it is full nothing is added, and taken is
// closed once there is room again.
func (q *queue) tryAdd(body []byte) (gathered int, taken <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, nil, fmt.Errorf("%w: %w", ErrNotRecorded, ErrClosed)
	}
	gathered = len(q.gather.bodies)
	if gathered <= maxQueued {
		q.add(nil, body)
		return gathered, nil, nil
	}
	if q.taken == nil {
		q.taken = make(chan struct{})
	}
	return gathered, q.taken, nil
}

// full reports whether callers of an interval wait for room.
func (q *queue) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.taken != nil
}

// patience is how many times in a row a leader lets others run, and none of
// them joins it, before it stops waiting: about ten microseconds, which is
// little beside a sync.
const patience = 32

// assemble lets those join the gathering batch whom the last commit woke. They
// mostly come back at once, and would else just miss this one: two crowds would
// take turns, each waiting for the other's sync. A lone caller waits for nobody.
func (q *queue) assemble() {
	for idle := 0; idle < patience; {
		n := q.present.Load()
		if n >= q.crowd.Load() {
			return
		}
		runtime.Gosched()
		if idle++; q.present.Load() != n {
			idle = 0
		}
	}
}

// empty reports whether nothing is gathered.
func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.gather.entries) == 0 && len(q.gather.waiters) == 0
}

// take returns the gathered batch, and lets the next one gather.
func (q *queue) take() *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.gather
	if q.taken != nil {
		close(q.taken)
		q.taken = nil
	}
	q.present.Store(0)
	q.gather, q.spare = q.spare, nil
	if q.gather == nil {
		q.gather = new(batch)
	}
	return b
}

// finish wakes who waited in b, gives the batch back and passes the lead on.
func (q *queue) finish(b *batch) {
	q.crowd.Store(q.present.Load() + int64(len(b.waiters)))
	for _, w := range b.waiters {
		w.wake <- finished
	}
	b.reset()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.spare == nil {
		q.spare = b
	}
	q.elect()
}

// elect makes one who waits the leader. The caller must hold mu.
func (q *queue) elect() {
	for _, w := range q.gather.waiters {
		if !w.left {
			w.wake <- lead
			q.leading = true
			return
		}
	}
	q.leading = false
}

// submit queues bodies for w, lets prepare ask more of their batch, and returns
// once it is committed or ctx is done. The outcome is in w, unless w.gone.
func (j *Journal) submit(ctx context.Context, w *waiter, prepare func(b *batch), bodies ...[]byte) error {
	q := &j.queue
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return fmt.Errorf("%w: %w", ErrNotRecorded, ErrClosed)
	}
	q.add(w, bodies...)
	if prepare != nil {
		prepare(q.gather)
	}
	if leader := !q.leading; leader {
		q.leading = true
		q.mu.Unlock()
		j.lead()
		<-w.wake // finished: the leader wakes itself as everybody else
		return w.err
	}
	q.mu.Unlock()
	return j.wait(ctx, w)
}

// wait waits for the outcome, leading when told to.
func (j *Journal) wait(ctx context.Context, w *waiter) error {
	if ctx.Done() == nil {
		return j.heed(w, <-w.wake) // costs half of a select
	}
	select {
	case s := <-w.wake:
		return j.heed(w, s)
	case <-ctx.Done():
	}
	q := &j.queue
	q.mu.Lock()
	select {
	case s := <-w.wake: // told in the same moment
		q.mu.Unlock()
		return j.heed(w, s)
	default:
	}
	defer q.mu.Unlock()
	w.gone = true
	if slices.Contains(q.gather.waiters, w) { // not taken yet: it will not be written
		w.left = true
		return fmt.Errorf("%w: %w", ErrNotRecorded, ctx.Err())
	}
	return fmt.Errorf("%w: %w", ErrUnknown, ctx.Err())
}

func (j *Journal) heed(w *waiter, s signal) error {
	if s == lead {
		j.lead()
		<-w.wake
	}
	return w.err
}

// lead commits the gathered batch. The caller must be the leader.
func (j *Journal) lead() {
	j.queue.finish(j.commit())
	j.tell()
}

// release gives a waiter back, unless a leader may still write to it.
func (q *queue) release(w *waiter) {
	if !w.gone {
		q.pool.Put(w)
	}
}
