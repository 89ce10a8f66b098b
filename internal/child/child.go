// Package child knows what who stands in front of a program, as env and nice do,
// must know of it: how it is started, what a shell shows of its end, and which
// signals are passed on to it.
package child

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
)

// Exit codes that a shell, env and nice show of a program.
const (
	NotExecuted = 126 // found, and cannot be executed
	NotFound    = 127
	Signal      = 128 // plus the number of the signal that ended it
)

// Start starts the program that the PATH of the process names, by the command that
// prepare makes of its arguments, and returns that command, started or not.
func Start(argv []string, prepare func(argv []string) *exec.Cmd) (*exec.Cmd, error) {
	cmd := prepare(argv)
	if errors.Is(cmd.Err, exec.ErrDot) && dotAllowed {
		cmd.Err = nil // PATH says to look here: not the wrapper's to judge
	}
	err := cmd.Start()
	if noFormat(err) {
		// A script without its #! line: execvp, and so every shell, env and
		// nice, hands it to sh.
		cmd = prepare(slices.Concat([]string{"/bin/sh", cmd.Path}, argv[1:]))
		err = cmd.Start()
	}
	return cmd, err
}

// StartError says as shells do why a program did not start: its name, then the
// reason.
func StartError(name string, err error) error {
	if e, ok := errors.AsType[*exec.Error](err); ok {
		err = e.Err
	} else if e, ok := errors.AsType[*os.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// ExitOfStart returns what a shell shows of a program that did not start.
func ExitOfStart(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return NotFound
	}
	return NotExecuted
}

// ExitOf returns what a shell shows of a program that has ended, and says it in
// words, "" where it has exited with 0.
func ExitOf(state *os.ProcessState) (code int, message string) {
	if name, number := endedBy(state); number > 0 {
		return Signal + number, "killed by signal " + name
	}
	if code = state.ExitCode(); code != 0 {
		message = fmt.Sprintf("exit status %d", code)
	}
	return code, message
}

// Catch begins to catch the signals that are not the wrapper's to die of, and
// returns them and the function that ends it. A signal that the process was
// started with as ignored (nohup, a background job) stays so: to catch it would
// be to give it back to the program.
func Catch() (<-chan os.Signal, func()) {
	caught := make(chan os.Signal, 16)
	for _, s := range slices.Concat(keyboardSignals, otherSignals) {
		if !signal.Ignored(s) {
			signal.Notify(caught, s)
		}
	}
	return caught, func() { signal.Stop(caught) }
}

// FromKeyboard reports whether a terminal sends s to all of its foreground process
// group.
func FromKeyboard(s os.Signal) bool { return slices.Contains(keyboardSignals, s) }

// Ends reports whether whoever sends s wants an end.
func Ends(s os.Signal) bool { return FromKeyboard(s) || slices.Contains(endSignals, s) }
