package etch

import (
	"strings"
	"sync"
	"testing"
	"time"
)

func TestFormatEventID(t *testing.T) {
	tests := []struct {
		ms   uint64
		hi   uint16
		lo   uint64
		want string
	}{
		{0, 0, 0, "evt_00000000000000000000000000"},
		{0, 0, 31, "evt_0000000000000000000000000z"},
		{1<<48 - 1, 1<<16 - 1, 1<<64 - 1, "evt_7zzzzzzzzzzzzzzzzzzzzzzzzz"},
		{1469918176385, 0, 0, "evt_01aryz6s410000000000000000"}, // the time of the ULID specification's example
		{0, 1, 0, "evt_0000000000000g000000000000"},
	}
	for _, tt := range tests {
		id := formatEventID(tt.ms, tt.hi, tt.lo)
		if got := id.String(); got != tt.want {
			t.Errorf("formatEventID(%d, %d, %d) = %s, want %s", tt.ms, tt.hi, tt.lo, got, tt.want)
		}
	}
}

// Ids sort in the order in which they were made, whatever the clock does.
func TestEventIDsSort(t *testing.T) {
	s := newIDSource()
	now := time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)
	last := ""
	for i := range 100000 {
		switch i % 100 {
		case 10:
			now = now.Add(time.Millisecond)
		case 50:
			now = now.Add(-time.Hour)
		case 60:
			now = now.Add(time.Hour)
		}
		id := s.next(now)
		if got := id.String(); got <= last {
			t.Fatalf("id %d is %s, not after %s", i, got, last)
		}
		last = id.String()
	}
}

func TestEventIDOverflow(t *testing.T) {
	s := newIDSource()
	s.last, s.hi, s.lo = 1000, 5, 1<<64-1
	first := formatEventID(s.last, s.hi, s.lo)
	second := s.next(time.UnixMilli(1000))
	if second.String() <= first.String() {
		t.Errorf("%s is not after %s", second.String(), first.String())
	}
}

func TestEventIDTimes(t *testing.T) {
	tests := []struct {
		t    time.Time
		want string
	}{
		{time.UnixMilli(1469918176385), "evt_01aryz6s41"},
		{time.Unix(-5, 0), "evt_0000000000"},
		{time.UnixMilli(1 << 50), "evt_7zzzzzzzzz"},
	}
	for _, tt := range tests {
		id := newIDSource().next(tt.t)
		if got := id.String(); !strings.HasPrefix(got, tt.want) || got == tt.want+"0000000000000000" {
			t.Errorf("id for %v is %s, want %s and random characters", tt.t, got, tt.want)
		}
	}
}

func TestEventIDsAreUnique(t *testing.T) {
	sources := []*idSource{newIDSource(), newIDSource()}
	var mu sync.Mutex
	seen := make(map[eventID]bool)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 1000 {
				id := sources[i%2].next(testTime)
				mu.Lock()
				if seen[id] {
					t.Errorf("%s was made twice", id.String())
				}
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if n := testing.AllocsPerRun(100, func() { sources[0].next(testTime) }); n != 0 {
		t.Errorf("next allocates %v times, want 0", n)
	}
}

// Who asks for one id after the other gets them in that order, of one millisecond and
// where the clock goes back; a time from the future holds no later id there.
func TestNewEventIDsSort(t *testing.T) {
	now := time.Now()
	last := NewEventID(now)
	for i := range 1000 {
		id := NewEventID(now.Add(-time.Duration(i%3) * time.Millisecond))
		if id <= last {
			t.Fatalf("id %d is %s, not after %s", i, id, last)
		}
		last = id
	}
	s := newIDSource()
	s.near(now.Add(2 * heldFor))
	id, want := s.near(now), formatEventID(uint64(now.UnixMilli()), 0, 0)
	if got := id.String()[:14]; got != want.String()[:14] {
		t.Errorf("behind a time from the future an id begins with %s, want %s", got, want.String()[:14])
	}
}
