package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/etch-audit/etch/internal/record"
)

// Size is the size of a state file in bytes.
const Size = 2 * slotSize

// Parse returns the newer of the slots in b. With a MAC, a slot counts only if
// it carries it; without one, if it is whole. A reader that has no lock may
// see one slot torn by a writer at work, and gets the other: clean is then
// false, and reading again may bring a newer state.
func Parse(b []byte, mac *record.MAC) (s State, clean bool, err error) {
	_, usable, err := s.parseNewest(b, mac)
	if err != nil {
		s = State{}
	}
	written := 0
	for i := range 2 {
		if at := i * slotSize; len(b) > at+len(magic) && b[at] != 0 {
			written++
		}
	}
	return s, usable == written, err
}

// parseNewest reads the newer slot that can be used into s, and returns its number and
// how many can. After an error s is of no use.
func (s *State) parseNewest(b []byte, mac *record.MAC) (slot, usable int, err error) {
	var errs [2]error
	var older State
	slot = -1
	newer := newerOf(b)
	for _, i := range [2]int{newer, 1 - newer} {
		if len(b) < i*slotSize {
			errs[i] = errEmpty
			continue
		}
		to := s
		if slot >= 0 {
			to = &older // it is only asked whether it can be used
		}
		if errs[i] = to.parseSlot(b[i*slotSize:min(len(b), (i+1)*slotSize)], mac); errs[i] != nil {
			continue
		}
		usable++
		if slot < 0 {
			slot = i
		}
	}
	if slot < 0 {
		return -1, 0, fmt.Errorf("%w: %w; %w", ErrUnusable, errs[0], errs[1])
	}
	return slot, usable, nil
}

// newerOf returns the slot that was written last, by its counter.
func newerOf(b []byte) int {
	if counter(b, 1) > counter(b, 0) {
		return 1
	}
	return 0
}

// A Medium is what a state lies in: an open file of package vfs. It is named
// here, so that a reader of states needs no package that writes files.
type Medium interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	// Linked reports whether the path still names this very file.
	Linked() (bool, error)
}

// A File is an open state file. It is used by one goroutine at a time, under
// the log's lock. The State it holds is the newest one read or written.
type File struct {
	f     Medium
	mac   *record.MAC
	State State
	slot  int  // where State stands
	clean bool // that slot is synced, or holds the only good state: the other is to be written next
	dirty bool // State may not be on disk yet
	seen  [2]uint64
	good  [2]uint64 // the counter of each slot when it was last found usable, or written here
	last  uint64    // the greatest counter ever seen
	buf   [slotSize]byte
	all   [Size]byte // what was read last

	synced struct { // of the newest slot ever seen
		slot   int
		offset int64
	}
}

// counterAt is where a slot's counter stands.
const counterAt = 8

// NewFile returns a File over f, which must have been opened for reading and
// writing. Nothing is read yet.
func NewFile(f Medium, mac *record.MAC) *File { return &File{f: f, mac: mac, slot: 1, clean: true} }

// Reserve makes room for both slots in a new file, so that no state needs any on
// a disk that is full by then.
func (f *File) Reserve() error {
	if _, err := f.f.WriteAt(make([]byte, Size), 0); err != nil {
		return fmt.Errorf("make room for state: %w", err)
	}
	return nil
}

// Load reads the newest state.
func (f *File) Load() error {
	b, err := f.read()
	if err != nil {
		return err
	}
	var s State
	slot, usable, err := f.parse(&s, b, true)
	if err != nil {
		return err
	}
	// The older slot is the synced one, because every Sync ends in a Write to
	// the other. So the newer one is to be written again, unless it is the
	// only good one.
	f.State, f.slot, f.clean, f.dirty = s, slot, usable == 1, true
	for i := range f.seen {
		f.seen[i] = counter(b, i)
	}
	f.last = max(f.last, f.seen[0], f.seen[1])
	f.synced.slot, f.synced.offset = slot, s.Offset
	return nil
}

