package memfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/internal/vfs/vfstest"
)

func TestFS(t *testing.T) {
	vfstest.TestFS(t, memfs.New(), "/")
}

func TestClonePassesFS(t *testing.T) {
	m := memfs.New()
	mkdir(t, m, "/d")
	vfstest.TestFS(t, m.Clone(), "/d")
}

func TestCapacity(t *testing.T) {
	m := memfs.New()
	m.SetCapacity(10_000)
	f := create(t, m, "/f", strings.Repeat("f", 9_000))
	g := create(t, m, "/g", "")

	n, err := g.WriteAt(make([]byte, 3_000), 0)
	if n != 1_000 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write beyond the capacity: got %d, %v; want 1000, %v", n, err, syscall.ENOSPC)
	}
	if n, err := g.WriteAt([]byte("x"), 1_000); n != 0 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write to a full disk: got %d, %v; want 0, %v", n, err, syscall.ENOSPC)
	}
	if err := g.Truncate(1_001); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("growth on a full disk: got %v, want %v", err, syscall.ENOSPC)
	}
	write(t, f, strings.Repeat("F", 9_000), 0) // overwriting needs no room

	// A removed file takes its room until it is closed.
	remove(t, m, "/f")
	if _, err := g.WriteAt([]byte("x"), 1_000); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write while a removed file is open: got %v, want %v", err, syscall.ENOSPC)
	}
	closeFile(t, f)
	write(t, g, strings.Repeat("g", 9_000), 1_000)
	if err := g.Truncate(0); err != nil {
		t.Fatal(err)
	}
	write(t, g, strings.Repeat("g", 10_000), 0)

	for name, found := range map[string]*memfs.FS{"clone": m.Clone(), "crash": m.Crash(memfs.All())} {
		h := open(t, found, "/g")
		if _, err := h.WriteAt([]byte("x"), 10_000); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: write to a full disk: got %v, want %v", name, err, syscall.ENOSPC)
		}
	}
	m.SetCapacity(-1)
	write(t, g, "x", 1<<30)
}

func TestFreeze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memfs.New()
		f := create(t, m, "/f", "x")
		held, waits := lock(t, m), lock(t, m)
		if err := held.Acquire(0); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- waits.Acquire(time.Hour) }()
		synctest.Wait() // until it waits for the lock
		m.Freeze()

		_, readErr := f.ReadAt(make([]byte, 1), 0)
		_, writeErr := f.WriteAt([]byte("y"), 0)
		_, openErr := m.OpenFile("/f", os.O_RDONLY, 0)
		_, sizeErr := f.Size()
		_, viewErr := fs.ReadFile(m.Sub("/"), "f")
		for what, err := range map[string]error{
			"waiting Acquire": <-done, "Acquire": waits.Acquire(0), "Release": held.Release(),
			"ReadAt": readErr, "WriteAt": writeErr, "OpenFile": openErr, "Size": sizeErr, "view": viewErr,
			"Sync": f.Sync(), "Close": f.Close(), "SyncDir": m.SyncDir("/"), "Rename": m.Rename("/f", "/g"),
		} {
			if !errors.Is(err, memfs.ErrFrozen) {
				t.Errorf("%s: got %v, want %v", what, err, memfs.ErrFrozen)
			}
		}
		clone := m.Clone()
		wantFiles(t, clone, map[string]string{"f": "x", "lock": ""})
		free := lock(t, clone)
		if err := free.Acquire(0); err != nil {
			t.Errorf("Acquire in the clone: got %v", err)
		}
	})
}

func TestCloneIsApart(t *testing.T) {
	m := memfs.New()
	f := create(t, m, "/f", "before")
	syncAll(t, m, f)
	write(t, f, "BEFORE", 0)
	clone := m.Clone()

	write(t, f, "m only", 0)
	remove(t, m, "/f")
	wantFiles(t, clone, map[string]string{"f": "BEFORE"})
	// The clone has the same things unsynced.
	wantFiles(t, clone.Crash(memfs.None()), map[string]string{"f": "before"})
	write(t, open(t, clone, "/f"), "clone!", 0)
	wantFiles(t, m.Crash(memfs.None()), map[string]string{"f": "before"})
	f2 := open(t, clone, "/f")
	if err := f2.Sync(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, clone.Crash(memfs.None()), map[string]string{"f": "clone!"})
}

func TestSub(t *testing.T) {
	m := memfs.New()
	mkdir(t, m, "/logs")
	mkdir(t, m, "/logs/sub")
	create(t, m, "/logs/a", strings.Repeat("abc", 3_000))
	create(t, m, "/logs/sub/b", "b")
	create(t, m, "/other", "")
	if err := fstest.TestFS(m.Sub("/logs"), "a", "sub/b"); err != nil {
		t.Error(err)
	}
}

func open(t *testing.T, m *memfs.FS, name string) vfs.File {
	t.Helper()
	f, err := m.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func create(t *testing.T, m *memfs.FS, name, content string) vfs.File {
	t.Helper()
	f, err := m.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, content, 0)
	return f
}

func write(t *testing.T, f vfs.File, content string, off int64) {
	t.Helper()
	if _, err := f.WriteAt([]byte(content), off); err != nil {
		t.Fatal(err)
	}
}

func closeFile(t *testing.T, f vfs.File) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, m *memfs.FS, name string) {
	t.Helper()
	if err := m.Mkdir(name, 0o700); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, m *memfs.FS, from, to string) {
	t.Helper()
	if err := m.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, m *memfs.FS, name string) {
	t.Helper()
	if err := m.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func lock(t *testing.T, m *memfs.FS) vfs.Lock {
	t.Helper()
	l, err := m.OpenLock("/lock")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// syncAll makes files and the names in the root durable.
func syncAll(t *testing.T, m *memfs.FS, files ...vfs.File) {
	t.Helper()
	for _, f := range files {
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	syncDir(t, m, "/")
}

func syncDir(t *testing.T, m *memfs.FS, name string) {
	t.Helper()
	if err := m.SyncDir(name); err != nil {
		t.Fatal(err)
	}
}

// wantFiles compares all files and their content; a directory is a name with
// a slash.
func wantFiles(t *testing.T, m *memfs.FS, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(files(t, m), want); diff != "" {
		t.Errorf("files (-got +want):\n%s", diff)
	}
}

func files(t *testing.T, m *memfs.FS) map[string]string {
	t.Helper()
	got := map[string]string{}
	view := m.Sub("/")
	err := fs.WalkDir(view, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
		case d.IsDir():
			got[path.Clean(name)+"/"] = ""
		default:
			content, err := fs.ReadFile(view, name)
			if err != nil {
				return err
			}
			got[name] = string(content)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}
