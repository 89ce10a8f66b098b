package execwrap

import "time"

// grace is what a command gets to end by a signal of its own before the
// wrapper's is passed on: many times what dying takes, and nothing to a person.
// A variable for tests.
var grace = 50 * time.Millisecond
