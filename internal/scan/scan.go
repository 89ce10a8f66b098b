// Package scan goes through the lines of a segment on all cores.
//
// The bytes are divided into blocks. Of each, a worker hands the lines that
// begin in it and are worth it to a function of the caller, and what that gives
// comes out in the order of the lines, one block after another. A few blocks
// are worked on ahead of the consumer, never more.
//
// Where the lines are chosen by a [needle.Finder] and the file can be mapped,
// the search goes through the mapping; the few lines found are copied out of
// it. So that neither a file that is cut meanwhile nor a disk that fails is
// worse than an error, a block whose mapping faults is read instead.
package scan

import (
	"context"
	"fmt"
	"io"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/etch-audit/etch/internal/needle"
)

// Options say which lines are asked for. The zero value means all, forward.
type Options struct {
	// Finder chooses the lines in which it finds something. Nil: all lines.
	Finder *needle.Finder
	// Reverse asks for the last line first.
	Reverse bool
	// Workers is how many lines are matched at the same time. Zero means as
	// many as the program may use cores.
	Workers int
	// Files, where not nil, is of several scans, one after another, of files that
	// came to be in the same way: what is found out about one need not be found out
	// about each.
	Files *Files
}

// Files is what is known of how the system holds files. The zero value is nothing.
type Files struct {
	read int // how many more are read without being asked about
}

// readOn is how many files are read that follow one that is better read than mapped.
// To ask about one takes as long as to read 2 MiB on one core, and the others wait.
const readOn = 7

// A Match is asked about one line, which has no line feed and is valid until
// it returns. It says whether the line has a result. An error is given in the
// result's place and ends nothing.
//
// It is called by several goroutines at once; worker, from 0 to below
// Options.Workers, is different for each, so that it can choose scratch space.
// It may be called for lines that the consumer never gets to, in any order.
type Match[R any] func(worker int, line []byte, offset int64) (R, bool, error)

// An Error tells where a scan ended before the end. It is [segment.ErrPartial]
// where there is no whole line, [segment.ErrRead] where there are no bytes.
type Error struct {
	// Offset is that of the first line not scanned; in reverse, of the last
	// line that was.
	Offset int64
	Err    error
}

// Error returns the offset and the cause.
func (e *Error) Error() string { return fmt.Sprintf("offset %d: %v", e.Offset, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Lines returns the results of match over the lines of src from offset from,
// where a line begins, to offset to, in their order. They hold no memory of
// src.
//
// Lines are those of [segment.Lines] and, in reverse, [segment.Backward]. What
// is not a whole line ends the scan with an [*Error], behind the results of the
// lines before it; so does a file that is shorter than to, and a failed read.
// When ctx is done, its error comes last, at any place.
//
// The iterator may be used again. When the loop over it ends, for whatever
// reason, no goroutine of it runs any more.
func Lines[R any](ctx context.Context, src io.ReaderAt, from, to int64, opt Options, match Match[R]) iter.Seq2[R, error] {
	if opt.Workers <= 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	return func(yield func(R, error) bool) {
		s := &scan[R]{ctx: ctx, opt: opt, match: match, yield: yield}
		s.extent = extent{src: src, from: from, to: to, reverse: opt.Reverse, doubles: doublings, ahead: nearAhead, files: opt.Files}
		if opt.Finder == nil {
			s.doubles = everyLine
		}
		defer context.AfterFunc(ctx, func() { s.halted.Store(true) })()
		s.run()
	}
}

// A scan is one use of an iterator. Its methods are called by the consumer's
// goroutine.
type scan[R any] struct {
	extent
	ctx    context.Context
	opt    Options
	match  Match[R]
	yield  func(R, error) bool
	halted atomic.Bool // workers are to return: the context is done, or the consumer
	edge   int64       // between the lines that were scanned and those that were not
}

// A result is what one line gave.
type result[R any] struct {
	value R
	err   error
}

// A task is the work on one block and what it gave.
type task[R any] struct {
	block
	results []result[R]
	found   finding
	done    chan struct{} // receives one value when a worker is through
}

// run does the first block itself: who asks for a few lines gets them without
// any machinery.
func (s *scan[R]) run() {
	s.edge = s.from
	if s.opt.Reverse {
		s.edge = s.to
	}
	defer s.close()
	w := newWorker(s, 0)
	defer w.end()
	t := new(task[R])
	for n := 0; s.has(n); n++ {
		if n == 1 {
			if s.opt.Finder != nil {
				s.openMapping()
			}
			if s.opt.Workers > 1 {
				s.parallel(n)
				return
			}
		}
		t.block = s.block(n)
		w.do(t)
		if !s.give(t) {
			return
		}
	}
}

// nearAhead and farAhead are how many blocks a worker may be ahead of the consumer.
// What they give is held meanwhile; but each time that a worker has none to do, its
// thread goes to sleep. Far is for smaller blocks.
const (
	nearAhead = 4
	farAhead  = 16
)

// parallel does the blocks from number first on. A task is handed out again
// once its results were given, so that a slow consumer stops the workers.
func (s *scan[R]) parallel(first int) {
	var tasks []*task[R]
	for n := first; len(tasks) < s.ahead*s.opt.Workers && s.has(n); n++ {
		tasks = append(tasks, &task[R]{block: s.block(n), done: make(chan struct{}, 1)})
	}
	jobs := make(chan *task[R], len(tasks))
	for _, t := range tasks {
		jobs <- t
	}
	var workers sync.WaitGroup
	for n := range min(s.opt.Workers, len(tasks)) {
		w := newWorker(s, n)
		workers.Go(func() {
			defer w.end()
			w.serve(jobs)
		})
	}
	defer func() {
		s.halted.Store(true)
		close(jobs)
		workers.Wait()
	}()
	for n := first; s.has(n); n++ {
		t := tasks[(n-first)%len(tasks)]
		select {
		case <-t.done:
		case <-s.ctx.Done():
		}
		if !s.give(t) {
			return
		}
		if next := n + len(tasks); s.has(next) {
			t.block = s.block(next)
			jobs <- t
		}
	}
}

// give hands the results of a block to the consumer. It reports whether that
// goes on.
func (s *scan[R]) give(t *task[R]) bool {
	var none R
	if err := s.ctx.Err(); err != nil { // then t may still be worked on
		s.yield(none, err)
		return false
	}
	for i := range t.results {
		if !s.yield(t.results[i].value, t.results[i].err) {
			return false
		}
		if err := s.ctx.Err(); err != nil {
			s.yield(none, err)
			return false
		}
	}
	s.release(t.block)
	if t.found.some {
		s.edge = t.found.edge
	}
	if t.found.damage != nil {
		s.yield(none, &Error{s.edge, t.found.damage})
		return false
	}
	return true
}
