package merkle

import "github.com/etch-audit/etch/internal/lanes"

// What RFC 6962 section 2.1 puts before leaves and nodes.
var (
	leafPrefix = lanes.NewPrefix([]byte{0})
	nodePrefix = lanes.NewPrefix([]byte{1})
)

// A Hasher hashes many leaves and trees of them, two hashes at a time where the
// processor can. It allocates nothing once it has grown, and is not safe for
// concurrent use.
type Hasher struct {
	lanes *lanes.Hasher
	node  [2 * lanes.Size]byte
}

// NewHasher returns a Hasher.
func NewHasher() *Hasher { return &Hasher{lanes: lanes.New()} }

// Leaf sets *dst to SHA-256(0x00 ‖ line), RFC 6962 section 2.1, now or by the
// next call of [Hasher.Flush]. The line comes without its line feed, and is not kept.
func (h *Hasher) Leaf(dst *Hash, line []byte) {
	h.lanes.Hash((*[lanes.Size]byte)(dst), leafPrefix, line)
}

// Flush makes every hash asked for stand where it is wanted.
func (h *Hasher) Flush() { h.lanes.Flush() }

// Subtree returns the root of a perfect subtree over leaves, which are a power
// of two. It flushes, and then overwrites them.
func (h *Hasher) Subtree(leaves []Hash) Hash {
	n := len(leaves)
	if n == 0 || n&(n-1) != 0 {
		panic("merkle: bad subtree: its leaves are not a power of two")
	}
	h.Flush()
	for len(leaves) > 1 {
		leaves = h.parents(leaves)
	}
	return leaves[0]
}

// parents overwrites nodes, an even number of them, by their parents, and
// returns those. The hashes of a level do not wait for each other, as those on
// the way up from one leaf do.
func (h *Hasher) parents(nodes []Hash) []Hash {
	n := len(nodes) / 2
	for i := range n {
		copy(h.node[:], nodes[2*i][:])
		copy(h.node[lanes.Size:], nodes[2*i+1][:])
		h.lanes.Hash((*[lanes.Size]byte)(&nodes[i]), nodePrefix, h.node[:])
	}
	h.Flush()
	return nodes[:n]
}
