package hook

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// lookProcess reads the process table.
func lookProcess(id int) (processEntry, bool) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", id)
	if err != nil || int(info.Proc.P_pid) != id {
		return processEntry{}, false
	}
	name, _, _ := bytes.Cut(info.Proc.P_comm[:], []byte{0})
	started := info.Proc.P_starttime
	start := uint64(started.Sec)*1e6 + uint64(started.Usec)
	return processEntry{process{id, start}, int(info.Eproc.Ppid), string(name)}, true
}
