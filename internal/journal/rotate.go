package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/etch-audit/etch/internal/broken"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/vfs"
)

// sealReason is the reason of the seal that ends a segment.
const sealReason = "rotated"

// filePerm is the mode of a log's files: what agents do is not for everybody.
const filePerm = 0o600

// rotationDue reports whether the day or week of the active segment is over.
// A segment without an event stays, and so does everything where the clock
// went backwards.
func (j *Journal) rotationDue(now time.Time) bool {
	s := &j.draft.next
	if s.Fresh || !now.After(s.SegmentBegun) {
		return false
	}
	begun, now := s.SegmentBegun.UTC(), now.UTC()
	switch j.opt.Rotate {
	case Daily:
		return begun.YearDay() != now.YearDay() || begun.Year() != now.Year()
	case Weekly:
		y1, w1 := begun.ISOWeek()
		y2, w2 := now.ISOWeek()
		return y1 != y2 || w1 != w2
	}
	return false
}

// rotate ends the active segment and begins the next. Order: final seal,
// synced with the state; then as [Journal.nextSegment].
//
// Where an earlier try got no further than its final seal, that one serves:
// else each try would add one while the next segment cannot be made.
func (j *Journal) rotate(now time.Time) error {
	ended, err := j.ended()
	if err != nil {
		return err
	}
	if !ended {
		if err := j.seal(now, sealReason); err != nil {
			return err
		}
	}
	j.draft.settle = true
	if err := j.flush(); err != nil {
		return err
	}
	return j.nextSegment(now, j.opt.Signed, nil)
}

// ended reports whether the active segment's last line is its final seal
// already, and nothing is to be written after it.
func (j *Journal) ended() (bool, error) {
	if j.draft.next.Unsealed() > 0 || len(j.draft.out) > 0 {
		return false, nil
	}
	line, err := lastLine(j.active, j.draft.next.Offset)
	if err != nil {
		return false, fmt.Errorf("look at the segment's end: %w", err)
	}
	var seal control.SealedLog
	if record.Control(line) != control.Sealed {
		return false, nil
	}
	if _, err := control.Parse(line, &seal); err != nil {
		return false, err
	}
	return seal.Reason != "", nil
}

// nextSegment begins a segment at the state's synced size and frontier: lines
// that are in flight still are given up. A recovery, where there is one, stands
// second in it; then what is told of a file that stood in the way.
//
// Order: the state, synced where it is not; the new segment aside, with its
// first lines, synced; in a recovery the directory synced; the active one renamed
// to its number; the directory synced; the new one renamed to be active; the
// directory synced; the state, synced. A crash before the first rename leaves a file
// that means nothing; between the renames, no active file, which
// [Journal.finishRotation] mends; after them, a state that is one segment
// behind, which [Journal.checkActive] mends.
func (j *Journal) nextSegment(now time.Time, signed bool, found *control.RecoveredLog) error {
	if !j.state.Durable() {
		// Else a crash could leave one older than the segment's end, which
		// the next segment would not continue.
		if err := j.saveState(true); err != nil {
			return err
		}
	}
	foreign, err := j.foreign(j.state.State.Segment)
	if err != nil {
		return err
	}
	last := j.state.State
	last.GiveUp()
	last.EndChain()
	d := &j.draft
	d.begin(&last)
	s := &d.next
	s.Segment, s.Offset, s.SegmentBegun = s.Segment+1, 0, now
	s.Signed, s.Fresh, s.Promise = signed, true, j.opt.SealRecords
	if err := j.opening(now, found, foreign); err != nil {
		return err
	}
	if err := j.writeNew(d.out); err != nil {
		return err
	}
	if found != nil {
		// The old segment has no final seal: only this name tells a rotation that
		// was cut short from a log that was tampered with.
		if err := j.syncDir(); err != nil {
			return err
		}
	}
	if err := j.putInPlace(s.Segment-1, foreign); err != nil {
		return errors.Join(err, j.drop())
	}
	s.Offset = int64(len(d.out))
	s.Settle()
	j.state.State = d.next
	if err := j.saveState(true); err != nil {
		return err
	}
	d.begin(&j.state.State)
	return nil
}

