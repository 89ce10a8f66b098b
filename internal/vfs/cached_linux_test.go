package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
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
