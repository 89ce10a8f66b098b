package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/bench/events"
)

// appendMemory is the peak of a process in which 1,024 callers append.
func appendMemory(ctx context.Context, e *env) (float64, error) {
	return e.scratch(func(dir string) (float64, error) {
		l := load{Peer: "etch", Dir: dir, Callers: 1024, Span: 3 * e.Span}
		return peakOf(ctx, job{Work: workAppend, Load: l})
	})
}

// largeMemory is the peak of a process that works on the large log.
func largeMemory(work string) func(context.Context, *env) (float64, error) {
	return func(ctx context.Context, e *env) (float64, error) {
		dir, err := e.largeLog(ctx)
		if err != nil {
			return 0, err
		}
		return peakOf(ctx, job{Work: work, Dir: dir})
	}
}

// smallMemory is the peak of a process that works on the small log.
func smallMemory(work string) func(context.Context, *env) (float64, error) {
	return func(ctx context.Context, e *env) (float64, error) {
		dir, err := e.smallLog(ctx)
		if err != nil {
			return 0, err
		}
		return peakOf(ctx, job{Work: work, Dir: dir})
	}
}

func peakOf(ctx context.Context, j job) (float64, error) {
	got, err := together(ctx, 1, j)
	if err != nil {
		return 0, err
	}
	if got[0].Events == 0 {
		return 0, fmt.Errorf("the child that was to %s had nothing to do", j.Work)
	}
	return got[0].Peak, nil
}

// allocRuns is how many appends the allocations are counted over.
const allocRuns = 2000

// measureAllocs counts allocations per Append, rounded to hundredths, with
// masking on and ids and times left to the log. No seal comes in between: a
// seal signs and encodes, which allocates, once in a thousand records.
func measureAllocs(ctx context.Context, e *env) (float64, error) {
	return e.scratch(func(dir string) (float64, error) {
		l, err := etch.Create(filepath.Join(dir, logName), &etch.Options{SealEvery: time.Hour, SealRecords: 1 << 20})
		if err != nil {
			return 0, err
		}
		made := events.New(events.Options{}).Take(64)
		for _, ev := range made {
			ev.ID, ev.Timestamp = "", time.Time{}
		}
		run := func(n int) error {
			for i := range n {
				if _, err := l.Append(ctx, made[i%len(made)]); err != nil {
					return err
				}
			}
			return nil
		}
		if err := run(allocRuns / 10); err != nil {
			return 0, err
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := run(allocRuns); err != nil {
			return 0, err
		}
		runtime.ReadMemStats(&after)
		hundredths := (after.Mallocs - before.Mallocs) * 100 / allocRuns
		return float64(hundredths) / 100, l.Close()
	})
}
