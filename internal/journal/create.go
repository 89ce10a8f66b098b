package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/state"
)

// Create makes a log and its keys. The directory of the log must exist.
//
// Order: the keys; the first segment aside, synced; renamed, the directory
// synced; the state, synced; the first seal, synced; and last log.vkey, the
// commit point: what a crash before it has left is no log, and is replaced.
func Create(opt Options) (*Journal, error) {
	j, err := newJournal(opt)
	if err != nil {
		return nil, err
	}
	if err := j.locked(j.create); err != nil {
		return nil, errors.Join(err, j.drop(), j.closeLock())
	}
	if !opt.Brief {
		j.keeper.start(j)
	}
	return j, nil
}

func (j *Journal) create() error {
	if err := j.vacant(); err != nil {
		return err
	}
	set, first, err := j.keys.Generate()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeys, err)
	}
	if err := j.useKeys(set); err != nil {
		return err
	}
	if err := j.firstSegment(first); err != nil {
		return err
	}
	j.started = true
	return j.publishKey()
}

// publishKey says for ever that the log exists.
func (j *Journal) publishKey() error {
	identity, err := j.set.Identity()
	if err == nil {
		err = j.keys.Publish(identity.VKey)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeys, err)
	}
	return nil
}

// firstSegment writes the first segment, with a seal, and the state.
func (j *Journal) firstSegment(epoch keys.Pair) error {
	now := j.opt.Now()
	pub, err := epoch.Public()
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
	if err := j.state.Reserve(); err != nil {
		return err
	}
	j.state.State = state.State{Origin: j.set.Origin, EpochBegun: now, Lineage: state.NewLineage()}
	copy(j.state.State.EpochKey[:], pub)
	if err := j.removeLeftover(); err != nil {
		return err
	}
	if err := j.nextSegment(now, j.opt.Signed, nil); err != nil {
		return err
	}
	if err := j.sealBy(epoch, now, ""); err != nil {
		return err
	}
	j.draft.next.EpochFrom = j.draft.next.Size()
	return j.flush()
}

// vacant returns nil where there is no log and none was here, as far as can be
// told, or what there is was never finished.
func (j *Journal) vacant() error {
	files, err := j.segments()
	if err != nil {
		return err
	}
	active := j.path(j.layout.Active())
	public, err := j.keys.Published()
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrKeys, err)
	case public != "" && len(files) > 0:
		return fmt.Errorf("%w: %s", ErrExists, active)
	case public != "":
		return fmt.Errorf("%w: %s says that there was one at %s", ErrGone, j.keys.Path(keys.PublicFile), active)
	case len(files) > 0 && files[0].Number > 0:
		return fmt.Errorf("%w: %s is there, but not its keys", ErrExists, j.path(files[0].Name))
	}
	if len(files) > 0 {
		if err := j.unfinished(active); err != nil {
			return err
		}
	}
	return j.unused()
}

// unused returns nil where no state remembers an event.
func (j *Journal) unused() error {
	path := j.path(j.layout.State())
	f, err := j.opt.FS.OpenFile(path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	defer func() { _ = f.Close() }() // it is only read
	b := make([]byte, state.Size)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	// Without a MAC: its key may be gone with the others.
	s, _, err := state.Parse(b[:n], nil)
	if err == nil && (s.Segment > 1 || !s.Fresh) {
		return fmt.Errorf("%w: %s remembers %d records", ErrGone, path, s.Size())
	}
	return nil // an unusable one is what a crash, or nobody, has left
}

// unfinished returns nil where the file holds nothing but what Create writes,
// and the keys lie beside it as Create leaves them, so that an interrupted
// Create can be done again.
func (j *Journal) unfinished(path string) error {
	_, err := j.opt.FS.Stat(j.keys.Path(keys.IdentityFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is there, but not its keys: %w", ErrExists, path, err)
	}
	if err != nil { // which says nothing of what is there
		return fmt.Errorf("look at log keys: %w", err)
	}
	f, err := j.opt.FS.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	defer func() { _ = f.Close() }() // it is only read
	size, err := f.Size()
	if err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	lines := segment.NewLines(f, 0, size)
	for n := 0; ; n++ {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) || (n > 0 && errors.Is(err, segment.ErrPartial)) {
			return nil
		}
		if errors.Is(err, segment.ErrRead) {
			return fmt.Errorf("look at %s: %w", path, err)
		}
		if err != nil || n > 1 || record.Control(line) == "" {
			return fmt.Errorf("%w: %s is there, but not its keys", ErrExists, path)
		}
	}
}

// removeLeftover removes the active segment of an interrupted Create.
func (j *Journal) removeLeftover() error {
	err := j.opt.FS.Remove(j.path(j.layout.Active()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what an interrupted creation left: %w", err)
	}
	return nil
}
