package verify

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/state"
)

// errNoFile is returned for what stands under a file's name and is none: a
// directory, a pipe, a device. Reading it could fail, or last for ever.
var errNoFile = errors.New("it is no regular file")

// openRegular opens a file, and nothing else.
func (v *verifier) openRegular(name string) (fs.File, error) {
	info, err := fs.Stat(v.fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	return v.fsys.Open(name)
}

// rawState reads the state file. Both results are nil where there is none. A
// writer at work may be in the middle of a slot: then it is read again.
func (v *verifier) rawState() (b []byte, err error) {
	for range attempts {
		b, err = v.stateBytes()
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoFile) {
			return nil, nil
		}
		if _, clean, parseErr := state.Parse(b, nil); err != nil || clean && parseErr == nil {
			break
		}
	}
	return b, err
}

// stateBytes reads as much of the state file as a state has.
func (v *verifier) stateBytes() (b []byte, err error) {
	h, err := v.openRegular(v.layout.State())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	return io.ReadAll(io.LimitReader(h, state.Size))
}

// misleads returns the slot that somebody without the MAC key takes for the
// newest, where it is not the log's: readers go by it. Else it returns nil.
func (v *verifier) misleads(raw []byte, s *state.State) *state.State {
	if v.opts.MACSecret == nil {
		return nil
	}
	newest, _, err := state.Parse(raw, nil)
	if err != nil || newest.Counter == s.Counter {
		return nil
	}
	return &newest
}

// judgeSlots says where one slot of the state is forged, and the other good. A
// slot that was read while it was written may look so, and does not stay so.
func (v *verifier) judgeSlots(j *judge, raw []byte, s *state.State) {
	var wrong *state.State
	for range attempts {
		if wrong = v.misleads(raw, s); wrong == nil {
			return
		}
		again, err := v.rawState()
		if err != nil || again == nil {
			return
		}
		now, err := v.parseState(j, again)
		if err != nil {
			return
		}
		raw, s = again, &now
	}
	if v.bearsOut(j, s, wrong) {
		v.report.notChecked("One slot of the state does not carry the log's MAC, as if it had been torn while it was written; what it says is borne out by the MACs of the lines.")
		return
	}
	const detail = "a slot of the state is newer than the log's own and not by its key: readers without the key go by it"
	if v.opts.Home == nil {
		v.report.notChecked("The state: %s.", detail)
		return
	}
	v.besides(Fault{Kind: StateMissing, Segment: v.layout.State(), Detail: detail})
}

// bearsOut reports whether the lines between two states of the log, the later
// one without the log's MAC, all carry theirs and lead from the one to the
// other. Then it says nothing that is not so: a crash that tears a slot between
// its checksum and its MAC leaves such a one, and whoever forges it deceives
// nobody.
func (v *verifier) bearsOut(j *judge, s, later *state.State) bool {
	mac, hasher, tree, from, reached := v.lineMAC(j.origin), merkle.NewLeafHasher(), s.Frontier, s.Offset, false
	for _, f := range v.segments {
		if f.number < s.Segment || f.number > later.Segment {
			continue
		}
		to := f.size
		if f.number == later.Segment {
			to, reached = later.Offset, true
		}
		if !v.leads(f, from, to, func(l *line) bool {
			if l.err != nil || l.Seq != tree.Size() || mac.Check(l.Line) != nil {
				return false
			}
			tree.Append(hasher.Leaf(l.data))
			return true
		}) {
			return false
		}
		from = 0
	}
	return reached && later.Origin == s.Origin && tree.Equal(&later.Frontier)
}

// leads reports whether the bytes from ≤ offset < to of a segment are whole
// lines, and all good.
func (v *verifier) leads(f *file, from, to int64, good func(*line) bool) bool {
	if f.archived || from > to || to > f.size {
		return false
	}
	src, err := v.open(f)
	if err != nil {
		return false
	}
	// It is only read, so that nothing can be lost by an error.
	defer func() { _ = src.close() }()
	in := newLines(src.from(from), from)
	for in.offset < to {
		if l, err := in.read(); err != nil || l == nil || !good(l) {
			return false
		}
	}
	return in.offset == to
}

// judgeAge judges whether the state is as old as it may be. Before the first
// seal of a segment is written, a state that names the segment is on disk: one
// that does not, at the log's home, was put back.
func (v *verifier) judgeAge(j *judge, last *file) {
	if v.state == nil || j.seq <= v.state.Size() {
		return
	}
	raw, err := v.rawState() // a writer at work may have come further
	if err != nil || raw == nil {
		return
	}
	s, err := v.parseState(j, raw)
	if err != nil || s.Counter != v.state.Counter {
		return
	}
	if v.opts.Home != nil && j.inside && s.Segment < last.number {
		v.besides(Fault{
			Kind: StateMissing, Segment: v.layout.State(),
			Detail: fmt.Sprintf("the state is of segment %d, and segment %d has seals: an older state was put back", s.Segment, last.number),
			Hint:   "readers show the log only as far as its state goes",
		})
		return
	}
	v.report.notChecked("The log is %d records further than its state: readers show it only as far as that, and whether more was cut off cannot be told.", j.seq-s.Size())
}
