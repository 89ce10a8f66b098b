package journal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/memfs"
)

// A faultKind is one way for an operation to fail.
type faultKind struct {
	name  string
	kinds []errorfs.OpKind // nil: every operation
	fault func(op errorfs.Op) errorfs.Fault
}

var faultKinds = []faultKind{
	{"without effect", nil, func(errorfs.Op) errorfs.Fault { return errorfs.Fail(syscall.EIO) }},
	{"with effect", nil, func(errorfs.Op) errorfs.Fault { return errorfs.FailAfter(syscall.EIO) }},
	{"short", []errorfs.OpKind{errorfs.Write, errorfs.Read}, func(op errorfs.Op) errorfs.Fault {
		return errorfs.Short(op.N/2, syscall.EIO)
	}},
	{"disk full", []errorfs.OpKind{errorfs.Write, errorfs.Create, errorfs.Mkdir}, func(op errorfs.Op) errorfs.Fault {
		return errorfs.Short(op.N/3, syscall.ENOSPC)
	}},
}

// at returns an injector of this fault at the k-th operation it applies to.
func (f faultKind) at(k int) errorfs.Injector {
	match := errorfs.OnIndex(k)
	if f.kinds != nil {
		match = errorfs.And(errorfs.KindMatch(f.kinds...), match)
	}
	return errorfs.InjectorFunc(func(op errorfs.Op) errorfs.Fault {
		if match(op) {
			return f.fault(op)
		}
		return errorfs.Fault{}
	})
}

// endure does the routine on a disk that fails now and then: a step that fails
// is told to the history, and life goes on.
func (w *world) endure(t tb) {
	t.Helper()
	for _, step := range routine {
		if w.log == nil && step.name != "create" && step.name != "close" && step.name != "close again" {
			if err := w.reopen(); err != nil {
				continue // the next step tries again
			}
		}
		if step.name != "reopen" && (w.log != nil || step.name == "create") {
			_ = step.do(w, t) // what it did to events is in the history
		}
	}
	if w.log == nil {
		if err := w.reopen(); err != nil {
			t.Fatalf("the faults are over, and opening fails: %v\n%s", err, w.dump())
		}
	}
	if err := w.append(t, 300); err != nil {
		t.Fatalf("the faults are over, and appending fails: %v\n%s", err, w.dump())
	}
}

// reopen opens the log, or makes it where an earlier try has failed.
func (w *world) reopen() error {
	err := w.open()
	if errors.Is(err, journal.ErrNoLog) {
		err = w.create()
		if errors.Is(err, journal.ErrExists) {
			err = w.open()
		}
	}
	if err != nil {
		w.log = nil
	}
	return err
}

// survive holds a log that faults were over to everything: as it is, after a
// loss of power, and after the process goes on and closes it.
func (w *world) survive(t tb, rng *rand.Rand) {
	t.Helper()
	w.check(t)
	for _, choice := range []memfs.Choice{memfs.None(), memfs.Subset(rng)} {
		after := w.after(w.mem.Crash(choice))
		after.blameless(t, after.revive(t))
	}
	if err := w.close(); err != nil {
		t.Fatalf("close: %v\n%s", err, w.dump())
	}
	w.blameless(t, w.recheck(t))
}

// blameless wants nothing on record that accuses somebody: a fault of the disk
// may leave void ranges and torn tails.
func (w *world) blameless(t tb, f found) {
	t.Helper()
	for _, kind := range f.kinds() {
		if !harmless(kind) && kind != "void" {
			t.Fatalf("log tells of %s: %+v\n%s", kind, f.told, w.dump())
		}
	}
	if f.missing > 0 || f.broken > 0 {
		t.Fatalf("%d records are missing, %d epochs broken\n%s", f.missing, f.broken, w.dump())
	}
}

// TestFault makes each operation of a log's life fail once, in every way.
func TestFault(t *testing.T) {
	for _, signed := range []bool{true, false} {
		for _, kind := range faultKinds {
			t.Run(fmt.Sprintf("%s, signed %v", kind.name, signed), func(t *testing.T) {
				t.Parallel()
				rng := logSeed(t)
				for k := rng.IntN(every(17)); ; k += every(17) {
					w := life{unsigned: !signed, maxSize: 16 << 10}.world()
					fsys := w.faulty(kind.at(k))
					name := named{t, fmt.Sprintf("operation %d", k)}
					w.endure(name)
					if fsys.Faults() == 0 {
						must(t, w.close())
						break
					}
					w.survive(name, rng)
				}
			})
		}
	}
}

// TestFaultPairs makes two operations fail, the second often in what is done
// about the first.
func TestFaultPairs(t *testing.T) {
	rng := logSeed(t)
	for range 600 / every(10) {
		first, second := faultKinds[rng.IntN(len(faultKinds))], faultKinds[rng.IntN(len(faultKinds))]
		k := rng.IntN(300)
		gap := 1 + rng.IntN(1+rng.IntN(40)) // small ones are the dangerous ones
		w := life{unsigned: rng.IntN(2) == 1, maxSize: 16 << 10}.world()
		w.faulty(errorfs.First(first.at(k), second.at(k+gap)))
		name := named{t, fmt.Sprintf("operation %d %s, then %d %s", k, first.name, k+gap, second.name)}
		w.endure(name)
		w.survive(name, rng)
	}
}
