package journal

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A keeper does what is due while nobody appends: it seals, begins epochs,
// and in interval mode writes what was gathered. It is one goroutine, which
// Close waits for.
type keeper struct {
	every time.Duration // the longest a record waits for its seal
	seal  *time.Timer
	armed atomic.Bool   // the seal timer runs
	full  chan struct{} // capacity 1: much is gathered in interval mode
	quit  chan struct{}
	done  chan struct{}
	told  string // the failure that was told last; the goroutine's own

	mu   sync.Mutex
	err  error  // guarded by mu: the first failure nobody was told of yet
	lost uint64 // guarded by mu: events it concerns
}

// start begins the keeper's work. Its first seal is for what a killed writer left.
func (k *keeper) start(j *Journal) {
	k.every = j.opt.SealEvery
	k.seal = time.NewTimer(k.every)
	k.armed.Store(true)
	k.full = make(chan struct{}, 1)
	k.quit = make(chan struct{})
	k.done = make(chan struct{})
	go k.run(j)
}

func (k *keeper) run(j *Journal) {
	defer close(k.done)
	epoch := time.NewTicker(j.opt.Epoch)
	defer epoch.Stop()
	var interval <-chan time.Time
	if j.opt.Interval > 0 {
		t := time.NewTicker(j.opt.Interval)
		defer t.Stop()
		interval = t.C
	}
	for {
		var prepare func(*batch)
		select {
		case <-k.quit:
			return
		case <-k.seal.C:
			k.armed.Store(false)
			prepare = func(b *batch) { b.seal = true }
		case <-epoch.C: // an empty commit does what is due
		case <-interval:
			if j.queue.empty() {
				continue
			}
		case <-k.full:
		}
		_, err := j.do(context.Background(), prepare)
		k.report(j, err)
	}
}

// report tells of a commit that failed though nobody waited for it, once for
// each cause, and sees to it that it is tried again.
func (k *keeper) report(j *Journal, err error) {
	if err == nil {
		k.told = ""
		return
	}
	if text := err.Error(); text != k.told {
		k.told = text
		j.note(Failure, "the log could not be written in the background: %v", err)
		j.tell()
	}
	k.arm(1)
}

// arm sees to it that unsealed records are sealed in time.
func (k *keeper) arm(unsealed uint64) {
	if unsealed > 0 && k.seal != nil && k.armed.CompareAndSwap(false, true) {
		k.seal.Reset(k.every)
	}
}

// hurry tells that much is gathered in interval mode.
func (k *keeper) hurry() {
	select {
	case k.full <- struct{}{}:
	default: // it knows
	}
}

// stop ends the goroutine and waits for it.
func (k *keeper) stop() {
	if k.quit == nil {
		return
	}
	close(k.quit)
	<-k.done
	k.seal.Stop()
}

// fail keeps an error that no caller waits for.
func (k *keeper) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lost++
	if k.err == nil {
		k.err = err
	}
}

// failure returns what was kept, once.
func (k *keeper) failure() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		return nil
	}
	err := fmt.Errorf("%d earlier events: %w", k.lost, k.err)
	k.err, k.lost = nil, 0
	return err
}
