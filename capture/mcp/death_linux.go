package mcp

import (
	"runtime"
	"syscall"
)

// attributes has the system kill the server when the wrapper is killed: who
// kills a server that it takes for its own child means the server.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// bindThread keeps the goroutine on its thread until the function that it
// returns is called: to the system it is the thread that is the server's parent.
func bindThread() func() {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}
