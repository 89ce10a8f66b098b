//go:build !windows

package child

import (
	"errors"
	"os"
	"strconv"
	"syscall"
)

// dotAllowed: a "." in PATH is its owner's wish.
const dotAllowed = true

var (
	keyboardSignals = []os.Signal{syscall.SIGINT, syscall.SIGQUIT}
	endSignals      = []os.Signal{syscall.SIGTERM, syscall.SIGHUP}
	otherSignals    = []os.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGTERM, syscall.SIGHUP}
)

// signalName returns the name of a signal, "" of those that every system numbers for
// itself.
func signalName(s syscall.Signal) string {
	switch s {
	case syscall.SIGHUP:
		return "SIGHUP"
	case syscall.SIGINT:
		return "SIGINT"
	case syscall.SIGQUIT:
		return "SIGQUIT"
	case syscall.SIGILL:
		return "SIGILL"
	case syscall.SIGTRAP:
		return "SIGTRAP"
	case syscall.SIGABRT:
		return "SIGABRT"
	case syscall.SIGBUS:
		return "SIGBUS"
	case syscall.SIGFPE:
		return "SIGFPE"
	case syscall.SIGKILL:
		return "SIGKILL"
	case syscall.SIGUSR1:
		return "SIGUSR1"
	case syscall.SIGSEGV:
		return "SIGSEGV"
	case syscall.SIGUSR2:
		return "SIGUSR2"
	case syscall.SIGPIPE:
		return "SIGPIPE"
	case syscall.SIGALRM:
		return "SIGALRM"
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGXCPU:
		return "SIGXCPU"
	case syscall.SIGXFSZ:
		return "SIGXFSZ"
	case syscall.SIGVTALRM:
		return "SIGVTALRM"
	case syscall.SIGPROF:
		return "SIGPROF"
	case syscall.SIGSYS:
		return "SIGSYS"
	}
	return ""
}

// endedBy returns the signal that ended a process, 0 where none did.
func endedBy(state *os.ProcessState) (name string, number int) {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return "", 0
	}
	number = int(status.Signal())
	if name = signalName(status.Signal()); name == "" {
		name = strconv.Itoa(number)
	}
	return name, number
}

// Terminate asks a process to end.
func Terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// noFormat reports whether a file can be executed and the system does not know
// how.
func noFormat(err error) bool { return errors.Is(err, syscall.ENOEXEC) }
