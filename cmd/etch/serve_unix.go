//go:build unix

package main

import (
	"net"
	"syscall"
)

// openFiles returns how many files this process may have open. The runtime has raised the
// limit as far as it may.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1 << 30 // what is not known is no limit
	}
	return uint64(limit.Cur) // a signed number on some systems
}

// listenPrivately listens on a socket that only its owner gets to: between bind
// and chmod it has the mode that the mask leaves it.
func listenPrivately(path string) (net.Listener, error) {
	before := syscall.Umask(0o177)
	defer syscall.Umask(before)
	return net.Listen("unix", path)
}
