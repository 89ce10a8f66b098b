package merkle

// batchSize is how many leaves a [Run] gathers before it hashes their nodes.
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
	hasher *Hasher

	next  uint64          // number of the next leaf
	batch [batchSize]Hash // leaves behind the last multiple of batchSize, or since the beginning
	n     int             // of them
	roots []Root
}

// NewRun returns a Run without leaves.
func NewRun() *Run {
	return &Run{hasher: NewHasher()}
}

// Begin drops what the run holds. Its next leaf is the one with number first.
func (r *Run) Begin(first uint64) {
	r.hasher.Flush() // what is dropped must not come late
	r.next, r.n, r.roots = first, 0, r.roots[:0]
}

// Leaf returns the hash of a line, without adding it.
func (r *Run) Leaf(line []byte) Hash {
	r.hasher.Leaf(&r.batch[r.n], line) // whatever comes next overwrites it
	r.hasher.Flush()
	return r.batch[r.n]
}

// Append adds the leaf of a line. Nothing of the line is kept.
func (r *Run) Append(line []byte) {
	r.hasher.Leaf(&r.batch[r.n], line)
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
		r.push(Root{batchLevel, r.hasher.Subtree(r.batch[:])}, r.next/batchSize-1)
	} else {
		r.hasher.Flush()
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
		r.roots[i].Hash = Node(r.roots[i].Hash, r.roots[i+1].Hash)
		r.roots[i].Level++
		r.roots = r.roots[:i+1]
		index >>= 1
	}
}
