package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/bench/events"
	"github.com/etch-audit/etch/internal/archive"
)

// An archive has at most a sixth of the bytes of a signed segment, and a ninth
// of an unsigned one's. A MAC alone is 32 bytes that nothing makes shorter.
func TestArchiveRatio(t *testing.T) {
	for _, c := range []struct {
		unsigned bool
		want     float64
	}{{false, 6}, {true, 9}} {
		path := filepath.Join(t.TempDir(), "audit.log")
		l, err := etch.Create(path, &etch.Options{Unsigned: c.unsigned, Rotate: etch.BySize, NoIndex: true})
		if err != nil {
			t.Fatal(err)
		}
		s := events.New(events.Options{Seed: 1, Count: 5_000_000})
		for range 6 {
			if _, err := l.AppendBatch(t.Context(), s.Take(5000)); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		plain, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		if _, err := archive.Write(&packed, bytes.NewReader(plain), int64(len(plain))); err != nil {
			t.Fatal(err)
		}
		got := float64(len(plain)) / float64(packed.Len())
		t.Logf("unsigned %v: %d bytes become %d, 1/%.2f", c.unsigned, len(plain), packed.Len(), got)
		if got < c.want {
			t.Errorf("unsigned %v: an archive has 1/%.2f of its segment, want 1/%v at most", c.unsigned, got, c.want)
		}
	}
}
