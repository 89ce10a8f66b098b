package journal_test

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/memfs"
)

// routine is a life of a log that comes to every kind of write.
var routine = []struct {
	name string
	do   func(w *world, t tb) error
}{
	{"create", func(w *world, _ tb) error { return w.create() }},
	{"append", func(w *world, t tb) error { return w.append(t, 200, 900) }},
	{"batch", func(w *world, t tb) error { return w.batch(t, 300, 2500, 300) }},
	{"seal", func(w *world, _ tb) error { _, err := w.log.Seal(ctx); return err }},
	{"append unsealed", func(w *world, t tb) error { return w.append(t, 500) }},
	{"rotate", func(w *world, _ tb) error { _, err := w.log.Rotate(ctx); return err }},
	{"append after rotation", func(w *world, t tb) error { return w.append(t, 250) }},
	{"epoch", func(w *world, t tb) error { w.clock.jump(2 * time.Hour); return w.append(t, 300) }},
	{"close", func(w *world, _ tb) error { return w.close() }},
	{"reopen", func(w *world, _ tb) error { return w.open() }},
	{"fill", func(w *world, t tb) error { return w.batch(t, 5000, 5000, 5000) }},
	{"next day", func(w *world, t tb) error { w.clock.jump(24 * time.Hour); return w.append(t, 300) }},
	{"close again", func(w *world, _ tb) error { return w.close() }},
}

func TestRoutine(t *testing.T) {
	for _, signed := range []bool{true, false} {
		w := newWorld()
		w.opt.Signed, w.opt.MaxSize, w.opt.SealRecords = signed, 16<<10, 8
		for _, step := range routine {
			if err := step.do(w, t); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			f := w.check(t)
			t.Logf("%s: %d records, segment %d, epoch %d", step.name, f.size, f.segment, f.epoch)
		}
		f := w.recheck(t)
		if len(f.told) > 0 || f.broken > 0 || f.missing > 0 {
			t.Errorf("signed %v: a log without a mishap tells of %v, %d broken epochs, %d missing records", signed, f.kinds(), f.broken, f.missing)
		}
		if f.segment < 4 || f.epoch < 2 {
			t.Errorf("signed %v: log ends in segment %d, epoch %d: the routine does not come to everything", signed, f.segment, f.epoch)
		}
		if n := w.hist.count(recorded); n != len(w.hist.events) {
			t.Errorf("signed %v: %d of %d events are recorded", signed, n, len(w.hist.events))
		}
		w.revive(t)
	}
}

// TestAcknowledged takes the power right after each acknowledgement, and all
// that is not durable with it.
func TestAcknowledged(t *testing.T) {
	for _, signed := range []bool{true, false} {
		w := newWorld()
		w.opt.Signed, w.opt.SealRecords = signed, 8
		must(t, w.create())
		for range 12 {
			must(t, w.append(t, 3000))
			next := w.after(w.mem.Crash(memfs.None()))
			must(t, next.open())
			next.check(t)
			must(t, next.close())
			next.recheck(t)
		}
		must(t, w.close())
	}
}

// TestDoubt lets the step fail that comes after a record is on disk: its caller
// must not be told that it is not there.
func TestDoubt(t *testing.T) {
	w := newWorld()
	must(t, w.create())
	writes := errorfs.And(errorfs.KindMatch(errorfs.Write), errorfs.PathMatch("audit.state"))
	must(t, w.close())
	w.faulty(errorfs.When(errorfs.And(writes, errorfs.OnIndex(0)), errorfs.Fail(syscall.EIO)))
	must(t, w.open())
	if err := w.append(t, 100); !errors.Is(err, journal.ErrUnknown) {
		t.Errorf("append: %v, want %v", err, journal.ErrUnknown)
	}
	must(t, w.append(t, 100)) // it takes over what the first has left
	if f := w.check(t); len(f.events[eventID(0)]) != 1 {
		t.Errorf("the first event stands %d times in the log: the test shows nothing", len(f.events[eventID(0)]))
	}
	must(t, w.close())
	w.recheck(t)
}

// TestRotationUnordered takes the power in the middle of a rotation, with each
// set of the renames surviving, whatever their order was.
func TestRotationUnordered(t *testing.T) {
	for set := range 16 {
		for _, last := range []string{"audit.000001.log", "audit.log"} {
			w := newWorld()
			must(t, w.create())
			must(t, w.append(t, 100, 100))
			renamed := false
			fsys := w.faulty(errorfs.InjectorFunc(func(op errorfs.Op) errorfs.Fault {
				if renamed {
					return errorfs.Crash(nil)
				}
				renamed = op.Kind == errorfs.Rename && strings.HasSuffix(op.NewPath, last)
				return errorfs.Fault{}
			}))
			must(t, w.close())
			must(t, w.open())
			if _, err := w.log.Rotate(ctx); err == nil || !fsys.Crashed() {
				t.Fatalf("rotate: %v, crashed %v", err, fsys.Crashed())
			}
			w.abandon()
			next := w.after(w.mem.Crash(memfs.Choice{Unordered: true, Survives: func(i memfs.Item) bool {
				return i.Kind != memfs.Name || set>>i.Index&1 == 1
			}}))
			if f := next.revive(t); len(f.told) > 0 || f.missing > 0 {
				t.Errorf("renames %b up to that to %s: log tells of %v, %d are missing", set, last, f.kinds(), f.missing)
			}
		}
	}
}

// TestBatchOverSegments adds more in one call than a segment, a seal's promise or a
// single write may hold.
func TestBatchOverSegments(t *testing.T) {
	for _, l := range lives {
		w := l.world()
		w.opt.SealRecords = 90
		must(t, w.create())
		must(t, w.batch(t, slices.Repeat([]int{150, 700, 300}, 300)...))
		if l.maxSize > 100<<10 {
			must(t, w.batch(t, slices.Repeat([]int{50000}, 150)...))
		}
		must(t, w.close())
		f := w.recheck(t)
		w.blameless(t, f)
		if n := w.hist.count(recorded); n != len(w.hist.events) {
			t.Errorf("%s: %d of %d events are recorded", l.name, n, len(w.hist.events))
		}
	}
}
