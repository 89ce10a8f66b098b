package verify

import (
	"errors"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/state"
)

// A tail says how far a segment is to be judged. What lies beyond the synced
// position is not yet committed, unless a good seal covers it: so a state that
// was rolled back hides nothing that was sealed.
type tail struct {
	all    bool   // to the end
	size   uint64 // the state's, where it is of this segment, else 0
	synced int64  // the state's, likewise
}

// tailOf returns how far a segment is to be judged. All but the last segment
// was ended by what follows it.
func (v *verifier) tailOf(f *file) tail {
	s := v.state
	switch {
	case s == nil || f != v.segments[len(v.segments)-1] || s.Segment > f.number:
		return tail{all: true}
	case s.Segment == f.number:
		return tail{size: s.Size(), synced: s.Offset}
	}
	return tail{}
}

// committed reports whether what comes before seq is known to be committed,
// seal being whether the line before is one.
func (t tail) committed(seq uint64, seal bool) bool {
	return !t.all && (seq == t.size || seal && seq > t.size)
}

// sealedEnd returns where the last seal of the segment ends that lies past the
// synced position and is signed by the log's identity; the synced position
// where there is none.
func sealedEnd(src *source, t tail, identity note.Verifier) (end int64, err error) {
	if identity == nil {
		return t.synced, nil
	}
	end = min(t.synced, src.size)
	in := newLines(src.from(end), end)
	for {
		l, err := in.read()
		if l == nil || err != nil {
			return max(end, t.synced), err
		}
		if l.err == nil && l.Seq >= t.size && isSeal(l.data, l.Seq, identity) {
			end = l.offset + l.size
		}
	}
}

// isSeal reports whether a line is a seal of its place, by the identity.
func isSeal(data []byte, seq uint64, identity note.Verifier) bool {
	var s control.SealedLog
	if record.Control(data) != control.Sealed || parse(data, &s) != nil {
		return false
	}
	cp, err := merkle.OpenNote(s.Checkpoint, identity)
	return err == nil && cp.Size == seq && cp.Origin == identity.Name()
}

// limit returns where the bytes of a segment begin that the segment after it
// has on record as void, or not the log's, and whether there are such bytes.
func (v *verifier) limit(f *file) (limit int64, voided bool) {
	m := v.mended(f)
	if m == nil || m.Offset < 0 {
		return 0, false
	}
	if f.archived { // of which only the record knows the size
		return m.Offset, m.Bytes > 0
	}
	return m.Offset, m.Offset < f.size
}

// mended returns the record of how a segment ended, which the next one has.
func (v *verifier) mended(f *file) *control.RecoveredLog {
	i := f.index + 1
	if i == len(v.segments) || v.segments[i].mends == nil || v.segments[i].mends.Segment != f.number {
		return nil
	}
	return v.segments[i].mends
}

// voided reports the bytes of a segment that were not judged, because the
// segment after it has on record that they do not count.
func (v *verifier) voided(j *judge, f *file) {
	limit, voided := v.limit(f)
	if !voided {
		return
	}
	m := v.mended(f)
	if f.archived {
		j.sum.VoidBytes += m.Bytes
	} else {
		j.sum.VoidBytes += f.size - limit
	}
	if m.Found == control.FoundVoid {
		j.fault(Fault{
			Kind: Torn, Offset: &limit,
			Detail: "on record: the segment's bytes from here on are void, never acknowledged: " + m.Detail,
		})
	}
}

// judgeState reads the state, where there is one, and says what is wrong with it.
func (v *verifier) judgeState(j *judge, raw []byte, readErr error) {
	s, err := v.parseState(j, raw)
	switch {
	case readErr != nil:
		v.undecided("%s cannot be read: %v", v.layout.State(), readErr)
		return
	case err == nil:
		v.state, j.state = &s, &s
		v.judgeSlots(j, raw, &s)
		j.sum.StateRemembers = new(s.Size())
		return
	case v.opts.Home != nil && (raw == nil || !slices.ContainsFunc(v.segments, v.unknown)): // a later version may have another state
		v.besides(Fault{
			Kind: StateMissing, Segment: v.layout.State(), Detail: "the log's state cannot be used: " + err.Error(),
			Hint: "the next writer makes it again from the segments, and puts that on record",
		})
	case raw != nil:
		v.report.notChecked("The state was not used: %v.", err)
	}
	v.report.notChecked("No state remembers where the log ended: a tail that was cut off at its end would go unnoticed.")
}

var errNoState = errors.New("there is no state file")

func (v *verifier) parseState(j *judge, raw []byte) (state.State, error) {
	if raw == nil {
		return state.State{}, errNoState
	}
	s, _, err := state.Parse(raw, v.mac("state", j.origin))
	if err == nil && s.Origin != j.origin {
		err = errors.New("the state is of another log")
	}
	return s, err
}

// lineMAC returns the MAC of lines, nil where its key is not known.
func (v *verifier) lineMAC(origin string) *record.MAC { return v.mac("line", origin) }

func (v *verifier) mac(purpose, origin string) *record.MAC {
	if v.opts.MACSecret == nil {
		return nil
	}
	key, err := record.DeriveKey(v.opts.MACSecret, purpose, origin)
	if err != nil { // only for a secret of impossible length, which was refused
		return nil
	}
	return record.NewMAC(key)
}

// cuts returns the sizes at which the tree is to be compared with what
// remembers it.
func (v *verifier) cuts() (cuts [2]uint64) {
	if v.state != nil {
		cuts[0] = v.state.Size()
	}
	if v.head != nil {
		cuts[1] = v.head.Size
	}
	return cuts
}
