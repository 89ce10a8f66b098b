package etch

import (
	"slices"
	"testing"
)

// TestDrainKeepsFileOrder spools, in one file, an attempt and its end, which have one time,
// and ids that say the contrary; and, in another, what came between them by its id.
func TestDrainKeepsFileOrder(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	var want []string
	for range 8 {
		completion, other, attempt := w.event(), w.event(), w.event()
		other.Timestamp, completion.Timestamp = attempt.Timestamp, attempt.Timestamp
		w.spool(errLockedOut, attempt, completion)
		w.spool(errLockedOut, other)
		want = append(want, other.ID, attempt.ID, completion.ID)
	}
	if _, err := w.drain(w.mem); err != nil {
		t.Fatal(err)
	}
	if got, _ := w.recorded(); !slices.Equal(idsOf(got), want) {
		t.Errorf("recorded %q, want %q", idsOf(got), want)
	}
}
