package execwrap

import "time"

// SetGrace sets how long a signal is held, and returns what undoes it.
func SetGrace(d time.Duration) (undo func()) {
	before := grace
	grace = d
	return func() { grace = before }
}
