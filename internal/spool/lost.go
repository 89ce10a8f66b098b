package spool

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/vfs"
)

// The file "lost" is two slots that are written alternately, in place: on a disk
// that is full, to have blocks already is the only way to say anything. A slot is
// a line in the log's envelope, filled up with blanks:
//
//	{"seq":COUNTER,"lost":{…},"taken":{…},"signature":"SHA256:…"}
//
// The slot of the greater counter that carries a MAC counts.

const (
	slotSize = 2048
	lostSize = 2 * slotSize
)

// A Loss is events that neither the log nor the spool could take.
type Loss struct {
	Count uint64    `json:"count"`
	From  time.Time `json:"from"` // of the first of them
	To    time.Time `json:"to"`   // of the last
	Cause string    `json:"cause"`
	// Unproven says that, of some of them at least, nothing shows that who counted
	// could read the log's key. It stays with them, whoever counts on.
	Unproven bool `json:"unproven,omitempty"`
}

// add adds another loss.
func (l *Loss) add(more Loss) {
	if l.Count == 0 || more.From.Before(l.From) {
		l.From = more.From
	}
	if l.Count == 0 || more.To.After(l.To) {
		l.To = more.To
	}
	l.Count += more.Count
	l.Cause = short(more.Cause)
	l.Unproven = l.Unproven || more.Unproven
}

// A Taken is a loss that is being put on record, once, under its ID.
type Taken struct {
	Loss
	ID string `json:"id"`
	// Since is a place of the log before which it cannot be on record.
	Since Position `json:"since"`
}

// A ledger is what a slot says.
type ledger struct {
	counter uint64
	damaged bool   // there are bytes, and none of them can be believed
	Lost    Loss   `json:"lost"`
	Taken   *Taken `json:"taken,omitempty"`
}

// Reserve makes the spool's directory and what a full disk would not let it make
// later. Where that is there already it costs one look.
func (d *Dir) Reserve() error {
	if d.reserved() {
		return nil
	}
	if err := d.makeLocks(); err != nil {
		return err
	}
	release, err := d.lock(lostLockName, 0)
	if errors.Is(err, vfs.ErrLocked) {
		return nil // by who counts, and reserves before that
	}
	if err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	return errors.Join(d.reserveSlots(), release())
}

// reserved reports whether there is room for slots.
func (d *Dir) reserved() bool {
	info, err := d.fs.Stat(d.at(lostName))
	return err == nil && info.Size() == lostSize
}

// makeLocks makes the directory, and the locks in it.
func (d *Dir) makeLocks() error {
	if err := d.make(); err != nil {
		return err
	}
	for _, name := range [...]string{lockName, lostLockName} {
		l, err := d.fs.OpenLock(d.at(name))
		if err != nil {
			return fmt.Errorf("reserve: %w", err)
		}
		if err := l.Close(); err != nil {
			return fmt.Errorf("reserve: %w", err)
		}
	}
	return nil
}

