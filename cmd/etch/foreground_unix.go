//go:build unix

package main

import "golang.org/x/sys/unix"

// inForeground reports whether this process group is the one that the keyboard
// of the controlling terminal sends its signals to. The standard streams do not
// tell: all three may be files under a terminal.
func inForeground() bool {
	tty, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false // there is no terminal
	}
	defer func() { _ = unix.Close(tty) }() // it was only asked
	group, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	if err != nil {
		return false
	}
	// The system writes 32 bits: on a big-endian machine the upper ones of an int.
	own := unix.Getpgrp()
	return group == own || uint64(group)>>32 == uint64(own)
}
