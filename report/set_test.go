package report

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A set is a map, but for its limit.
func TestSet(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s, want := set{most: 3000}, map[uint64]bool{}
	for range 20000 {
		hash := r.Uint64N(5000) << r.IntN(40)
		added, fresh := s.add(hash), !want[max(hash, 1)]
		if added != (fresh && len(want) < 3000) {
			t.Fatalf("add(%d) of %d members: got %v, new %v", hash, len(want), added, fresh)
		}
		if added {
			want[max(hash, 1)] = true
		}
		if probe := r.Uint64N(5000); s.has(probe) != want[max(probe, 1)] {
			t.Fatalf("has(%d): got %v", probe, s.has(probe))
		}
	}
	if !s.full || s.size != 3000 || len(slices.Collect(s.all())) != 3000 {
		t.Errorf("full %v, size %d, %d members; want 3000", s.full, s.size, len(slices.Collect(s.all())))
	}
	if bytes := 8 * cap(s.slots); bytes > 22*3000+1024 {
		t.Errorf("3000 members take %d bytes", bytes)
	}
}

func BenchmarkSetAdd(b *testing.B) {
	var s set
	hash := uint64(1)
	for b.Loop() {
		hash = hash*6364136223846793005 + 1442695040888963407
		s.add(hash)
	}
}
