package execwrap

import (
	"os"
	"os/signal"
	"slices"
	"time"
)

// grace is what a command gets to end by a signal of its own before the
// wrapper's is passed on: many times what dying takes, and nothing to a person.
// A variable for tests.
var grace = 50 * time.Millisecond

// catch begins to catch the signals that are not the wrapper's to die of, and
// returns them and the function that ends it. A signal that the process was
// started with as ignored (nohup, a background job) stays so: to catch it would
// be to give it back to the command.
func catch() (<-chan os.Signal, func()) {
	caught := make(chan os.Signal, 16)
	for _, s := range slices.Concat(keyboardSignals, otherSignals) {
		if !signal.Ignored(s) {
			signal.Notify(caught, s)
		}
	}
	return caught, func() { signal.Stop(caught) }
}

// fromKeyboard reports whether a terminal sends s to all of its foreground
// process group.
func fromKeyboard(s os.Signal) bool {
	return slices.Contains(keyboardSignals, s)
}
