package journal_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	logcontrol "github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/state"
)

// syncs counts the syncs of a file's content from now on.
func (w *world) syncs() *int {
	n := new(int)
	w.faulty(errorfs.InjectorFunc(func(op errorfs.Op) errorfs.Fault {
		if op.Kind == errorfs.Sync || op.Kind == errorfs.SyncDir {
			*n++
		}
		return errorfs.Fault{}
	}))
	return n
}

// seals counts the seals of the active segment.
func (w *world) seals(t *testing.T) int {
	t.Helper()
	return bytes.Count(w.content(t, "audit.log"), []byte(`"event_type":"log_sealed"`))
}

// TestBrief makes one sync a record, which takes the seal along where one is due,
// and none to close. The next writer that is not brief seals the rest.
func TestBrief(t *testing.T) {
	w := newWorld()
	w.opt.SealEvery = time.Second
	if err := errors.Join(w.create(), w.close()); err != nil {
		t.Fatal(err)
	}
	w.opt.Brief = true
	for _, c := range []struct {
		pause        time.Duration
		syncs, seals int
	}{
		{0, 1, 1}, {2 * time.Second, 1, 1}, {time.Minute, 2, 2}, {30 * time.Second, 1, 2},
	} {
		w.clock.jump(c.pause)
		n := w.syncs()
		if err := w.open(); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.append(t, 300), w.close()); err != nil {
			t.Fatal(err)
		}
		if *n != c.syncs || w.seals(t) != c.seals {
			t.Errorf("after %v: %d syncs, %d seals, want %d and %d", c.pause, *n, w.seals(t), c.syncs, c.seals)
		}
		w.opt.FS = w.mem
		w.check(t)
	}
	w.opt.Brief = false
	if err := errors.Join(w.open(), w.close()); err != nil {
		t.Fatal(err)
	}
	if n := w.seals(t); n != 3 {
		t.Errorf("%d seals after a writer that seals, want 3", n)
	}
	w.recheck(t)
}

// TestBriefClosed takes nothing after Close, and closes once.
func TestBriefClosed(t *testing.T) {
	w := newWorld()
	w.opt.Brief = true
	if err := w.create(); err != nil {
		t.Fatal(err)
	}
	log := w.log
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(ctx, []byte(`"x":1`)); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Append after Close = %v", err)
	}
	if err := log.Close(); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("second Close = %v", err)
	}
}

// TestBriefSealsForWant makes do without the identity key until a seal is due,
// and then does not record what it cannot seal.
func TestBriefSealsForWant(t *testing.T) {
	w := newWorld()
	if err := errors.Join(w.create(), w.close()); err != nil {
		t.Fatal(err)
	}
	key := w.content(t, "audit.keys/identity.key")
	w.put(t, "audit.keys/identity.key", append(bytes.Clone(key[:len(key)-8]), "AAAAAAA\n"...))
	w.opt.Brief = true
	if err := w.open(); err != nil {
		t.Fatal(err)
	}
	if err := w.append(t, 300); err != nil {
		t.Errorf("Append while no seal is due = %v", err)
	}
	w.clock.jump(2 * time.Hour)
	if err := w.append(t, 300); !errors.Is(err, journal.ErrNotRecorded) || !errors.Is(err, journal.ErrKeys) {
		t.Errorf("Append when a seal is due = %v", err)
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
}

// TestGap puts losses on record, each once also where the commit fails at any step.
func TestGap(t *testing.T) {
	gap := logcontrol.GapLog{ID: "gap_1", Lost: 3, From: "2026-02-16T12:00:00.000000Z", To: "2026-02-16T12:00:01.000000Z", Cause: "x"}
	for k := 0; ; k++ {
		w := newWorld()
		if err := w.create(); err != nil {
			t.Fatal(err)
		}
		if err := w.close(); err != nil {
			t.Fatal(err)
		}
		fsys := w.faulty(errorfs.When(errorfs.And(errorfs.KindMatch(errorfs.Write, errorfs.Sync), errorfs.OnIndex(k)), errorfs.Fail(errors.New("broken"))))
		err := w.open()
		if err == nil {
			err = w.log.Gap(ctx, gap)
			_ = w.close() // where it failed, so may this
		}
		if fsys.Faults() == 0 && err != nil {
			t.Fatal(err)
		}
		w.healed.Store(true)
		if err := errors.Join(w.open(), w.close()); err != nil {
			t.Fatal(err)
		}
		w.recheck(t)
		n := 0
		for _, name := range []string{"audit.log", "audit.000001.log"} {
			if _, err := w.mem.Stat(logDir + "/" + name); err == nil {
				n += bytes.Count(w.content(t, name), []byte(`"id":"gap_1","lost":3`))
			}
		}
		if err == nil && n < 1 || fsys.Faults() == 0 && n != 1 {
			t.Errorf("step %d: Gap = %v, %d on record", k, err, n)
		}
		if fsys.Faults() == 0 {
			if k < 3 {
				t.Errorf("only %d steps", k)
			}
			return
		}
	}
}

// TestSettle makes lines part of the log that another process has in flight.
func TestSettle(t *testing.T) {
	w := newWorld()
	w.opt.Beside(8<<10, never) // the state tells what the segment has
	if err := errors.Join(w.create(), w.close()); err != nil {
		t.Fatal(err)
	}
	p, q := w.join(nil), w.join(nil)
	if err := errors.Join(q.open(), p.open()); err != nil {
		t.Fatal(err)
	}
	synced := func() uint64 {
		s, _, err := state.Parse(w.content(t, "audit.state"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return s.Size()
	}
	before := synced()
	p.launch(t, 300)
	if n := synced(); n != before {
		t.Errorf("%d records are synced while one is in flight, want %d", n, before)
	}
	if err := q.log.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	if n := synced(); n != before+1 {
		t.Errorf("%d records are synced once settled, want %d", n, before+1)
	}
	log := q.log
	if err := errors.Join(p.land(errorfs.Fault{}), p.close(), q.close(), w.open(), w.close()); err != nil {
		t.Fatal(err)
	}
	w.recheck(t)
	if err := log.Settle(ctx); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Settle of a closed journal = %v", err)
	}
}
