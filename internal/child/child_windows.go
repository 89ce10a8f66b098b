package child

import (
	"errors"
	"os"
)

// dotAllowed: Windows looks in the current directory unasked, which is how
// foreign programs get to run; what PATH does not name is not found.
const dotAllowed = false

var (
	keyboardSignals = []os.Signal{os.Interrupt}
	endSignals      []os.Signal // there are no others
	otherSignals    []os.Signal
)

// endedBy reports no signal: a process ends with a code.
func endedBy(*os.ProcessState) (name string, number int) { return "", 0 }

// Terminate returns an error: there is only force.
func Terminate(*os.Process) error { return errors.New("no process can be asked to end") }

// noFormat reports false: the system never falls back to a shell.
func noFormat(error) bool { return false }
