package index

import (
	"bytes"
	"hash/maphash"
)

// forms are the tuples' numbers by forms that they were seen in. One is looked for
// in each column of each line, and nearly always found.
type forms struct {
	seed  maphash.Seed
	slots []formSlot // a power of two of them, at most half of them used
	text  []byte     // the forms
	used  int
	// of is the hash of the form that was looked for last.
	of uint64
}

// A formSlot is a form and its tuple's number; the zero slot is free.
type formSlot struct {
	hash uint64 // its lowest bit is set
	at   uint32 // where it begins in text
	size uint16
	code uint16
}

const (
	// mostForms and longestForm bound the memory of forms: a tuple may be
	// written in any number of them. What has no place is encoded each time.
	mostForms   = maxTuples
	longestForm = 512

	leastSlots = 1 << 8
)

func newForms() forms { return forms{seed: maphash.MakeSeed(), slots: make([]formSlot, leastSlots)} }

// clear forgets all forms.
func (f *forms) clear() {
	clear(f.slots)
	f.text, f.used = f.text[:0], 0
}

// find returns the number of the tuple that was seen in a form. Nil is none.
func (f *forms) find(form []byte) (code uint16, ok bool) {
	if form == nil || len(form) > longestForm {
		return 0, false
	}
	f.of = maphash.Bytes(f.seed, form) | 1
	s := f.slot(form)
	return s.code, s.hash != 0
}

// slot returns the slot of the form that f.of is the hash of, or a free one where it
// has none.
func (f *forms) slot(form []byte) *formSlot {
	last := uint64(len(f.slots) - 1)
	for i := f.of >> 1 & last; ; i = (i + 1) & last {
		s := &f.slots[i]
		if s.hash == f.of && bytes.Equal(f.text[s.at:s.at+uint32(s.size)], form) || s.hash == 0 {
			return s
		}
	}
}

// add adds the form that was just looked for, and not found.
func (f *forms) add(form []byte, code uint16) {
	if form == nil || len(form) > longestForm || f.used == mostForms {
		return
	}
	if f.used++; 2*f.used > len(f.slots) {
		f.grow()
	}
	*f.slot(form) = formSlot{f.of, uint32(len(f.text)), uint16(len(form)), code}
	f.text = append(f.text, form...)
}

// grow makes room for twice as many.
func (f *forms) grow() {
	old := f.slots
	f.slots = make([]formSlot, 2*len(old))
	last := uint64(len(f.slots) - 1)
	for _, s := range old {
		if s.hash == 0 {
			continue
		}
		i := s.hash >> 1 & last
		for f.slots[i].hash != 0 {
			i = (i + 1) & last
		}
		f.slots[i] = s
	}
}
