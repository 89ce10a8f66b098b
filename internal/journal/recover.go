package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/mod/sumdb/note"

	"github.com/etch-audit/etch/internal/broken"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/state"
	"github.com/etch-audit/etch/internal/vfs"
)

// ready makes the journal fit to write: the files are those that their paths
// name, the state is the newest, and the active segment ends at the written
// position. The lock is held.
//
// Lines in flight are others' business, unless the segment was opened just now:
// an error of writing them may have been told before, and to others only. So they
// are checked, written again and synced.
func (j *Journal) ready() error {
	if j.state != nil {
		same, err := j.unchanged()
		if err != nil || !same {
			if err := errors.Join(err, j.drop()); err != nil {
				return err
			}
		}
	}
	reopened := j.state == nil
	if reopened {
		if err := j.reopen(); err != nil {
			return errors.Join(err, j.drop())
		}
	}
	size, err := j.active.Size()
	if s := &j.state.State; err == nil && (size != s.Written.Offset || reopened && (s.InFlight() || s.InSegment() < s.Offset)) {
		err = j.takeover(size)
	}
	if err == nil && !j.started {
		err = j.start()
	}
	if err == nil && j.opt.Signed && !j.state.State.Signed {
		err = j.signFromNow()
	}
	if err != nil {
		return errors.Join(err, j.drop())
	}
	return nil
}

// unchanged reports whether the open files are still the log's, having taken
// note of what other processes have added.
func (j *Journal) unchanged() (bool, error) {
	number := j.state.State.Segment
	for _, linked := range [...]func() (bool, error){j.state.Linked, j.active.Linked} {
		if same, err := linked(); err != nil || !same {
			return false, err
		}
	}
	changed, err := j.state.Refresh()
	if err != nil {
		return false, nil // reopening says what is wrong with it
	}
	if !j.state.Newest() {
		// A write of the state failed halfway, or an older one was put back: of
		// what was acknowledged since only the lines tell.
		return false, nil
	}
	if size, err := j.active.Size(); err != nil || size < j.state.State.Offset {
		return false, nil // what was cut off may be in the commit file
	}
	j.meet(changed)
	return !changed || j.state.State.Segment == number, nil
}

// start does what is due once, when a log is opened: an interrupted creation
// is finished, and the epoch's key is there.
func (j *Journal) start() error {
	if !j.published {
		if public, err := j.keys.Published(); err == nil && public == "" {
			if err := j.publishKey(); err != nil {
				return err
			}
		}
	}
	if !j.opt.Brief { // which looks at the key when it seals
		j.draft.begin(&j.state.State)
		if _, err := j.epochKey(j.opt.Now()); err != nil {
			return err
		}
	}
	j.started = true
	return nil
}

// signFromNow begins a signed segment, because the options ask for MACs and the
// active segment has none: another writer may have begun it at any time. There
// is no counterpart for a writer without MACs, whose segments begin where one
// was due anyway: two writers of different settings would else end a segment
// at each other's every commit.
func (j *Journal) signFromNow() error {
	j.draft.begin(&j.state.State)
	return j.rotate(j.opt.Now())
}

// reopen opens state and active segment, and mends what a crash, or somebody,
// has done to them.
func (j *Journal) reopen() error {
	if err := j.openState(); err != nil || j.active != nil {
		return err // where the state was made again, the segment is new
	}
	if _, err := j.restore(); err != nil {
		return err
	}
	var err error
	j.active, err = j.openActive()
	if errors.Is(err, fs.ErrNotExist) {
		return j.finishRotation()
	}
	if err != nil {
		return err
	}
	return j.checkActive()
}

// openState opens the state, or makes it again where it is lost.
func (j *Journal) openState() error {
	f, err := j.opt.FS.OpenFile(j.path(j.layout.State()), os.O_RDWR|vfs.NoLink, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return j.rebuild("there is no state file", 0)
	}
	if err != nil {
		return fmt.Errorf("open state: %w", err)
	}
	mac, err := j.stateMAC()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	j.state = state.NewFile(f, mac)
	err = j.state.Load()
	switch {
	case err == nil && j.state.State.Origin != j.set.Origin:
		return fmt.Errorf("%w: the state is of %s, the keys of %s", ErrKeys, j.state.State.Origin, j.set.Origin)
	case err == nil:
		return nil
	case errors.Is(err, state.ErrUnusable):
		return j.rebuild(err.Error(), 0)
	}
	return err
}

