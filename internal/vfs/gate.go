package vfs

import "time"

// A Gate is a [File] that lets in one of those who have it open, while others
// wait for what that one does. It spares them doing the same at once, and no more:
// whoever is not let in, or has waited long enough, may go on. A process that
// dies leaves.
//
// It is optional: [OS] has it on Linux. The file has to be open for reading and
// writing. A Gate is used by one goroutine at a time.
type Gate interface {
	// Enter lets the caller in where nobody is inside, and reports whether it did.
	Enter() bool
	// Leave lets the next in, and nobody wait any longer who waits at one of these
	// offsets.
	Leave(offsets ...int64)
	// Await returns once somebody inside has left, or the four bytes at the offset,
	// which is a multiple of four, are not was any more; or earlier. It reports
	// false where limit was over, or nobody can wait here.
	Await(offset int64, was [4]byte, limit time.Duration) bool
}
