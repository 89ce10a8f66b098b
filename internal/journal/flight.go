package journal

import (
	"errors"
	"fmt"
	"time"

	"github.com/etch-audit/etch/internal/broken"
	"github.com/etch-audit/etch/internal/state"
	"github.com/etch-audit/etch/internal/vfs"
)

// Where several processes write, each syncs its lines without the lock, so that
// the others can write meanwhile and the file system can make one commit of
// several syncs. Lines between their write and the end of that sync are in
// flight: they stand at the state's written position, and nobody is shown or
// told of them before its synced position has passed them.

// A flight is the lines of a batch that were written under the lock and are
// synced without it.
type flight struct {
	aloft   bool
	lineage uint64 // of the state that they were written under
	segment uint32
	begin   uint64 // the size before them
	end     state.Position
	reach   state.Position // how far the sync reaches: end, or further, where others have written by then
	chain   uint64         // they are in this chain of the commit file, which is what is synced; 0: in none

	told []receiptOf // as the draft's, which is used to recover meanwhile
}

// A sharing says when lines are synced without the lock.
type sharing int

const (
	whenMet     sharing = iota // while other processes write
	alwaysShare                // for tests: whenever a batch can be
	neverShare
)

// company is how many commits in a row a process goes on sharing after it has
// last met another: it spares those who write in turns the change of ways, and
// costs a process that is alone again a few short locks.
const company = 16

// meet takes note of whether another process has written since the last commit.
func (j *Journal) meet(another bool) {
	switch {
	case another:
		j.company = company
	case j.company > 0:
		j.company--
	}
}

// shares reports whether the draft is to be synced without the lock. What the
// state must be made durable for, and what others' lines must be on disk for,
// is not. Neither is anything where the system tells an error of writing back
// to one opening of a file only: a sync could not vouch for others' lines.
func (j *Journal) shares() bool {
	d := &j.draft
	if len(d.out) == 0 || d.sync || d.settle || j.alone {
		return false
	}
	if j.opt.sharing == neverShare || j.opt.sharing == whenMet && (!vfs.SyncTellsAll || j.company == 0) {
		return false
	}
	if j.state.State.Chain == 0 {
		return !j.wantsChain() // which begins under the lock
	}
	return j.enters(len(d.out))
}

// depart writes the draft's lines and lets the state say that they are in
// flight. The lock is held; [Journal.land] does the rest without it. Where they
// cannot be in flight, the draft is as it was.
func (j *Journal) depart() error {
	d := &j.draft
	next := j.state.State
	lines, begin := d.out, next.Written.Offset
	d.next.Offset = begin + int64(len(lines))
	next.Written = d.next.Position
	if !next.Fits() {
		d.next.Offset = begin
		return nil
	}
	if err := j.put(lines, begin); err != nil {
		return err
	}
	if next.Chain != 0 {
		end, err := j.enter(lines, begin)
		if err != nil {
			j.commitFailed(err)
			d.next.Offset, d.settle = begin, true
			return nil
		}
		next.ChainEnd = end
	}
	size := j.state.State.Written.Size()
	j.state.State = next
	if err := j.saveState(false); err != nil {
		return err
	}
	// The draft's receipts and the flight's change places, to keep their memory.
	d.told, d.flight = d.flight.told[:0], flight{true, next.Lineage, next.Segment, size, next.Written, next.Written, next.Chain, d.told}
	return nil
}

// land syncs the lines in flight, takes the lock again and publishes them. The
// lock is not held, and the leader is alone: no other goroutine uses the files.
// Order: sync; lock; state; and then whoever waits is told. Where another process
// does it for this one too, this one only waits.
func (j *Journal) land() error {
	inside, carried := j.approach()
	if inside {
		defer j.state.Leave()
		carried = j.lookAhead()
	}
	if carried {
		return nil
	}
	var synced error
	if !broken.Is("publish-before-sync") {
		synced = j.syncFlight()
	}
	if broken.Is("reach-past-sync") {
		j.lookAhead()
	}
	if synced == nil && !inside && j.overtaken() {
		return nil
	}
	landed := false
	err := j.lockedBy(vfs.Lock.Overtake, func() error {
		landed = true
		return j.publish(synced)
	})
	if landed {
		return err
	}
	if synced != nil {
		err = errors.Join(synced, err, j.drop()) // never is it synced again
	}
	return fmt.Errorf("%w: %w", errDoubt, err)
}

// While a process waits for another one's sync it looks now and then whether that
// one has died, and after so many times in vain goes on without it: it may have been
// stopped. Together that is 100 ms.
const (
	gateWait  = 5 * time.Millisecond
	gateWaits = 20
	gateWakes = 1000
)

// approach waits until this process is the one to sync, or another one's sync has
// brought the synced position past the lines in flight.
func (j *Journal) approach() (inside, carried bool) {
	// Wakes are bounded too: of a state that nobody can read none says anything.
	for vain, wakes := 0, 0; vain < j.opt.gateWaits && wakes < gateWakes; wakes++ {
		inside, waits := j.state.Enter()
		if inside || !waits {
			return inside, false
		}
		if !j.state.Await(gateWait) {
			vain++
		}
		if j.overtaken() {
			return false, true
		}
	}
	return false, false
}

