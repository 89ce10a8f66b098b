package verify

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
)

// maxSize is more records than any log has, and leaves every number of a
// segment below what 64 bits hold.
const maxSize = 1 << 62

// opened judges the first line of a segment. Where the lines before it are
// damaged, or there are none, it is taken at its word: the seals that follow
// prove it.
func (j *judge) opened(data []byte, offset int64) error {
	if j.inside {
		j.fault(at(Inserted, j.seq, offset, "a segment begins in the middle of another"))
		j.cause = true
		return nil
	}
	j.first, j.inside = j.seq, true
	var o control.OpenedLog
	if err := parse(data, &o); err != nil {
		return err
	}
	if o.Version > control.Version {
		j.newer(o.Version)
	}
	if o.Size > maxSize {
		return fmt.Errorf("size %d is not that of any log", o.Size)
	}
	frontier, err := o.FrontierAt()
	if err != nil {
		return err
	}
	by, err := note.NewVerifier(o.EpochKey)
	if err != nil {
		return fmt.Errorf("epoch key: %w", err)
	}
	if o.Segment != j.segment.number {
		j.fault(at(Edited, o.Size, offset, "the line says it begins segment %d, and begins segment %d", o.Segment, j.segment.number))
	}
	j.knownKey(&o, offset)
	known := j.begun && j.sure()
	if known {
		j.continues(&o, &frontier, offset)
	}
	j.missing(&o)
	if !known || j.seq != o.Size || !frontier.Equal(&j.tree) {
		j.tree, j.whole, j.seq = frontier, true, o.Size
	}
	if !known {
		j.flush(Edited)
		j.cause, j.since = false, 0
	}
	if j.segment.number == 1 {
		j.beginning(&o, offset)
	}
	j.first, j.begun, j.absent, j.ended = j.seq, true, false, false
	j.segment.signed = o.SignEvents // known before, unless other bytes came first
	j.epoch, j.epochKey, j.epochBy = o.Epoch, o.EpochKey, by
	j.promise, j.bound = uint64(o.SealRecords), max(uint64(o.SealRecords), j.bound)
	if j.since == 0 {
		j.bound = j.promise
	}
	if s := j.state; s != nil && s.Segment == o.Segment && s.Signed && !o.SignEvents {
		j.fault(at(SignatureStripped, j.seq, offset, "the state remembers that lines of this segment carry a MAC"))
	}
	return nil
}

// newer says that a segment has a form that this program does not know.
func (j *judge) newer(version int) {
	if j.quick {
		j.odd = true
		return
	}
	j.report.Undecided = append(j.report.Undecided, fmt.Sprintf("%s: %v", j.segment.name, newer(version)))
}

func newer(version int) error {
	return fmt.Errorf("it has version %d of the format, and this program knows versions up to %d", version, control.Version)
}

// unknown reports whether a segment cannot be judged, because its first line is
// of a later version that has changed it. No segment that can be read comes
// after such a one, because versions only rise: there the line was edited.
func (v *verifier) unknown(f *file) bool {
	return f.version > control.Version && !f.readable &&
		!slices.ContainsFunc(v.segments[f.index+1:], func(g *file) bool { return g.readable })
}

// knownKey compares the segment's identity with the one the log is judged by.
// A log by another key is told once, and then judged by its own.
func (j *judge) knownKey(o *control.OpenedLog, offset int64) {
	if o.IdentityKey == j.identityKey && o.Origin == j.origin {
		return
	}
	if !j.keyTold {
		j.fault(at(UnknownKey, o.Size, offset, "the segment is by the key %s of %s, the key to judge by is %s", o.IdentityKey, o.Origin, j.identityKey))
	}
	if j.quick {
		return
	}
	j.keyTold = true
	if !j.keyKnown { // no segment is by the key that was expected
		if err := j.identify(o.IdentityKey); err != nil {
			j.cause = true
		}
	}
}

