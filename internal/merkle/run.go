package merkle

import "slices"

// A Root is the root of a perfect subtree of 1<<Level leaves.
type Root struct {
	Level int
	Hash  Hash
}

// A Run is leaves with consecutive numbers. It comes to the roots of the fewest
// perfect subtrees that they consist of, for [Frontier.AppendSubtree]. It
// allocates nothing once it has grown to the most leaves, and is not safe for
// concurrent use.
type Run struct {
	hasher *Hasher
	first  uint64 // number of the first leaf
	leaves []Hash
	apart  Hash   // of a line that is not added
	right  []Root // reused
}

// NewRun returns a Run without leaves.
func NewRun() *Run { return &Run{hasher: NewHasher()} }

// Begin drops what the run holds. Its next leaf is the one with number first.
func (r *Run) Begin(first uint64) {
	r.hasher.Flush() // what is dropped must not come late
	r.first, r.leaves = first, r.leaves[:0]
}

// Leaf returns the hash of a line, without adding it.
func (r *Run) Leaf(line []byte) Hash {
	r.hasher.Leaf(&r.apart, line)
	r.hasher.Flush()
	return r.apart
}

// Append adds the leaf of a line. Nothing of the line is kept.
func (r *Run) Append(line []byte) {
	n := len(r.leaves)
	if n == cap(r.leaves) {
		r.hasher.Flush() // before the leaves move
		r.leaves = slices.Grow(r.leaves, max(n, 64))
	}
	r.leaves = r.leaves[:n+1]
	r.hasher.Leaf(&r.leaves[n], line)
}

// AppendRoots appends the roots of the leaves since [Run.Begin], in their order.
// The run must be begun again before it is used.
func (r *Run) AppendRoots(dst []Root) []Root {
	r.hasher.Flush()
	r.right = r.right[:0]
	nodes, first := r.leaves, r.first // those of one level, and the index of the first
	for level := 0; len(nodes) > 0; level++ {
		if first%2 == 1 { // its sibling was there before
			dst = append(dst, Root{level, nodes[0]})
			nodes = nodes[1:]
			first++
		}
		if last := len(nodes) - 1; last%2 == 0 { // its sibling is still to come
			r.right = append(r.right, Root{level, nodes[last]})
			nodes = nodes[:last]
		}
		nodes = r.hasher.parents(nodes)
		first /= 2
	}
	slices.Reverse(r.right) // the subtrees at the end are the smaller ones
	return append(dst, r.right...)
}
