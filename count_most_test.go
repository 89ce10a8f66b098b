package etch

import (
	"errors"
	"testing"
	"time"
)

// More groups than may be held are refused, by the index's word as by the lines'.
func TestCountTooMany(t *testing.T) {
	path := missingLog(t)
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	id, _, _ := schema.Lookup("command")
	for _, step := range []time.Duration{0, time.Nanosecond} {
		for most, want := range map[int]error{19: ErrTooMany, 20: nil} {
			by := tally{step: step, zone: time.UTC, most: most}
			if step == 0 {
				by.fields, by.keys = []int{id}, []string{""}
			}
			counts, err := r.count(t.Context(), &Query{}, &by)
			if !errors.Is(err, want) {
				t.Errorf("step %v, at most %d: %d groups, %v; want %v", step, most, len(counts), err, want)
			}
		}
	}
	var s search
	s.tally = &tally{counts: map[string]uint64{"a": 1}, most: 1}
	s.yield = func(_ Record, err error) bool {
		if !errors.Is(err, ErrTooMany) {
			t.Errorf("got %v, want %v", err, ErrTooMany)
		}
		return true
	}
	if s.countUp("a", 4); s.stopped || s.tally.counts["a"] != 5 {
		t.Errorf("what is known is not counted: %v", s.tally.counts)
	}
	if s.countUp("b", 1); !s.stopped {
		t.Error("it goes on")
	}
}