// beginning judges the first line of a log.
func (j *judge) beginning(o *control.OpenedLog, offset int64) {
	pub, err := merkle.PublicKey(o.EpochKey)
	if (err != nil || o.Epoch != 0 || merkle.Origin(pub) != o.Origin) && !j.keyTold {
		j.fault(at(UnknownKey, o.Size, offset, "the log does not begin in an epoch 0 whose key gives it its name"))
		j.cause = true
	}
}

// continues judges whether a segment goes on where the one before it ended.
func (j *judge) continues(o *control.OpenedLog, frontier *merkle.Frontier, offset int64) {
	mended := j.segment.mends != nil
	switch {
	case o.Size > j.seq: // missing says so
	case o.Size < j.seq:
		j.fault(at(Forked, o.Size, offset, "the segment begins at seq %d, the one before it goes on to %d", o.Size, j.seq))
		j.cause = true
	case !frontier.Equal(&j.tree):
		if j.flush(Edited); !j.cause {
			j.otherTree(o, offset)
		}
		j.cause = true
	case !j.ended && !mended:
		j.fault(Fault{Kind: Truncated, FromSeq: &o.Size, ToSeq: &o.Size, Detail: "the segment before this one has no final seal, and nothing on record says why"})
	default:
		j.flush(BadSignature)
	}
	if j.sure() && (o.Epoch != j.epoch || o.EpochKey != j.epochKey) {
		j.fault(at(WrongEpoch, o.Size, offset, "the segment begins in epoch %d with another key than the epoch %d before it", o.Epoch, j.epoch))
	}
}

// otherTree reports that a segment begins with another tree than the lines
// before it give.
func (j *judge) otherTree(o *control.OpenedLog, offset int64) {
	const detail = "the segment does not begin with the tree that the lines before it give"
	switch {
	case j.openingBad:
		j.fault(at(Edited, o.Size, offset, "%s, and the line's MAC is not that of its bytes", detail))
	case j.macs && o.SignEvents: // all lines are the log's own, and yet do not fit
		j.fault(among(Forked, span{from: j.provenTo(), to: o.Size + 1}, detail))
	default:
		j.fault(among(Edited, span{from: j.provenTo(), to: o.Size + 1}, detail))
	}
}

// missing accounts for numbers that no line before the segment has.
func (j *judge) missing(o *control.OpenedLog) {
	j.gap = span{}
	if o.Size <= j.seq || !j.begun && !j.absent && j.segment.number != 1 {
		return
	}
	j.sum.MissingRecords += o.Size - j.seq
	lost := span{from: j.seq, to: o.Size}
	switch m := j.segment.mends; {
	case j.absent: // told as a missing segment
	case m != nil && m.Found == control.FoundDamage:
		j.gap = lost // told where the record of it stands
	default:
		j.fault(among(Truncated, lost, "lines at the end of the segment before this one are missing"))
	}
}

// recovered judges the record of a recovery.
func (j *judge) recovered(data []byte) error {
	var r control.RecoveredLog
	if err := parse(data, &r); err != nil {
		return err
	}
	if j.seq != j.first+1 || !mends(&r) {
		j.sum.RecoveredTails++
		j.tell(j.seq, control.Recovered, "%s in segment %d at %d, %d bytes: %s", r.Found, r.Segment, r.Offset, r.Bytes, r.Detail)
		return nil
	}
	switch r.Found {
	case control.FoundVoid:
		j.tell(j.seq, control.Recovered, "segment %d from %d on is void, %d bytes that were never acknowledged: %s", r.Segment, r.Offset, r.Bytes, r.Detail)
	case control.FoundStateLost:
		j.fault(Fault{
			Kind: StateMissing, Seq: new(j.seq), Detail: "on record: the state was lost before this line, so that a tail cut off before it cannot be excluded: " + r.Detail,
		})
	case control.FoundDamage:
		f := Fault{Kind: Truncated, Seq: new(j.seq), Detail: "on record: the segment before this one was damaged: " + r.Detail}
		if j.gap.to > j.gap.from {
			f = among(Missing, j.gap, "on record at seq %d: lines of segment %d are lost for ever: %s", j.seq, r.Segment, r.Detail)
		}
		j.fault(f)
	}
	return nil
}
