package verify

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/etch-audit/etch/internal/broken"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
)

// seal judges a seal: that it is of this place, of the tree of all lines before
// it, and by the epoch that is active here.
func (j *judge) seal(data []byte, offset int64, announced *control.EpochLog) error {
	j.sum.Seals++
	j.sum.SealSignatures.Of++
	j.keepsPromise(offset)
	j.since, j.bound = 0, j.promise
	j.sealed = true
	var s control.SealedLog
	if err := parse(data, &s); err != nil {
		return err
	}
	j.ended = s.Reason != ""
	j.sealedBy(s.Daemon)
	cp, err := merkle.PeekNote(s.Checkpoint)
	if err != nil {
		return err
	}
	j.pending = &sealNote{j.seq, offset, s.Checkpoint, cp.Text(), j.epochBy}
	switch {
	case cp.Size != j.seq || cp.Origin != j.origin:
		j.badSeal(at(BadSeal, j.seq, offset, "the seal is of size %d of %s", cp.Size, cp.Origin))
	case s.Epoch != j.epoch && !broken.Is("verify-epoch"):
		j.otherEpoch(cp, s.Epoch, offset)
	default:
		j.root(cp, offset, announced != nil)
	}
	if announced != nil {
		return j.nextEpoch(announced)
	}
	return nil
}

// sealedBy counts the seals that daemons made, and notes who they ran as.
func (j *judge) sealedBy(daemon string) {
	if daemon == "" {
		return
	}
	j.sum.SealsByDaemon++
	if daemon = clip(daemon); len(j.sum.Daemons) < maxDaemons && !slices.Contains(j.sum.Daemons, daemon) {
		j.sum.Daemons = append(j.sum.Daemons, daemon)
	}
}

// keepsPromise judges whether a seal, or the end, comes as early as promised.
func (j *judge) keepsPromise(offset int64) {
	if j.since > j.bound && j.sure() {
		j.fault(at(SealMissing, j.seq, offset, "%d lines have no seal before this one, at most %d were promised", j.since, j.bound))
	}
}

// root compares a seal's root with that of the lines before it. Where they
// agree the signatures may be left for later.
func (j *judge) root(cp merkle.Checkpoint, offset int64, lastOfEpoch bool) {
	same := j.whole && (cp.Root == j.tree.Root() || broken.Is("verify-root"))
	var bad error
	kind := Kind("")
	if j.eager || lastOfEpoch || !same {
		kind, bad = j.checkPending()
	}
	switch {
	case same && bad == nil:
		j.flush(BadSignature)
		j.proved(offset)
		j.cause, j.badSeals = false, -1
		j.strange, j.trusted = nil, j.promise
		return
	case bad != nil && (same || !j.whole):
		j.badSeal(at(kind, j.seq, offset, "%v", bad))
	case !j.whole: // nothing to compare with, and told why
		j.badSeals = -1
		return
	case j.explained():
	case bad != nil:
		j.badSeal(at(BadSeal, j.seq, offset, "the seal's root is not that of the lines before it, and %v", bad))
	default:
		j.fault(among(Edited, span{from: j.provenTo(), to: j.seq},
			"lines in this range are not those that the seal at %d covers; without the MAC key no line can be named", j.seq))
	}
	j.whole = same
	j.cause = true
}

// explained reports the suspects, and reports whether a fault that was told
// explains why a root does not fit.
func (j *judge) explained() bool {
	j.flush(Edited)
	return j.cause && !j.quick
}

// otherEpoch judges a seal that says it is by another epoch than the one that
// is active, unless damage before it explains that.
func (j *judge) otherEpoch(cp merkle.Checkpoint, epoch uint64, offset int64) {
	switch {
	case j.explained() || !j.whole:
	case cp.Root != j.tree.Root():
		j.fault(among(Edited, span{from: j.provenTo(), to: j.seq},
			"lines in this range are not those that the seal at %d covers; one of them began its epoch %d", j.seq, epoch))
		j.whole, j.cause = false, true
	default:
		j.badSeal(at(WrongEpoch, j.seq, offset, "the seal says it is by epoch %d, active is epoch %d", epoch, j.epoch))
	}
}

