package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
)

func inspect(t *testing.T, path string) *inspection {
	t.Helper()
	std, _, _ := console(time.Now())
	resolved, err := place{log: path}.load(std)
	if err != nil {
		t.Fatal(err)
	}
	in, err := newInspection(t.Context(), resolved, std)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.look(); err != nil {
		t.Fatal(err)
	}
	return in
}

// A lock that nobody lets go stops the next record; the look itself does not
// keep it.
func TestStatusOfLockedLog(t *testing.T) {
	path := testLog(t, 1)
	for range 2 {
		if in := inspect(t, path); len(in.Problems) > 0 {
			t.Fatalf("problems of a good log: %q", in.Problems)
		}
	}
	lock, err := vfs.OS().OpenLock(strings.TrimSuffix(path, ".log") + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Acquire(patiently); err != nil {
		t.Fatal(err)
	}
	in := inspect(t, path)
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if len(in.Problems) != 1 || !strings.Contains(in.Problems[0], "another process has held the lock") {
		t.Errorf("problems %q", in.Problems)
	}
}

// Looking changes nothing: no file is made, none is written.
func TestStatusWritesNothing(t *testing.T) {
	path := testLog(t, 3)
	before := listing(t, filepath.Dir(path))
	inspect(t, path)
	if after := listing(t, filepath.Dir(path)); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	empty := t.TempDir()
	inspect(t, filepath.Join(empty, "audit.log"))
	if after := listing(t, empty); after != "" {
		t.Errorf("it made\n%s", after)
	}
}

// A lock without the file of its turn is whole again with the next writer, and
// not before.
func TestStatusMakesNoTurn(t *testing.T) {
	path := testLog(t, 1)
	files := vfs.LockFiles(strings.TrimSuffix(path, ".log") + ".lock")
	if err := os.Remove(files[len(files)-1]); err != nil {
		t.Fatal(err)
	}
	before := listing(t, filepath.Dir(path))
	if in := inspect(t, path); len(in.Problems) > 0 {
		t.Errorf("got problems %q", in.Problems)
	}
	if after := listing(t, filepath.Dir(path)); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(e.Name() + " " + info.ModTime().String() + " " + info.Mode().String() + "\n")
	}
	return b.String()
}

func TestByteCount(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 1536: "1.5 KiB", 100 << 20: "100.0 MiB", 5 << 30: "5.0 GiB",
		1<<63 - 1: "8.0 EiB",
	} {
		if got := byteCount(n); got != want {
			t.Errorf("byteCount(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestShortAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m", 90 * time.Minute: "1h30m", 47 * time.Hour: "47h00m", 72 * time.Hour: "3d",
	} {
		if got := shortAgo(d); got != want {
			t.Errorf("shortAgo(%v) = %q, want %q", d, got, want)
		}
	}
}
