package merkle_test

import (
	"crypto/sha256"
	"testing"

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
		if got, want := merkle.Subtree(leaves), f.Root(); got != want {
			t.Errorf("subtree of %d leaves: %v, want %v", n, got, want)
		}
	}
}

func TestSubtreeOfThree(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a subtree of three leaves has a root")
		}
	}()
	merkle.Subtree(make([]merkle.Hash, 3))
}
