package archivist_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/etch-audit/etch/internal/archivist"
	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/memfs"
)

// A disk is what one kind of crash leaves.
type disk struct {
	name string
	mem  *memfs.FS
}

// disks returns what crashes leave of a file system: the process killed, or the
// power lost, with nothing, all, or some of the unsynced surviving, and of the
// names that are pending every set, without order.
func disks(mem *memfs.FS, rng *rand.Rand) []disk {
	found := []disk{{"killed", mem.Clone()}, {"none", mem.Crash(memfs.None())}, {"all", mem.Crash(memfs.All())}}
	for range 3 {
		found = append(found, disk{"subset", mem.Crash(memfs.Subset(rng))})
	}
	var pending int64
	mem.Crash(memfs.Choice{Unordered: true, Survives: func(i memfs.Item) bool { pending = max(pending, i.Of); return true }})
	for set := range 1 << min(pending, 6) {
		for _, pages := range []bool{false, true} {
			found = append(found, disk{fmt.Sprintf("names %b, pages %v", set, pages), mem.Crash(memfs.Choice{
				Unordered: true,
				Survives: func(i memfs.Item) bool {
					if i.Kind == memfs.Name {
						return set>>(i.Index%6)&1 == 1
					}
					return pages
				},
			})})
		}
	}
	return found
}

// crashAt lets the process die at its k-th change of the disk.
func crashAt(k int, hook func()) errorfs.Injector {
	at := errorfs.And(errorfs.KindMatch(errorfs.Mutating...), errorfs.OnIndex(k))
	return errorfs.InjectorFunc(func(op errorfs.Op) errorfs.Fault {
		switch {
		case !at(op):
			return errorfs.Fault{}
		case k%2 == 1 && op.Kind == errorfs.Write:
			return errorfs.CrashShort(op.N/2, hook)
		}
		return errorfs.Crash(hook)
	})
}

// TestCrash lets the process die at every change of the disk, and the one that
// goes on after it too, and looks at everything that can be left.
func TestCrash(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	base := newWorld(t)
	for k := 0; ; k++ {
		w := base.on(base.mem.Clone())
		var left []disk
		fsys := errorfs.Wrap(w.mem, crashAt(k, func() { left = disks(w.mem, rng) }))
		_, err := archivist.Run(t.Context(), w.options(fsys))
		if !fsys.Crashed() {
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d changes", k)
			if k < 12 {
				t.Errorf("archiving two segments changes the disk %d times: fewer than its steps", k)
			}
			return
		}
		for _, d := range left {
			what := fmt.Sprintf("change %d, %s", k, d.name)
			after := base.on(d.mem)
			after.check(t, what)
			again := base.on(d.mem.Clone())
			var more []disk
			second := errorfs.Wrap(again.mem, crashAt(rng.IntN(12), func() { more = disks(again.mem, rng)[:4] }))
			if _, err := archivist.Run(t.Context(), again.options(second)); err != nil && !second.Crashed() {
				t.Errorf("%s: %v", what, err)
			}
			for _, d := range more {
				base.on(d.mem).check(t, what+", then "+d.name)
			}
			after.finish(t, what)
		}
	}
}

// TestFaults lets every operation fail in turn, without effect, with it, and in
// the middle.
func TestFaults(t *testing.T) {
	base := newWorld(t)
	for name, fault := range map[string]errorfs.Fault{
		"fails":        errorfs.Fail(syscall.EIO),
		"fails, done":  errorfs.FailAfter(syscall.EIO),
		"is short":     errorfs.Short(7, syscall.EIO),
		"has no space": errorfs.Short(100, syscall.ENOSPC),
	} {
		for k := 0; ; k++ {
			w := base.on(base.mem.Clone())
			at := errorfs.OnIndex(k)
			var failed errorfs.Op
			fsys := errorfs.Wrap(w.mem, errorfs.InjectorFunc(func(op errorfs.Op) errorfs.Fault {
				if !at(op) {
					return errorfs.Fault{}
				}
				failed = op
				return fault
			}))
			_, err := archivist.Run(t.Context(), w.options(fsys))
			if fsys.Faults() == 0 {
				break
			}
			what := fmt.Sprintf("operation %d, %v of %s, %s", k, failed.Kind, failed.Path, name)
			whole := name == "fails, done" && (failed.Kind == errorfs.Read || failed.Kind == errorfs.Open) // it has what it wants
			if err == nil && !whole || err != nil && !errors.Is(err, errorfs.ErrInjected) {
				t.Errorf("%s: error is %v, want the injected one", what, err)
			}
			w.check(t, what)
			if slices.ContainsFunc(w.names(t), func(name string) bool { return strings.HasSuffix(name, ".new") }) {
				t.Errorf("%s: leaves %v", what, w.names(t))
			}
			w.finish(t, what)
		}
	}
}
