package server

import (
	"fmt"
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

// A memory has what came within its time, no more than is asked for, each once, and
// says up to when it has forgotten, also where the clock was set back meanwhile.
func TestMemory(t *testing.T) {
	began := time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return began.Add(time.Duration(minutes) * time.Minute) }
	event := func(i int) *etch.Event { return &etch.Event{ID: fmt.Sprint(i)} }
	var m memory
	if m.has(event(0)) || m.has(&etch.Event{}) {
		t.Error("an empty one has something")
	}
	for i, minute := range []int{0, 10, 5, 20, 10} {
		m.add(event(i%4), at(minute))
	}
	if last := m.forget(at(30), 4); !last.IsZero() || len(m.order) != 4 {
		t.Errorf("forgotten up to %v, %d are left", last, len(m.order))
	}
	if last := m.forget(at(30), 1); last != at(10) || m.has(event(2)) || !m.has(event(3)) {
		t.Errorf("more than one: forgotten up to %v", last)
	}
	if last := m.forget(at(20).Add(repeatAge+1), 1); last != at(20) || len(m.ids)+len(m.order) != 0 {
		t.Errorf("too old: forgotten up to %v, %d are left", last, len(m.order))
	}
}