// checkActive compares the active segment with the state.
func (j *Journal) checkActive() error {
	s := &j.state.State
	head, err := j.head(j.active)
	if err := unjudged(err); err != nil {
		return err
	}
	if err != nil {
		return j.damaged(err.Error())
	}
	if head.Segment > s.Segment && !broken.Is("old-state-wins") {
		if done, err := j.catchUp(head); done || err != nil {
			return err
		}
	}
	size, err := j.active.Size()
	switch {
	case err != nil:
		return fmt.Errorf("active segment: %w", err)
	case head.Origin != s.Origin || head.Segment != s.Segment:
		return j.damaged(fmt.Sprintf("it begins as segment %d of %s", head.Segment, head.Origin))
	case size < s.Offset:
		return j.damaged(fmt.Sprintf("it has %d bytes, %d were known to be on disk", size, s.Offset))
	}
	last, err := lastSeq(j.active, s.Offset)
	if errors.Is(err, segment.ErrRead) {
		return err
	}
	if err != nil || last+1 != s.Size() {
		return j.damaged("it does not end in the record that was last known to be on disk")
	}
	return nil
}

// catchUp makes good for a state that is older than the active segment, and
// reports whether it did.
func (j *Journal) catchUp(head control.OpenedLog) (bool, error) {
	s := &j.state.State
	if head.Segment == s.Segment+1 {
		there, err := j.exists(j.layout.Numbered(s.Segment))
		next := false
		if there && err == nil {
			next, err = j.leadsTo(head)
		}
		if err != nil {
			return false, err
		}
		if next {
			return true, j.enterSegment(head)
		}
	}
	if head.Origin != s.Origin || head.Size < s.Size() {
		return false, nil
	}
	there, err := j.exists(j.layout.Numbered(head.Segment - 1))
	if err != nil || !there {
		return false, err
	}
	// Going on from the state would use sequence numbers twice.
	cause := fmt.Sprintf("it is older than the log: it knows of segment %d, the active one is %d", s.Segment, head.Segment)
	return true, j.rebuild(cause, s.Segment)
}

// unjudged returns err if it says nothing of what was to be read: it could not
// be read at all, or is of a version that this program does not know.
func unjudged(err error) error {
	if errors.Is(err, segment.ErrRead) || errors.Is(err, ErrNewer) {
		return err
	}
	return nil
}

// head reads the first line of a segment. In a signed segment it must carry
// the log's MAC. Its version is looked at before all else, of which a later one
// may have changed anything.
func (j *Journal) head(f vfs.File) (control.OpenedLog, error) {
	var head control.OpenedLog
	size, err := f.Size()
	if err != nil {
		return head, fmt.Errorf("%w: %w", segment.ErrRead, err)
	}
	line, err := segment.NewLines(f, 0, size).Next()
	if err != nil {
		return head, fmt.Errorf("first line: %w", err)
	}
	head, err = j.openedBy(line)
	if err != nil || head.Version > control.Version { // a newer one may be written in another way
		if v := control.VersionOf(line); v > control.Version {
			return head, fmt.Errorf("%w: version %d, this program writes version %d", ErrNewer, v, control.Version)
		}
	}
	return head, err
}

// openedBy returns what the first line of a segment says.
func (j *Journal) openedBy(line []byte) (head control.OpenedLog, err error) {
	l, err := record.Split(line)
	if err != nil {
		return head, fmt.Errorf("first line: %w", err)
	}
	if record.Control(line) != control.Opened {
		return head, errors.New("its first line is not log_opened")
	}
	if known, ok := readOpened(line); ok {
		head = known
	} else if _, err := control.Parse(line, &head); err != nil {
		return head, err
	}
	if head.SignEvents {
		if err := j.line.Check(l); err != nil {
			return head, fmt.Errorf("first line: %w", err)
		}
	}
	if l.Seq != head.Size {
		return head, fmt.Errorf("first line: seq %d, size %d", l.Seq, head.Size)
	}
	return head, nil
}

// leadsTo reports whether a segment begins where the state ends, or where the
// lines end that the state's segment holds after it. It takes note of those:
// where the newer slot of the state is torn, the older one may not know of a
// segment's last lines, which were synced before the next segment was made.
func (j *Journal) leadsTo(head control.OpenedLog) (bool, error) {
	frontier, err := head.FrontierAt()
	if err != nil || head.Origin != j.set.Origin {
		return false, nil
	}
	s := &j.state.State
	if head.Size <= s.Size() {
		return frontier.Equal(&s.Frontier), nil
	}
	t, _, err := j.after(j.layout.Numbered(s.Segment), head.Size)
	if err != nil || !t.Frontier.Equal(&frontier) {
		return false, err
	}
	*s = t.State
	s.Offset = t.end
	s.GiveUp()
	return true, nil
}

