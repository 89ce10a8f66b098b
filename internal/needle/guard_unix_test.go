//go:build unix

package needle

import (
	"bytes"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestGuard searches text between pages that cannot be read: a byte read before
// or behind it ends the test's process.
func TestGuard(t *testing.T) {
	page := os.Getpagesize()
	pages, err := unix.Mmap(-1, 0, 3*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Munmap(pages); err != nil {
			t.Error(err)
		}
	}()
	for _, forbidden := range [][]byte{pages[:page], pages[2*page:]} {
		if err := unix.Mprotect(forbidden, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	text := pages[page : 2*page]
	copy(text, bytes.Repeat([]byte(`a\b/`), page/4))
	for _, needles := range [][][]byte{{[]byte("b/c")}, {bytes.Repeat([]byte("b"), 200), []byte("x"), []byte("b/a/")}} {
		f := New(needles)
		for name, next := range ways() {
			for size := range 600 {
				if got := next(f, text[page-size:], 0); got != -1 {
					t.Fatalf("%s: found at %d of the last %d bytes, want -1", name, got, size)
				}
				if got := next(f, text[:size], 0); got != -1 {
					t.Fatalf("%s: found at %d of the first %d bytes, want -1", name, got, size)
				}
			}
		}
	}
}
