package mcp

import (
	"errors"
	"os"
)

// dotAllowed: the system looks in the current directory by itself, and
// exec.LookPath refuses that for good reasons.
const dotAllowed = false

var (
	keyboardSignals = []os.Signal{os.Interrupt}
	endSignals      []os.Signal
	otherSignals    []os.Signal
)

// endedBy returns 0: no signal ends a process here.
func endedBy(*os.ProcessState) (name string, number int) { return "", 0 }

// terminate returns an error: there is only force.
func terminate(*os.Process) error { return errors.New("no process can be asked to end") }

// noFormat returns false: files that can be executed are known by their names.
func noFormat(error) bool { return false }