// after scans a numbered segment from the synced position on, up to a size of
// the log where that is not 0, and returns what it holds and how many bytes it has.
func (j *Journal) after(name string, until uint64) (t tail, size int64, err error) {
	f, err := j.opt.FS.OpenFile(j.path(name), os.O_RDONLY, 0)
	if err != nil {
		return t, 0, fmt.Errorf("open segment: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if size, err = f.Size(); err != nil {
		return t, 0, fmt.Errorf("segment %s: %w", name, err)
	}
	t = tail{State: j.state.State, end: j.state.State.Offset, until: until}
	if size < t.end {
		return t, size, nil
	}
	return t, size, j.scan(f, size, &t)
}

// enterSegment takes over an active segment of which no state knows yet: a
// rotation lacks its last step. Whoever made it may have been killed before
// the names were durable.
func (j *Journal) enterSegment(head control.OpenedLog) error {
	s := &j.state.State
	s.GiveUp()
	s.Segment, s.Offset, s.SegmentBegun = head.Segment, 0, j.opt.Now()
	s.Signed, s.Fresh, s.Promise = head.SignEvents, true, head.SealRecords
	s.Settle()
	s.EndChain()
	return j.syncDir()
}

// exists reports whether one of the log's files is there.
func (j *Journal) exists(name string) (bool, error) {
	_, err := j.opt.FS.Stat(j.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", name, err)
	}
	return true, nil
}

// lastSeq returns the sequence number of the line that ends at end.
func lastSeq(f vfs.File, end int64) (uint64, error) {
	line, err := lastLine(f, end)
	if err != nil {
		return 0, err
	}
	last, err := record.Split(line)
	return last.Seq, err
}

// lastLine returns the line that ends at end.
func lastLine(f vfs.File, end int64) ([]byte, error) {
	return segment.NewBackward(f, 0, end).Next()
}

// damaged goes on in a new segment at the state's size and frontier, because
// the active segment is not what the state remembers. What it lacks stays
// missing for ever.
func (j *Journal) damaged(detail string) error {
	if broken.Is("damage-stops") {
		return errors.New(detail)
	}
	s := &j.state.State
	size, err := j.active.Size()
	if err != nil {
		return fmt.Errorf("active segment: %w", err)
	}
	if from := min(s.InSegment(), size); from < size && s.Chain != 0 {
		// The next segment goes on behind lines that may be in memory only.
		if err := errors.Join(j.rewrite(from, size), j.active.Sync()); err != nil {
			return fmt.Errorf("damaged segment: %w", err)
		}
	}
	end := s.Size()
	found := &control.RecoveredLog{
		Found: control.FoundDamage, Segment: s.Segment, Offset: min(size, s.Offset),
		Bytes: max(0, size-s.Offset), ToSeq: &end, Detail: short(detail),
	}
	return j.goOn(found, "segment %d is damaged: %s: the log goes on in segment %d", s.Segment, detail, s.Segment+1)
}

// goOn begins a new segment with a recovery on record.
func (j *Journal) goOn(found *control.RecoveredLog, format string, args ...any) error {
	if err := j.nextSegment(j.opt.Now(), j.opt.Signed, found); err != nil {
		return err
	}
	j.note(control.Recovered, format, args...)
	return nil
}

// finishRotation mends a missing active segment: a rotation was cut short
// between its renames. Where that cannot be, the active segment is gone.
func (j *Journal) finishRotation() error {
	s := &j.state.State
	there, err := j.exists(j.layout.Numbered(s.Segment))
	if err != nil {
		return err
	}
	if !there {
		return j.gone()
	}
	if err := j.adoptNew(); !errors.Is(err, errNotNext) {
		return err
	}
	t, size, err := j.after(j.layout.Numbered(s.Segment), 0)
	if err != nil {
		return err
	}
	if t.end == size && t.Unsealed() == 0 { // its final seal is its end
		*s = t.State
		s.Offset = t.end
		s.GiveUp()
		return j.nextSegment(j.opt.Now(), s.Signed, nil)
	}
	later, err := j.exists(j.layout.Numbered(s.Segment + 1))
	if err != nil {
		return err
	}
	if later || size > s.Offset {
		// Going on from the state would use sequence numbers twice.
		return j.rebuild(fmt.Sprintf("it is older than the log: segment %d, or the next, goes on after it", s.Segment), s.Segment)
	}
	end := s.Size()
	found := &control.RecoveredLog{
		Found: control.FoundDamage, Segment: s.Segment, Offset: s.Offset, ToSeq: &end,
		Detail: "the segment has its number, but no final seal, and no segment is active",
	}
	return j.goOn(found, "segment %d was closed without a seal: the log goes on in segment %d", s.Segment, s.Segment+1)
}

// gone says that the active segment is gone, or goes on without it where that
// was asked for.
func (j *Journal) gone() error {
	s := &j.state.State
	if !j.opt.Resume {
		return fmt.Errorf("%w: the state remembers %d records, and %s is not there", ErrGone, s.Size(), j.path(j.layout.Active()))
	}
	end := s.Size()
	found := &control.RecoveredLog{
		Found: control.FoundDamage, Segment: s.Segment, ToSeq: &end, Detail: "the active segment was gone",
	}
	return j.goOn(found, "segment %d is gone: the log goes on in segment %d", s.Segment, s.Segment+1)
}

var errNotNext = errors.New("no segment waits to become active")

// adoptNew makes the segment that a rotation has prepared active, if it is
// whole and continues the log.
func (j *Journal) adoptNew() error {
	path := j.path(j.layout.New())
	f, err := j.opt.FS.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return errNotNext
	}
	if err != nil {
		return fmt.Errorf("open next segment: %w", err)
	}
	head, err := j.head(f)
	if err := errors.Join(unjudged(err), f.Close()); err != nil {
		return fmt.Errorf("next segment: %w", err)
	}
	if err != nil || head.Segment != j.state.State.Segment+1 {
		return errNotNext
	}
	if next, err := j.leadsTo(head); err != nil || !next {
		return cmp.Or(err, errNotNext)
	}
	if err := j.syncRename(); err != nil {
		return err
	}
	if err := j.opt.FS.Rename(path, j.path(j.layout.Active())); err != nil {
		return fmt.Errorf("finish rotation: %w", err)
	}
	if err := j.syncDir(); err != nil {
		return err
	}
	if j.active, err = j.openActive(); err != nil {
		return err
	}
	return j.checkActive()
}

