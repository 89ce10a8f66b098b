package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/state"
)

// errNoBeginning is the error of a segment whose first line is not one of this
// log's: where it begins, and with what tree, is not known.
var errNoBeginning = errors.New("segment has no beginning")

// rebuild makes the state again from the newest segment that has a beginning,
// because it is gone, not by the log's key, or older than the log; known is the
// newest segment that it remembers, 0 for none. It cannot tell whether the tail
// was cut meanwhile: the log goes on in a new segment that says so, for ever.
//
// What a segment holds that is gone or has no beginning is not known here, nor
// how much it is: its sequence numbers are used again, as leaf indexes must be,
// and the record says so. Such a segment keeps its file and its number.
//
// The cost is that of reading one segment.
func (j *Journal) rebuild(cause string, known uint32) error {
	if j.state != nil {
		if err := j.state.Close(); err != nil {
			return fmt.Errorf("close state: %w", err)
		}
		j.state = nil
	}
	if _, err := j.restore(); err != nil {
		return err
	}
	files, err := j.segments()
	if err != nil {
		return err
	}
	t, size, skipped, err := j.newest(files)
	if err != nil {
		return err
	}
	gone, err := j.activeGone(files, known, &t)
	if err != nil {
		return err
	}
	found := &control.RecoveredLog{
		Found: control.FoundStateLost, Segment: t.Segment, Offset: t.end, Bytes: size - t.end,
		ToSeq: new(t.Size()), Detail: short(cause + lossOf(skipped, gone, t.Size())),
	}
	if skipped != nil { // the number that the active one gets, or the last that was given
		t.Segment, t.end = beyond(files), 0
	}
	if err := j.makeState(&t); err != nil {
		return err
	}
	return j.goOn(found, "the state is lost (%s): whether the tail of the log was cut cannot be told; it goes on in segment %d", found.Detail, t.Segment+1)
}

// activeGone reports whether the newest segment is gone, which is an error
// unless the options let the log go on without it. A segment gets its number
// only once the next is made, so that one was behind the last with a number:
// unless the state remembers no more, or it waits to become active.
func (j *Journal) activeGone(files []segment.File, known uint32, t *tail) (bool, error) {
	last := files[len(files)-1]
	if last.Number <= known {
		return false, nil
	}
	waits, err := j.nextWaits(last.Number, t)
	if err != nil || waits {
		return false, err
	}
	if !j.opt.Resume {
		return false, fmt.Errorf("%w: no state, and %s, which came after %s, is not there", ErrGone, j.path(j.layout.Active()), last.Name)
	}
	return true, nil
}

// nextWaits reports whether a rotation was cut short before the segment after
// number, which goes on from t, became active.
func (j *Journal) nextWaits(number uint32, t *tail) (bool, error) {
	f, err := j.opt.FS.OpenFile(j.path(j.layout.New()), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open next segment: %w", err)
	}
	head, err := j.head(f)
	if err := errors.Join(unjudged(err), f.Close()); err != nil {
		return false, fmt.Errorf("next segment: %w", err)
	}
	if err != nil || head.Segment != number+1 || head.Origin != j.set.Origin {
		return false, nil
	}
	frontier, err := head.FrontierAt()
	return err == nil && frontier.Equal(&t.Frontier), nil
}

// newest takes in the newest segment that has a beginning. Skipped is the error
// of those that are newer, or nil.
func (j *Journal) newest(files []segment.File) (t tail, size int64, skipped, err error) {
	if len(files) == 0 {
		return t, 0, nil, fmt.Errorf("%w: no segment and no state, but the keys are there", ErrGone)
	}
	if last := files[len(files)-1]; last.Archived {
		return t, 0, nil, fmt.Errorf("%w: no state, and the newest segment, %s, is an archive", ErrGone, last.Name)
	}
	for _, f := range slices.Backward(files) {
		if f.Archived {
			continue
		}
		t, size, err = j.read(f.Name)
		if !errors.Is(err, errNoBeginning) {
			return t, size, skipped, err
		}
		if skipped != nil {
			err = fmt.Errorf("%w; %w", skipped, err)
		}
		skipped = err
	}
	return t, 0, nil, fmt.Errorf("no state, and no segment to make it again from: %w", skipped)
}

