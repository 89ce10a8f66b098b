package vfs

import (
	"time"

	"golang.org/x/sys/unix"
)

// sleep is nanosleep(2) for short pauses: time.Sleep in an otherwise idle
// process takes a millisecond at least, as long as many a lock is held. From
// there on time.Sleep is cheaper, since it keeps no thread.
func sleep(d time.Duration) {
	if d >= time.Millisecond {
		time.Sleep(d)
		return
	}
	ts := unix.NsecToTimespec(d.Nanoseconds())
	_ = unix.Nanosleep(&ts, nil) // a pause that ends early by a signal is still a pause
}
