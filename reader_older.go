package etch

import (
	"cmp"
	"slices"

	"github.com/etch-audit/etch/internal/control"
)

// addOlder lists all segments, where what has the name of the active one says that it
// is an earlier one: a copy for which a rotation fell between two of its files, a
// file that was moved, or a number that somebody has changed. All that is there is in
// the view; what the state remembers behind it is told as missing.
func (r *Reader) addOlder(v *view, p part) error {
	files, err := r.segments(v)
	if err != nil {
		return err
	}
	if over, err := r.overlooked(files, 0); over || err != nil {
		return cmp.Or(err, errMoved)
	}
	v.addNumbered(files)
	i, taken := slices.BinarySearchFunc(v.parts, p.Number, func(other part, n uint32) int { return cmp.Compare(other.Number, n) })
	if !taken {
		v.parts = slices.Insert(v.parts, i, p)
		return nil
	}
	if head, ok := r.headOf(v.parts[i]); ok && head.Size == v.head.Size {
		return p.file.Close() // its number's own file is as good or better
	}
	return r.addRenumbered(v, p)
}

// addRenumbered adds what has the active segment's name and the number of another
// behind all others. Where it goes on behind them it is the active one, and only its
// number is wrong.
func (r *Reader) addRenumbered(v *view, p part) error {
	last := v.parts[len(v.parts)-1]
	p.Number = last.Number + 1
	head, ok := r.headOf(last)
	if s := v.state; s != nil && s.Segment == p.Number && ok && head.Size < v.head.Size {
		v.older = false
		if err := r.bound(v, &p); err != nil {
			return err
		}
	}
	v.parts = append(v.parts, p)
	return nil
}

// headOf returns what a numbered segment says of itself, as far as it can be read.
func (r *Reader) headOf(p part) (control.OpenedLog, bool) {
	f, err := r.openSegment(p.File)
	if err != nil {
		return control.OpenedLog{}, false // that is told of as it is read
	}
	defer func() { _ = f.Close() }() // it was only read
	head, err := beginningOf(f)
	return head.opened, err == nil
}
