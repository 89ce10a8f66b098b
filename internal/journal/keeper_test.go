package journal_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/internal/vfs"
)

// timed runs a test in a bubble whose clock is the log's. Goroutines that are
// left at its end are a fault of their own.
func timed(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opt.Now, w.opt.SealEvery = time.Now, time.Second
		defer w.abandon() // where the test has ended early
		test(t, w)
		if err := w.close(); err != nil {
			t.Errorf("close: %v", err)
		}
		w.recheck(t)
	})
}

// wait lets time go by, and those who work come to rest.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestKeeperSeals(t *testing.T) {
	timed(t, func(t *testing.T, w *world) {
		must(t, w.create())
		for range 3 {
			must(t, w.append(t, 100, 100))
			if f := w.check(t); f.unsealed == 0 {
				t.Fatalf("all lines are sealed at once: the test shows nothing")
			}
			wait(time.Second)
			f := w.check(t)
			if f.unsealed != 0 {
				t.Errorf("after the interval %d lines are not sealed", f.unsealed)
			}
			wait(10 * time.Second)
			if idle := w.check(t); idle.size != f.size {
				t.Errorf("an idle log has grown from %d records to %d", f.size, idle.size)
			}
		}
	})
}

// TestKeeperSealsWhatWasLeft seals what a killed writer has left.
func TestKeeperSealsWhatWasLeft(t *testing.T) {
	timed(t, func(t *testing.T, w *world) {
		must(t, w.create())
		must(t, w.append(t, 100))
		next := w.after(w.mem.Clone())
		next.opt.Now = time.Now
		must(t, next.open())
		wait(time.Second)
		if f := next.check(t); f.unsealed != 0 {
			t.Errorf("%d lines are not sealed", f.unsealed)
		}
		must(t, next.close())
	})
}

func TestKeeperBeginsEpochs(t *testing.T) {
	timed(t, func(t *testing.T, w *world) {
		w.opt.Rotate = journal.BySize
		must(t, w.create())
		must(t, w.append(t, 100))
		wait(time.Hour)
		if f := w.check(t); f.epoch != 1 {
			t.Errorf("epoch is %d after an hour, want 1", f.epoch)
		}
		wait(24 * time.Hour)
		if f := w.check(t); f.epoch != 1 {
			t.Errorf("epoch is %d after an idle day, want 1", f.epoch)
		}
	})
}

// TestKeeperRotates begins, as every bubble does, on a Saturday at midnight.
func TestKeeperRotates(t *testing.T) {
	for mode, want := range map[journal.Rotation][]uint32{
		journal.Daily:  {2, 2, 2, 2}, // the second segment never holds an event
		journal.Weekly: {1, 2, 2, 2},
		journal.BySize: {1, 1, 1, 1},
	} {
		timed(t, func(t *testing.T, w *world) {
			w.opt.Rotate = mode
			must(t, w.create())
			must(t, w.append(t, 100))
			for day, segment := range want {
				wait(24 * time.Hour)
				if f := w.check(t); f.segment != segment {
					t.Errorf("mode %d: segment is %d after %d days, want %d", mode, f.segment, day+1, segment)
				}
			}
		})
	}
}

// TestInterval shows what interval durability promises: after the interval, or
// Sync, or Close, everything before is durable.
func TestInterval(t *testing.T) {
	timed(t, func(t *testing.T, w *world) {
		w.opt.Interval = 100 * time.Millisecond
		must(t, w.create())
		durable := func() {
			t.Helper()
			w.hist.synced()
			next := w.after(w.mem.Crash(memfs.None()))
			next.opt.Now = time.Now
			must(t, next.open())
			must(t, next.close())
			next.recheck(t)
		}
		must(t, w.append(t, 100, 100))
		if n := w.hist.count(pending); n != 2 {
			t.Errorf("%d receipts speak of durability, want none", 2-n)
		}
		wait(100 * time.Millisecond)
		durable()
		must(t, w.append(t, 100, 100))
		must(t, w.log.Sync(ctx))
		durable()
		must(t, w.append(t, 100, 100))
		must(t, w.close())
		durable()
		must(t, w.open())
		for range 100 { // more than may be gathered
			must(t, w.append(t, 60000))
		}
		must(t, w.log.Sync(ctx))
		durable()
	})
}