// badSeal reports a seal that is not good. A run of them is one fault.
func (j *judge) badSeal(f Fault) {
	if !j.quick && j.badSeals >= 0 && j.report.Faults[j.badSeals].Kind == f.Kind {
		told := &j.report.Faults[j.badSeals]
		told.FromSeq, told.ToSeq, told.Seq = told.from(), f.to(), nil
		return
	}
	j.fault(f)
	j.badSeals, j.cause = j.last, true
}

// settle checks the signatures of the last seal where that was left for later.
func (j *judge) settle() {
	if j.pending == nil {
		return
	}
	p := j.pending
	if kind, err := j.checkPending(); err != nil {
		j.badSeal(at(kind, p.seq, p.offset, "%v", err))
	}
}

// checkPending checks that identity and epoch have signed the last seal.
func (j *judge) checkPending() (Kind, error) {
	p := j.pending
	j.pending = nil
	if j.identity == nil || p.epoch == nil { // no log_opened could be read, which was told
		return "", nil
	}
	j.sum.SealSignatures.Checked++
	n, err := note.Open([]byte(p.msg), note.VerifierList(j.identity, p.epoch))
	var nobody *note.UnverifiedNoteError
	switch {
	case errors.As(err, &nobody):
		return BadSignature, errors.New("the seal is signed neither by the log's identity nor by the epoch")
	case err != nil:
		return BadSignature, fmt.Errorf("the seal's signature is bad: %w", err)
	case n.Text != p.text:
		return BadSeal, errors.New("the seal's note is more than a checkpoint")
	case !signed(n, j.identity):
		return BadSignature, errors.New("the seal is not signed by the log's identity")
	case !signed(n, p.epoch) && !broken.Is("verify-epoch"):
		return WrongEpoch, fmt.Errorf("the seal is not signed by the key of epoch %d, which is active here", j.epoch)
	}
	return "", nil
}

// signed reports whether a note carries the good signature of by.
func signed(n *note.Note, by note.Verifier) bool {
	for _, s := range n.Sigs {
		if s.Name == by.Name() && s.Hash == by.KeyHash() {
			return true
		}
	}
	return false
}

// announce judges the record of an epoch, which begins if the next line is a
// seal by the old key.
func (j *judge) announce(data []byte, offset int64) error {
	var e control.EpochLog
	if err := parse(data, &e); err != nil {
		return err
	}
	if e.Epoch != j.epoch+1 {
		j.fault(at(WrongEpoch, j.seq, offset, "epoch %d is announced in epoch %d", e.Epoch, j.epoch))
		return nil
	}
	j.announced = &e
	return nil
}

// nextEpoch begins the epoch that was announced.
func (j *judge) nextEpoch(e *control.EpochLog) error {
	by, err := note.NewVerifier(e.EpochKey)
	if err != nil {
		return fmt.Errorf("epoch key: %w", err)
	}
	if by.Name() != j.origin {
		return fmt.Errorf("epoch key is named %s", by.Name())
	}
	j.epoch, j.epochKey, j.epochBy = e.Epoch, e.EpochKey, by
	return nil
}

// breakEpoch judges the record of an epoch whose key was lost. It is a fault
// for ever: from here on only the identity vouches for the new key.
func (j *judge) breakEpoch(data []byte, offset int64) error {
	var b control.EpochBrokenLog
	if err := parse(data, &b); err != nil {
		return err
	}
	j.sum.EpochsBroken++
	j.fault(at(EpochBroken, j.seq, offset, "epoch %d began by the identity key alone: %s", b.Epoch, b.Cause))
	if b.Epoch != j.epoch+1 {
		j.fault(at(WrongEpoch, j.seq, offset, "epoch %d begins in epoch %d", b.Epoch, j.epoch))
	}
	if j.whole && j.identity != nil {
		cp := merkle.Checkpoint{Origin: j.origin, Size: j.seq, Root: j.tree.Root()}
		if err := control.OpenBroken(&b, cp, j.identity); err != nil && !j.cause {
			j.fault(at(BadSignature, j.seq, offset, "the identity key has not signed for it: %v", err))
		}
	}
	return j.nextEpoch(&control.EpochLog{Epoch: b.Epoch, EpochKey: b.EpochKey})
}
