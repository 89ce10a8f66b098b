package verify

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/etch-audit/etch/internal/broken"
)

func (v *verifier) progress(done int64) {
	if v.opts.Progress != nil {
		v.opts.Progress(min(done, v.total), v.total)
	}
}

// leave counts what a segment came to, of which end bytes were judged.
func (v *verifier) leave(j *judge, end int64) {
	j.sum.Bytes += end
	j.segment.judged, j.segment.from, j.segment.to = true, min(j.seq, j.first), j.seq
	if !j.inside || !j.segment.signed {
		return
	}
	n := j.seq - min(j.seq, j.first)
	j.sum.LineMACs.Of += n
	if v.opts.MACSecret != nil {
		j.sum.LineMACs.Checked += n
	}
}

// missingBefore reports segments that have no file, before the one at i.
func (v *verifier) missingBefore(j *judge, i int) {
	from := uint32(1)
	if i > 0 {
		from = v.segments[i-1].number + 1
	}
	to := v.segments[i].number
	if f := v.segments[i]; from < to && f.readable && f.first == j.seq {
		f.number, to = from, from // its number was edited: no line is missing
		if f.Number != 0 {
			j.fault(renumbered(f))
		}
	}
	if from >= to {
		return
	}
	v.noSegments(j, from, to)
	j.loseTrack()
	j.absent = true
}

// noSegments reports that the segments from ≤ n < to have no file.
func (v *verifier) noSegments(j *judge, from, to uint32) {
	detail := "a segment has no file: " + v.layout.Numbered(from)
	if to-from > 1 {
		detail = fmt.Sprintf("%d segments have no file: %s to %s", to-from, v.layout.Numbered(from), v.layout.Numbered(to-1))
	}
	j.fault(Fault{Kind: SegmentMissing, Segment: v.layout.Numbered(from), SegmentNumber: from, Detail: detail})
}

// absent says that there is no log, and what says that there was one.
func (v *verifier) absent(state bool) {
	why := ""
	switch {
	case state:
		why = "its state is there"
	case v.opts.Found != "":
		why = "its public key is there"
	case len(v.epochs) > 0:
		why = "its keys are there"
	case v.head != nil:
		why = "a head of it is known"
	default:
		v.undecided("there is no log named %s here, and nothing says that there was one", v.opts.Name)
		return
	}
	v.report.add(Fault{Kind: SegmentMissing, Segment: v.opts.Name, Detail: "the log is gone: " + why + ", but no segment is"})
}

// finish judges the end of the log.
func (v *verifier) finish(j *judge) {
	last := v.segments[len(v.segments)-1]
	j.flush(Edited)
	j.tellMalformed()
	j.segment = last
	if s := v.state; s != nil && s.Segment > last.number {
		v.noSegments(j, last.number+1, s.Segment+1)
	}
	switch s := v.state; {
	case s != nil && j.begun && j.seq < s.Size() && !broken.Is("verify-state"):
		j.fault(Fault{
			Kind: Truncated, FromSeq: new(j.seq), ToSeq: new(s.Size()),
			Detail: fmt.Sprintf("the log ends at %d records, its state remembers %d", j.seq, s.Size()),
			Hint:   "a copy made while a writer was at work must have the state copied first",
		})
	case s == nil && last.Number != 0 && !j.ended && j.sure():
		j.fault(Fault{Kind: Truncated, FromSeq: new(j.seq), ToSeq: new(j.seq), Detail: "the last segment has no final seal, and no segment is active"})
	case s == nil && last.Number != 0:
		v.report.notChecked("There is no active segment: nothing says whether there was one.")
	}
	if j.since > j.bound && j.sure() {
		j.fault(Fault{
			Kind: SealMissing, FromSeq: new(j.seq - j.since), ToSeq: new(j.seq),
			Detail: fmt.Sprintf("the last %d lines have no seal, at most %d were promised", j.since, j.bound),
		})
	}
	v.judgeAge(j, last)
	v.finishHead(j)
	v.finishEpoch(j)
	v.summarise(j)
}

// judgeHead judges whether the head held outside is one of this log. One that
// is not proves nothing.
func (v *verifier) judgeHead(j *judge) {
	if v.head == nil || j.identity == nil {
		return
	}
	n, err := note.Open([]byte(v.opts.Head), note.VerifierList(j.identity))
	if err == nil && n.Text == v.head.Text() && v.head.Origin == j.origin {
		j.head = v.head
		return
	}
	j.faultAnywhere(Fault{Kind: HeadMismatch, Detail: fmt.Sprintf("the head held outside is of %s, and not signed by this log", v.head.Origin)})
}

