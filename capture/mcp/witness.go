package mcp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/etch-audit/etch"
)

// Limits of what is ahead of the record. Who sends more waits: nothing is
// dropped.
const (
	mostAhead  = 8 << 20 // bytes that were passed on and not looked at
	mostEvents = 128     // that go to the log at once
)

// lag is how long what was passed on is left alone. To look at it at once would
// take the processor from the server and its client, who are at work just then:
// a call that is answered at once took 300 µs more instead of 70, and needed two
// syncs instead of one.
const lag = time.Millisecond

// A witness looks at what is passed on, in the order in which it came, and
// records it. It is one goroutine beside the path of the bytes, which waits for
// it only where mostAhead says so, and where Options.Strict does.
type witness struct {
	opt    *Options
	log    etch.Recorder
	events []*etch.Event // of the goroutine: what is to be recorded

	broken chan struct{} // closed when something cannot be recorded, and nothing more may be passed on
	done   chan struct{} // closed when the goroutine has ended

	some  chan struct{} // has one where pieces came, or the end did
	hurry chan struct{} // has one where somebody waits for what came

	mu     sync.Mutex // guards what follows
	room   sync.Cond  // pieces went
	pieces []piece
	bytes  int
	closed bool
	lost   int   // events that are not on record
	why    error // of the first of them
}

// A piece is something to look at.
type piece struct {
	at   time.Time
	do   func(at time.Time)
	size int
	seen chan struct{} // where it is not nil: closed when all events of the piece are on record
}

func newWitness(log etch.Recorder, opt *Options) *witness {
	w := &witness{
		opt: opt, log: log, broken: make(chan struct{}), done: make(chan struct{}), some: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
	}
	w.room.L = &w.mu
	go w.work()
	return w
}

// add adds an event; called by the goroutine.
func (w *witness) add(e *etch.Event) {
	w.events = append(w.events, e)
	if len(w.events) >= mostEvents {
		w.flush()
	}
}

// show hands over what is to be done with what passes, which takes so many bytes of
// memory until it is. With wait it returns when all that follows of it is on record.
// It reports whether what was shown may be passed on.
func (w *witness) show(size int, do func(at time.Time), wait bool) bool {
	p := piece{at: w.opt.now(), do: do, size: size}
	if wait {
		p.seen = make(chan struct{})
	}
	w.mu.Lock()
	if w.bytes >= mostAhead {
		put(w.hurry)
	}
	for w.bytes >= mostAhead && !w.stopped() {
		w.room.Wait()
	}
	if w.closed {
		w.mu.Unlock()
		return false // the session is over, and so is its record
	}
	w.pieces = append(w.pieces, p)
	w.bytes += size
	w.mu.Unlock()
	put(w.some)
	if wait {
		put(w.hurry)
		<-p.seen
	}
	return !w.stopped()
}

// messageSize is about how much memory a message takes besides what is kept of it: a
// short one takes much more than the bytes that it came in.
const messageSize = 3 << 10

// weightOf returns about how much memory messages take that came in these bytes.
func weightOf(data []byte, messages []*message) int { return len(data) + len(messages)*messageSize }

// put puts one into a channel that has room for one.
func put(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// stopped reports whether nothing more may be passed on.
func (w *witness) stopped() bool {
	select {
	case <-w.broken:
		return true
	default:
		return false
	}
}

// close waits until everything that was shown is on record, and returns what is
// not.
func (w *witness) close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	put(w.some)
	put(w.hurry)
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost == 0 {
		return nil
	}
	return fmt.Errorf("%d events of the MCP server: %w", w.lost, w.why)
}

// work is the goroutine.
func (w *witness) work() {
	defer close(w.done)
	for {
		pieces := w.next()
		if pieces == nil {
			return
		}
		for i := range pieces {
			p := &pieces[i]
			p.do(p.at)
			if p.seen != nil {
				w.flush()
				close(p.seen)
			}
			w.gone(p.size)
			*p = piece{}
		}
		w.flush()
	}
}

// next waits for pieces, and a little longer, and returns all that have come; nil
// at the end.
func (w *witness) next() []piece {
	for {
		<-w.some
		late := time.NewTimer(lag)
		select {
		case <-late.C:
		case <-w.hurry:
			late.Stop()
		}
		w.mu.Lock()
		pieces, closed := w.pieces, w.closed
		w.pieces = nil
		w.mu.Unlock()
		switch {
		case len(pieces) == 0 && closed:
			return nil
		case closed:
			put(w.some) // there is the end to see, too
			put(w.hurry)
			return pieces
		case len(pieces) > 0:
			return pieces
		}
	}
}

func (w *witness) gone(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bytes -= n
	w.room.Broadcast()
}

// flush records the events.
func (w *witness) flush() {
	events := w.events
	w.events = w.events[:0]
	defer clear(events)
	switch {
	case len(events) == 0:
		return
	case w.stopped():
		w.lose(len(events), nil)
		return
	}
	if lost, err := w.record(events); err != nil {
		w.lose(lost, err)
	}
}

// lose counts events that are not on record.
func (w *witness) lose(n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost += n
	if err == nil {
		return
	}
	if w.why == nil {
		w.why = err
	}
	if !w.opt.GoOn {
		close(w.broken)
		w.room.Broadcast()
	}
}

// A batchRecorder records several events with one sync.
type batchRecorder interface {
	AppendBatch(ctx context.Context, events []*etch.Event) ([]etch.Receipt, error)
}

// record appends events, and returns how many of them may not be on record, and
// why. That the configuration skips one is no failure.
func (w *witness) record(events []*etch.Event) (lost int, err error) {
	ctx := context.Background() // what was passed on has happened, whoever gives up
	if batch, ok := w.log.(batchRecorder); ok && len(events) > 1 {
		receipts, err := batch.AppendBatch(ctx, events)
		if err == nil || errors.Is(err, etch.ErrSkipped) {
			return 0, nil
		}
		lost = len(events)
		for _, r := range receipts {
			if r.Durable {
				lost--
			}
		}
		return lost, err
	}
	for i, e := range events {
		if _, err := w.log.Append(ctx, e); err != nil && !errors.Is(err, etch.ErrSkipped) {
			return len(events) - i, err
		}
	}
	return 0, nil
}