// lossOf says what is lost besides the state.
func lossOf(skipped error, gone bool, size uint64) string {
	var loss string
	if skipped != nil {
		loss = "; " + skipped.Error()
	}
	if gone {
		loss += "; the segment after the last that is here is gone"
	}
	if loss == "" {
		return ""
	}
	return fmt.Sprintf("; sequence numbers from %d on may be used twice%s", size, loss)
}

// beyond returns the number of the newest segment: the active one's is not in
// its name, and may not be known.
func beyond(files []segment.File) uint32 {
	var number uint32
	for _, f := range files {
		number = max(number, f.Number)
	}
	if files[len(files)-1].Number == 0 {
		number++
	}
	return number
}

// makeState makes the state file again, with the state at the end of a tail.
// Nothing is written to it yet.
func (j *Journal) makeState(t *tail) error {
	f, err := j.opt.FS.OpenFile(j.path(j.layout.State()), os.O_RDWR|os.O_CREATE|os.O_TRUNC, filePerm)
	if err != nil {
		return fmt.Errorf("make state: %w", err)
	}
	mac, err := j.stateMAC()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	j.state = state.NewFile(f, mac)
	if err := j.state.Reserve(); err != nil {
		return err
	}
	s := &j.state.State
	*s = t.State
	s.Offset = t.end
	s.Settle()
	s.EndChain()
	s.Diverge() // whoever is at its sync knows another state
	return nil
}

// segments returns the segments that there are, the active one last.
func (j *Journal) segments() ([]segment.File, error) {
	entries, err := j.opt.FS.ReadDir(j.layout.Dir)
	if err != nil {
		return nil, fmt.Errorf("look for segments: %w", err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	files, _ := j.layout.Select(names)
	return files, nil
}

// read takes in a whole segment from its first line. The error is
// [errNoBeginning] where that line is not one of this log's.
func (j *Journal) read(name string) (t tail, size int64, err error) {
	f, err := j.opt.FS.OpenFile(j.path(name), os.O_RDONLY, 0)
	if err != nil {
		return t, 0, fmt.Errorf("open segment: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	head, err := j.head(f)
	if err := unjudged(err); err != nil {
		return t, 0, fmt.Errorf("%s: %w", name, err)
	}
	if err == nil {
		t.State, err = j.stateAt(head)
	}
	if errors.Is(err, ErrKeys) {
		return t, 0, fmt.Errorf("%s: %w", name, err)
	}
	if err != nil {
		return t, 0, fmt.Errorf("%s: %w: %w", name, errNoBeginning, err)
	}
	if size, err = f.Size(); err != nil {
		return t, 0, fmt.Errorf("%s: %w", name, err)
	}
	return t, size, j.scan(f, size, &t)
}

// stateAt returns the state at the beginning of a segment, before its first line.
func (j *Journal) stateAt(head control.OpenedLog) (state.State, error) {
	if head.Origin != j.set.Origin {
		return state.State{}, fmt.Errorf("%w: the segment is of %s, the keys of %s", ErrKeys, head.Origin, j.set.Origin)
	}
	frontier, err := head.FrontierAt()
	if err != nil {
		return state.State{}, err
	}
	pub, err := merkle.PublicKey(head.EpochKey)
	if err != nil {
		return state.State{}, err
	}
	now := j.opt.Now()
	s := state.State{
		Signed: head.SignEvents, Promise: head.SealRecords, Segment: head.Segment,
		Epoch: head.Epoch, EpochFrom: head.Size, EpochBegun: now, Origin: head.Origin,
		Position: state.Position{Fresh: true, SegmentBegun: now, Frontier: frontier},
	}
	copy(s.EpochKey[:], pub)
	return s, nil
}
