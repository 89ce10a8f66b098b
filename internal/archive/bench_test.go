package archive_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/etch-audit/etch/internal/archive"
)

func BenchmarkWrite(b *testing.B) {
	lines := signedLines(rand.New(rand.NewPCG(1, 2)), 20_000)
	b.SetBytes(int64(len(lines)))
	for b.Loop() {
		if _, err := archive.Write(io.Discard, bytes.NewReader(lines), int64(len(lines))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	lines := signedLines(rand.New(rand.NewPCG(1, 2)), 20_000)
	file := pack(b, lines)
	b.Run("how=sequential", func(b *testing.B) {
		b.SetBytes(int64(len(lines)))
		buf := make([]byte, 256<<10)
		for b.Loop() {
			r := reader(b, file)
			for at := 0; at < len(lines); at += len(buf) {
				n := min(len(buf), len(lines)-at)
				if _, err := r.ReadAt(buf[:n], int64(at)); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("how=whole", func(b *testing.B) {
		b.SetBytes(int64(len(lines)))
		buf := make([]byte, len(lines))
		for b.Loop() {
			if _, err := reader(b, file).ReadAt(buf, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("how=line", func(b *testing.B) {
		r := reader(b, file)
		rng := rand.New(rand.NewPCG(1, 2))
		buf := make([]byte, 500)
		for b.Loop() {
			if _, err := r.ReadAt(buf, rng.Int64N(int64(len(lines)-len(buf)))); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("how=decompress", func(b *testing.B) {
		b.SetBytes(int64(len(lines)))
		for b.Loop() {
			if _, err := decompress(file); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("how=open", func(b *testing.B) {
		for b.Loop() {
			reader(b, file)
		}
	})
}
