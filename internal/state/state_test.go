package state_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"strings"
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
		Signed: size%2 == 0, Promise: 100, Segment: 3,
		Epoch: 2, EpochFrom: 1, EpochKey: sha256.Sum256([]byte("epoch")), EpochBegun: time.Unix(1, 2).UTC(), Origin: "etch.log/x",
		Lineage: 7, Previous: 8, VoidFrom: 9,
		Position: position(size),
	}
	s.Settle()
	if size%4 > 1 {
		s.Written = position(size + 1 + size/4)
	}
	return s
}

// position returns the position after so many records.
func position(size int) state.Position {
	p := state.Position{
		Offset: int64(size) * 100, Fresh: size%3 == 0, Sealed: uint64(max(0, size-1)), SealedRoot: sha256.Sum256(fmt.Append(nil, "root", size)),
		SegmentBegun: time.Unix(3, int64(size)).UTC(), SealMade: time.Unix(5, int64(size)).UTC(),
	}
	for i := range size {
		p.Frontier.Append(sha256.Sum256(fmt.Append(nil, i)))
	}
	return p
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
	f.State.Frontier, f.State.Origin = frontier, strings.Repeat("x", 256)
	f.State.Settle()
	must(t, f.Sync())
	if diff := cmp.Diff(load(t, mem).State, f.State, byValue); diff != "" {
		t.Error(diff)
	}
}

// TestFits grows a log in one step from and to sizes whose frontiers are long: a
// state that says that it fits does, and one does unless it is out of this world.
func TestFits(t *testing.T) {
	mem, f := created(t)
	refused := 0
	for _, size := range []uint64{1, 1<<24 - 1, 1<<40 - 1, 1<<61 - 1} {
		for _, ahead := range []uint64{1, 1 << 10, 1<<20 - 1, 1<<24 + 1<<23 - 1, 1 << 60, 1<<60 + 1<<59 - 1} {
			f.State = sample(0)
			f.State.Origin = strings.Repeat("x", 256)
			f.State.Frontier = frontierOf(t, size, 1)
			f.State.Settle()
			f.State.Written.Frontier = frontierOf(t, size+ahead, 2)
			f.State.Written.Offset++
			if !f.State.Fits() {
				if refused++; ahead < 1<<32 {
					t.Errorf("size %d, %d ahead: does not fit", size, ahead)
				}
				continue
			}
			must(t, f.Sync())
			if diff := cmp.Diff(load(t, mem).State, f.State, byValue); diff != "" {
				t.Fatal(diff)
			}
		}
	}
	if refused == 0 {
		t.Error("everything fits: the test shows nothing")
	}
}

// frontierOf returns a frontier of a size, of hashes that are all different.
func frontierOf(t *testing.T, size uint64, salt byte) merkle.Frontier {
	t.Helper()
	hashes := make([]merkle.Hash, bits.OnesCount64(size))
	for i := range hashes {
		hashes[i] = merkle.Hash{salt, byte(i)}
	}
	frontier, err := merkle.NewFrontier(size, hashes)
	must(t, err)
	return frontier
}

// TestContradiction writes states that cannot be: none reaches the file.
func TestContradiction(t *testing.T) {
	mem, f := created(t)
	f.State = sample(5)
	must(t, f.Write())
	for name, change := range map[string]func(s *state.State){
		"written less than synced": func(s *state.State) { s.Written = position(4) },
		"written, not set":         func(s *state.State) { s.Written = state.Position{} },
		"lines without bytes":      func(s *state.State) { s.Written = position(6); s.Written.Offset = s.Offset },
		"bytes without lines":      func(s *state.State) { s.Settle(); s.Written.Offset++ },
		"a seal to come":           func(s *state.State) { s.Written = position(6); s.Written.Sealed = 7 },
		"no segment":               func(s *state.State) { s.Segment = 0 },
	} {
		f.State = sample(5)
		change(&f.State)
		if err := f.Write(); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	if got := load(t, mem).State; got.Size() != 5 {
		t.Errorf("the file holds a state of size %d, want 5", got.Size())
	}
}

// TestGiveUp wants another lineage where, and only where, lines are void.
func TestGiveUp(t *testing.T) {
	s := sample(4)
	s.GiveUp()
	if diff := cmp.Diff(s, sample(4), byValue); diff != "" {
		t.Errorf("nothing was in flight: %s", diff)
	}
	s = sample(6)
	s.GiveUp()
	if s.InFlight() || s.Lineage == 7 || s.Lineage == 0 || s.Previous != 7 || s.VoidFrom != 6 {
		t.Errorf("in flight %v, lineage %d after %d, void from %d", s.InFlight(), s.Lineage, s.Previous, s.VoidFrom)
	}
	s.Diverge()
	if s.Previous != 0 || s.Lineage == 7 || s.Lineage == 0 {
		t.Errorf("lineage %d after %d, want another after none", s.Lineage, s.Previous)
	}
}

// TestNewest tears the newer slot under an open file, and puts an old state
// back: neither counts as the newest.
func TestNewest(t *testing.T) {
	mem, f := created(t)
	f.State = sample(3)
	must(t, f.Sync())
	old := bytesOf(t, mem)
	f.State = sample(4)
	must(t, f.Write())
	other := load(t, mem)
	f.State = sample(5)
	must(t, f.Write())
	put := func(change func()) {
		t.Helper()
		change()
		changed, err := other.Refresh()
		if err != nil || !changed || other.Newest() || other.State.Size() != 3 {
			t.Errorf("changed %v, newest %v, size %d: %v", changed, other.Newest(), other.State.Size(), err)
		}
	}
	put(func() { tearNewer(t, mem) })
	other.State = sample(6)
	must(t, other.Write())
	if !other.Newest() || load(t, mem).State.Size() != 6 {
		t.Error("what was written last is not the newest")
	}
	put(func() {
		file, err := mem.OpenFile("audit.state", os.O_RDWR, 0)
		must(t, err)
		_, err = file.WriteAt(old, 0)
		must(t, errors.Join(err, file.Close()))
	})
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

// TestEveryBit changes each byte of a state of one slot, with lines in flight: with the key all is
// noticed, without it all but the MAC.
func TestEveryBit(t *testing.T) {
	mem, f := created(t)
	f.State = sample(6)
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
		if s, _, err := state.Parse(b, nil); err == nil && (s.Segment == 0 || s.Offset < 0 || s.Sealed > s.Size() || s.Written.Size() < s.Size()) {
			t.Errorf("a state contradicts itself: %v", s)
		}
	})
}

// TestReserve fills the disk under a state that grows.
func TestReserve(t *testing.T) {
	mem, f := created(t)
	if err := f.Load(); err == nil {
		t.Error("an empty file passes for a state")
	}
	must(t, f.Reserve())
	if err := f.Load(); !errors.Is(err, state.ErrUnusable) {
		t.Errorf("a new file: %v, want %v", err, state.ErrUnusable)
	}
	mem.SetCapacity(0)
	for size := range 64 {
		f.State = sample(size)
		must(t, f.Sync())
		if got := load(t, mem).State.Size(); int(got) != size {
			t.Fatalf("size %d: the file holds a state of size %d", size, got)
		}
	}
}