// verifiers returns the verifiers of the identity and of an epoch key.
func (j *Journal) verifiers(origin string, epoch [32]byte) (identity, current note.Verifier, err error) {
	pair, err := j.set.Identity()
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	if identity, err = note.NewVerifier(pair.VKey); err != nil {
		return nil, nil, fmt.Errorf("identity key: %w", err)
	}
	vkey, err := vkeyOf(origin, epoch)
	if err != nil {
		return nil, nil, err
	}
	if current, err = note.NewVerifier(vkey); err != nil {
		return nil, nil, fmt.Errorf("epoch key: %w", err)
	}
	return identity, current, nil
}

// vkeyOf returns the note verifier key of an Ed25519 public key.
func vkeyOf(origin string, pub [32]byte) (string, error) {
	vkey, err := note.NewEd25519VerifierKey(origin, pub[:])
	if err != nil {
		return "", fmt.Errorf("name epoch key: %w", err)
	}
	return vkey, nil
}

// abandon ends a segment whose write or sync has failed: its bytes from the
// synced position on are void, and the log goes on in a new segment that says
// so. Never is the same descriptor synced again.
//
// Lines before the synced position that only the commit file is known to have
// are written again first, through another descriptor.
func (j *Journal) abandon(cause error) error {
	s := &j.state.State
	if err := j.secure(); err != nil {
		return fmt.Errorf("%w: %w", errDoubt, errors.Join(cause, err, j.drop()))
	}
	size, err := j.active.Size()
	if err != nil {
		return fmt.Errorf("%w: %w", errDoubt, errors.Join(cause, err, j.drop()))
	}
	found := &control.RecoveredLog{
		Found: control.FoundVoid, Segment: s.Segment, Offset: s.Offset,
		Bytes: max(0, size-s.Offset), Detail: short(cause.Error()),
	}
	if err := j.nextSegment(j.opt.Now(), s.Signed, found); err != nil {
		return fmt.Errorf("%w: %w", errDoubt, errors.Join(cause, err, j.drop()))
	}
	j.note(control.Recovered, "segment %d could not be written (%v): the log goes on in segment %d", found.Segment, cause, found.Segment+1)
	return fmt.Errorf("%w: %w", errVoided, cause)
}
