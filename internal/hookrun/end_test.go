package hookrun

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestEndIn: a process that is given the processor gives up when its time is over, one for which each
// glance takes longer when that has passed twice, and none that is done.
func TestEndIn(t *testing.T) {
	const left = 1850 * time.Millisecond
	for name, c := range map[string]struct {
		latest time.Duration
		done   bool
		want   time.Duration
	}{
		"as ever":         {2 * left, false, left},
		"past the latest": {120 * time.Millisecond, false, 150 * time.Millisecond},
		"done":            {2 * left, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r run
				began, took := time.Now(), time.Duration(0)
				r.endIn(left, began.Add(c.latest), func() { took = time.Since(began) })
				if c.done {
					r.rest()
				}
				<-time.After(time.Minute)
				synctest.Wait()
				if took != c.want {
					t.Errorf("given up after %v, want %v", took, c.want)
				}
			})
		})
	}
}
