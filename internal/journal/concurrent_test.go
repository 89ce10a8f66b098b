package journal_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/vfs"
)

// slow makes each sync take a while, so that batches gather.
func slow(op errorfs.Op) errorfs.Fault {
	if op.Kind == errorfs.Sync {
		time.Sleep(200 * time.Microsecond)
	}
	return errorfs.Fault{}
}

// TestConcurrent lets many goroutines append to two journals of one log.
func TestConcurrent(t *testing.T) {
	w := newWorld()
	w.opt.MaxSize = 64 << 10
	w.faulty(errorfs.InjectorFunc(slow))
	must(t, w.create())
	other, err := journal.Open(w.opt)
	must(t, err)
	logs := [...]*journal.Journal{w.log, other}
	var wait sync.WaitGroup
	for i := range 64 {
		wait.Go(func() {
			for n := range 20 {
				w.appendTo(t, logs[i%2], ctx, 100+n*40)
			}
		})
	}
	wait.Wait()
	must(t, other.Close())
	must(t, w.close())
	w.blameless(t, w.recheck(t))
	if n := w.hist.count(recorded); n != 64*20 {
		t.Errorf("%d events are recorded, want %d", n, 64*20)
	}
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
	w := newWorld()
	w.faulty(errorfs.InjectorFunc(slow))
	must(t, w.create())
	var wait sync.WaitGroup
	for range 64 {
		source := rand.New(rand.NewPCG(rng.Uint64(), 0))
		wait.Go(func() {
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
	wait.Wait()
	must(t, w.close())
	w.check(t)
	for f := range doubtful + 1 {
		if n := w.hist.count(f); n == 0 && f != pending {
			t.Errorf("no event is %s: the test shows nothing", f)
		}
	}
	w.recheck(t)
}

// TestCloseWhileAppending closes a log under those who append, twice: each
// event is recorded, or its caller is told that the log is closed.
func TestCloseWhileAppending(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		w := newWorld()
		w.faulty(errorfs.InjectorFunc(slow))
		must(t, w.create())
		log := w.log
		var wait sync.WaitGroup
		for range 16 {
			wait.Go(func() {
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
			})
		}
		time.Sleep(2 * time.Millisecond)
		var errs [2]error
		var closers sync.WaitGroup
		for i := range errs {
			closers.Go(func() { errs[i] = log.Close() })
		}
		closers.Wait()
		wait.Wait()
		if errors.Is(errs[0], journal.ErrClosed) == errors.Is(errs[1], journal.ErrClosed) || errs[0] != nil && errs[1] != nil {
			t.Errorf("close: %v and %v, want nil and %v", errs[0], errs[1], journal.ErrClosed)
		}
		w.recheck(t)
		if _, err := log.Seal(ctx); !errors.Is(err, journal.ErrClosed) {
			t.Errorf("seal: %v, want %v", err, journal.ErrClosed)
		}
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines are left, %d were there before", runtime.NumGoroutine(), before)
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
