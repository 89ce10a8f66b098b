//go:build !windows

package transcript

import "syscall"

// noWait makes opening a pipe that nobody writes to return at once.
const noWait = syscall.O_NONBLOCK
