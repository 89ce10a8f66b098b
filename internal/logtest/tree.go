package logtest

import (
	"crypto/sha256"
	"encoding/base64"
	"math/bits"
)

// A tree is an RFC 6962 tree that keeps every perfect subtree: levels[i][j] is
// the one of the leaves from j<<i to (j+1)<<i.
type tree struct{ levels [][][32]byte }

func (t *tree) size() uint64 {
	if len(t.levels) == 0 {
		return 0
	}
	return uint64(len(t.levels[0]))
}

func (t *tree) add(leaf [32]byte) {
	for i := 0; ; i++ {
		if i == len(t.levels) {
			t.levels = append(t.levels, nil)
		}
		t.levels[i] = append(t.levels[i], leaf)
		n := len(t.levels[i])
		if n%2 == 1 {
			return
		}
		leaf = node(t.levels[i][n-2], t.levels[i][n-1])
	}
}

func node(left, right [32]byte) [32]byte {
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// root is MTH of RFC 6962, section 2.1.
func (t *tree) root() [32]byte {
	if t.size() == 0 {
		return sha256.Sum256(nil)
	}
	return t.hash(0, t.size())
}

// hash is MTH(D[from:to]), where from is a multiple of the largest power of
// two not above to-from.
func (t *tree) hash(from, to uint64) [32]byte {
	n := to - from
	if n&(n-1) == 0 {
		level := bits.TrailingZeros64(n)
		return t.levels[level][from>>level]
	}
	k := uint64(1) << (bits.Len64(n-1) - 1) // the largest power of two below n
	return node(t.hash(from, from+k), t.hash(from+k, to))
}

// perfect returns the roots of the perfect subtrees, the largest first.
func (t *tree) perfect() [][32]byte {
	var hashes [][32]byte
	from := uint64(0)
	for level := len(t.levels) - 1; level >= 0; level-- {
		if t.size()>>level&1 == 1 {
			hashes = append(hashes, t.levels[level][from>>level])
			from += 1 << level
		}
	}
	return hashes
}

// frontier returns the same as text.
func (t *tree) frontier() []string {
	text := []string{}
	for _, h := range t.perfect() {
		text = append(text, base64.StdEncoding.EncodeToString(h[:]))
	}
	return text
}
