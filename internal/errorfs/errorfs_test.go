package errorfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/internal/vfs/vfstest"
)

func TestWithoutFaults(t *testing.T) {
	vfstest.TestFS(t, errorfs.Wrap(memfs.New(), nil), "/")
}

func TestWithoutFaultsOS(t *testing.T) {
	vfstest.TestFS(t, errorfs.Wrap(vfs.OS(), nil), t.TempDir())
}

// session does something of every kind and stops at the first error. All it
// opened it closes.
func session(fsys vfs.FS, dir string) (err error) {
	closeInto := func(c interface{ Close() error }) { err = errors.Join(err, c.Close()) }
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	l, err := fsys.OpenLock(filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	defer closeInto(l)
	f, err := fsys.OpenFile(a, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer closeInto(f)
	g, err := fsys.OpenFile(a, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer closeInto(g)
	for _, step := range []func() error{
		func() error { return l.Acquire(0) },
		func() error { _, err := f.WriteAt([]byte("content"), 0); return err },
		func() error { return f.Truncate(5) },
		func() error { _, err := g.ReadAt(make([]byte, 5), 0); return err },
		f.Sync,
		func() error { _, err := f.Size(); return err },
		func() error { _, err := f.Linked(); return err },
		func() error { return fsys.Rename(a, b) },
		func() error { return fsys.SyncDir(dir) },
		func() error { return fsys.Mkdir(filepath.Join(dir, "d"), 0o700) },
		func() error { _, err := fsys.ReadDir(dir); return err },
		func() error { _, err := fsys.Stat(b); return err },
		func() error { return fsys.Remove(filepath.Join(dir, "d")) },
		l.Release,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func TestCounter(t *testing.T) {
	var counter errorfs.Counter
	if err := session(errorfs.Wrap(memfs.New(), &counter), "/"); err != nil {
		t.Fatal(err)
	}
	for kind := errorfs.Open; kind <= errorfs.Close; kind++ {
		want := map[errorfs.OpKind]int{errorfs.Create: 2, errorfs.Close: 3}[kind]
		if got := counter.Count(kind); got != max(want, 1) {
			t.Errorf("%s: got %d, want %d", kind, got, max(want, 1))
		}
	}
	if got := counter.Count(); got != 20 {
		t.Errorf("all: got %d, want 20", got)
	}
}

// Every operation can fail, in every way, and each failure is seen.
func TestFaultAtEveryOperation(t *testing.T) {
	for name, fault := range map[string]errorfs.Fault{
		"without effect": errorfs.Fail(syscall.EIO),
		"with effect":    errorfs.FailAfter(syscall.EIO),
		"short":          errorfs.Short(3, syscall.EIO),
	} {
		t.Run(name, func(t *testing.T) {
			for k := 0; ; k++ {
				fsys := errorfs.Wrap(memfs.New(), errorfs.When(errorfs.OnIndex(k), fault))
				err := session(fsys, "/")
				if fsys.Faults() == 0 {
					if err != nil || k != 20 {
						t.Errorf("%d operations without a fault: got error %v; want 20, nil", k, err)
					}
					return
				}
				if !errors.Is(err, errorfs.ErrInjected) || !errors.Is(err, syscall.EIO) {
					t.Errorf("operation %d: got error %v, want %v and %v", k, err, errorfs.ErrInjected, syscall.EIO)
				}
			}
		})
	}
}

func TestCrashAtEveryOperation(t *testing.T) {
	for k := 0; ; k++ {
		mem := memfs.New()
		var found *memfs.FS
		fsys := errorfs.Wrap(mem, errorfs.When(errorfs.OnIndex(k), errorfs.Crash(func() {
			if found != nil {
				t.Error("the hook was called again")
			}
			found = mem.Clone()
		})))
		err := session(fsys, "/")
		if !fsys.Crashed() {
			if err != nil || k != 20 || found != nil {
				t.Errorf("%d operations without a crash: got error %v; want 20, nil", k, err)
			}
			return
		}
		if !errors.Is(err, errorfs.ErrCrashed) || found == nil {
			t.Fatalf("operation %d: got error %v, want %v, and the hook called", k, err, errorfs.ErrCrashed)
		}
		if _, err := fsys.Stat("/"); !errors.Is(err, errorfs.ErrCrashed) {
			t.Errorf("Stat after the crash: got error %v, want %v", err, errorfs.ErrCrashed)
		}
		// A dead process holds no lock.
		l, err := mem.OpenLock("/lock")
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Acquire(0); err != nil {
			t.Errorf("operation %d: Acquire after the crash: %v", k, err)
		}
	}
}

func TestWriteFaults(t *testing.T) {
	tests := []struct {
		name  string
		fault errorfs.Fault
		n     int
		want  string
	}{
		{"without effect", errorfs.Fail(syscall.ENOSPC), 0, ""},
		{"with effect", errorfs.FailAfter(syscall.ENOSPC), 5, "hello"},
		{"short", errorfs.Short(2, syscall.ENOSPC), 2, "he"},
		{"crash", errorfs.Crash(nil), 0, ""},
		{"crash, short", errorfs.CrashShort(4, nil), 4, "hell"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mem := memfs.New()
			match := errorfs.And(errorfs.KindMatch(errorfs.Write), errorfs.PathMatch("f"))
			f := create(t, errorfs.Wrap(mem, errorfs.When(match, tt.fault)), "/f")
			n, err := f.WriteAt([]byte("hello"), 0)
			if n != tt.n || err == nil {
				t.Errorf("WriteAt: got %d, %v; want %d and an error", n, err, tt.n)
			}
			wantFile(t, mem, "f", tt.want)
		})
	}
}

func TestSyncFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault errorfs.Fault
		want  string
	}{
		"without effect": {errorfs.Fail(syscall.EIO), ""},
		"with effect":    {errorfs.FailAfter(syscall.EIO), "lost?"},
	} {
		t.Run(name, func(t *testing.T) {
			mem := memfs.New()
			match := errorfs.And(errorfs.KindMatch(errorfs.Sync), errorfs.OnIndex(0))
			fsys := errorfs.Wrap(mem, errorfs.When(match, tt.fault))
			f := create(t, fsys, "/f")
			if err := fsys.SyncDir("/"); err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt([]byte("lost?"), 0); err != nil {
				t.Fatal(err)
			}
			if err := f.Sync(); !errors.Is(err, syscall.EIO) {
				t.Fatalf("Sync: got %v, want %v", err, syscall.EIO)
			}
			// The second sync succeeds, and makes no difference.
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
			wantFile(t, mem.Crash(memfs.None()), "f", tt.want)
		})
	}
}

func TestMatches(t *testing.T) {
	write := errorfs.Op{Kind: errorfs.Write, Path: "/d/audit.log"}
	rename := errorfs.Op{Kind: errorfs.Rename, Path: "/d/audit.log", NewPath: "/d/audit.000001.log"}
	var toggle errorfs.Toggle
	on := new(errorfs.Toggle)
	on.Set(true)
	tests := []struct {
		name  string
		match errorfs.Match
		op    errorfs.Op
		want  bool
	}{
		{"kind", errorfs.KindMatch(errorfs.Read, errorfs.Write), write, true},
		{"other kind", errorfs.KindMatch(errorfs.Mutating...), errorfs.Op{Kind: errorfs.Read}, false},
		{"base", errorfs.PathMatch("audit.log"), write, true},
		{"pattern", errorfs.PathMatch("audit.*.log"), write, false},
		{"new path", errorfs.PathMatch("audit.*.log"), rename, true},
		{"whole path", errorfs.PathMatch("/d/*"), write, true},
		{"other directory", errorfs.PathMatch("/e/*"), write, false},
		{"and", errorfs.And(errorfs.KindMatch(errorfs.Write), errorfs.PathMatch("x")), write, false},
		{"nothing to and", errorfs.And(), write, true},
		{"never", errorfs.Randomly(0, 1), write, false},
		{"always", errorfs.Randomly(1, 1), write, true},
		{"toggle off", toggle.Match, write, false},
		{"toggle on", on.Match, write, true},
	}
	for _, tt := range tests {
		if got := tt.match(tt.op); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestRandomlyRepeats(t *testing.T) {
	a, b := errorfs.Randomly(0.3, 7), errorfs.Randomly(0.3, 7)
	hits := 0
	for i := range 1000 {
		hit := a(errorfs.Op{})
		if other := b(errorfs.Op{}); other != hit {
			t.Fatalf("draw %d: got %t, want %t", i, other, hit)
		}
		if hit {
			hits++
		}
	}
	if hits < 200 || hits > 400 {
		t.Errorf("hits of 1000 at 0.3: got %d", hits)
	}
}

func TestFirst(t *testing.T) {
	var counter errorfs.Counter
	inject := errorfs.First(&counter,
		errorfs.When(errorfs.KindMatch(errorfs.Read), errorfs.Fail(syscall.EIO)),
		errorfs.When(errorfs.KindMatch(errorfs.Read, errorfs.Stat), errorfs.Fail(fs.ErrPermission)))
	fsys := errorfs.Wrap(memfs.New(), inject)
	if _, err := fsys.Stat("/"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Stat: got %v, want %v", err, fs.ErrPermission)
	}
	_, err := create(t, fsys, "/f").ReadAt(nil, 0)
	if !errors.Is(err, syscall.EIO) {
		t.Errorf("ReadAt: got %v, want %v", err, syscall.EIO)
	}
	if got := counter.Count(); got != 3 {
		t.Errorf("counted: got %d, want 3", got)
	}
}

// Whoever waits for a lock when its process dies never holds it.
func TestCrashWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := memfs.New()
		fsys := errorfs.Wrap(mem, errorfs.When(errorfs.KindMatch(errorfs.Mkdir), errorfs.Crash(nil)))
		living, err := mem.OpenLock("/lock")
		if err != nil {
			t.Fatal(err)
		}
		dying, err := fsys.OpenLock("/lock")
		if err != nil {
			t.Fatal(err)
		}
		if err := living.Acquire(0); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- dying.Acquire(time.Hour) }()
		synctest.Wait()
		if err := fsys.Mkdir("/d", 0o700); !errors.Is(err, errorfs.ErrCrashed) {
			t.Fatalf("Mkdir: got %v, want %v", err, errorfs.ErrCrashed)
		}
		if err := living.Release(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, errorfs.ErrCrashed) {
			t.Errorf("Acquire: got %v, want %v", err, errorfs.ErrCrashed)
		}
		if err := living.Acquire(0); err != nil {
			t.Errorf("Acquire after the other process died: got %v", err)
		}
	})
}

