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
	otherSignals    = append([]os.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM}, endSignals...)
)

var signalNames = map[syscall.Signal]string{
	syscall.SIGHUP: "SIGHUP", syscall.SIGINT: "SIGINT", syscall.SIGQUIT: "SIGQUIT", syscall.SIGILL: "SIGILL",
	syscall.SIGTRAP: "SIGTRAP", syscall.SIGABRT: "SIGABRT", syscall.SIGBUS: "SIGBUS", syscall.SIGFPE: "SIGFPE",
	syscall.SIGKILL: "SIGKILL", syscall.SIGUSR1: "SIGUSR1", syscall.SIGSEGV: "SIGSEGV", syscall.SIGUSR2: "SIGUSR2",
	syscall.SIGPIPE: "SIGPIPE", syscall.SIGALRM: "SIGALRM", syscall.SIGTERM: "SIGTERM", syscall.SIGXCPU: "SIGXCPU",
	syscall.SIGXFSZ: "SIGXFSZ", syscall.SIGVTALRM: "SIGVTALRM", syscall.SIGPROF: "SIGPROF", syscall.SIGSYS: "SIGSYS",
}

// endedBy returns the signal that ended a process, 0 where none did.
func endedBy(state *os.ProcessState) (name string, number int) {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return "", 0
	}
	number = int(status.Signal())
	if name = signalNames[status.Signal()]; name == "" {
		name = strconv.Itoa(number)
	}
	return name, number
}

// Terminate asks a process to end.
func Terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// noFormat reports whether a file can be executed and the system does not know
// how.
func noFormat(err error) bool { return errors.Is(err, syscall.ENOEXEC) }
