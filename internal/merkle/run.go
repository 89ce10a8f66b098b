package merkle

// batchSize is how many leaves a [Run] gathers before it hashes their nodes, one
// level after the other: the hashes of a level do not wait for each other, as
// those on the way up from one leaf do.
const batchSize = 32

// A Root is the root of a perfect subtree of 1<<Level leaves.
type Root struct {
	Level int
	Hash  Hash
}

// A Run is leaves with consecutive numbers. It comes to the roots of the fewest
// perfect subtrees that they consist of, for [Frontier.AppendSubtree]. It
// allocates nothing once it has grown, and is not safe for concurrent use.
type Run struct {
	digest *digest

	next  uint64          // number of the next leaf
	batch [batchSize]Hash // leaves behind the last multiple of batchSize, or since the beginning
	n     int             // of them
	roots []Root
}

// NewRun returns a Run without leaves.
func NewRun() *Run {
	return &Run{digest: newDigest()}
}

// Begin drops what the run holds. Its next leaf is the one with number first.
func (r *Run) Begin(first uint64) {
	r.next, r.n, r.roots = first, 0, r.roots[:0]
}

// Leaf returns the hash of a leaf, marked being 0x00 ‖ line.
func (r *Run) Leaf(marked []byte) Hash {
	r.digest.sum(&r.batch[r.n], marked) // whatever comes next overwrites it
	return r.batch[r.n]
}

// Append adds a leaf, marked being 0x00 ‖ line. Nothing of marked is kept.
func (r *Run) Append(marked []byte) {
	r.digest.sum(&r.batch[r.n], marked)
	r.n++
	if r.next++; r.next%batchSize == 0 {
		r.fold()
	}
}

// AppendRoots appends the roots of the leaves since [Run.Begin], in their order.
func (r *Run) AppendRoots(dst []Root) []Root {
	r.fold()
	return append(dst, r.roots...)
}

// fold makes roots of the leaves in the batch.
func (r *Run) fold() {
	if r.n == batchSize {
		for n := batchSize; n > 1; n /= 2 {
			for i := range n / 2 {
				r.digest.join(&r.batch[i], &r.batch[2*i], &r.batch[2*i+1])
			}
		}
		r.push(Root{batchLevel, r.batch[0]}, r.next/batchSize-1)
	} else {
		for i, leaf := range r.batch[:r.n] {
			r.push(Root{0, leaf}, r.next-uint64(r.n-i))
		}
	}
	r.n = 0
}

// batchLevel is the level of the root of batchSize leaves.
const batchLevel = 5

// push adds a root that is the one at index in its level. Two that are children
// of one become it.
func (r *Run) push(root Root, index uint64) {
	r.roots = append(r.roots, root)
	for i := len(r.roots) - 2; index&1 == 1 && i >= 0 && r.roots[i].Level == r.roots[i+1].Level; i-- {
		r.digest.join(&r.roots[i].Hash, &r.roots[i].Hash, &r.roots[i+1].Hash)
		r.roots[i].Level++
		r.roots = r.roots[:i+1]
		index >>= 1
	}
}
