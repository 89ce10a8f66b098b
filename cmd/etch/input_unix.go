//go:build unix

package main

import "golang.org/x/sys/unix"

// inputClosed reports whether nobody can write to standard input any more. There
// may be something left to read.
func inputClosed() bool {
	stdin := []unix.PollFd{{Fd: 0}}
	n, err := unix.Poll(stdin, 0)
	return err == nil && n == 1 && stdin[0].Revents&unix.POLLHUP != 0
}
