package journal

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/etch-audit/etch/internal/broken"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/state"
	"github.com/etch-audit/etch/internal/vfs"
)

// takeover puts right an active segment that does not end at the written
// position: a writer died between its write and its state, or somebody else
// has written. Lines in flight are taken over with the rest, and none is in
// flight afterwards.
//
// Bytes past the synced position are kept as far as each line is whole, in
// sequence and the log's own. Kept lines are written again in place before the
// sync, so that a page which the system failed to write, and told a process
// that died, cannot hide behind a sync that succeeds. The rest is set aside,
// made zeros, and then overwritten by the record of it: at no moment is there
// neither torn bytes nor a record. Order: aside, synced; zeros, synced; written
// over; truncated; synced; state, synced.
func (j *Journal) takeover(size int64) error {
	synced := j.state.State.Offset
	if size < synced {
		return j.damaged(fmt.Sprintf("it has %d bytes, %d were known to be on disk", size, synced))
	}
	t, err := j.unsettled(size)
	if err != nil {
		return err
	}
	if err := j.scan(j.active, size, &t); err != nil {
		return err
	}
	t.Settle()
	d := &j.draft
	d.begin(&t.State)
	if err := j.recoverRest(&t, size); err != nil {
		return err
	}
	if err := j.blank(t.end, size); err != nil {
		return err
	}
	if err := j.rewrite(j.state.State.InSegment(), t.end); err != nil {
		return err
	}
	if len(d.out) > 0 {
		if _, err := j.active.WriteAt(d.out, t.end); err != nil {
			return fmt.Errorf("write recovery: %w", err)
		}
	}
	if end := t.end + int64(len(d.out)); end < size {
		if err := j.active.Truncate(end); err != nil {
			return fmt.Errorf("cut torn tail: %w", err)
		}
	}
	if err := j.active.Sync(); err != nil {
		return fmt.Errorf("sync recovered segment: %w", err)
	}
	d.next.Offset = t.end + int64(len(d.out))
	d.next.Settle()
	d.next.EndChain()
	j.state.State = d.next
	return j.saveState(true)
}

// unsettled returns where a takeover begins to judge lines: at the written
// position, where the lines before it are those that the state remembers. Its
// frontier vouches for them, also without MACs. Where they are not, which a
// crash of the system explains, at the synced position; then nobody who is at
// its sync still can know what became of its lines.
func (j *Journal) unsettled(size int64) (tail, error) {
	s := &j.state.State
	whole, err := j.remembered(size)
	if err != nil {
		return tail{}, err
	}
	t := tail{State: s.Tip()}
	if !whole {
		t.State = *s
		t.Diverge()
	}
	t.begin, t.end, t.from = t.Offset, t.Offset, t.Size()
	return t, nil
}

// remembered reports whether the lines in flight are those that the state
// remembers.
func (j *Journal) remembered(size int64) (bool, error) {
	s := &j.state.State
	if size < s.Written.Offset {
		return false, nil
	}
	tree := s.Frontier
	for lines := segment.NewLines(j.active, s.Offset, s.Written.Offset); tree.Size() <= s.Written.Size(); {
		line, err := lines.Next()
		switch {
		case errors.Is(err, io.EOF):
			return tree.Equal(&s.Written.Frontier), nil
		case errors.Is(err, segment.ErrPartial):
			return false, nil
		case err != nil:
			return false, err
		}
		tree.Append(j.leaf.Leaf(line))
	}
	return false, nil
}

// recoverRest sets aside what cannot be kept, and drafts the records that tell
// of it and of unsigned lines that were kept.
func (j *Journal) recoverRest(t *tail, size int64) error {
	now := j.opt.Now()
	if kept := t.Size() - t.from; kept > 0 && !t.Signed && !t.told {
		from, to := t.from, t.Size()
		err := j.control(now, control.Recovered, control.RecoveredLog{
			Found: control.FoundUnsigned, Segment: t.Segment, Offset: t.begin, Bytes: t.end - t.begin,
			FromSeq: &from, ToSeq: &to, Detail: "lines that no state knew of were kept; nothing proves who wrote them",
		})
		if err != nil {
			return err
		}
		j.note(control.Recovered, "%d lines after the last known one were kept; the log is unsigned, so nothing proves them", kept)
	}
	if t.end == size || broken.Is("silent-recovery") {
		return nil
	}
	saved, sum, err := j.setAside(j.active, t.Segment, t.end, size)
	if err != nil {
		return err
	}
	j.note(control.Recovered, "%d bytes at the end of segment %d were not whole records (%s): they are in %s", size-t.end, t.Segment, t.reason, saved)
	return j.control(now, control.Recovered, control.RecoveredLog{
		Found: control.FoundTorn, Segment: t.Segment, Offset: t.end, Bytes: size - t.end,
		SHA256: sum, Saved: filepath.ToSlash(saved), Detail: short(t.reason),
	})
}

