package server

import (
	"cmp"
	"slices"
	"time"
)

// What looking for events that may be there already takes is for their sender to choose:
// it dates them. So it is looked only where they can be, and for a time that is bounded.

const (
	// maxWindows is how many times, far from each other, are looked at one by one. Each
	// takes the segment that is written now, which has no index.
	maxWindows = 4
	// farApart is what is left out between two times.
	farApart = time.Hour
)

// lookLimits are for how many milliseconds a second the log is read for one sender,
// over time, and at once after a pause.
var lookLimits = Limits{Rate: 500, Burst: 5000}

// A window is a range of times, both of which are of it.
type window struct{ first, last time.Time }

// windowsOf returns windows that have all of some times between them, in their order: as
// few as leave out the longest of what lies between.
func windowsOf(at []time.Time) []window {
	if len(at) == 0 {
		return nil
	}
	at = slices.SortedFunc(slices.Values(at), time.Time.Compare)
	var gaps []int // before which of them something is left out
	for i := range at[1:] {
		if at[i+1].Sub(at[i]) > farApart {
			gaps = append(gaps, i+1)
		}
	}
	slices.SortFunc(gaps, func(a, b int) int { return cmp.Compare(at[b].Sub(at[b-1]), at[a].Sub(at[a-1])) })
	gaps = gaps[:min(len(gaps), maxWindows-1)]
	slices.Sort(gaps)
	var windows []window
	from := 0
	for _, next := range append(gaps, len(at)) {
		windows = append(windows, window{at[from], at[next-1]})
		from = next
	}
	return windows
}

// mayLook waits until the log may be read for a sender, and reports false where the
// server ends before. r.one is held.
func (s *Server) mayLook(r *repeated) bool {
	if r.looks.last.IsZero() {
		r.looks.level = float64(lookLimits.Burst)
	}
	wait, _ := r.looks.take(0, &lookLimits, s.opt.Now(), 0)
	return wait == 0 || s.rest(wait)
}

// looked takes note of how long it was read for.
func (r *repeated) looked(took time.Duration) {
	r.looks.level -= float64(took) / float64(time.Millisecond)
}
