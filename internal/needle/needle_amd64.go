//go:build !purego

package needle

import (
	"math/bits"
	"slices"
	"unsafe"

	"github.com/etch-audit/etch/internal/processor"
)

// vectors reports whether the processor and the system have AVX2.
func vectors() bool { return processor.AVX2() }

// step is how many positions are compared at once.
const step = 64

// A group is the probes that are searched for in one pass.
type group struct {
	probes []probe
	marks  marks
}

// marks is the form of a group's probes that the assembly reads: some bytes of
// each, and their offsets in it.
type marks struct {
	offset [2 * packed]int
	char   [2 * packed]byte
	two    bool // they are those of find2
	reach  int  // the greatest offset
}

// newGroup chooses the bytes. Of a single needle and the escapes that could
// hide it, which are most of what is searched for, those are the first of the needle and
// three more: two bytes of a name stand together every 600 bytes of a log, and a place where the
// rest does not costs as much as 300 bytes. Of more probes they are two of each. What
// there is not is filled with what there is.
func newGroup(probes []probe) group {
	g := group{probes: probes}
	if g.marks.two = len(probes) == 2 && string(probes[1].text) == `\u`; g.marks.two {
		needle := &probes[0]
		g.marks.add(0, needle, 0)
		rare := slices.DeleteFunc(slices.Clone(needle.rarest[:]), func(offset int) bool { return offset == 0 })
		g.marks.add(1, needle, append(rare, 0, 0, 0)[:3]...)
		g.marks.add(4, &probes[1], 0, 1)
		return g
	}
	for i := range packed {
		p := &probes[i%len(probes)]
		g.marks.add(2*i, p, p.rarest[:2]...)
	}
	return g
}

// add fills in bytes of a probe.
func (m *marks) add(at int, p *probe, offsets ...int) {
	for i, offset := range offsets {
		m.offset[at+i] = offset
		m.char[at+i] = p.text[offset]
		m.reach = max(m.reach, offset)
	}
}

// compare is next by comparing a step of positions at once to some bytes of
// each probe. From the second on, steps begin where lines of the cache do.
func (g *group) compare(b []byte, from, to int) int {
	end := len(b) - g.marks.reach // no byte behind b is read for positions before it
	for from < to && from+step <= end {
		n := min(to-from+step-1, end-from) &^ (step - 1)
		astray := int(uintptr(unsafe.Pointer(&b[from])) % step)
		if astray > 0 {
			n = step
		}
		at, mask := n, uint64(0)
		if g.marks.two {
			at, mask = find2(&b[from], n, &g.marks)
		} else {
			at, mask = find4(&b[from], n, &g.marks)
		}
		for ; mask != 0; mask &= mask - 1 {
			if i := from + at + bits.TrailingZeros64(mask); g.stands(b, i) {
				if i < to {
					return i
				}
				return -1
			}
		}
		from += min(at+step, n) - astray
	}
	return g.search(b, from, to)
}

// stands reports whether any probe stands at an index.
func (g *group) stands(b []byte, at int) bool {
	for i := range g.probes {
		if g.probes[i].stands(b, at) {
			return true
		}
	}
	return false
}

// find2 compares the positions of [0, n), n a multiple of step, with the first
// four marks, of which the first is at offset 0, and with the next two, which follow
// each other. It returns the first step with a position where all four stand or both
// do, or may, and a bit for each such position in it; or n and 0. Besides the n bytes at b it reads the greatest offset behind them.
//
//go:noescape
func find2(b *byte, n int, m *marks) (at int, mask uint64)

// find4 is find2 with four pairs of marks.
//
//go:noescape
func find4(b *byte, n int, m *marks) (at int, mask uint64)
