// Package needle finds where, in a block of JSON lines, one of a few byte
// strings stands or could hide behind an escape.
//
// It decides what is not worth parsing: a line without such a place cannot have
// a JSON string that contains one of the needles, and the others are few.
package needle

import (
	"bytes"
	"slices"
)

const (
	// packed is how many probes are compared in one pass, by two bytes each:
	// as many as fit the registers.
	packed = 4
	// span bounds how far apart the bytes of a probe may be, so that
	// only the last few positions of a block cannot be compared in steps.
	span = 128
	// window is how much is searched for all groups of probes before going on,
	// where one pass is not enough. What is found is found again by the next
	// call, so that a rare probe must not look far ahead of a frequent one.
	window = 4 << 10
)

// A Finder finds places in text by needles. It does not change once it is made
// and is safe for concurrent use.
type Finder struct {
	groups []group
	any    bool // a needle is empty: it stands everywhere
}

// New returns a Finder of needles, which are kept and must not be changed. A
// needle is what stands in a JSON string as it is: without '"', '\' and
// characters below U+0020, which JSON writes as escapes. It may end with the
// quotation mark that ends the string. Without a needle nothing is found.
func New(needles [][]byte) *Finder {
	f := new(Finder)
	var probes []probe
	in := new(chars)
	for i, n := range needles {
		f.any = f.any || len(n) == 0
		in.add(bytes.TrimSuffix(n, []byte{'"'}))
		if len(n) > 0 && !slices.ContainsFunc(needles[:i], func(o []byte) bool { return bytes.Equal(o, n) }) {
			probes = append(probes, newProbe(n, nil))
		}
	}
	if len(probes) > 0 {
		probes = append(probes, newProbe([]byte(`\u`), in))
	}
	if in.ascii['/'] {
		probes = append(probes, newProbe([]byte(`\/`), in))
	}
	for some := range slices.Chunk(probes, packed) {
		f.groups = append(f.groups, newGroup(some))
	}
	return f
}

// Next returns the first index in b, not below from, where a needle stands or
// an escape of one of its characters begins: \uXXXX, or \/. Characters beyond
// ASCII are not told apart. It returns -1 where there is no such place. What
// precedes from tells whether a backslash is itself escaped.
func (f *Finder) Next(b []byte, from int) int { return f.next(b, from, vectors()) }

// next is Next with vectors, where the processor has them, or without.
func (f *Finder) next(b []byte, from int, vectors bool) int {
	switch {
	case from >= len(b):
		return -1
	case f.any:
		return from
	case len(f.groups) == 1 && vectors:
		return f.groups[0].compare(b, from, len(b))
	}
	for from < len(b) {
		to := min(from+window, len(b))
		found := -1
		for i := range f.groups {
			if at := f.groups[i].next(b, from, to, vectors); at >= 0 {
				found, to = at, at
			}
		}
		if found >= 0 {
			return found
		}
		from = to
	}
	return -1
}

// next returns the first index of [from, to) where a probe stands, -1 if there
// is none. What stands there may go on behind to.
func (g *group) next(b []byte, from, to int, vectors bool) int {
	if vectors {
		return g.compare(b, from, to)
	}
	return g.search(b, from, to)
}

// search is next by means of the standard library.
func (g *group) search(b []byte, from, to int) int {
	found := -1
	for i := range g.probes {
		if at := g.probes[i].search(b, from, to); at >= 0 {
			found, to = at, at
		}
	}
	return found
}
