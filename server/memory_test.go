package server

import (
	"fmt"
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

// A memory has what came within its time, no more than is asked for, each once, also
// where the clock was set back meanwhile.
func TestMemory(t *testing.T) {
	began := time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return began.Add(time.Duration(minutes) * time.Minute) }
	event := func(i int) *etch.Event { return &etch.Event{ID: fmt.Sprint(i)} }
	var m memory
	has := func(what string, want ...int) {
		t.Helper()
		if len(m.order) != len(want) || len(m.ids) != len(want) {
			t.Errorf("%s: %d ids in order of %d, want %d", what, len(m.order), len(m.ids), len(want))
		}
		for _, i := range want {
			if !m.has(event(i)) {
				t.Errorf("%s: %d is not remembered", what, i)
			}
		}
	}
	if has("nothing came"); m.has(&etch.Event{}) {
		t.Error("an event without an id is remembered")
	}
	for i, minute := range []int{0, 10, 5, 20, 10} {
		m.add(event(i%4), at(minute))
	}
	m.forget(at(30), 4)
	has("four came", 0, 1, 2, 3)
	m.before([]came{{repeatOf("8"), at(-10).UnixNano()}, {repeatOf("9"), at(-5).UnixNano()}, {repeatOf("2"), at(-5).UnixNano()}})
	has("three came before", 0, 1, 2, 3, 8, 9)
	m.forget(at(30), 4)
	has("no more than four", 0, 1, 2, 3)
	m.forget(at(10).Add(repeatAge+1), 4)
	has("an hour has passed for the first", 3)
	m.forget(at(20).Add(repeatAge+1), 4)
	has("an hour has passed for all")
}
