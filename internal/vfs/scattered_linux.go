package vfs

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// leastPiece is how large the pieces of a file in memory are, on average, where
// touching them takes no more time than copying them. Each costs a fault, of which
// the copy of so many bytes costs about as much.
const leastPiece = 96 << 10

// Samples are so many, each of so many bytes, spread over a mapping, since a file may be held in
// pieces of all sizes. Its beginning says little: a system that reads it in begins with small
// ones, and takes larger ones when it sees that more is wanted.
const (
	samples = 16
	sample  = 256 << 10
)

// Scattered counts the faults that it takes to bring samples in. Of a file that
// was written in large pieces, or read in one after another, that is one for some 300 KiB
// or more; of others one for 64 KiB, which is what the system looks at around each fault.
func (f *osFile) Scattered(m *Mapping) bool {
	runtime.LockOSThread() // whose faults are counted
	defer runtime.UnlockOSThread()
	before, ok := faults()
	touched := 0
	for n := 0; ok && n < samples; n++ {
		piece := m.sample(n)
		ok = len(piece) == 0 || unix.Madvise(piece, unix.MADV_POPULATE_READ) == nil // Linux 5.14
		touched += len(piece)
	}
	after, still := faults()
	release(m.pages, 0, len(m.pages)) // a sample may have brought in more than itself
	return ok && still && after-before > touched/leastPiece
}

// sample returns the pages of the nth sample: of a small mapping, fewer or none.
func (m *Mapping) sample(n int) []byte {
	page := os.Getpagesize()
	apart := len(m.pages) / samples / page * page
	size := min(sample, apart)
	return m.pages[n*apart+(apart-size)/2/page*page:][:size]
}

// faults returns how many the thread has had.
func faults() (n int, ok bool) {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &usage); err != nil {
		return 0, false
	}
	return int(usage.Minflt + usage.Majflt), true
}
