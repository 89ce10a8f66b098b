package journal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
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
// is told to the history, and life goes on. At last nothing fails any more, and
// the process that is there must be able to append at once.
func (w *world) endure(t tb) {
	t.Helper()
	for _, step := range routine {
		if w.log == nil {
			if err := w.reopen(); err != nil {
				continue // the next step tries again
			}
		}
		if step.name != "create" && step.name != "reopen" {
			_ = step.do(w, t) // what it did to events is in the history
		}
	}
	w.healed.Store(true)
	if w.log == nil {
		if err := w.reopen(); err != nil {
			t.Fatalf("nothing fails any more, but opening does: %v\n%s", err, w.dump())
		}
	}
	if err := w.append(t, 300); err != nil {
		t.Fatalf("nothing fails any more, but appending does: %v\n%s", err, w.dump())
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
				for k := rng.IntN(stride(5, 23)); ; k += stride(5, 23) {
					w := life{unsigned: !signed, maxSize: 16 << 10}.world()
					fsys := w.faulty(kind.at(k))
					name := named{t, fmt.Sprintf("operation %d", k)}
					w.endure(name)
					if fsys.Faults() == 0 {
						w.abandon()
						break // the routine has no k-th operation
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
	t.Parallel()
	rng := logSeed(t)
	for range 800 / stride(4, 16) {
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

// TestUnfinishedNotRead lets each operation fail of the try after a creation that
// was interrupted: that something cannot be read says nothing of what is there, and
// what was never finished is not taken for a log that has lost its state.
func TestUnfinishedNotRead(t *testing.T) {
	rename := errorfs.And(errorfs.KindMatch(errorfs.Rename), errorfs.PathMatch("audit.log.new"))
	for k := range 20 {
		w := newWorld()
		w.faulty(errorfs.When(rename, errorfs.FailAfter(syscall.EIO)))
		if err := w.create(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("create: %v, want %v", err, syscall.EIO)
		}
		fsys := w.faulty(errorfs.When(errorfs.OnIndex(k), errorfs.Fail(syscall.EIO)))
		if err := w.reopen(); err != nil {
			must(t, w.reopen())
		}
		if fsys.Faults() != 1 {
			t.Fatalf("operation %d: %d faults, want 1", k, fsys.Faults())
		}
		must(t, w.append(t, 100))
		must(t, w.close())
		w.blameless(named{t, fmt.Sprintf("operation %d", k)}, w.recheck(t))
	}
}

// TestOutage lets every operation of a kind fail, from one on until the end of
// the routine: what is done about a failure fails too.
func TestOutage(t *testing.T) {
	outages := map[string][]errorfs.OpKind{
		"full":    {errorfs.Write, errorfs.Create, errorfs.Mkdir},
		"sync":    {errorfs.Sync, errorfs.SyncDir},
		"names":   {errorfs.Rename, errorfs.Remove, errorfs.Create},
		"read":    {errorfs.Read, errorfs.Size, errorfs.Stat, errorfs.Linked},
		"changes": errorfs.Mutating,
	}
	for name, kinds := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := logSeed(t)
			for k := 1 + rng.IntN(stride(7, 40)); ; k += stride(7, 40) {
				w := life{unsigned: k%2 == 0, maxSize: 16 << 10}.world()
				var seen atomic.Int64
				fsys := w.faulty(errorfs.When(errorfs.And(errorfs.KindMatch(kinds...), func(errorfs.Op) bool {
					return seen.Add(1) > int64(k)
				}), errorfs.Fail(syscall.EIO)))
				test := named{t, fmt.Sprintf("from operation %d on", k)}
				w.endure(test)
				if fsys.Faults() == 0 {
					w.abandon()
					break
				}
				w.survive(test, rng)
			}
		})
	}
}

// TestReleaseFails shows that a lock that could not be released keeps nobody
// out for longer than one append.
func TestReleaseFails(t *testing.T) {
	w := newWorld()
	must(t, w.create())
	must(t, w.close())
	fsys := w.faulty(errorfs.When(errorfs.And(errorfs.KindMatch(errorfs.Unlock), errorfs.OnIndex(1)), errorfs.Fail(syscall.EIO)))
	must(t, w.open())
	must(t, w.append(t, 100)) // it is durable, whatever became of the lock
	if fsys.Faults() != 1 {
		t.Fatalf("%d faults, want 1", fsys.Faults())
	}
	must(t, w.append(t, 100))
	other, err := journal.Open(w.opt)
	must(t, err)
	must(t, other.Close())
	must(t, w.close())
	w.recheck(t)
}

// TestTakeoverOnFailingDisk kills a writer before its sync, lets the sync of
// whoever takes over fail, and takes the power right after the next try: the
// system has forgotten by then that anything was not on disk.
func TestTakeoverOnFailingDisk(t *testing.T) {
	for _, signed := range []bool{true, false} {
		w := newWorld()
		w.opt.Signed = signed
		must(t, w.create())
		must(t, w.close())
		syncs := errorfs.And(errorfs.KindMatch(errorfs.Sync), errorfs.PathMatch("audit.log"))
		w.faulty(errorfs.When(syncs, errorfs.Crash(nil)))
		must(t, w.open())
		if err := w.append(t, 5000, 5000); err == nil {
			t.Fatal("append: the process did not die")
		}
		w.abandon()
		next := w.after(w.mem.Clone())
		next.faulty(errorfs.When(errorfs.And(syncs, errorfs.OnIndex(0)), errorfs.Fail(syscall.EIO)))
		if err := next.open(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("open: %v, want %v", err, syscall.EIO)
		}
		must(t, next.open())
		last := next.after(next.mem.Crash(memfs.None()))
		must(t, next.close())
		next.blameless(t, next.recheck(t))
		last.blameless(t, last.revive(t))
	}
}