func create(t *testing.T, fsys vfs.FS, name string) vfs.File {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func wantFile(t *testing.T, m *memfs.FS, name, want string) {
	t.Helper()
	got, err := fs.ReadFile(m.Sub("/"), name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("%s (-got +want):\n%s", name, diff)
	}
}

func TestInjectedErrorNamesOperation(t *testing.T) {
	fsys := errorfs.Wrap(memfs.New(), errorfs.When(errorfs.KindMatch(errorfs.SyncDir), errorfs.Fail(syscall.EIO)))
	got := fsys.SyncDir("/d").Error()
	if want := "syncdir /d: injected: input/output error"; got != want {
		t.Errorf("error: got %q, want %q", got, want)
	}
}

// A slow operation does not hold up the clock when the process dies during
// it, and is not reported as done.
func TestCrashDuringSlowOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := errorfs.InjectorFunc(func(op errorfs.Op) errorfs.Fault {
			if op.Kind == errorfs.SyncDir {
				time.Sleep(time.Second)
			}
			return errorfs.Fault{}
		})
		fsys := errorfs.Wrap(memfs.New(), errorfs.First(slow,
			errorfs.When(errorfs.KindMatch(errorfs.Mkdir), errorfs.Crash(nil))))
		done := make(chan error, 1)
		go func() { done <- fsys.SyncDir("/") }()
		synctest.Wait()
		if err := fsys.Mkdir("/d", 0o700); !errors.Is(err, errorfs.ErrCrashed) {
			t.Errorf("Mkdir: got %v, want %v", err, errorfs.ErrCrashed)
		}
		if err := <-done; !errors.Is(err, errorfs.ErrCrashed) {
			t.Errorf("SyncDir: got %v, want %v", err, errorfs.ErrCrashed)
		}
	})
}
