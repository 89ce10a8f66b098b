package vfs

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Samples are so many, each of so many bytes, spread over a mapping, since a file may be held in
// pieces of all sizes. Its beginning says little: a system that reads it in begins with small
// ones, and takes larger ones when it sees that more is wanted.
const (
	samples = 16
	sample  = 256 << 10
)

// Scattered searches samples, one in a copy and the next in its place, in turn, and compares how
// long that takes at the median. What a fault costs, and what a copy, is another matter on each
// machine, and how many faults there are depends on who has written or read the file, and in what
// pieces: one for some 300 KiB, or for 64 KiB, which is what the system looks at around each.
//
// What is not in memory is better searched in its place: the system reads ahead of it, and copies
// nothing.
func (f *osFile) Scattered(m *Mapping) (scattered bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch v := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // a fault: whoever searches the mapping is told of it
			scattered = false
		default:
			panic(fmt.Sprintf("vfs: bad sample: %v", v))
		}
	}()
	room := rooms.Get().(*[sample]byte)
	defer rooms.Put(room)
	var inPlace, copied [samples / 2]time.Duration
	for n := range samples {
		piece, at := m.sample(n)
		begun := time.Now()
		if n%2 == 1 {
			search(piece)
			inPlace[n/2] = time.Since(begun)
			continue
		}
		if f.cached(room[:len(piece)], at) < len(piece) {
			return false
		}
		search(room[:len(piece)])
		copied[n/2] = time.Since(begun)
	}
	release(m.pages, 0, len(m.pages)) // to be touched as if nothing had been
	return median(inPlace[:]) > median(copied[:])
}

// rooms are for copies of samples. To touch one for the first time takes longer than to fill it.
var rooms = sync.Pool{New: func() any {
	room := new([sample]byte)
	clear(room[:])
	return room
}}

// search goes through bytes as a search does that finds nothing: no text has a zero.
func search(b []byte) { bytes.IndexByte(b, 0) }

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// sample returns the pages of the nth sample, and where they are in the file: of a small mapping,
// fewer or none.
func (m *Mapping) sample(n int) ([]byte, int64) {
	page := os.Getpagesize()
	apart := len(m.pages) / samples / page * page
	size := min(sample, apart)
	from := n*apart + (apart-size)/2/page*page
	return m.pages[from:][:size], m.Offset() + int64(from-m.before)
}