// finishHead judges the head held outside, if reading has not come to it.
func (v *verifier) finishHead(j *judge) {
	h := j.head
	switch {
	case h == nil || j.headSeen:
	case h.Size <= j.seq || !j.begun:
		v.report.notChecked("The head of size %d could not be compared, because of what is wrong before it.", h.Size)
	default:
		j.fault(Fault{
			Kind: HeadMismatch, FromSeq: new(j.seq), ToSeq: &h.Size,
			Detail: fmt.Sprintf("the log ends at %d records, the head held outside is of %d", j.seq, h.Size),
		})
		if v.state == nil || j.seq >= v.state.Size() {
			j.fault(Fault{Kind: Truncated, FromSeq: new(j.seq), ToSeq: &h.Size, Detail: "the end of the log that the head held outside covers is gone"})
		}
	}
}

// finishEpoch judges whether the log's home has the key of the epoch that is
// active at the end.
func (v *verifier) finishEpoch(j *judge) {
	if v.opts.Home == nil || !j.begun {
		return
	}
	if len(v.epochs) == 0 {
		v.report.notChecked("No epoch key could be read, so that it was not compared with the log's epoch.")
		return
	}
	if !slices.Contains(v.epochs, j.epochKey) {
		j.fault(Fault{
			Kind: WrongEpoch, Seq: new(j.seq),
			Detail: fmt.Sprintf("the log ends in epoch %d, and neither epoch.key nor epoch.next is its key", j.epoch),
			Hint:   "either the log was cut back to an older epoch, or an older key was put back",
		})
	}
}

// summarise fills in what follows from the rest.
func (v *verifier) summarise(j *judge) {
	sum := &j.sum
	sum.Records = sum.Events + sum.ControlRecords
	sum.Epochs = j.epoch + 1
	sum.UnsealedTail = j.since
	if j.since > j.trusted && j.trusted > 0 && j.promise > j.trusted {
		v.report.notChecked("The last %d records are more than the %d that may come without a seal by what is sealed; the first line of the segment allows %d, and is not sealed itself.",
			j.since, j.trusted, j.promise)
	}
	v.report.Summary = *sum
	v.report.NoteCount = j.notes
	v.report.Notes = v.report.Notes[:min(j.notes, len(v.report.Notes))]
}

// conclude gives the verdict, and says what it does not cover.
func (v *verifier) conclude() {
	r, sum := v.report, &v.report.Summary
	switch {
	case r.FaultCount > 0:
		r.Verdict = Damaged
	case len(r.Undecided) > 0:
		r.Verdict = Undecided
	default:
		r.Verdict = Intact
	}
	if sum.Origin == "" {
		return
	}
	fits := v.head != nil && r.Verdict == Intact // and so it was compared
	if fits {
		sum.UnanchoredTail = new(sum.Records + sum.MissingRecords - min(v.head.Size, sum.Records+sum.MissingRecords))
	}
	anchored := fits && v.head.Size > 0 // a head of nothing fits every log of its name
	switch {
	case anchored:
		sum.Tier = TierAnchored
	case sum.Epochs > 1 && sum.PublicKeySource == "given" && v.state != nil && r.Verdict == Intact:
		sum.Tier = TierForwardSecure
	}
	v.sealers(sum)
	v.limits()
}

// limits says what the verdict does not cover.
func (v *verifier) limits() {
	r, sum := v.report, &v.report.Summary
	if sum.PublicKeySource != "given" {
		r.notChecked("Who wrote the log: the public key was only found beside it or in it, so that a log wholly replaced would look the same.")
	}
	switch unanchored := sum.UnanchoredTail; {
	case unanchored == nil:
		r.notChecked("Whether log and state were rolled back together: no head held outside was compared.")
	case sum.Tier != TierAnchored:
		r.notChecked("Whether log and state were rolled back together: the head held outside is of size 0 and covers no record.")
	case *unanchored > 0:
		r.notChecked("The last %d records are newer than the head held outside: only the log itself vouches for them.", *unanchored)
	}
	if n := len(v.segments); sum.UnsealedTail > 0 && n > 0 && v.segments[n-1].signed {
		r.notChecked("The last %d records are not sealed yet: only state and line MACs protect them.", sum.UnsealedTail)
	} else if sum.UnsealedTail > 0 {
		r.notChecked("The last %d records are not sealed yet, and those of the last segment carry no MAC: only the state protects them.", sum.UnsealedTail)
	}
	if sum.NotYetCommitted > 0 {
		r.notChecked("%d bytes at the end are not yet committed and were not judged.", sum.NotYetCommitted)
	}
	if sum.LineMACs.Checked < sum.LineMACs.Of {
		sum.LineMACs.Why = "the MAC key was not given"
		r.notChecked("The MACs of %d lines: %s.", sum.LineMACs.Of-sum.LineMACs.Checked, sum.LineMACs.Why)
	}
	if sum.SealSignatures.Checked < sum.SealSignatures.Of {
		sum.SealSignatures.Why = "a later seal covers the lines of earlier ones; their roots were compared"
	}
}