// blank makes zeros of torn bytes that were set aside, durably. Without it the
// first part of what is written over them could go on in their rest, and the
// two pass for a line that nobody has written, in a segment without MACs.
func (j *Journal) blank(from, to int64) error {
	if from >= to {
		return nil
	}
	zeros := make([]byte, min(to-from, 1<<20))
	for ; from < to; from += int64(len(zeros)) {
		zeros = zeros[:min(int64(len(zeros)), to-from)]
		if _, err := j.active.WriteAt(zeros, from); err != nil {
			return fmt.Errorf("blank torn tail: %w", err)
		}
	}
	if err := j.active.Sync(); err != nil {
		return fmt.Errorf("blank torn tail: %w", err)
	}
	return nil
}

// rewrite writes the bytes from one offset to another again, as they are.
func (j *Journal) rewrite(from, to int64) error {
	buf := make([]byte, min(to-from, 1<<20))
	for from < to {
		b := buf[:min(int64(len(buf)), to-from)]
		if _, err := j.active.ReadAt(b, from); err != nil {
			return fmt.Errorf("read tail: %w", err)
		}
		if _, err := j.active.WriteAt(b, from); err != nil {
			return fmt.Errorf("write tail again: %w", err)
		}
		from += int64(len(b))
	}
	return nil
}

// A tail is what a scan has found good so far: the state as it would be, and
// where the good bytes end.
type tail struct {
	state.State
	end    int64
	until  uint64 // the size at which the scan is to stop; 0: the end of the file
	reason string // why the scan stopped before the end of the file
	begin  int64  // where the scan began
	from   uint64 // the size that it began at
	opened bool   // the line before is the segment's first
	told   bool   // an earlier try to take the lines over has left the record of them

	next   *control.EpochLog // a log_epoch that still needs its seal
	before *tail             // t as it was before next
}

// scan reads lines from t.end on, and takes each into t that is whole, in
// sequence and the log's own. It stops at the first that is not. An error is
// one of reading, and says nothing of the lines.
//
// A log_epoch at the end that lacks its seal is not taken: it is void, but a
// seal that happened to follow would make it count.
func (j *Journal) scan(f vfs.File, size int64, t *tail) error {
	if err := j.scanLines(f, size, t); err != nil {
		return err
	}
	if t.next != nil {
		reason := cmp.Or(t.reason, "log_epoch has no seal")
		*t = *t.before
		t.reason = reason
	}
	return nil
}

func (j *Journal) scanLines(f vfs.File, size int64, t *tail) error {
	lines := segment.NewLines(f, t.end, size)
	for t.until == 0 || t.Size() < t.until {
		line, err := lines.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, segment.ErrPartial):
			t.reason = err.Error()
			return nil
		case err != nil:
			return err
		}
		if err := j.take(line, t); err != nil {
			t.reason = err.Error()
			return nil
		}
		t.end = lines.Offset()
	}
	return nil
}

// take takes one line into the tail, or says why it cannot be.
func (j *Journal) take(line []byte, t *tail) error {
	l, err := record.Split(line)
	if err != nil {
		return err
	}
	if l.Seq != t.Size() {
		return fmt.Errorf("line has seq %d, want %d", l.Seq, t.Size())
	}
	if t.Signed {
		if err := j.line.Check(l); err != nil {
			return err
		}
	} else if err := t.plausible(line, l.Seq); err != nil {
		return err
	}
	kind := record.Control(line)
	next := t.next
	t.next, t.told, t.opened = nil, t.told && kind == control.Recovered, kind == control.Opened
	switch kind {
	case control.Opened:
		if t.end != 0 {
			return errors.New("log_opened stands inside a segment")
		}
	case control.Sealed:
		err = j.takeSeal(line, t, next)
	case control.Epoch:
		before := *t
		t.next, t.before = new(control.EpochLog), &before
		_, err = control.Parse(line, t.next)
	case control.EpochBroken:
		err = j.takeBroken(line, t)
	case control.Recovered:
		err = t.takeRecovered(line)
	case "":
		t.Fresh = false
	}
	if err != nil {
		return err
	}
	t.Frontier.Append(j.leaf.Leaf(line))
	return nil
}

