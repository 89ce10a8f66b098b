//go:build !purego

package lanes

// available tells whether the processor has the instructions of hashTwo. They
// use no more registers than every amd64 system saves.
var available = detect()

func detect() bool {
	const ssse3, sse41, sha = 1 << 9, 1 << 19, 1 << 29
	if last, _, _, _ := cpuid(0, 0); last < 7 {
		return false
	}
	_, _, first, _ := cpuid(1, 0)
	_, seventh, _, _ := cpuid(7, 0)
	return first&ssse3 != 0 && first&sse41 != 0 && seventh&sha != 0
}

// hashTwo hashes n > 0 blocks at p into a and as many at q into b.
//
//go:noescape
func hashTwo(a, b *state, p, q *byte, n int)

// cpuid returns what the processor says of itself.
func cpuid(leaf, sub uint32) (eax, ebx, ecx, edx uint32)
