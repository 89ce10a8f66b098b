package vfs

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// leastPiece is how large the pieces of a file in memory are, on average, where
// touching them takes no more time than copying them. Each costs a fault, of which
// the copy of so many bytes costs about as much.
const leastPiece = 128 << 10

// Scattered counts the faults that it takes to bring the bytes in. Of a file that
// was written in large pieces, and not read again from the disk since, that is one
// for some 300 KiB or more; of others one for 64 KiB, which is what the system
// looks at around each fault.
func (f *osFile) Scattered(m *Mapping, from, to int) bool {
	page := os.Getpagesize()
	from, to = (m.before+from)/page*page, (m.before+to)/page*page
	if from >= to {
		return false
	}
	runtime.LockOSThread() // whose faults are counted
	defer runtime.UnlockOSThread()
	var before, after unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &before) != nil ||
		unix.Madvise(m.pages[from:to], unix.MADV_POPULATE_READ) != nil || // Linux 5.14
		unix.Getrusage(unix.RUSAGE_THREAD, &after) != nil {
		return false
	}
	faults := int(after.Minflt + after.Majflt - before.Minflt - before.Majflt)
	return faults > (to-from)/leastPiece
}
