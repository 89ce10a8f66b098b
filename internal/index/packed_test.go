package index

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPacked holds that values of every width come back, and that a scan of
// them is a look at each.
func TestPacked(t *testing.T) {
	const seed = 1
	random := rand.New(rand.NewPCG(seed, seed))
	for width := range uint(33) {
		for _, n := range []int{0, 1, 7, 64, 65, 1000} {
			values := make([]uint32, n)
			for i := range values {
				values[i] = uint32(random.Uint64() & (1<<width - 1))
			}
			b := appendPacked(nil, values, width)
			if len(b) != packedSize(n, width) {
				t.Fatalf("%d values of width %d take %d bytes, want %d", n, width, len(b), packedSize(n, width))
			}
			p := newPacked(slices.Grow(b, slack), width)
			for i, v := range values {
				if got := p.at(i); got != v {
					t.Fatalf("value %d of width %d is %d, want %d", i, width, got, v)
				}
			}
			if width > 16 {
				continue
			}
			hit := make([]uint8, 1<<width)
			for i := range hit {
				hit[i] = uint8(random.UintN(2))
			}
			found := p.scan((*memory)(nil).newRows(n), hit, nil)
			for i, v := range values {
				if got := found.Contains(i); got != (hit[v] == 1) {
					t.Fatalf("value %d of width %d is %d: hit %v, want %v", i, width, v, got, hit[v] == 1)
				}
			}
		}
	}
}

func BenchmarkScan(b *testing.B) {
	const n = 200_000
	values := make([]uint16, n)
	for i := range values {
		values[i] = uint16(i*7919) & (1<<11 - 1)
	}
	p := newPacked(slices.Grow(appendPacked(nil, values, 11), slack), 11)
	hit := make([]uint8, 1<<11)
	for i := range hit {
		hit[i] = uint8(i % 2)
	}
	b.SetBytes(n)
	for b.Loop() {
		p.scan((*memory)(nil).newRows(n), hit, nil)
	}
}
