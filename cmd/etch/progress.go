package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// progressDelay is how long a thing may take before anything is said of it.
const progressDelay = 500 * time.Millisecond

// A progress shows on stderr how far a long thing is, if that is a terminal.
// Its methods may be called from several goroutines.
type progress struct {
	std   stdio
	verb  string
	done  atomic.Int64
	total atomic.Int64
	shows bool // there is somebody to see it
	quit  chan struct{}
	ended sync.WaitGroup
}

// newProgress starts to count; verb is for people: "verifying". Who calls it
// calls stop before writing anything else.
func newProgress(std stdio, verb string) *progress {
	p := &progress{std: std, verb: verb, shows: isTerminal(std.err), quit: make(chan struct{})}
	if p.shows {
		p.ended.Go(p.show)
	}
	return p
}

// set says how much of how much is done, in any unit.
func (p *progress) set(done, total int64) {
	p.done.Store(done)
	p.total.Store(total)
}

// stop takes the line away again.
func (p *progress) stop() {
	close(p.quit)
	p.ended.Wait()
}

func (p *progress) show() {
	timer := time.NewTimer(progressDelay)
	defer timer.Stop()
	for shown := false; ; shown = true {
		select {
		case <-p.quit:
			if shown {
				_, _ = fmt.Fprint(p.std.err, "\r\x1b[K") // cosmetic
			}
			return
		case <-timer.C:
			_, _ = fmt.Fprint(p.std.err, "\r\x1b[K", p.line()) // cosmetic
			timer.Reset(100 * time.Millisecond)
		}
	}
}

// line is the bar: "etch: verifying [#####     ]  50%".
func (p *progress) line() string {
	const cells = 30
	done, total := p.done.Load(), p.total.Load()
	if total <= 0 {
		return fmt.Sprintf("etch: %s …", p.verb)
	}
	part := min(max(float64(done)/float64(total), 0), 1)
	bar := make([]byte, cells)
	for i := range bar {
		bar[i] = ' '
		if float64(i) < part*cells {
			bar[i] = '#'
		}
	}
	return fmt.Sprintf("etch: %s [%s] %3.0f%%", p.verb, bar, part*100)
}
