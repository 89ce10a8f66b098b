// Package merkle is the tree over all lines of a log: RFC 6962 hashes, the
// frontier that lets the tree grow, and checkpoints as C2SP signed notes.
//
// The tree's mathematics beyond that (proofs, tiles) is golang.org/x/mod/sumdb/tlog.
package merkle

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// A Hash is a SHA-256 hash of a leaf or of an inner node.
type Hash = tlog.Hash

// MaxSize is the largest tree that a frontier is read of: what a file claims
// must leave room to grow.
const MaxSize = 1 << 62

// MaxFrontier is the most hashes a frontier can have: one for each bit of a size.
const MaxFrontier = 64

// A LeafHasher hashes lines without allocating. It is not safe for concurrent
// use.
type LeafHasher struct{ line []byte } // 0x00 and the line: hashed in one piece, it costs a tenth less than in two

// NewLeafHasher returns a LeafHasher.
func NewLeafHasher() *LeafHasher { return new(LeafHasher) }

// Leaf returns SHA-256(0x00 ‖ line), RFC 6962 section 2.1. The line comes
// without its line feed.
func (l *LeafHasher) Leaf(line []byte) Hash {
	l.line = append(l.line[:0], 0)
	l.line = append(l.line, line...)
	return sha256.Sum256(l.line)
}

// Node returns SHA-256(0x01 ‖ left ‖ right), RFC 6962 section 2.1.
func Node(left, right Hash) Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

// A Frontier is the roots of the perfect subtrees that a tree of Size leaves
// consists of: one for each bit that is set in its size. It is all that is
// needed to know the tree's root and to let it grow. The zero value is the
// empty tree. It is a value: a copy is a snapshot.
type Frontier struct {
	size  uint64
	nodes [MaxFrontier]Hash // nodes[i] is the subtree of 1<<i leaves, where bit i of size is set
}

// Size returns the number of leaves.
func (f *Frontier) Size() uint64 { return f.size }

// Append adds one leaf.
func (f *Frontier) Append(leaf Hash) { f.AppendSubtree(0, leaf) }

// AppendSubtree adds the root of a perfect subtree of 1<<level leaves. The
// size must be a multiple of 1<<level.
func (f *Frontier) AppendSubtree(level int, h Hash) {
	if f.size&(1<<level-1) != 0 {
		panic("merkle: bad subtree: size is not a multiple of its leaves")
	}
	i := level
	for ; f.size>>i&1 == 1; i++ {
		h = Node(f.nodes[i], h)
	}
	f.nodes[i] = h
	f.size += 1 << level
}

// Last returns the root of the tree of the last leaves: those behind the largest
// multiple of 1<<level.
func (f *Frontier) Last(level int) Hash {
	last := Frontier{size: f.size & (1<<level - 1)}
	copy(last.nodes[:level], f.nodes[:level])
	return last.Root()
}

// Completed returns the root of the perfect subtree of 1<<level leaves that a
// subtree of 1<<of leaves completes once it is added, and whether it completes
// one.
func (f *Frontier) Completed(level, of int, h Hash) (Hash, bool) {
	if of > level || (f.size+1<<of)%(1<<level) != 0 {
		return Hash{}, false
	}
	for i := of; i < level; i++ {
		h = Node(f.nodes[i], h)
	}
	return h, true
}

// Root returns the tree's root; of the empty tree, the hash of nothing.
func (f *Frontier) Root() Hash {
	if f.size == 0 {
		return sha256.Sum256(nil)
	}
	i := bits.TrailingZeros64(f.size)
	h := f.nodes[i]
	for i++; i < MaxFrontier; i++ {
		if f.size>>i&1 == 1 {
			h = Node(f.nodes[i], h)
		}
	}
	return h
}

// AppendHashes appends the frontier's hashes to dst, the largest subtree first.
func (f *Frontier) AppendHashes(dst []Hash) []Hash {
	for i := MaxFrontier - 1; i >= 0; i-- {
		if f.size>>i&1 == 1 {
			dst = append(dst, f.nodes[i])
		}
	}
	return dst
}

// Equal reports whether both have the same size and the same hashes.
func (f *Frontier) Equal(g *Frontier) bool {
	if f.size != g.size {
		return false
	}
	for i := range f.nodes {
		if f.size>>i&1 == 1 && f.nodes[i] != g.nodes[i] {
			return false
		}
	}
	return true
}

// NewFrontier returns the frontier of a tree of size leaves, whose hashes come
// in the order of [Frontier.AppendHashes].
func NewFrontier(size uint64, hashes []Hash) (Frontier, error) {
	if size > MaxSize {
		return Frontier{}, fmt.Errorf("frontier of size %d: no log is that large", size)
	}
	f := Frontier{size: size}
	if len(hashes) != bits.OnesCount64(size) {
		return Frontier{}, fmt.Errorf("frontier of size %d has %d hashes, want %d", size, len(hashes), bits.OnesCount64(size))
	}
	for i := MaxFrontier - 1; i >= 0; i-- {
		if size>>i&1 == 1 {
			f.nodes[i], hashes = hashes[0], hashes[1:]
		}
	}
	return f, nil
}

// ParseHash reads the padded base64 form of a hash, in its one form.
func ParseHash(s string) (Hash, error) {
	var h Hash
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(h) || len(s) != base64.StdEncoding.EncodedLen(len(h)) { // it skips line ends
		return h, fmt.Errorf("not the base64 of a hash: %q", s)
	}
	copy(h[:], b)
	return h, nil
}