// TestIntervalFull shows what becomes of callers of an interval that have gone
// ahead as far as they may: each waits until what is gathered is taken to be
// written, no longer, or until its context ends.
func TestIntervalFull(t *testing.T) {
	timed(t, func(t *testing.T, w *world) {
		w.opt.Interval, w.opt.MaxSize = time.Hour, 100<<20
		var held atomic.Bool
		writing, goOn := make(chan struct{}), make(chan struct{})
		w.faulty(errorfs.InjectorFunc(func(op errorfs.Op) errorfs.Fault {
			if op.Kind == errorfs.Sync && held.CompareAndSwap(true, false) {
				close(writing)
				<-goOn
			}
			return errorfs.Fault{}
		}))
		must(t, w.create())
		held.Store(true)
		for range 30 { // as much as is written before its time
			must(t, w.append(t, 60000))
		}
		<-writing
		full := make([]int, 80) // more than may be gathered
		for i := range full {
			full[i] = 60000
		}
		waiting := make(chan error)
		go func() { waiting <- w.append(t, full...) }()
		synctest.Wait()
		select {
		case err := <-waiting:
			t.Fatalf("80 large events were taken while none could be written: %v", err)
		default:
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, body := w.hist.event(100)
		if _, err := w.log.Append(short, body); !errors.Is(err, journal.ErrNotRecorded) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("append that waits for room: %v, want %v", err, context.DeadlineExceeded)
		}
		held.Store(true)
		writing = make(chan struct{})
		goOn <- struct{}{}
		<-writing // the next batch is taken, and not durable yet
		must(t, <-waiting)
		goOn <- struct{}{}
	})
}

// TestIntervalClosed closes a log while a caller waits for room.
func TestIntervalClosed(t *testing.T) {
	timed(t, func(t *testing.T, w *world) {
		w.opt.Interval = time.Hour
		must(t, w.create())
		lock, err := w.mem.OpenLock(logDir + "/audit.lock")
		must(t, err)
		must(t, lock.Acquire(0))
		waiting, log := make(chan error), w.log
		go func() {
			for {
				n, body := w.hist.event(60000)
				r, err := log.Append(ctx, body)
				w.hist.told(t, n, r, err)
				if err != nil {
					waiting <- err
					return
				}
			}
		}()
		synctest.Wait()
		closed := make(chan error)
		go func() { closed <- w.close() }()
		synctest.Wait()
		must(t, lock.Close())
		if err := <-waiting; !errors.Is(err, journal.ErrClosed) || !errors.Is(err, journal.ErrNotRecorded) {
			t.Errorf("append to a log that is being closed: %v, want %v", err, journal.ErrClosed)
		}
		must(t, <-closed)
	})
}

// TestIntervalFailure shows that a failure in the background is told.
func TestIntervalFailure(t *testing.T) {
	timed(t, func(t *testing.T, w *world) {
		w.opt.Interval = 100 * time.Millisecond
		broken := new(errorfs.Toggle)
		w.faulty(errorfs.When(errorfs.And(broken.Match, errorfs.KindMatch(errorfs.Lock)), errorfs.Fail(errors.New("no lock"))))
		must(t, w.create())
		broken.Set(true)
		must(t, w.append(t, 100))
		wait(100 * time.Millisecond)
		broken.Set(false)
		if err := w.append(t, 100); !errors.Is(err, journal.ErrNotRecorded) {
			t.Errorf("append: %v, want that of the event before", err)
		}
		must(t, w.append(t, 100))
	})
}

// TestLockTimeout holds the lock: an append fails when its wait is over, and
// is not recorded.
func TestLockTimeout(t *testing.T) {
	timed(t, func(t *testing.T, w *world) {
		must(t, w.create())
		lock, err := w.mem.OpenLock(logDir + "/audit.lock")
		must(t, err)
		must(t, lock.Acquire(0))
		begin := time.Now()
		if err := w.append(t, 100); !errors.Is(err, journal.ErrNotRecorded) || !errors.Is(err, vfs.ErrLocked) {
			t.Errorf("append: %v, want %v", err, vfs.ErrLocked)
		}
		if waited := time.Since(begin); waited > 2*w.opt.LockWait {
			t.Errorf("append took %v, the wait is %v", waited, w.opt.LockWait)
		}
		if _, err := journal.Open(w.opt); !errors.Is(err, vfs.ErrLocked) {
			t.Errorf("open: %v, want %v", err, vfs.ErrLocked)
		}
		must(t, lock.Close())
		must(t, w.append(t, 100))
	})
}
