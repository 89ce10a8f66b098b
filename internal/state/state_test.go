package state_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/state"
	"github.com/etch-audit/etch/internal/vfs"
)

const slotSize = state.Size / 2

func mac(key byte) *record.MAC {
	return record.NewMAC([record.KeySize]byte{key})
}

// sample returns a state of so many records.
func sample(size int) state.State {
	s := state.State{
		Signed: size%2 == 0, Fresh: size%3 == 0, Promise: 100, Segment: 3, Synced: int64(size) * 100,
		Epoch: 2, EpochFrom: 1, EpochKey: sha256.Sum256([]byte("epoch")), Origin: "etch.log/x",
		EpochBegun: time.Unix(1, 2).UTC(), SegmentBegun: time.Unix(3, 4).UTC(), SealMade: time.Unix(5, 6).UTC(),
		SealedRoot: sha256.Sum256([]byte("root")),
	}
	for i := range size {
		s.Frontier.Append(sha256.Sum256(fmt.Append(nil, i)))
	}
	s.Sealed = uint64(max(0, size-1))
	return s
}

func open(t *testing.T, mem *memfs.FS, flag int) *state.File {
	t.Helper()
	f, err := mem.OpenFile("audit.state", os.O_RDWR|flag, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return state.NewFile(f, mac(1))
}

func load(t *testing.T, mem *memfs.FS) *state.File {
	t.Helper()
	f := open(t, mem, 0)
	if err := f.Load(); err != nil {
		t.Fatal(err)
	}
	return f
}

func created(t *testing.T) (*memfs.FS, *state.File) {
	t.Helper()
	mem := memfs.New()
	f := open(t, mem, os.O_CREATE)
	if err := mem.SyncDir("/"); err != nil {
		t.Fatal(err)
	}
	return mem, f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var byValue = cmp.Comparer(func(a, b merkle.Frontier) bool { return a.Equal(&b) })

func TestRoundTrip(t *testing.T) {
	mem, f := created(t)
	for size := range 70 {
		f.State = sample(size)
		must(t, f.Write())
		if size%5 == 0 {
			must(t, f.Sync())
		}
		if diff := cmp.Diff(load(t, mem).State, f.State, byValue); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestLongestState(t *testing.T) {
	mem, f := created(t)
	f.State = sample(0)
	frontier, err := merkle.NewFrontier(merkle.MaxSize-1, make([]merkle.Hash, 62))
	must(t, err)
	f.State.Frontier, f.State.Origin = frontier, string(bytes.Repeat([]byte("x"), 1024))
	must(t, f.Sync())
	if diff := cmp.Diff(load(t, mem).State, f.State, byValue); diff != "" {
		t.Error(diff)
	}
}

// TestCrash takes the power at any moment, and tears the slot that is being
// written: what was synced last, or something newer, is always there.
func TestCrash(t *testing.T) {
	mem, f := created(t)
	synced := -1
	for size := range 40 {
		if size%7 == 3 { // another process takes over
			f = load(t, mem)
		}
		f.State = sample(size)
		if size%4 == 0 {
			must(t, f.Sync())
			synced = size
		} else {
			must(t, f.Write())
		}
		for _, choice := range []memfs.Choice{memfs.None(), memfs.All()} {
			if got := load(t, mem.Crash(choice)).State.Size(); int(got) < synced {
				t.Fatalf("size %d: after a crash the state is of size %d, %d was synced", size, got, synced)
			}
		}
		torn := mem.Clone()
		tearNewer(t, torn)
		if synced == 0 {
			continue // the other slot may be empty still
		}
		if got := load(t, torn).State.Size(); int(got) < synced {
			t.Fatalf("size %d: with its newer slot torn the state is of size %d, %d was synced", size, got, synced)
		}
	}
}

// tearNewer destroys the newer slot.
func tearNewer(t *testing.T, mem *memfs.FS) {
	t.Helper()
	before := load(t, mem).State.Counter
	for at := int64(100); at < state.Size; at += slotSize {
		torn := mem.Clone()
		overwrite(t, torn, at)
		if load(t, torn).State.Counter != before {
			overwrite(t, mem, at)
			return
		}
	}
	t.Fatal("no slot is the newer one")
}

func overwrite(t *testing.T, mem *memfs.FS, at int64) {
	t.Helper()
	f, err := mem.OpenFile("audit.state", os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("torn"), at)
	must(t, errors.Join(err, f.Sync(), f.Close()))
}

// TestTurns lets two processes take turns: the synced slot is never older than
// the last Sync, and none is left behind.
func TestTurns(t *testing.T) {
	mem, first := created(t)
	first.State = sample(1)
	must(t, first.Sync())
	files := [2]*state.File{first, load(t, mem)}
	for size := 2; size < 60; size++ {
		f := files[size%2]
		changed, err := f.Refresh()
		if err != nil || !changed && size > 3 || int(f.State.Size()) != size-1 {
			t.Fatalf("size %d: changed %v, size %d, %v", size, changed, f.State.Size(), err)
		}
		f.State = sample(size)
		must(t, f.Sync())
		if again, err := f.Refresh(); again || err != nil {
			t.Fatalf("size %d: own write counts as a change: %v, %v", size, again, err)
		}
		torn := mem.Clone()
		tearNewer(t, torn)
		if got := load(t, torn).State.Size(); int(got) != size {
			t.Fatalf("size %d: with its newer slot torn the state is of size %d", size, got)
		}
	}
}

func TestDurable(t *testing.T) {
	mem, f := created(t)
	if !f.Durable() {
		t.Error("a new state counts as one that could be lost")
	}
	f.State = sample(1)
	must(t, f.Write())
	if f.Durable() || load(t, mem).Durable() {
		t.Error("a state counts as durable that was only written, or read")
	}
	must(t, f.Sync())
	if !f.Durable() {
		t.Error("a synced state does not count as durable")
	}
}

// bytesOf returns the file.
func bytesOf(t *testing.T, mem *memfs.FS) []byte {
	t.Helper()
	f, err := mem.OpenFile("audit.state", os.O_RDONLY, 0)
	must(t, err)
	size, err := f.Size()
	must(t, err)
	b := make([]byte, size)
	_, err = f.ReadAt(b, 0)
	must(t, errors.Join(err, f.Close()))
	return b
}

// TestEveryBit changes each bit of a state of one slot: with the key all is
// noticed, without it all but the MAC.
func TestEveryBit(t *testing.T) {
	mem, f := created(t)
	f.State = sample(5)
	must(t, f.Write())
	whole := bytesOf(t, mem)
	if _, _, err := state.Parse(whole, mac(2)); !errors.Is(err, state.ErrForged) || !errors.Is(err, state.ErrUnusable) {
		t.Errorf("with another key: %v, want %v", err, state.ErrForged)
	}
	for i := range whole {
		forged := bytes.Clone(whole)
		forged[i] ^= 1
		if s, _, err := state.Parse(forged, mac(1)); err == nil {
			t.Errorf("byte %d changed went unreported: %v", i, s)
		}
		if _, _, err := state.Parse(forged, nil); err == nil && i < len(whole)-sha256.Size {
			t.Errorf("byte %d changed is whole without a key", i)
		}
	}
	for n := range whole {
		if _, _, err := state.Parse(whole[:n], mac(1)); !errors.Is(err, state.ErrUnusable) {
			t.Errorf("the first %d bytes pass for a state: %v", n, err)
		}
	}
}

func TestParseClean(t *testing.T) {
	mem, f := created(t)
	f.State = sample(5)
	must(t, f.Sync())
	b := bytesOf(t, mem)
	if s, clean, err := state.Parse(b, mac(1)); !clean || err != nil || s.Size() != 5 {
		t.Errorf("Parse = %d, %v, %v", s.Size(), clean, err)
	}
	b[slotSize+100] ^= 1
	if s, clean, err := state.Parse(b, mac(1)); clean || err != nil || s.Size() != 5 {
		t.Errorf("Parse with a torn slot = %d, %v, %v", s.Size(), clean, err)
	}
}

func TestRefreshAllocates(t *testing.T) {
	dir := t.TempDir()
	file, err := vfs.OS().OpenFile(dir+"/audit.state", os.O_RDWR|os.O_CREATE, 0o600)
	must(t, err)
	f := state.NewFile(file, mac(1))
	f.State = sample(100)
	must(t, f.Sync())
	n := testing.AllocsPerRun(100, func() {
		if _, err := f.Refresh(); err != nil {
			t.Error(err)
		}
		if err := f.Write(); err != nil {
			t.Error(err)
		}
	})
	must(t, f.Close())
	if n != 0 {
		t.Errorf("refreshing and writing allocate %v times, want 0", n)
	}
}

func FuzzParse(f *testing.F) {
	mem := memfs.New()
	file, err := mem.OpenFile("s", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		f.Fatal(err)
	}
	s := state.NewFile(file, mac(1))
	s.State = sample(11)
	if err := s.Sync(); err != nil {
		f.Fatal(err)
	}
	b := make([]byte, state.Size)
	n, _ := file.ReadAt(b, 0) // to its end
	f.Add(b[:n])
	f.Fuzz(func(t *testing.T, b []byte) {
		forged, _, err := state.Parse(b, mac(2))
		if err == nil {
			t.Errorf("a state passes without the key: %v", forged)
		}
		if s, _, err := state.Parse(b, nil); err == nil && (s.Segment == 0 || s.Synced < 0 || s.Sealed > s.Size()) {
			t.Errorf("a state contradicts itself: %v", s)
		}
	})
}
