package etch

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
)

// TestLossesAreReadOnce shows that the log is searched for its gaps once, by the first
// loss, and again after one of which it is not known whether it is on record.
func TestLossesAreReadOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	record := func(ids ...string) {
		t.Helper()
		for _, id := range ids {
			if err := l.RecordLoss(t.Context(), Loss{ID: id, Count: 1}); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel() // nothing can be read with it
	record("a", "b", "a")
	for _, id := range []string{"a", "b"} {
		if err := l.RecordLoss(gone, Loss{ID: id, Count: 1}); err != nil {
			t.Errorf("%s, which is remembered: %v", id, err)
		}
	}
	l.gaps.note("c", ErrUnknown)
	if err := l.RecordLoss(gone, Loss{ID: "a", Count: 1}); !errors.Is(err, ErrNotRecorded) {
		t.Errorf("nothing is remembered: got %v, want %v", err, ErrNotRecorded)
	}
	record("b", "c")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(path, nil); err != nil {
		t.Fatal(err)
	}
	record("c", "d", "b")
	var n int
	for _, err := range l.Records(t.Context(), Query{AllPhases: true, Control: true, Types: []EventType{"log_gap"}}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 4 {
		t.Errorf("%d gaps are on record, want 4", n)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
