//go:build !purego

package lanes

import "github.com/etch-audit/etch/internal/processor"

// available tells whether the processor has the instructions of hashTwo. They
// use no more registers than every amd64 system saves.
func available() bool { return processor.SHA() }

// hashTwo hashes n > 0 blocks at p into a and as many at q into b.
//
//go:noescape
func hashTwo(a, b *state, p, q *byte, n int)
