package merkle_test

import (
	"crypto/sha256"
	"math/rand/v2"
	"testing"

	"github.com/etch-audit/etch/internal/merkle"
)

// TestRun grows a tree by runs of any length and by leaves: both are the same.
func TestRun(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	run := merkle.NewRun()
	for range 200 {
		var byRuns, byLeaves merkle.Frontier
		for range 1 + random.IntN(6) {
			run.Begin(byRuns.Size())
			for range random.IntN(150) {
				line := make([]byte, random.IntN(200))
				for i := range line {
					line[i] = byte(random.Uint32())
				}
				want := merkle.NewLeafHasher().Leaf(line)
				if random.IntN(8) == 0 { // it ends what goes on in pairs
					if got := run.Leaf(line); got != want {
						t.Fatalf("leaf of %x is %v, want %v", line, got, want)
					}
				}
				run.Append(line)
				clear(line)
				byLeaves.Append(want)
			}
			for _, r := range run.AppendRoots(nil) {
				byRuns.AppendSubtree(r.Level, r.Hash)
			}
			if !byRuns.Equal(&byLeaves) {
				t.Fatalf("at size %d of %d the trees differ", byRuns.Size(), byLeaves.Size())
			}
		}
	}
}

// TestRunDrops checks that nothing of a run that was given up half way is in the
// next.
func TestRunDrops(t *testing.T) {
	run, line := merkle.NewRun(), make([]byte, 200)
	for n := range 70 {
		run.Begin(0)
		for range n {
			run.Append(line[:n])
		}
		run.Begin(0)
		var f merkle.Frontier
		for i := range 3 {
			run.Append(line[:10*i])
			f.Append(merkle.NewLeafHasher().Leaf(line[:10*i]))
		}
		var got merkle.Frontier
		for _, r := range run.AppendRoots(nil) {
			got.AppendSubtree(r.Level, r.Hash)
		}
		if !got.Equal(&f) {
			t.Errorf("after %d leaves that were dropped the tree of three others is another", n)
		}
	}
}

// TestRunIsShort checks that a run comes to no more roots than it must: two for
// each level at most, which a judge of many lines counts on.
func TestRunIsShort(t *testing.T) {
	run := merkle.NewRun()
	for first := range uint64(70) {
		run.Begin(first)
		for range 1000 {
			run.Append([]byte{0})
		}
		roots := run.AppendRoots(nil)
		for at, i := first, 0; i < len(roots); i++ {
			if at%(1<<roots[i].Level) != 0 || i > 1 && roots[i].Level == roots[i-1].Level && roots[i].Level == roots[i-2].Level {
				t.Fatalf("run from %d: root %d of level %d stands at %d", first, i, roots[i].Level, at)
			}
			at += 1 << roots[i].Level
		}
		if len(roots) > 2*10 {
			t.Errorf("run from %d has %d roots", first, len(roots))
		}
	}
}

func TestRunAllocates(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the race detector changes what is allocated")
	}
	run, line := merkle.NewRun(), make([]byte, 531)
	roots := make([]merkle.Root, 0, 100)
	n := testing.AllocsPerRun(10, func() {
		run.Begin(7)
		for range 1000 {
			run.Append(line)
		}
		roots = run.AppendRoots(roots[:0])
	})
	if n != 0 {
		t.Errorf("a run allocates %v times, want 0", n)
	}
}

func BenchmarkRun(b *testing.B) {
	line := make([]byte, 531)
	b.Run("sha256", func(b *testing.B) {
		for b.Loop() {
			for range 1024 {
				sha256.Sum256(line)
				sha256.Sum256(line[:65])
			}
		}
	})
	b.Run("run", func(b *testing.B) {
		run := merkle.NewRun()
		for b.Loop() {
			run.Begin(0)
			for range 1024 {
				run.Append(line)
			}
			run.AppendRoots(nil)
		}
	})
}
