package bench

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/bench/events"
	"github.com/etch-audit/etch/bench/peer"
)

// pool is how many different events the callers go through, again and again.
const pool = 4096

// A load is callers that append to a peer in a closed loop: each gives its
// next event when the last one was taken.
type load struct {
	Peer    string
	Dir     string
	Callers int
	Span    time.Duration
	// UntilClosed counts the time that closing the peer takes, for peers that
	// still have something to write.
	UntilClosed bool
}

// A taken is what came out of a load.
type taken struct {
	Events  int
	Seconds float64
	Peak    float64 // MiB, of a child process
}

func (t taken) rate() float64 {
	if t.Seconds == 0 {
		return 0
	}
	return float64(t.Events) / t.Seconds
}

// run opens the peer, warms it up and measures. Before it measures it calls
// ready, where that is not nil.
func (l load) run(ctx context.Context, ready func() error) (taken, error) {
	made := events.New(events.Options{Seed: uint64(l.Callers)}).Take(pool)
	p, err := peer.Open(l.Peer, l.Dir)
	if err != nil {
		return taken{}, err
	}
	if _, err := l.drive(ctx, p, made, l.Span/10); err != nil {
		return taken{}, errors.Join(err, p.Close())
	}
	if ready != nil {
		if err := ready(); err != nil {
			return taken{}, errors.Join(err, p.Close())
		}
	}
	began := time.Now()
	n, err := l.drive(ctx, p, made, l.Span)
	took := time.Since(began)
	if err := errors.Join(err, p.Close()); err != nil {
		return taken{}, err
	}
	if l.UntilClosed {
		took = time.Since(began)
	}
	return taken{Events: n, Seconds: took.Seconds()}, nil
}

// drive runs the callers and returns how many events the peer took.
func (l load) drive(ctx context.Context, p peer.Peer, made []*etch.Event, span time.Duration) (int, error) {
	var stop atomic.Bool
	var total atomic.Int64
	errs := make([]error, l.Callers)
	timer := time.AfterFunc(span, func() { stop.Store(true) })
	defer timer.Stop()
	var wg sync.WaitGroup
	for c := range l.Callers {
		wg.Go(func() {
			n := 0 // of a span that is over before it begins, on a loaded machine, one
			for i := c * 31; (n == 0 || !stop.Load()) && errs[c] == nil; i++ {
				errs[c] = p.Append(ctx, made[i%len(made)])
				n++
			}
			total.Add(int64(n))
		})
	}
	wg.Wait()
	return int(total.Load()), errors.Join(errs...)
}
