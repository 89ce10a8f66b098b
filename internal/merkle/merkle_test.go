package merkle_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/etch-audit/etch/internal/merkle"
)

// store is a tlog.HashReader over stored hashes.
type store []tlog.Hash

func (s store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = s[index]
	}
	return hashes, nil
}

func leaf(n int) []byte { return fmt.Appendf(nil, "leaf %d", n) }

// TestFrontier compares the frontier with another implementation of the tree,
// at every size up to 1000, grown and taken up again from its hashes.
func TestFrontier(t *testing.T) {
	var f merkle.Frontier
	var hashes store
	hasher := merkle.NewLeafHasher()
	for size := range 1001 {
		want, err := tlog.TreeHash(int64(size), hashes)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Root(); got != want {
			t.Fatalf("size %d: root %s, want %s", size, got, want)
		}
		again, err := merkle.NewFrontier(f.Size(), f.AppendHashes(nil))
		if err != nil || !again.Equal(&f) || again.Root() != want {
			t.Fatalf("size %d: frontier taken up again differs: %v", size, err)
		}
		stored, err := tlog.StoredHashes(int64(size), leaf(size), hashes)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, stored...)
		if got := hasher.Leaf(leaf(size)); got != tlog.RecordHash(leaf(size)) {
			t.Fatalf("leaf %d: hash %s, want %s", size, got, tlog.RecordHash(leaf(size)))
		}
		f.Append(hasher.Leaf(leaf(size)))
	}
}

// TestAppendSubtree grows a tree by subtrees of every size.
func TestAppendSubtree(t *testing.T) {
	for level := range 6 {
		var byLeaf, bySubtree merkle.Frontier
		for n := range 5 {
			leaves := make([]merkle.Hash, 1<<level)
			for i := range leaves {
				leaves[i] = tlog.RecordHash(leaf(n<<level + i))
				byLeaf.Append(leaves[i])
			}
			bySubtree.AppendSubtree(level, merkle.NewHasher().Subtree(leaves))
			if !bySubtree.Equal(&byLeaf) {
				t.Fatalf("level %d: frontier after %d subtrees differs", level, n+1)
			}
		}
	}
}

func TestEqual(t *testing.T) {
	var f merkle.Frontier
	for n := range 6 {
		f.Append(tlog.RecordHash(leaf(n)))
	}
	g := f
	if g.Append(tlog.RecordHash(leaf(6))); f.Equal(&g) {
		t.Error("frontiers of two sizes are equal")
	}
	hashes := f.AppendHashes(nil)
	for i := range hashes {
		other := slices.Clone(hashes)
		other[i][0] ^= 1
		if g, err := merkle.NewFrontier(6, other); err != nil || f.Equal(&g) {
			t.Errorf("frontier with another hash %d is equal: %v", i, err)
		}
	}
}

func TestNewFrontierRefuses(t *testing.T) {
	for size, n := range map[uint64]int{0: 1, 1: 0, 7: 2, 8: 3} {
		if _, err := merkle.NewFrontier(size, make([]merkle.Hash, n)); err == nil {
			t.Errorf("size %d with %d hashes is taken", size, n)
		}
	}
}

func TestLargestFrontier(t *testing.T) {
	const size = merkle.MaxSize - 1 // the most bits
	f, err := merkle.NewFrontier(size, make([]merkle.Hash, 62))
	if err != nil {
		t.Fatal(err)
	}
	f.Append(merkle.Hash{})
	if f.Size() != merkle.MaxSize || len(f.AppendHashes(nil)) != 1 {
		t.Errorf("size %d with %d hashes", f.Size(), len(f.AppendHashes(nil)))
	}
	if _, err := merkle.NewFrontier(1<<64-1, make([]merkle.Hash, 64)); err == nil {
		t.Error("a size that cannot grow is taken")
	}
}

func TestLeafAllocates(t *testing.T) {
	hasher, line := merkle.NewLeafHasher(), make([]byte, 500)
	var f merkle.Frontier
	if n := testing.AllocsPerRun(100, func() { f.Append(hasher.Leaf(line)) }); n != 0 {
		t.Errorf("a leaf allocates %v times, want 0", n)
	}
}

func TestParseHash(t *testing.T) {
	h := merkle.Hash(sha256.Sum256([]byte("x")))
	if got, err := merkle.ParseHash(h.String()); got != h || err != nil {
		t.Errorf("ParseHash(%s) = %s, %v", h, got, err)
	}
	for _, text := range []string{"", "AAAA", h.String() + "\n", h.String()[:43], h.String()[:42] + "B="} {
		if _, err := merkle.ParseHash(text); err == nil {
			t.Errorf("ParseHash(%q) takes it", text)
		}
	}
}