// lookAhead finds out what the sync that follows will make durable: all that is
// written by now, by whichever process. It reports whether none is needed any
// more, because the lines in flight are published, and then tells who waits.
func (j *Journal) lookAhead() (carried bool) {
	f := &j.draft.flight
	s, err := j.state.Peek()
	if err != nil {
		return false // the lines in flight are what is known
	}
	switch f.fate(&s) {
	case stands:
		j.tellOf(&s)
		return true
	case aloft:
		if s.Chain == f.chain {
			f.reach = s.Written
		}
	}
	return false
}

// syncFlight makes the lines in flight durable.
func (j *Journal) syncFlight() error {
	if j.draft.flight.chain == 0 {
		return j.active.Sync()
	}
	return j.beside.file.Sync()
}

// overtaken reports whether another process, which synced what this one wrote
// with its own, has brought the synced position past it, and tells who waits.
// That takes no lock: once the state says so it is so for ever.
func (j *Journal) overtaken() bool {
	s, err := j.state.Peek()
	if err != nil || j.draft.flight.fate(&s) != stands {
		return false // under the lock it is found out
	}
	j.tellOf(&s)
	return true
}

// tellOf tells who waits that the lines in flight are published by a state.
func (j *Journal) tellOf(s *state.State) {
	j.receipts(j.draft.flight.told, checkpointOf(s))
	j.finished(checkpointOf(s), false)
}

// publish finds out what became of the lines that were in flight, makes the
// synced position pass them, or writes them once more where they are void.
func (j *Journal) publish(synced error) error {
	fate, err := j.settleFlight(synced)
	if err != nil {
		return fmt.Errorf("%w: %w", errDoubt, errors.Join(err, j.drop()))
	}
	switch fate {
	case stands:
		j.receipts(j.draft.flight.told, j.checkpoint())
		j.finished(j.checkpoint(), false)
		return nil
	case void:
		return j.writeAgain()
	}
	return fmt.Errorf("%w: %w", errDoubt, errors.Join(errLost, synced))
}

var errLost = errors.New("the log was changed while the lines were made durable")

// settleFlight brings the journal to the log's present state and returns the
// fate of the lines in flight. After a failed sync the segment is abandoned, if
// nobody has done so yet: others learn of it at their own sync.
func (j *Journal) settleFlight(synced error) (fate, error) {
	f := &j.draft.flight
	if synced != nil && f.chain != 0 {
		j.commitFailed(synced)
	}
	same, err := j.unchanged()
	if err != nil {
		return unclear, err
	}
	fate := f.fate(&j.state.State)
	switch {
	case same && synced == nil && fate == aloft:
		j.state.State.Position = f.reach
		return stands, j.state.Write()
	case same && synced == nil:
		return fate, nil
	case same && (fate == aloft || fate == stands) && f.chain != 0:
		if err := j.settle(); err != nil && !errors.Is(err, errVoided) {
			return unclear, err
		}
	case same && (fate == aloft || fate == stands):
		if err := j.abandon(synced); !errors.Is(err, errVoided) {
			return unclear, err
		}
	default:
		if err := j.drop(); err != nil {
			return unclear, err
		}
		if err := j.ready(); err != nil {
			return unclear, err
		}
	}
	if fate = f.fate(&j.state.State); fate == aloft {
		return unclear, errLost // ready and abandon leave nothing in flight
	}
	return fate, nil
}

// settle makes all that is written durable in the segment itself.
func (j *Journal) settle() error {
	if err := j.active.Sync(); err != nil {
		return j.abandon(err)
	}
	s := &j.state.State
	s.Position = s.Written
	s.EndChain()
	return j.saveState(false)
}

// A fate is what became of lines in flight.
type fate int

const (
	unclear fate = iota // they may be in the log or not
	aloft               // they are where they were written, before the written position
	stands              // they are in the log for ever
	void                // they are not, and never will be
)

// fate returns what the state says of the lines. As long as the lineage is the
// same nothing was given up that was in flight; and no segment ends but for one
// that is given up before all of it is on disk.
func (f *flight) fate(s *state.State) fate {
	switch {
	case s.Lineage == f.lineage && (s.Segment > f.segment || s.Segment == f.segment && s.Size() >= f.end.Size()):
		return stands
	case s.Lineage == f.lineage && s.Segment == f.segment && s.Written.Size() >= f.end.Size():
		return aloft
	case s.Previous == f.lineage && s.VoidFrom >= f.end.Size():
		return stands
	case s.Previous == f.lineage && s.VoidFrom <= f.begin:
		return void
	}
	return unclear
}

// writeAgain writes the batch once more, as one that is alone.
func (j *Journal) writeAgain() error {
	j.alone = true
	defer func() { j.alone = false }()
	if err := j.ready(); err != nil {
		return err
	}
	return j.write()
}
