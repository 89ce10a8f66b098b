package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/etch-audit/etch/internal/vfs"
)

// TestReadAtPartlyCached reads a file of which the system holds only parts in
// memory: what of it is read without waiting ends anywhere.
func TestReadAtPartlyCached(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	content := make([]byte, 3<<20+777)
	for i := range content {
		content[i] = byte(r.Uint32())
	}
	name := filepath.Join(t.TempDir(), "file")
	f := openOS(t, name)
	if _, err := f.WriteAt(content, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil { // what is not written back is not dropped
		t.Fatal(err)
	}
	for range 60 {
		drop(t, name, int64(r.IntN(len(content))), int64(r.IntN(1<<20)))
		off, n := r.IntN(len(content)), r.IntN(1<<20)
		want := content[off:min(len(content), off+n)]
		got := make([]byte, n)
		read, err := f.ReadAt(got, int64(off))
		if !bytes.Equal(got[:read], want) || read < n && !errors.Is(err, io.EOF) || read == n && err != nil {
			t.Fatalf("ReadAt(%d bytes, %d): got %d bytes, %v; want %d", n, off, read, err, len(want))
		}
	}
}

// drop asks the system to forget a part of a file.
func drop(t *testing.T, name string, off, n int64) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(unix.Fadvise(int(f.Fd()), off, n, unix.FADV_DONTNEED), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestReadIn has the system forget a file, asks for a part of it, and waits until that is there.
// Who asks whether a byte is missing may have it read in by that: the mapping does not.
func TestReadIn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	f := openOS(t, name)
	ahead, ok := f.(vfs.Ahead)
	if !ok {
		t.Skip("on this processor nothing is known of what is in memory")
	}
	const size, at = 32 << 20, 16 << 20
	if _, err := f.WriteAt(make([]byte, size), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil { // what is not written back is not dropped
		t.Fatal(err)
	}
	if ahead.Missing(at) || ahead.Missing(size) {
		t.Error("what was just written, or is behind the end, is said to be missing")
	}
	page := mapPage(t, name, at)
	drop(t, name, 0, 0)
	if resident(t, page) {
		t.Log("the system keeps it in memory: there is nothing to be read in")
	}
	ahead.ReadIn(at, 600)
	for begun := time.Now(); !resident(t, page); runtime.Gosched() {
		if time.Since(begun) > time.Minute {
			t.Fatal("it does not come")
		}
	}
	closed, err := vfs.OS().OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	drop(t, name, 0, 0)
	ahead = closed.(vfs.Ahead)
	ahead.ReadIn(at, 600) // of a closed file, which may be another's by now
	if ahead.Missing(at) {
		t.Error("a closed file has something to be read in")
	}
}

// mapPage maps a page of a file, without touching it.
func mapPage(t *testing.T, name string, at int64) []byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	page, err := unix.Mmap(int(f.Fd()), at, os.Getpagesize(), unix.PROT_READ, unix.MAP_SHARED)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(page); err != nil {
			t.Error(err)
		}
	})
	return page
}

// resident reports whether a page is in memory.
func resident(t *testing.T, page []byte) bool {
	t.Helper()
	var in [1]byte
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&page[0])), uintptr(len(page)), uintptr(unsafe.Pointer(&in[0])))
	if errno != 0 {
		t.Fatal(errno)
	}
	return in[0]&1 == 1
}