// opening adds the first lines of a segment to the draft; recoveries may be nil.
func (j *Journal) opening(now time.Time, recoveries ...*control.RecoveredLog) error {
	s := &j.draft.next
	var room [merkle.MaxFrontier]merkle.Hash
	frontier := []string{}
	for _, h := range s.Frontier.AppendHashes(room[:0]) {
		frontier = append(frontier, h.String())
	}
	epoch, err := vkeyOf(s.Origin, s.EpochKey)
	if err != nil {
		return err
	}
	identity, err := j.set.Identity()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeys, err)
	}
	err = j.control(now, control.Opened, control.OpenedLog{
		Version:     control.Version,
		Origin:      s.Origin,
		Segment:     s.Segment,
		Size:        s.Size(),
		Frontier:    frontier,
		SignEvents:  s.Signed,
		SealRecords: s.Promise,
		IdentityKey: identity.VKey,
		Epoch:       s.Epoch,
		EpochKey:    epoch,
		Writer:      j.opt.Writer,
	})
	for _, found := range recoveries {
		if err == nil && found != nil {
			err = j.control(now, control.Recovered, found)
		}
	}
	return err
}

// writeNew writes a segment aside and syncs it.
func (j *Journal) writeNew(lines []byte) error {
	f, err := j.opt.FS.OpenFile(j.path(j.layout.New()), os.O_RDWR|os.O_CREATE|os.O_TRUNC, filePerm)
	if err != nil {
		return fmt.Errorf("make segment: %w", err)
	}
	_, err = f.WriteAt(lines, 0)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("make segment: %w", err)
	}
	return nil
}

// putInPlace gives the active segment, where there is one, its number, and
// makes the new segment active. What stands in the place of that number is as
// it was found, or nil.
func (j *Journal) putInPlace(number uint32, foreign *control.RecoveredLog) error {
	if j.active != nil {
		if err := j.active.Close(); err != nil {
			return fmt.Errorf("close segment: %w", err)
		}
		j.active = nil
	}
	active := j.path(j.layout.Active())
	there, err := j.exists(j.layout.Active())
	if there {
		err = j.giveNumber(active, number, foreign)
	}
	if err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	if err := j.syncRename(); err != nil {
		return err
	}
	if err := j.opt.FS.Rename(j.path(j.layout.New()), active); err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	if err := j.syncDir(); err != nil {
		return err
	}
	j.active, err = j.openActive()
	return err
}

// syncRename makes it durable that the old segment has its number, also where
// somebody who was killed has given it. Without that, a file system that does not
// keep the order of renames could put the new segment in the place of the old.
func (j *Journal) syncRename() error {
	if broken.Is("renames-unordered") {
		return nil
	}
	return j.syncDir()
}

// syncDir makes the names of the log's files durable.
func (j *Journal) syncDir() error {
	if err := j.opt.FS.SyncDir(j.layout.Dir); err != nil {
		return fmt.Errorf("sync log directory: %w", err)
	}
	return nil
}

// giveNumber renames a segment to its number. A file of somebody else's that
// bears the name is never overwritten: it is set aside, and one of which the
// next segment does not tell stays where it is.
func (j *Journal) giveNumber(active string, number uint32, foreign *control.RecoveredLog) error {
	if foreign != nil {
		if err := j.moveForeign(foreign); err != nil {
			return err
		}
	}
	name := j.layout.Numbered(number)
	if there, err := j.exists(name); err != nil || there {
		return cmp.Or(err, fmt.Errorf("%s: %w", name, fs.ErrExist))
	}
	return j.opt.FS.Rename(active, j.path(name))
}

func (j *Journal) openActive() (vfs.File, error) {
	f, err := j.opt.FS.OpenFile(j.path(j.layout.Active()), os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open active segment: %w", err)
	}
	return f, nil
}
