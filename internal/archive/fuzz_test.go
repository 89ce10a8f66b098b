package archive_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/etch-audit/etch/internal/archive"
)

// FuzzArchive reads any bytes as an archive. Nothing may panic or take more
// than its limits, and what a verifier accepts a reader must show.
func FuzzArchive(f *testing.F) {
	b := signedLines(rand.New(rand.NewPCG(1, 2)), 1100)
	f.Add(pack(f, b))
	_, file := small(f)
	f.Add(file)
	f.Add(pack(f, nil))
	for _, file := range foreignFiles(f, b) {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		const most = 16 << 20 // a few bytes can say that they are very many
		stream, err := archive.Decompress(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		want, streamErr := io.ReadAll(io.LimitReader(stream, most+1))
		if err := stream.Close(); err != nil {
			t.Fatal(err)
		}
		known(t, "Decompress", streamErr)
		if len(want) > most {
			return
		}
		r, err := archive.NewReader(bytes.NewReader(file), int64(len(file)))
		known(t, "NewReader", err)
		if err != nil {
			if streamErr == nil && !errors.Is(err, archive.ErrUnsupported) {
				t.Fatalf("Decompress reads %d bytes, NewReader: %v", len(want), err)
			}
			return
		}
		got := make([]byte, min(r.Size(), most))
		n, err := r.ReadAt(got, 0)
		known(t, "ReadAt", err)
		if streamErr == nil && (err != nil || r.Size() != int64(len(want)) || !bytes.Equal(got[:n], want)) {
			t.Fatalf("Decompress reads %d bytes; a reader %d of %d that are others, or %v", len(want), n, r.Size(), err)
		}
	})
}
