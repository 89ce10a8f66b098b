package verify

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

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

// misleads reports whether the slot that somebody without the MAC key takes for
// the newest is not the log's: readers would go by it.
func (v *verifier) misleads(raw []byte, s *state.State) bool {
	if v.opts.MACSecret == nil {
		return false
	}
	newest, _, err := state.Parse(raw, nil)
	return err == nil && newest.Counter != s.Counter
}

// judgeSlots says where one slot of the state is forged, and the other good. A
// slot that was read while it was written may look so, and does not stay so.
func (v *verifier) judgeSlots(j *judge, raw []byte, s *state.State) {
	for range attempts {
		if !v.misleads(raw, s) {
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
	const detail = "a slot of the state is newer than the log's own and not by its key: readers without the key go by it"
	if v.opts.Home == nil {
		v.report.notChecked("The state: %s.", detail)
		return
	}
	v.report.add(Fault{Kind: StateMissing, Segment: v.layout.State(), Detail: detail})
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
		v.report.add(Fault{
			Kind: StateMissing, Segment: v.layout.State(),
			Detail: fmt.Sprintf("the state is of segment %d, and segment %d has seals: an older state was put back", s.Segment, last.number),
			Hint:   "readers show the log only as far as its state goes",
		})
		return
	}
	v.report.notChecked("The log is %d records further than its state: readers show it only as far as that, and whether more was cut off cannot be told.", j.seq-s.Size())
}
