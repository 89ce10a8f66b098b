package journal_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/memfs"
)

// seed is that of everything drawn at random in a run; it is logged, so that a
// failure can be repeated by setting it.
var seed = rand.Uint64()

// logSeed returns a source for one test or case.
func logSeed(t *testing.T) *rand.Rand {
	t.Helper()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// A disk is what one kind of crash leaves.
type disk struct {
	name string
	mem  *memfs.FS
}

// disks returns what the crashes worth a look leave of a file system, each
// once: the process killed; the power lost with nothing, everything, or
// something of the unsynced surviving; and, where renames and the like are
// pending, any set of them without order.
func disks(mem *memfs.FS, rng *rand.Rand) []disk {
	found := []disk{
		{"killed", mem.Clone()},
		{"none", mem.Crash(memfs.None())},
		{"all", mem.Crash(memfs.All())},
		{"subset", mem.Crash(memfs.Subset(rng))},
	}
	for set := range 1 << min(pendingNames(mem), 4) {
		choice := memfs.Choice{Unordered: true, Survives: func(i memfs.Item) bool {
			if i.Kind == memfs.Name {
				return set>>(i.Index%4)&1 == 1
			}
			return rng.IntN(2) == 1
		}}
		found = append(found, disk{fmt.Sprintf("names %b", set), mem.Crash(choice)})
	}
	seen := make(map[string]bool)
	return slices.DeleteFunc(found, func(d disk) bool {
		sum := contents(d.mem)
		again := seen[sum] && d.name != "killed"
		seen[sum] = true
		return again
	})
}

// pendingNames returns how many operations on names are not durable.
func pendingNames(mem *memfs.FS) int {
	var most int64
	mem.Crash(memfs.Choice{Unordered: true, Survives: func(i memfs.Item) bool { most = max(most, i.Of); return true }})
	return int(most)
}

// contents returns a text that is the same for file systems of the same files.
func contents(mem *memfs.FS) string {
	h := sha256.New()
	fsys := mem.Sub("/")
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, path)
		h.Write(fmt.Appendf(nil, "%s %d\n%s", path, len(b), b))
		return err
	})
	return fmt.Sprintf("%x %v", h.Sum(nil), err)
}

// A life is what is done to a log, and the settings it is done under.
type life struct {
	name     string
	unsigned bool
	maxSize  int64
}

var lives = []life{
	{name: "signed", maxSize: 16 << 10},
	{name: "unsigned", unsigned: true, maxSize: 16 << 10},
	{name: "large segments", maxSize: 1 << 20},
}

func (l life) world() *world {
	w := newWorld()
	w.opt.Signed, w.opt.MaxSize, w.opt.SealRecords = !l.unsigned, l.maxSize, 8
	return w
}

// run does the routine until the disk is gone, and reports whether it came to
// the end. Any other error is a fault.
func (w *world) run(t *testing.T, fsys *errorfs.FS) bool {
	t.Helper()
	for _, step := range routine {
		err := step.do(w, t)
		if fsys.Crashed() {
			w.abandon()
			return false
		}
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
	}
	return true
}

// crashAt returns an injector that lets the process die at its k-th change of
// the disk, after part of it where it is a write, and calls hook then.
func crashAt(k int, part bool, hook func()) errorfs.Injector {
	at := errorfs.And(errorfs.KindMatch(errorfs.Mutating...), errorfs.OnIndex(k))
	return errorfs.InjectorFunc(func(op errorfs.Op) errorfs.Fault {
		switch {
		case !at(op):
			return errorfs.Fault{}
		case part && op.Kind == errorfs.Write:
			return errorfs.CrashShort(op.N/2, hook)
		}
		return errorfs.Crash(hook)
	})
}

// stride returns how far apart the cases are that are tried. A run takes one in
// so many, beginning anywhere, a short run one in more; with ETCH_EXHAUSTIVE set
// it takes all of them.
func stride(usual, short int) int {
	switch {
	case os.Getenv("ETCH_EXHAUSTIVE") != "":
		return 1
	case testing.Short():
		return short
	}
	return usual
}

// TestCrash lets the process die at every change of the disk, with every kind
// of loss, and then wants the whole log: each acknowledged event once, in its
// place, nothing half, nothing to be accused of, and appending goes on.
func TestCrash(t *testing.T) {
	for _, l := range lives {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			rng := logSeed(t)
			for k, done := rng.IntN(stride(1, 7)), false; !done; k += stride(1, 7) {
				var left []disk
				w := l.world()
				done = w.run(t, w.faulty(crashAt(k, k%3 == 1, func() { left = disks(w.mem, rng) })))
				for _, d := range left {
					w.afterCrash(t, fmt.Sprintf("change %d, %s", k, d.name), d.mem)
				}
			}
		})
	}
}

// TestCrashInRecovery lets the process that recovers die too, at every change
// that recovery makes.
func TestCrashInRecovery(t *testing.T) {
	for _, l := range lives[:2] {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			rng := logSeed(t)
			for k, done := rng.IntN(stride(7, 30)), false; !done; k += stride(7, 30) {
				var left []disk
				w := l.world()
				done = w.run(t, w.faulty(crashAt(k, k%3 == 1, func() { left = disks(w.mem, rng) })))
				if len(left) > 0 {
					d := left[rng.IntN(len(left))]
					w.crashAgain(t, fmt.Sprintf("change %d, %s", k, d.name), d.mem, rng)
				}
			}
		})
	}
}

// crashAgain recovers a log, dying at each change in turn.
func (w *world) crashAgain(t *testing.T, name string, mem *memfs.FS, rng *rand.Rand) {
	t.Helper()
	for k := 0; ; k++ {
		var left []disk
		next := w.after(mem.Clone())
		fsys := next.faulty(crashAt(k, k%2 == 1, func() { left = disks(next.mem, rng) }))
		err := next.resume()
		next.abandon()
		if !fsys.Crashed() {
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, next.dump())
			}
			return
		}
		d := left[rng.IntN(len(left))]
		next.afterCrash(t, fmt.Sprintf("%s, then change %d, %s", name, k, d.name), d.mem)
	}
}

// afterCrash opens the log that a crash has left, or makes it where the crash
// came before it was there, and holds it to everything.
func (w *world) afterCrash(t *testing.T, name string, mem *memfs.FS) {
	t.Helper()
	next := w.after(mem)
	if err := next.resume(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, next.dump())
	}
	f := next.revive(named{t, name})
	if bad := slices.DeleteFunc(f.kinds(), harmless); len(bad) > 0 || f.broken > 0 || f.missing > 0 {
		t.Fatalf("%s: a crash is no damage, but the log tells of %v, %d broken epochs, %d missing records\n%s", name, bad, f.broken, f.missing, next.dump())
	}
}

// harmless reports whether a crash alone may lead to a recovery of this kind.
func harmless(kind string) bool { return kind == "torn-tail" || kind == "unsigned-tail" }

// resume does what a caller does who does not know whether there is a log: it
// opens one, and makes one where there is none. The log is closed again.
func (w *world) resume() error {
	err := w.open()
	if errors.Is(err, journal.ErrNoLog) && w.hist.count(recorded) == 0 {
		err = w.create()
	}
	if err != nil {
		return err
	}
	return w.close()
}

// named is a test whose failures say in which case they came.
type named struct {
	*testing.T
	name string
}

func (n named) Fatalf(format string, args ...any) {
	n.Helper()
	n.T.Fatalf(n.name+": "+format, args...)
}

func (n named) Errorf(format string, args ...any) {
	n.Helper()
	n.T.Errorf(n.name+": "+format, args...)
}
