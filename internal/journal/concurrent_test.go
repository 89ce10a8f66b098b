package journal_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/vfs"
)

// slow makes each sync take a while, so that batches gather. It is for tests in
// a bubble, whose time is free.
func slow(op errorfs.Op) errorfs.Fault {
	if op.Kind == errorfs.Sync {
		<-time.After(200 * time.Microsecond)
	}
	return errorfs.Fault{}
}

// TestConcurrent lets many goroutines append to two journals of one log.
func TestConcurrent(t *testing.T) {
	timed(t, func(t *testing.T, w *world) {
		w.opt.MaxSize = 64 << 10
		w.faulty(errorfs.InjectorFunc(slow))
		must(t, w.create())
		other, err := journal.Open(w.opt)
		must(t, err)
		logs := [...]*journal.Journal{w.log, other}
		var done sync.WaitGroup
		for i := range 64 {
			done.Go(func() {
				for n := range 20 {
					if err := w.appendTo(t, logs[i%2], ctx, 100+n*40); err != nil {
						t.Errorf("append: %v", err)
					}
				}
			})
		}
		done.Wait()
		must(t, other.Close())
		must(t, w.close())
		w.blameless(t, w.recheck(t))
		if n := w.hist.count(recorded); n != 64*20 {
			t.Errorf("%d events are recorded, want %d", n, 64*20)
		}
	})
}

// appendTo adds an event to a journal and takes note of the outcome.
func (w *world) appendTo(t tb, log *journal.Journal, ctx context.Context, size int) error {
	t.Helper()
	n, body := w.hist.event(size)
	r, err := log.Append(ctx, body)
	clear(body) // the journal must not keep it
	w.hist.told(t, n, r, err)
	return err
}

// TestCancel cancels appends at any moment: who is told that the event is not
// recorded does not find it in the log.
func TestCancel(t *testing.T) {
	rng := logSeed(t)
	timed(t, func(t *testing.T, w *world) {
		w.faulty(errorfs.InjectorFunc(slow))
		must(t, w.create())
		var done sync.WaitGroup
		for range 64 {
			source := rand.New(rand.NewPCG(rng.Uint64(), 0))
			done.Go(func() {
				for range 40 {
					ctx, cancel := context.WithTimeout(ctx, time.Duration(source.IntN(1500))*time.Microsecond)
					err := w.appendTo(t, w.log, ctx, 200)
					cancel()
					if err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("append: %v", err)
					}
				}
			})
		}
		done.Wait()
		must(t, w.close())
		w.check(t)
		for _, f := range []fate{recorded, refused, doubtful} {
			if w.hist.count(f) == 0 {
				t.Errorf("no event is %s: the test shows nothing", f)
			}
		}
	})
}

// TestCloseWhileAppending closes a log under those who append, twice: each
// event is recorded, or its caller is told that the log is closed.
func TestCloseWhileAppending(t *testing.T) {
	for range 20 {
		timed(t, func(t *testing.T, w *world) {
			w.faulty(errorfs.InjectorFunc(slow))
			must(t, w.create())
			log := w.log
			w.log = nil
			var done sync.WaitGroup
			for range 16 {
				done.Go(func() { w.appendUntilClosed(t, log) })
			}
			<-time.After(2 * time.Millisecond)
			var errs [2]error
			for i := range errs {
				done.Go(func() { errs[i] = log.Close() })
			}
			done.Wait()
			if closed := errors.Is(errs[0], journal.ErrClosed); closed == errors.Is(errs[1], journal.ErrClosed) || errs[0] != nil && errs[1] != nil {
				t.Errorf("close: %v and %v, want nil and %v", errs[0], errs[1], journal.ErrClosed)
			}
			if _, err := log.Seal(ctx); !errors.Is(err, journal.ErrClosed) {
				t.Errorf("seal: %v, want %v", err, journal.ErrClosed)
			}
		})
	}
}

func (w *world) appendUntilClosed(t *testing.T, log *journal.Journal) {
	for {
		err := w.appendTo(t, log, ctx, 200)
		if err == nil {
			continue
		}
		if !errors.Is(err, journal.ErrClosed) || !errors.Is(err, journal.ErrNotRecorded) {
			t.Errorf("append: %v, want %v", err, journal.ErrClosed)
		}
		return
	}
}

// TestAppendAllocates nothing, once it is warm, on the real file system.
func TestAppendAllocates(t *testing.T) {
	w := newWorld()
	dir := t.TempDir()
	w.opt.FS, w.opt.Path, w.opt.Keys = vfs.OS(), filepath.Join(dir, "audit.log"), filepath.Join(dir, "audit.keys")
	w.opt.Now, w.opt.SealRecords, w.opt.MaxSize = time.Now, 100000, 1<<30
	must(t, w.create())
	_, body := w.hist.event(500)
	n := testing.AllocsPerRun(200, func() {
		if _, err := w.log.Append(ctx, body); err != nil {
			t.Error(err)
		}
	})
	must(t, w.close())
	if n != 0 {
		t.Errorf("append allocates %v times, want 0", n)
	}
}
