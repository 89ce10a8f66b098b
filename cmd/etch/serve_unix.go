//go:build unix

package main

import (
	"net"
	"syscall"
)

// listenPrivately listens on a socket that only its owner gets to: between bind
// and chmod it has the mode that the mask leaves it.
func listenPrivately(path string) (net.Listener, error) {
	before := syscall.Umask(0o177)
	defer syscall.Umask(before)
	return net.Listen("unix", path)
}
