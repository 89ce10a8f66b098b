package needle

import (
	"math/bits"

	"golang.org/x/sys/cpu"
)

// vectors tells whether the processor and the system have AVX2.
var vectors = cpu.X86.HasAVX2

// step is how many positions are compared at once.
const step = 64

// A group is the probes that are searched for in one pass.
type group struct {
	probes []probe
	pairs  pairs
}

// pairs is the form of a group's probes that the assembly reads: of each, two
// bytes and their offsets. A probe is repeated to fill it.
type pairs struct {
	offset [2 * packed]int
	char   [2 * packed]byte
	two    bool // the last half repeats the first
	reach  int  // the greatest offset
}

func newGroup(probes []probe) group {
	g := group{probes: probes}
	g.pairs.two = len(probes) <= packed/2
	for i := range packed {
		p := &probes[i%len(probes)]
		for j, at := range [2]int{p.rarest, p.second} {
			g.pairs.offset[2*i+j] = at
			g.pairs.char[2*i+j] = p.text[at]
			g.pairs.reach = max(g.pairs.reach, at)
		}
	}
	return g
}

// compare is next by comparing a step of positions at once to both bytes of
// each probe.
func (g *group) compare(b []byte, from, to int) int {
	end := len(b) - g.pairs.reach // no byte behind b is read for positions before it
	for from < to && from+step <= end {
		n := min(to-from+step-1, end-from) &^ (step - 1)
		at, mask := n, uint64(0)
		if g.pairs.two {
			at, mask = find2(&b[from], n, &g.pairs)
		} else {
			at, mask = find4(&b[from], n, &g.pairs)
		}
		for ; mask != 0; mask &= mask - 1 {
			if i := from + at + bits.TrailingZeros64(mask); g.stands(b, i) {
				if i < to {
					return i
				}
				return -1
			}
		}
		from += min(at+step, n)
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
// two pairs. It returns the first step with a position where both bytes of a
// pair stand, and a bit for each such position in it; or n and 0. Besides the n
// bytes at b it reads the greatest offset behind them.
//
//go:noescape
func find2(b *byte, n int, p *pairs) (at int, mask uint64)

// find4 is find2 with all pairs.
//
//go:noescape
func find4(b *byte, n int, p *pairs) (at int, mask uint64)
