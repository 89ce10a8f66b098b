package mcp

import (
	"os"
	"os/signal"
	"slices"
)

// catch begins to catch the signals that are not the wrapper's to die of, and
// returns them and the function that ends it. A signal that the process was
// started with as ignored stays so.
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
func fromKeyboard(s os.Signal) bool { return slices.Contains(keyboardSignals, s) }

// ends reports whether whoever sends s wants an end.
func ends(s os.Signal) bool { return fromKeyboard(s) || slices.Contains(endSignals, s) }
