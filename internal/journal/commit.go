package journal

import (
	"errors"
	"fmt"
	"time"

	"github.com/etch-audit/etch/internal/broken"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/state"
	"github.com/etch-audit/etch/internal/vfs"
)

// maxDraft is how many bytes of lines are gathered before they are written:
// it bounds memory for batches of large records.
const maxDraft = 4 << 20

// A draft is lines that are to be written next, and the state as it will be
// once they are on disk. Nothing of it counts until then.
type draft struct {
	out  []byte
	next state.State
	sync bool // the state is to be made durable too

	settle bool // others' lines that are in flight are to be made durable too

	b       *batch      // whose lines these are; nil for the journal's own
	told    []receiptOf // the entries of b whose lines are in out
	plan    []planned   // lines that are being composed; reused
	work    composition
	settled int // entries of b whose outcome is known
	flight  flight
}

// A receiptOf is a line of a draft that somebody may wait for.
type receiptOf struct {
	entry int // in the batch
	seq   uint64
	leaf  merkle.Hash
}

// begin starts a draft at the written end of the log, forgetting lines not written.
func (d *draft) begin(s *state.State) {
	d.out, d.told, d.sync, d.settle = d.out[:0], d.told[:0], false, false
	d.next = s.Tip()
}

// errDoubt is the error of a write whose effect is not known: its lines may be
// kept by the next recovery, or not.
var errDoubt = errors.New("the effect of a write is not known")

// errVoided is the error of a write whose bytes were put on record as void:
// none of its lines is or will be in the log, and it can be tried once more.
var errVoided = errors.New("what was written is void")

// commit writes the gathered batch and sets the outcome of everybody who waits
// for it. The batch is taken only once the lock is held: whoever comes while
// other processes write still joins it.
func (j *Journal) commit() *batch {
	d := &j.draft
	d.b, d.settled, d.flight.aloft = nil, 0, false
	begun := false // whether lines of the batch may have been written
	if j.company > 0 {
		j.queue.assemble() // rather than while others wait for the lock
	}
	take := vfs.Lock.Acquire
	if j.company > 0 {
		take = vfs.Lock.Join
	}
	err := j.lockedBy(take, func() error {
		if err := j.ready(); err != nil {
			return err
		}
		if j.company == 0 {
			j.queue.assemble()
		}
		d.b, begun = j.queue.take(), true
		err := j.write()
		if errors.Is(err, errVoided) {
			err = j.write()
		}
		return err
	})
	if d.flight.aloft {
		err = errors.Join(err, j.land())
	}
	b := d.b
	if b == nil {
		b = j.queue.take() // for all who wait the answer is the same
	}
	if err != nil {
		j.fail(b, d.settled, err, begun)
	}
	if j.state != nil {
		j.keeper.arm(j.state.State.Unsealed())
	}
	d.b = nil
	return b
}