// reserveSlots writes blanks where slots will stand and nothing is yet. The caller holds
// the lock of the count: a slot that another process had written since it looked would be gone.
func (d *Dir) reserveSlots() error {
	f, err := d.fs.OpenFile(d.at(lostName), os.O_RDWR|os.O_CREATE, filePerm)
	if err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	size, err := f.Size()
	if err == nil && size < lostSize {
		_, err = f.WriteAt(bytes.Repeat([]byte{' '}, int(lostSize-size)), size)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	return nil
}

// Lose counts events that are lost, durably. It waits at most so long for others
// who count.
func (d *Dir) Lose(key *Key, loss Loss, wait time.Duration) error {
	return d.changeLost(key, wait, func(l *ledger) bool {
		l.Lost.add(loss)
		return true
	})
}

// Lost returns how many events are counted and not yet on record, for people:
// without a key nothing proves it.
func (d *Dir) Lost() (Loss, error) {
	l, err := d.lookAtLost(nil, true)
	if err != nil {
		return Loss{}, err
	}
	sum := l.Lost
	if l.Taken != nil {
		sum.add(l.Taken.Loss)
	}
	return sum, nil
}

// Idle reports whether nothing is counted as lost.
func (d *Dir) Idle() (bool, error) {
	l, err := d.lookAtLost(nil, true)
	return err == nil && l.Lost.Count == 0 && l.Taken == nil && !l.damaged, err
}

// TakeLost returns what is to be put on record, and remembers durably that it is
// the caller who does, from a place of the log on. It is nil where nothing was
// lost. What an earlier caller has taken and not given back comes first: it may
// be on record already. The caller must hold the lock. A count that was damaged
// is a loss of at least one event, at now.
func (d *Dir) TakeLost(key *Key, since Position, now time.Time, wait time.Duration) (*Taken, error) {
	l, err := d.lookAtLost(key, key == nil)
	if err != nil || l.Lost.Count == 0 && l.Taken == nil && !l.damaged {
		return nil, err
	}
	if l.Taken != nil {
		return l.Taken, nil
	}
	var taken *Taken
	err = d.changeLost(key, wait, func(l *ledger) bool {
		if l.damaged {
			l.Lost.add(Loss{Count: 1, From: now, To: now, Cause: "the count of lost events is damaged: it may have been any"})
		}
		taken = &Taken{Loss: l.Lost, ID: newGapID(), Since: since}
		l.Lost, l.Taken = Loss{}, taken
		return true
	})
	return taken, err
}

// RecordedLost says that what was taken is on record.
func (d *Dir) RecordedLost(key *Key, id string, wait time.Duration) error {
	return d.changeLost(key, wait, func(l *ledger) bool {
		if l.Taken == nil || l.Taken.ID != id {
			return false
		}
		l.Taken = nil
		return true
	})
}

func newGapID() string {
	var random [12]byte
	_, _ = rand.Read(random[:]) // never fails
	return "gap_" + hex.EncodeToString(random[:])
}

// lookAtLost reads the ledger. Anyone's slot counts for whoever does not care, and for
// who counts on without the key: it could tell none of the log's from a forged one, and
// would begin again beside it.
func (d *Dir) lookAtLost(key *Key, anyone bool) (ledger, error) {
	data, err := d.read(lostName)
	if errors.Is(err, fs.ErrNotExist) {
		return ledger{}, nil
	}
	if err != nil {
		return ledger{}, err
	}
	return parseLost(data, key, anyone)
}

// changeLost changes the ledger, in place and durably, unless change says that
// there is nothing to change.
func (d *Dir) changeLost(key *Key, wait time.Duration, change func(*ledger) bool) (err error) {
	if !d.reserved() {
		if err := d.makeLocks(); err != nil {
			return err
		}
	}
	release, err := d.lock(lostLockName, wait)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if !d.reserved() {
		if err := d.reserveSlots(); err != nil {
			return err
		}
	}
	l, err := d.lookAtLost(key, key == nil)
	if err != nil || !change(&l) {
		return err
	}
	l.counter++
	slot, err := l.appendSlot(nil, key)
	if err != nil {
		return err
	}
	f, err := d.fs.OpenFile(d.at(lostName), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("count lost events: %w", err)
	}
	if err := errors.Join(overwrite(f, slot, l.counter), f.Close()); err != nil {
		return fmt.Errorf("count lost events: %w", err)
	}
	return d.sync() // whoever made the file may have been killed before that
}

// overwrite writes the slot of a counter and syncs it.
func overwrite(f vfs.File, slot []byte, counter uint64) error {
	if _, err := f.WriteAt(slot, int64(counter%2)*slotSize); err != nil {
		return err
	}
	return f.Sync()
}

// appendSlot appends a slot.
func (l *ledger) appendSlot(dst []byte, key *Key) ([]byte, error) {
	mac, err := key.mac(lostName)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("count lost events: %w", err)
	}
	start := len(dst)
	dst = appendLine(dst, mac, l.counter, text[1:len(text)-1])
	if len(dst)-start > slotSize {
		return nil, fmt.Errorf("count lost events: slot of %d bytes", len(dst)-start)
	}
	return append(dst, bytes.Repeat([]byte{' '}, slotSize-len(dst)+start)...), nil
}

// parseLost reads the slots.
func parseLost(data []byte, key *Key, anyone bool) (ledger, error) {
	macs, err := key.macs(lostName)
	if err != nil {
		return ledger{}, err
	}
	if anyone {
		macs = nil
	}
	var best ledger
	found, written := false, false
	for i := range 2 {
		if len(data) < i*slotSize {
			break
		}
		text := bytes.TrimSpace(bytes.Trim(data[i*slotSize:min(len(data), (i+1)*slotSize)], "\x00"))
		written = written || len(text) > 0
		l, err := parseSlot(text, macs)
		if err == nil && (!found || l.counter > best.counter) {
			best, found = l, true
		}
	}
	best.damaged = written && !found
	return best, nil
}

// parseSlot reads a slot that carries one of the MACs; of none, any slot.
func parseSlot(text []byte, macs []*record.MAC) (ledger, error) {
	var l ledger
	line, err := record.Split(text)
	if err != nil {
		return l, err
	}
	accepted, proven := macs == nil, false
	for i, mac := range macs {
		if mac != nil && !accepted && mac.Check(line) == nil {
			accepted, proven = true, i == 0
		}
	}
	if !accepted {
		return l, errors.New("slot carries no MAC")
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return l, err
	}
	l.counter = line.Seq
	if !proven {
		l.Lost.Unproven = l.Lost.Count > 0
		if l.Taken != nil {
			l.Taken.Unproven = true
		}
	}
	return l, nil
}
