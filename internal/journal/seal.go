package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/merkle"
)

// briefSeal is the interval between seals that brief writers keep at least. A
// seal costs more than the record that it follows, and such a process is not there
// any more when the next interval is over: what it appends last is unsealed in
// any case. A minute bounds what is.
const briefSeal = time.Minute

// sealDue reports whether the last seal is older than the interval. A clock
// that went backwards makes it due.
func (j *Journal) sealDue(now time.Time) bool {
	every := j.opt.SealEvery
	if j.opt.Brief {
		every = max(every, briefSeal)
	}
	return elapsed(j.draft.next.SealMade, now) >= every
}

// elapsed returns the time from then to now; where the clock went backwards,
// more than any interval.
func elapsed(then, now time.Time) time.Duration {
	if now.Before(then) {
		return 1<<63 - 1
	}
	return now.Sub(then)
}

// seal adds a seal over all lines before it to the draft. The reason is given
// where it ends a segment.
func (j *Journal) seal(now time.Time, reason string) error {
	epoch, err := j.epochKey(now)
	if err != nil {
		return err
	}
	return j.sealBy(epoch, now, reason)
}

// sealBy adds a seal by the given epoch key.
func (j *Journal) sealBy(epoch keys.Pair, now time.Time, reason string) error {
	d := &j.draft
	cp := merkle.Checkpoint{Origin: d.next.Origin, Size: d.next.Size(), Root: d.next.Frontier.Root()}
	identity, err := j.set.Identity()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeys, err)
	}
	msg, err := merkle.SignNote(cp, identity.Signer, epoch.Signer)
	if err != nil {
		return err
	}
	payload := control.SealedLog{Epoch: d.next.Epoch, Checkpoint: msg, Reason: reason, Daemon: j.opt.Daemon}
	if err := j.control(now, control.Sealed, payload); err != nil {
		return err
	}
	// The state need not be durable at every seal of a busy log: once an
	// interval bounds what a cut after a power loss can hide.
	if reason != "" || j.sealDue(now) {
		d.sync, d.next.SealMade = true, now
	}
	d.next.Sealed, d.next.SealedRoot = cp.Size, cp.Root
	return nil
}

// epochKey reads the current epoch's private key, which nobody keeps in memory
// between seals. It finishes an epoch change that a crash has cut short, and
// starts a new epoch where the key is lost.
func (j *Journal) epochKey(now time.Time) (keys.Pair, error) {
	want := j.draft.next.EpochKey
	key, err := j.keys.Epoch()
	if err == nil && isKey(key, want) {
		return key, nil
	}
	if usable := keyFault(err); usable != nil {
		return keys.Pair{}, usable
	}
	next, nextErr := j.keys.Next()
	if usable := keyFault(nextErr); usable != nil {
		return keys.Pair{}, usable
	}
	if nextErr == nil && isKey(next, want) {
		return next, j.keys.AdoptNext()
	}
	cause := "epoch.key is not the key of the current epoch"
	if err != nil {
		cause = err.Error()
	}
	return j.breakEpoch(now, cause)
}

// isKey reports whether the pair's public half is pub.
func isKey(p keys.Pair, pub [32]byte) bool {
	got, err := p.Public()
	return err == nil && string(got) == string(pub[:])
}

// keyFault returns the error of a key file that may well be good, but cannot be
// read now: that is not a lost key.
func keyFault(err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, keys.ErrNotKey) {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrKeys, err)
}

// epochDue reports whether the epoch is to change: it is old, and something
// was recorded in it.
func (j *Journal) epochDue(now time.Time) bool {
	s := &j.draft.next
	return elapsed(s.EpochBegun, now) >= j.opt.Epoch && s.Size() > s.EpochFrom
}

// changeEpoch begins the next epoch. Order: epoch.next, synced with its
// directory; log_epoch and a seal by the old key, synced; the old private key
// overwritten and synced; epoch.next renamed over it, the directory synced. A
// crash before the second sync leaves a void epoch.next, a crash after it is
// finished by [Journal.epochKey].
func (j *Journal) changeEpoch(now time.Time) error {
	old, err := j.epochKey(now)
	if err != nil {
		return err
	}
	next, err := j.keys.PrepareNext(j.set.Origin)
	if err != nil {
		return err
	}
	number := j.draft.next.Epoch + 1
	if err := j.control(now, control.Epoch, control.EpochLog{Epoch: number, EpochKey: next.VKey}); err != nil {
		return err
	}
	if err := j.sealBy(old, now, ""); err != nil {
		return err
	}
	return j.enterEpoch(now, number, next)
}

// enterEpoch writes the draft, whose lines begin an epoch, and adopts its key.
func (j *Journal) enterEpoch(now time.Time, number uint64, next keys.Pair) error {
	pub, err := next.Public()
	if err != nil {
		return err
	}
	s := &j.draft.next
	s.Epoch, s.EpochBegun, s.EpochFrom = number, now, s.Size()
	copy(s.EpochKey[:], pub)
	j.draft.sync = true
	if err := j.flush(); err != nil {
		return err
	}
	return j.keys.AdoptNext()
}

// breakEpoch begins a new epoch by the identity key alone, because the current
// one's private key is lost. Verification reports it for ever.
func (j *Journal) breakEpoch(now time.Time, cause string) (keys.Pair, error) {
	next, err := j.keys.PrepareNext(j.set.Origin)
	if err != nil {
		return keys.Pair{}, err
	}
	d := &j.draft
	number := d.next.Epoch + 1
	cp := merkle.Checkpoint{Origin: d.next.Origin, Size: d.next.Size(), Root: d.next.Frontier.Root()}
	identity, err := j.set.Identity()
	if err != nil {
		return keys.Pair{}, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	msg, err := note.Sign(&note.Note{Text: control.BrokenText(cp, number, next.VKey)}, identity.Signer)
	if err != nil {
		return keys.Pair{}, fmt.Errorf("sign epoch note: %w", err)
	}
	payload := control.EpochBrokenLog{Epoch: number, EpochKey: next.VKey, Cause: short(cause), Note: string(msg)}
	if err := j.control(now, control.EpochBroken, payload); err != nil {
		return keys.Pair{}, err
	}
	if err := j.enterEpoch(now, number, next); err != nil {
		return keys.Pair{}, err
	}
	j.note(control.EpochBroken, "the key of epoch %d is lost (%s): epoch %d begins; verification will always say so", number-1, cause, number)
	return next, nil
}