// read reads both slots. What it returns is valid until it is called again.
func (f *File) read() ([]byte, error) {
	n, err := f.f.ReadAt(f.all[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read state: %w", err)
	}
	return f.all[:n], nil
}

// counter returns the counter of a slot, 0 where the file ends before it.
func counter(b []byte, slot int) uint64 {
	at := slot*slotSize + counterAt
	if len(b) < at+8 {
		return 0
	}
	return binary.BigEndian.Uint64(b[at:])
}

// parse is State.parseNewest, but for what needs no second look: the older slot,
// where the newer can be used, and it is known that the older one could be or
// nobody asks.
func (f *File) parse(s *State, b []byte, both bool) (slot, usable int, err error) {
	newer := newerOf(b)
	older := 1 - newer
	if at := newer * slotSize; len(b) > at && (!both || f.good[older] != 0 && f.good[older] == counter(b, older)) {
		if s.parseSlot(b[at:min(len(b), at+slotSize)], f.mac) == nil {
			f.good[newer] = s.Counter
			return newer, 2, nil
		}
	}
	slot, usable, err = s.parseNewest(b, f.mac)
	if usable == 2 {
		f.good = [2]uint64{counter(b, 0), counter(b, 1)}
	}
	return slot, usable, err
}

// Newest reports whether the state is the newest that was ever seen here, also
// of those that cannot be used.
func (f *File) Newest() bool { return f.State.Counter >= f.last }

// Peek returns the newest state that the file holds, and leaves State alone. It
// needs no lock: a slot that is being written is passed over.
func (f *File) Peek() (s State, err error) {
	b, err := f.read()
	if err != nil {
		return State{}, err
	}
	slot, _, err := f.parse(&s, b, false)
	if err != nil {
		return State{}, err
	}
	f.synced.slot, f.synced.offset = slot, s.Offset
	return s, nil
}

// Refresh reads the state again if somebody else has written since it was last
// read or written here, and reports whether so. It does not allocate when
// nothing has changed.
func (f *File) Refresh() (bool, error) {
	// From one slot's counter to the end of the other's, because one call costs less
	// than two; and into memory that was touched before, because a process of one
	// append touches little.
	b := f.all[counterAt : counterAt+slotSize+8]
	clear(b) // a file of one slot ends before the other's counter
	if _, err := f.f.ReadAt(b, counterAt); err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read state: %w", err)
	}
	for i := range f.seen {
		if binary.BigEndian.Uint64(b[i*slotSize:]) != f.seen[i] {
			return true, f.Load()
		}
	}
	return false, nil
}

// Write makes f.State the newest state, readable by other processes but not
// durable. It gives it the next counter.
func (f *File) Write() error {
	slot := f.slot
	if f.clean {
		slot = 1 - slot
	}
	if err := f.State.check(); err != nil {
		return err
	}
	next := f.State
	next.Counter = max(f.last, next.Counter) + 1
	if _, err := f.f.WriteAt(next.appendSlot(f.buf[:0], f.mac), int64(slot*slotSize)); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	f.State.Counter = next.Counter
	f.seen[slot], f.good[slot], f.last = next.Counter, next.Counter, next.Counter
	f.slot, f.clean, f.dirty = slot, false, true
	f.synced.slot, f.synced.offset = slot, next.Offset
	return nil
}

// Sync writes f.State and makes it durable. After an error the File must not
// be used again.
//
// Order: write one slot; sync; write the other. The last step tells whoever
// opens the file which of the slots is the synced one, and keeps that one from
// being older than the last Sync however many processes take turns.
func (f *File) Sync() error {
	if err := f.Write(); err != nil {
		return err
	}
	if err := f.f.Sync(); err != nil {
		return fmt.Errorf("sync state: %w", err)
	}
	f.clean = true
	if err := f.Write(); err != nil {
		return err
	}
	f.dirty = false
	return nil
}

// Durable reports whether f.State, as it was last read or written, is known to
// be on disk, or is not to be there yet because the file is new.
func (f *File) Durable() bool { return !f.dirty }

// Linked reports whether the state's path still names this file.
func (f *File) Linked() (bool, error) { return f.f.Linked() }

// A gate is a medium at which processes can wait for each other: package vfs.
type gate interface {
	Enter() bool
	Leave(offsets ...int64)
	Await(offset int64, was [4]byte, limit time.Duration) bool
}

// Enter reports whether the caller is the one among all processes that does what
// each would else do for itself: see vfs.Gate. It reports also whether there is
// anything to wait for where it is not.
func (f *File) Enter() (inside, waits bool) {
	g, waits := f.f.(gate)
	return waits && g.Enter(), waits
}

// Leave lets others in, and those go on who wait for another state.
func (f *File) Leave() {
	if g, ok := f.f.(gate); ok {
		g.Leave(wordAt, slotSize+wordAt)
	}
}

// Await waits until somebody has left; not where the synced position is not that of
// the state last read, peeked at or written. It may return earlier, and reports
// false where it has waited for as long as limit.
func (f *File) Await(limit time.Duration) bool {
	g, ok := f.f.(gate)
	if !ok {
		return false
	}
	var synced [8]byte
	binary.BigEndian.PutUint64(synced[:], uint64(f.synced.offset))
	return g.Await(int64(f.synced.slot*slotSize+wordAt), [4]byte(synced[4:]), limit)
}

// wordAt is where in a slot the part of the synced position stands that changes
// whenever it does.
const wordAt = 28

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }
