package execwrap

import (
	"os"
)

// dotAllowed: Windows looks in the current directory unasked, which is how
// foreign programs get to run; what PATH does not name is not found.
const dotAllowed = false

var (
	keyboardSignals = []os.Signal{os.Interrupt}
	otherSignals    []os.Signal // there are no others
)

// endedBy reports no signal: a process ends with a code.
func endedBy(*os.ProcessState) (name string, number int) { return "", 0 }

// noFormat reports false: the system never falls back to a shell.
func noFormat(error) bool { return false }
