package keys_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/memfs"
)

// prepared returns a directory whose next epoch's key is ready.
func prepared(t *testing.T) (mem *memfs.FS, old, next keys.Pair) {
	t.Helper()
	mem = memfs.New()
	d := keys.At(mem, "k", "")
	set, old, err := d.Generate()
	must(t, err)
	next, err = d.PrepareNext(set.Origin)
	must(t, err)
	return mem, old, next
}

func TestAdoptNext(t *testing.T) {
	mem, old, next := prepared(t)
	d := keys.At(mem, "k", "")
	if got, err := d.Epoch(); got.VKey != old.VKey || err != nil {
		t.Errorf("before: epoch.key is %s, %v, want %s", got.VKey, err, old.VKey)
	}
	held, err := mem.OpenFile("k/epoch.key", os.O_RDONLY, 0) // as somebody who had opened it
	must(t, err)
	must(t, d.AdoptNext())
	if got, err := d.Epoch(); got.VKey != next.VKey || err != nil {
		t.Errorf("after: epoch.key is %s, %v, want %s", got.VKey, err, next.VKey)
	}
	if _, err := d.Next(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after: epoch.next: %v, want none", err)
	}
	size, err := held.Size()
	must(t, err)
	b := make([]byte, size)
	_, err = held.ReadAt(b, 0)
	must(t, err)
	if size == 0 || !bytes.Equal(b, make([]byte, size)) {
		t.Errorf("the old key was not overwritten: %d bytes of %q", size, b)
	}
}

// TestEpochCrash dies at every change of the disk from PrepareNext to the end
// of AdoptNext. Before the adoption begins the old key is there; from then on
// the new one is, in one file or the other, and the adoption can be repeated.
func TestEpochCrash(t *testing.T) {
	for k := 0; ; k++ {
		mem := memfs.New()
		d := keys.At(mem, "k", "")
		set, old, err := d.Generate()
		must(t, err)
		var left []*memfs.FS
		fsys := errorfs.Wrap(mem, crashAt(k, func() {
			left = []*memfs.FS{mem.Clone(), mem.Crash(memfs.None()), mem.Crash(memfs.All())}
		}))
		dying := keys.At(fsys, "k", "")
		next, err := dying.PrepareNext(set.Origin)
		adopting := err == nil
		if adopting {
			err = dying.AdoptNext()
		}
		if !fsys.Crashed() {
			must(t, err)
			return
		}
		for i, mem := range left {
			d := keys.At(mem, "k", "")
			want := old
			if adopting {
				want = next
				if got, err := d.Epoch(); err != nil || got.VKey != next.VKey {
					must(t, d.AdoptNext())
				}
			}
			if got, err := d.Epoch(); got.VKey != want.VKey || err != nil {
				t.Errorf("change %d, disk %d: epoch.key is %s, %v, want %s", k, i, got.VKey, err, want.VKey)
			}
			if _, err := d.PrepareNext(set.Origin); err != nil {
				t.Errorf("change %d, disk %d: PrepareNext again: %v", k, i, err)
			}
		}
	}
}
