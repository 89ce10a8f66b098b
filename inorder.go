package etch

import (
	"context"
	"iter"
	"sync"
)

// inOrder returns what work gives of each task, in the order of the tasks, while
// several workers are ahead of the consumer by a few. It ends early when ctx is
// done. When the loop over it ends, no goroutine of it runs any more; tasks is
// gone through by the consumer's goroutine.
func inOrder[T, R any](ctx context.Context, workers int, tasks iter.Seq[T], work func(worker int, task T) R) iter.Seq[R] {
	type job struct {
		task T
		done chan R
	}
	return func(yield func(R) bool) {
		jobs := make(chan job, 2*workers)
		var running sync.WaitGroup
		for n := range workers {
			running.Go(func() {
				makeRoom(0)
				for j := range jobs {
					j.done <- work(n, j.task)
				}
			})
		}
		defer running.Wait()
		defer close(jobs)
		next, stop := iter.Pull(tasks)
		defer stop()
		var pending []job
		for more := true; more || len(pending) > 0; {
			for more && len(pending) < 2*workers && ctx.Err() == nil {
				var j job
				if j.task, more = next(); more {
					j.done = make(chan R, 1)
					pending = append(pending, j)
					jobs <- j
				}
			}
			if len(pending) == 0 || ctx.Err() != nil {
				return
			}
			r := <-pending[0].done
			pending = pending[1:]
			if !yield(r) {
				return
			}
		}
	}
}

// stackRoom is about how much of its stack a worker uses.
const stackRoom = 24 << 10

// makeRoom makes a goroutine's stack large enough for a frame that is never used, at
// once, where it would else be copied every time that it has become twice as large.
//
//go:noinline
func makeRoom(use int) byte {
	if use == 0 {
		return 0
	}
	var room [stackRoom]byte
	room[use%stackRoom] = 1
	return room[use/2%stackRoom]
}
