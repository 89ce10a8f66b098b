package needle

import (
	"bytes"
	"testing"

	"github.com/etch-audit/etch/internal/logtest"
)

func BenchmarkNext(b *testing.B) {
	text := make([]byte, 0, 64<<20+1<<20)
	for seq := uint64(0); len(text) < 64<<20; seq += 1000 {
		text = logtest.AppendLines(text, 1, seq, 1000)
	}
	literal := []byte(logtest.User(70))
	count := func(next func([]byte, int) int) func(*testing.B) {
		return func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			n := 0
			for b.Loop() {
				n = 0
				for at := 0; at < len(text); n++ {
					i := next(text, at)
					if i < 0 {
						break
					}
					at = i + bytes.IndexByte(text[i:], '\n') + 1
				}
			}
			b.ReportMetric(float64(n), "found")
		}
	}
	index := func(b []byte, from int) int {
		if i := bytes.Index(b[from:], literal); i >= 0 {
			return from + i
		}
		return -1
	}
	f := New([][]byte{literal})
	four := New([][]byte{literal, []byte("sybil9"), []byte("walter77")})
	many := New([][]byte{literal, []byte("sybil9"), []byte("walter77"), []byte("bob"), []byte("frank3"), []byte("erin88"), []byte("uma")})
	b.Run("bytes", count(index))
	b.Run("one", count(f.Next))
	b.Run("three", count(four.Next))
	b.Run("seven", count(many.Next))
	b.Run("portable", count(func(b []byte, from int) int { return f.next(b, from, false) }))
}
