package journal

import (
	"errors"
	"fmt"
	"os"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/state"
)

// rebuild makes the state again from the newest segment, because it is gone
// or not by the log's key. It cannot tell whether the tail was cut meanwhile:
// the log goes on in a new segment that says so, for ever.
//
// The cost is that of reading one segment.
func (j *Journal) rebuild(cause string) error {
	if j.state != nil {
		if err := j.state.Close(); err != nil {
			return fmt.Errorf("close state: %w", err)
		}
		j.state = nil
	}
	name, err := j.newest()
	if err != nil {
		return err
	}
	t, size, err := j.read(name)
	if err != nil {
		return err
	}
	f, err := j.opt.FS.OpenFile(j.path(j.layout.State()), os.O_RDWR|os.O_CREATE|os.O_TRUNC, filePerm)
	if err != nil {
		return fmt.Errorf("make state: %w", err)
	}
	mac, err := j.stateMAC()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	j.state = state.NewFile(f, mac)
	j.state.State = t.State
	j.state.State.Synced = t.end
	end := t.Size()
	return j.goOn(&control.RecoveredLog{
		Found: control.FoundStateLost, Segment: t.Segment, Offset: t.end, Bytes: size - t.end, ToSeq: &end, Detail: short(cause),
	}, "the state is lost (%s): whether the tail of the log was cut cannot be told; it goes on in segment %d", cause, t.Segment+1)
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

// newest returns the name of the newest segment.
func (j *Journal) newest() (string, error) {
	files, err := j.segments()
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", fmt.Errorf("%w: no segment and no state, but the keys are there", ErrGone)
	}
	last := files[len(files)-1]
	if last.Archived {
		return "", fmt.Errorf("%w: no state, and the newest segment, %s, is an archive", ErrGone, last.Name)
	}
	return last.Name, nil
}

// read takes in a whole segment from its first line.
func (j *Journal) read(name string) (t tail, size int64, err error) {
	f, err := j.opt.FS.OpenFile(j.path(name), os.O_RDONLY, 0)
	if err != nil {
		return t, 0, fmt.Errorf("open segment: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	head, err := j.head(f)
	if err != nil {
		return t, 0, fmt.Errorf("%s: %w", name, err)
	}
	if head.Version > control.Version {
		return t, 0, fmt.Errorf("%w: version %d", ErrNewer, head.Version)
	}
	if t.State, err = j.stateAt(head); err != nil {
		return t, 0, fmt.Errorf("%s: %w", name, err)
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
		Signed: head.SignEvents, Fresh: true, Promise: head.SealRecords, Segment: head.Segment,
		Epoch: head.Epoch, EpochFrom: head.Size, EpochBegun: now, SegmentBegun: now,
		Origin: head.Origin, Frontier: frontier,
	}
	copy(s.EpochKey[:], pub)
	return s, nil
}
