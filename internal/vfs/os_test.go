package vfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/internal/vfs/vfstest"
)

func TestOS(t *testing.T) {
	vfstest.TestFS(t, vfs.OS(), t.TempDir())
}

func TestOSPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may do everything")
	}
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := vfs.OS().OpenFile(name, os.O_RDWR, 0); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("opening a read-only file for writing: got error %v, want %v", err, fs.ErrPermission)
	}
}

func TestOSCreatesWithPermissions(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	openOS(t, name)
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); runtime.GOOS != "windows" && got != 0o600 {
		t.Errorf("permissions: got %o, want 600", got)
	}
}

func TestOSLinkedAfterChdir(t *testing.T) {
	t.Chdir(t.TempDir())
	f := openOS(t, "f")
	lock, err := vfs.OS().OpenLock("l")
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if got, err := f.Linked(); !got || err != nil {
		t.Errorf("Linked in another directory: got %t, %v; want true", got, err)
	}
	if err := errors.Join(lock.Acquire(0), lock.Close()); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 0 {
		t.Errorf("files made in the other directory: %v", entries)
	}
	t.Chdir(here) // Windows cannot remove the directory a process is in
}

func TestOSDoesNotAllocate(t *testing.T) {
	f := openOS(t, filepath.Join(t.TempDir(), "f"))
	lock, err := vfs.OS().OpenLock(filepath.Join(t.TempDir(), "l"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := lock.Close(); err != nil {
			t.Error(err)
		}
	}()
	buf := make([]byte, 100)
	tests := []struct {
		name    string
		call    func() error
		systems string
	}{
		{"Size", func() error { _, err := f.Size(); return err }, ""},
		{"Linked", func() error { _, err := f.Linked(); return err }, "linux"},
		{"WriteAt", func() error { _, err := f.WriteAt(buf, 0); return err }, ""},
		{"ReadAt", func() error { _, err := f.ReadAt(buf, 0); return err }, ""},
		{"Sync", f.Sync, ""},
		{"Acquire and Release", func() error { return errors.Join(lock.Acquire(0), lock.Release()) }, "linux"},
	}
	for _, tt := range tests {
		if tt.systems != "" && tt.systems != runtime.GOOS {
			continue
		}
		if got := testing.AllocsPerRun(20, func() {
			if err := tt.call(); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
		}); got != 0 {
			t.Errorf("%s: got %v allocations, want 0", tt.name, got)
		}
	}
}

func openOS(t *testing.T, name string) vfs.File {
	t.Helper()
	f, err := vfs.OS().OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// TestClosed: what is closed is neither read nor written, whoever has its descriptor now.
func TestClosed(t *testing.T) {
	dir := t.TempDir()
	f, err := vfs.OS().OpenFile(filepath.Join(dir, "file"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.WriteAt([]byte("text"), 0); n != 4 || err != nil {
		t.Fatalf("wrote %d bytes, %v", n, err)
	}
	room := make([]byte, 8)
	if n, err := f.ReadAt(room, 1); n != 3 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d bytes of 3, %v; want 3 and %v", n, err, io.EOF)
	}
	if _, err := f.ReadAt(room, -1); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a negative offset: error is %v", err)
	}
	if _, err := f.WriteAt(room, -1); err == nil {
		t.Error("a negative offset can be written to")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	other, err := os.Create(filepath.Join(dir, "other")) // it may well get the descriptor
	if err != nil {
		t.Fatal(err)
	}
	_, reading := f.ReadAt(room, 0)
	_, writing := f.WriteAt([]byte("lost"), 0)
	for what, err := range map[string]error{
		"read": reading, "write": writing, "truncate": f.Truncate(0), "sync": f.Sync(), "close": f.Close(),
	} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: error is %v, want %v", what, err, fs.ErrClosed)
		}
	}
	if info, err := other.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("the other file has %d bytes (%v), want none", info.Size(), err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}
