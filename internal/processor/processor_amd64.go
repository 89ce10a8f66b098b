//go:build !purego

package processor

import "sync"

// SHA reports whether there are the SHA instructions, with the SSE that code
// around them uses.
func SHA() bool { return known().sha }

// AVX2 reports whether there is AVX2, and the system saves its registers.
func AVX2() bool { return known().avx2 }

type features struct{ sha, avx2 bool }

var (
	asking sync.Once
	answer features
)

// known returns what the processor said when it was asked for the first time.
func known() features {
	asking.Do(func() { answer = ask() })
	return answer
}

// ask asks the processor. Bits: Intel's Software Developer's Manual, volume 2,
// CPUID and XGETBV.
func ask() features {
	const (
		ssse3, sse41, osxsave, avx = 1 << 9, 1 << 19, 1 << 27, 1 << 28 // leaf 1, ecx
		avx2, sha                  = 1 << 5, 1 << 29                   // leaf 7, ebx
		saved                      = 1<<1 | 1<<2                       // XCR0: the registers of SSE and of AVX
	)
	if last, _, _, _ := cpuid(0, 0); last < 7 {
		return features{}
	}
	_, _, first, _ := cpuid(1, 0)
	_, seventh, _, _ := cpuid(7, 0)
	f := features{sha: first&ssse3 != 0 && first&sse41 != 0 && seventh&sha != 0}
	if first&osxsave != 0 && first&avx != 0 && seventh&avx2 != 0 {
		f.avx2 = xgetbv()&saved == saved
	}
	return f
}

// cpuid returns what the processor says of itself.
func cpuid(leaf, sub uint32) (eax, ebx, ecx, edx uint32)

// xgetbv returns the low half of XCR0. There must be OSXSAVE.
func xgetbv() uint32
