package merkle_test

import (
	"crypto/sha256"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/etch-audit/etch/internal/merkle"
)

// TestSubtree compares a subtree's root with that of a tree grown by leaves.
func TestSubtree(t *testing.T) {
	for n := 1; n <= 64; n *= 2 {
		var f merkle.Frontier
		leaves := make([]merkle.Hash, n)
		for i := range leaves {
			leaves[i] = sha256.Sum256([]byte{byte(i)})
			f.Append(leaves[i])
		}
		if got, want := merkle.NewHasher().Subtree(leaves), f.Root(); got != want {
			t.Errorf("subtree of %d leaves: %v, want %v", n, got, want)
		}
	}
}

// TestHasher compares leaves that are hashed side by side with those of another
// implementation.
func TestHasher(t *testing.T) {
	h, line := merkle.NewHasher(), make([]byte, 700)
	for first := range len(line) - 3 {
		var got [3]merkle.Hash
		for i := range got {
			h.Leaf(&got[i], line[:(first*(i+1))%len(line)])
		}
		h.Flush()
		for i := range got {
			if want := tlog.RecordHash(line[:(first*(i+1))%len(line)]); got[i] != want {
				t.Errorf("leaf of %d bytes is %v, want %v", (first*(i+1))%len(line), got[i], want)
			}
		}
	}
}

func TestSubtreeOfThree(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a subtree of three leaves has a root")
		}
	}()
	merkle.NewHasher().Subtree(make([]merkle.Hash, 3))
}
