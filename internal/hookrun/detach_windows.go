package hookrun

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// detach lets a program outlive whoever ends this one with its group, or closes
// its console.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
}