// outcome makes an error say what became of the records.
func outcome(err error, begun bool) error {
	if begun && errors.Is(err, errDoubt) && !broken.Is("doubt-as-refusal") {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return fmt.Errorf("%w: %w", ErrNotRecorded, err)
}

// fail gives the outcome to everybody whose bodies are not all durable, and to
// all who wait for something else than a body.
func (j *Journal) fail(b *batch, settled int, cause error, begun bool) {
	err := outcome(cause, begun)
	for _, e := range b.entries[settled:] {
		if e.w != nil {
			continue
		}
		j.keeper.fail(err)
		if j.opt.CountLost && errors.Is(err, ErrNotRecorded) {
			j.Lost(j.opt.Now(), cause)
		}
	}
	for _, w := range b.waiters {
		if len(w.receipts) > 0 && w.recorded == len(w.receipts) {
			continue
		}
		w.err = err
		if w.recorded > 0 { // one caller's bodies, written in parts
			w.err = fmt.Errorf("%w: %d of %d events are recorded: %w", ErrUnknown, w.recorded, len(w.receipts), cause)
		}
	}
}

// write composes the lines of the batch's entries that are not settled, and
// writes them. The lock is held and the journal is ready.
func (j *Journal) write() error {
	now := j.opt.Now()
	d := &j.draft
	d.begin(&j.state.State)
	if err := j.preface(now); err != nil {
		return err
	}
	for i := d.b.wanted(d.settled); i < len(d.b.entries); {
		if err := j.room(now, len(d.b.body(&d.b.entries[i]))); err != nil {
			return err
		}
		i = d.b.wanted(j.events(now, i))
	}
	return j.finishBatch(now)
}

// preface puts in front of a batch what is due before it.
func (j *Journal) preface(now time.Time) error {
	if j.rotationDue(now) {
		if err := j.rotate(now); err != nil {
			return err
		}
	}
	if j.epochDue(now) {
		if err := j.changeEpoch(now); err != nil {
			return err
		}
	}
	if gap := j.gap(); gap != nil {
		if err := j.control(now, control.Gap, gap); err != nil {
			return err
		}
		if err := j.flush(); err != nil {
			return err
		}
		j.recordedGap(gap.Lost)
		j.note(control.Gap, "%d events are not in the log: %s", gap.Lost, gap.Cause)
	}
	return j.gaps(now)
}

// gaps records the losses that the batch was asked to. They are durable before
// anything else of it is written, so that a second try does not repeat them.
func (j *Journal) gaps(now time.Time) error {
	for len(j.draft.b.gaps) > 0 {
		gap := j.draft.b.gaps[0]
		if err := j.keepPromise(now); err != nil {
			return err
		}
		if err := j.control(now, control.Gap, gap); err != nil {
			return err
		}
		if err := j.flush(); err != nil {
			return err
		}
		j.draft.b.gaps = j.draft.b.gaps[1:]
		j.note(control.Gap, "%d events are not in the log: %s", gap.Lost, gap.Cause)
	}
	return nil
}

// room makes room for a body: it writes what the draft holds where that is
// much, seals where the promised number is reached, rotates where the segment
// is full.
func (j *Journal) room(now time.Time, body int) error {
	d := &j.draft
	if len(d.out) >= maxDraft {
		if err := j.flush(); err != nil {
			return err
		}
	}
	if j.isFull(len(d.out), body) && !d.next.Fresh {
		if err := j.rotate(now); err != nil {
			return err
		}
	}
	return j.keepPromise(now)
}

// reserve is the room that a segment keeps for what must still fit: the
// envelope of a line, a seal, an epoch change, a final seal.
const reserve = 8 << 10

// slack is how many lines before the promised number a seal is made, so that
// control records, of which a recovery adds a few at once, still fit between.
const slack = 4

// isFull reports whether another body of so many bytes, behind a draft of so
// many, is more than the active segment holds.
func (j *Journal) isFull(draft, body int) bool {
	return j.draft.next.Offset+int64(draft+body)+reserve > j.opt.MaxSize
}

// keepPromise adds a seal where the lines since the last are as many as was promised.
func (j *Journal) keepPromise(now time.Time) error {
	if !j.sealAt(j.draft.next.Size()) {
		return nil
	}
	return j.seal(now, "")
}

// sealAt reports whether the promise asks for a seal as the line of that number.
func (j *Journal) sealAt(seq uint64) bool {
	s := &j.draft.next
	return seq-s.Sealed+slack >= uint64(min(s.Promise, j.opt.SealRecords))
}

// add adds a line of the journal's own to the draft.
func (j *Journal) add(body []byte) {
	d := &j.draft
	start := len(d.out)
	d.out = record.AppendOpen(d.out, d.next.Size())
	d.out = append(d.out, body...)
	d.out = j.mac(&d.next).AppendClose(d.out, start)
	d.next.Frontier.Append(j.leaf.Leaf(d.out[start:]))
	d.out = append(d.out, '\n')
}

// control adds a control record that needs no more than its line.
func (j *Journal) control(now time.Time, kind string, payload any) error {
	body, err := control.AppendBody(nil, now, kind, payload)
	if err != nil {
		return err
	}
	if len(body) > record.MaxBody {
		return fmt.Errorf("%s record of %d bytes does not fit a line", kind, len(body))
	}
	j.add(body)
	return nil
}

// finishBatch adds the seal that is due, writes what is left and does what the
// batch asks for besides.
func (j *Journal) finishBatch(now time.Time) error {
	d := &j.draft
	rotated := false
	if d.b.rotate && !d.next.Fresh {
		if err := j.rotate(now); err != nil {
			return err
		}
		rotated = true
	}
	if d.next.Unsealed() > 0 && (d.b.seal || j.sealDue(now)) {
		if err := j.seal(now, ""); err != nil {
			return err
		}
	}
	d.sync = d.sync || d.b.closing
	d.settle = d.b.seal || d.b.rotate || d.b.settle || d.b.closing
	j.beside.count++
	if j.shares() {
		if err := j.depart(); err != nil || d.flight.aloft {
			return err
		}
	}
	if err := j.flush(); err != nil {
		return err
	}
	j.finished(j.checkpoint(), rotated)
	return nil
}

// finished tells all who wait for no body that the batch is committed.
func (j *Journal) finished(cp merkle.Checkpoint, rotated bool) {
	d := &j.draft
	d.settled = len(d.b.entries) // those who gave up are settled too
	for _, w := range d.b.waiters {
		if len(w.receipts) == 0 {
			w.extra = extra{cp, rotated}
		}
	}
}

// flush writes the draft's lines and makes them count, with those that others
// have in flight. Order: write; sync; state; and then whoever waits is told. The
// commit point is the sync: before it nothing is acknowledged, after it every
// recovery keeps the lines.
func (j *Journal) flush() error {
	d := &j.draft
	s := &j.state.State
	whole := d.sync || d.settle
	settle := len(d.out) > 0 || whole && (s.InFlight() || s.InSegment() < s.Offset)
	if !settle && !d.sync {
		return nil
	}
	if settle {
		if err := j.put(d.out, s.Written.Offset); err != nil {
			return err
		}
	}
	entered := settle && !whole && j.storeEntry(d.out, s.Written.Offset)
	if settle && !entered {
		if err := j.syncActive(); err != nil {
			return err
		}
	}
	d.next.Offset += int64(len(d.out))
	d.next.Settle()
	if settle && !entered {
		j.beginChain()
	}
	j.state.State = d.next
	if err := j.saveState(d.sync); err != nil {
		return err
	}
	j.receipts(d.told, j.checkpoint())
	d.begin(&j.state.State)
	return nil
}

// checkpoint returns the newest durable one.
func (j *Journal) checkpoint() merkle.Checkpoint { return checkpointOf(&j.state.State) }

// checkpointOf returns the newest that is durable according to a state.
func checkpointOf(s *state.State) merkle.Checkpoint {
	return merkle.Checkpoint{Origin: s.Origin, Size: s.Sealed, Root: s.SealedRoot}
}

// saveState writes the state, durably if asked to. The lines it speaks of are
// on disk whatever happens here, but who asked is not told so until others
// can see it.
func (j *Journal) saveState(durable bool) error {
	save := j.state.Write
	if durable {
		save = j.state.Sync
	}
	if err := save(); err != nil {
		return fmt.Errorf("%w: %w", errDoubt, errors.Join(err, j.drop()))
	}
	return nil
}

// storeEntry makes lines that stand in the active segment durable by the commit
// file. Where it cannot, the segment has to be synced.
func (j *Journal) storeEntry(lines []byte, offset int64) bool {
	if !j.enters(len(lines)) {
		return false
	}
	end, err := j.enter(lines, offset)
	if err == nil && !broken.Is("ack-before-sync") {
		err = j.beside.file.Sync()
	}
	if err != nil {
		j.commitFailed(err)
		return false
	}
	j.draft.next.ChainEnd = end
	return true
}

// syncActive syncs the active segment. If that fails, the file is finished: its
// bytes from the synced position on are put on record as void, in a new segment.
// Where even that is impossible, the fate of the lines is unknown until the next
// recovery.
func (j *Journal) syncActive() error {
	if broken.Is("ack-before-sync") {
		return nil
	}
	if err := j.active.Sync(); err != nil {
		return j.abandon(err)
	}
	return nil
}

// put writes lines at the end of the active segment. A write that fails, a full
// disk mostly, is taken back: truncate, sync. If that fails, the file is
// finished, as after a failed sync.
func (j *Journal) put(lines []byte, offset int64) error {
	if _, err := j.active.WriteAt(lines, offset); err != nil {
		if j.takeBack(offset) == nil {
			return err
		}
		return j.abandon(err) // the file cannot even be cut
	}
	return nil
}

// takeBack cuts the active segment at offset, durably.
func (j *Journal) takeBack(offset int64) error {
	if err := j.active.Truncate(offset); err != nil {
		return err
	}
	return j.active.Sync()
}

// receipts tells the batch of lines that are durable now, with the newest
// durable checkpoint.
func (j *Journal) receipts(told []receiptOf, cp merkle.Checkpoint) {
	d := &j.draft
	for _, r := range told {
		e := &d.b.entries[r.entry]
		if e.w != nil {
			e.w.receipts[e.index] = Receipt{r.seq, r.leaf, cp, true}
			e.w.recorded++
		}
		d.settled = r.entry + 1
	}
}
