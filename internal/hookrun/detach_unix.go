//go:build unix

package hookrun

import (
	"os/exec"
	"syscall"
)

// detach lets a program outlive whoever ends this one with its group, or closes
// its terminal.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
