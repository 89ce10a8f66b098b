package journal_test

import (
	"testing"
	"time"
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
