package etch

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/etch-audit/etch/internal/archive"
)

// hostileArchive returns a file whose seek table speaks of so many frames, none of
// which is one. What it says is in its own form: docs/spec/log-format.md.
func hostileArchive(frames int) []byte {
	le := binary.LittleEndian
	const digestFrame = 8 + 8 + sha256.Size
	table := le.AppendUint32(le.AppendUint32(nil, 16), 0)
	for range frames {
		table = le.AppendUint32(le.AppendUint32(table, 1), 1)
	}
	table = le.AppendUint32(le.AppendUint32(table, digestFrame), 0)
	table = append(le.AppendUint32(table, uint32(frames+2)), 0)
	table = le.AppendUint32(table, 0x8F92EAB1)
	sum := sha256.Sum256(table)
	file := append(le.AppendUint32(le.AppendUint32(nil, 0x184D2A57), 8), "etchseek"...)
	file = append(file, make([]byte, frames)...)
	file = le.AppendUint32(le.AppendUint32(file, 0x184D2A57), 8+sha256.Size)
	file = append(append(file, "etchseek"...), sum[:]...)
	file = le.AppendUint32(le.AppendUint32(file, 0x184D2A5E), uint32(len(table)))
	return append(file, table...)
}

// TestHostileArchive reads an archive of damage after damage. Each place is told,
// and no stack grows with them.
func TestHostileArchive(t *testing.T) {
	const frames = 100_000
	l, path := archivedLog(t, 8000)
	if _, err := l.Archive(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(filepath.Dir(path), "audit.000001.log.zst")
	if err := os.WriteFile(name, hostileArchive(frames), 0o600); err != nil {
		t.Fatal(err)
	}
	defer debug.SetMaxStack(debug.SetMaxStack(4 << 20))
	for _, reverse := range []bool{false, true} {
		_, errs := seqs(t, path, Query{Reverse: reverse})
		if len(errs) != frames {
			t.Fatalf("reverse %v: got %d errors, want %d; the first is %v", reverse, len(errs), frames, errs[:min(1, len(errs))])
		}
		for _, err := range errs {
			if _, ok := errors.AsType[*archive.DamageError](err); !ok {
				t.Fatalf("reverse %v: got %v, want a place that cannot be decompressed", reverse, err)
			}
		}
	}
}
