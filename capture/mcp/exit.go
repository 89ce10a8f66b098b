package mcp

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// exitOf returns what a shell shows of a process that has ended, and what is
// recorded of it.
func exitOf(state *os.ProcessState) (code int, message string) {
	if name, number := endedBy(state); number > 0 {
		return ExitSignal + number, "killed by signal " + name
	}
	code = state.ExitCode()
	return code, fmt.Sprintf("exit status %d", code)
}

// startError says it as shells do: the name, then the reason.
func startError(name string, err error) error {
	if e, ok := errors.AsType[*exec.Error](err); ok {
		err = e.Err
	} else if e, ok := errors.AsType[*os.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// exitOfStart returns what a shell shows of a program that did not start.
func exitOfStart(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return ExitNotFound
	}
	return ExitNotExecuted
}