// plausible returns nil where a line without a MAC could be the log's own. It
// keeps out what every verifier would blame the log for ever after.
func (t *tail) plausible(line []byte, seq uint64) error {
	at := len(strconv.AppendUint([]byte(`{"seq":`), seq, 10))
	rest, ok := bytes.CutPrefix(line[at:], []byte(`,"timestamp":"`))
	if !ok || len(rest) <= len(control.TimeFormat) || rest[len(control.TimeFormat)] != '"' || !utf8.Valid(line) || !json.Valid(line) {
		return fmt.Errorf("line of seq %d is no record", seq)
	}
	if _, err := time.Parse(control.TimeFormat, string(rest[:len(control.TimeFormat)])); err != nil {
		return fmt.Errorf("line of seq %d: %w", seq, err)
	}
	var err error
	switch kind := record.Control(line); kind {
	case control.Gap:
		_, err = control.Parse(line, new(control.GapLog))
	case control.Indexed:
		var on control.IndexedLog
		if _, err = control.Parse(line, &on); err == nil {
			_, err = on.Check(t.Segment)
		}
	case control.Recovered:
		var r control.RecoveredLog
		_, err = control.Parse(line, &r)
		if err == nil && !t.opened && r.Found != control.FoundTorn && r.Found != control.FoundUnsigned && r.Found != control.FoundForeign {
			err = fmt.Errorf("line of seq %d tells of %q, and is not the second of its segment", seq, r.Found)
		}
	case "", control.Opened, control.Sealed, control.Epoch, control.EpochBroken: // these need keys, or nothing
	default:
		err = fmt.Errorf("line of seq %d is a control record of unknown type %q", seq, kind)
	}
	return err
}

// takeSeal checks a seal's signatures and root. It begins the epoch of the
// log_epoch right before it.
func (j *Journal) takeSeal(line []byte, t *tail, next *control.EpochLog) error {
	var seal control.SealedLog
	header, err := control.Parse(line, &seal)
	if err != nil {
		return err
	}
	identity, epoch, err := j.verifiers(t.Origin, t.EpochKey)
	if err != nil {
		return err
	}
	cp, err := merkle.OpenNote(seal.Checkpoint, identity, epoch)
	if err != nil {
		return err
	}
	want := merkle.Checkpoint{Origin: t.Origin, Size: t.Size(), Root: t.Frontier.Root()}
	if cp != want || seal.Epoch != t.Epoch {
		return fmt.Errorf("seal of seq %d is of another tree or epoch", header.Seq)
	}
	made, err := time.Parse(control.TimeFormat, header.Time)
	if err != nil {
		return fmt.Errorf("seal of seq %d: %w", header.Seq, err)
	}
	t.Sealed, t.SealedRoot, t.SealMade = cp.Size, cp.Root, made
	if next == nil {
		return nil
	}
	return t.enter(next.Epoch, next.EpochKey, made)
}

// takeBroken checks the word of the identity key that begins an epoch.
func (j *Journal) takeBroken(line []byte, t *tail) error {
	var b control.EpochBrokenLog
	header, err := control.Parse(line, &b)
	if err != nil {
		return err
	}
	identity, _, err := j.verifiers(t.Origin, t.EpochKey)
	if err != nil {
		return err
	}
	cp := merkle.Checkpoint{Origin: t.Origin, Size: t.Size(), Root: t.Frontier.Root()}
	if err := control.OpenBroken(&b, cp, identity); err != nil {
		return err
	}
	made, err := time.Parse(control.TimeFormat, header.Time)
	if err != nil {
		return fmt.Errorf("record of seq %d: %w", header.Seq, err)
	}
	return t.enter(b.Epoch, b.EpochKey, made)
}

// takeRecovered notes whether the record tells of all lines before it. Without
// that, each try to take over a tail on a failing disk would add a record.
func (t *tail) takeRecovered(line []byte) error {
	var r control.RecoveredLog
	if _, err := control.Parse(line, &r); err != nil {
		return err
	}
	if r.Found == control.FoundUnsigned && r.FromSeq != nil && *r.FromSeq == t.from && r.ToSeq != nil && *r.ToSeq == t.Size() {
		t.told = true
	}
	return nil
}

// enter begins an epoch at the line being taken.
func (t *tail) enter(epoch uint64, vkey string, at time.Time) error {
	if epoch != t.Epoch+1 {
		return fmt.Errorf("epoch %d follows epoch %d", epoch, t.Epoch)
	}
	pub, err := merkle.PublicKey(vkey)
	if err != nil {
		return err
	}
	t.Epoch, t.EpochBegun, t.EpochFrom = epoch, at, t.Size()+1
	copy(t.EpochKey[:], pub)
	return nil
}
