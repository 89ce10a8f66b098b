//go:build unix

package vfs_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/etch-audit/etch/internal/vfs"
)

func TestMap(t *testing.T) {
	content := make([]byte, 100_000)
	for i := range content {
		content[i] = byte(i / 7)
	}
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := vfs.OS().OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	mapper := f.(vfs.Mapper)
	var mappings []*vfs.Mapping
	offsets := []int{0, 1, 4095, 4096, 70_001, len(content) - 1}
	for _, offset := range offsets {
		m, err := mapper.Map(int64(offset), len(content)-offset)
		if err != nil {
			t.Fatalf("Map(%d): %v", offset, err)
		}
		mappings = append(mappings, m)
		mapper.Scattered(m) // either: what matters is that it does no harm
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for i, m := range mappings { // they outlive the file
		if !bytes.Equal(m.Bytes(), content[offsets[i]:]) {
			t.Errorf("the mapping from %d is not the file's content", offsets[i])
		}
		if err := m.Unmap(); err != nil {
			t.Error(err)
		}
	}
	if _, err := mapper.Map(0, 1); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Map of a closed file: error is %v, want %v", err, fs.ErrClosed)
	}
}

// TestScatteredCut has a file end at every sample, as if it were cut meanwhile: some are of
// a copy, which ends early, and others of the mapping, where to touch them is a fault.
func TestScatteredCut(t *testing.T) {
	f := openOS(t, filepath.Join(t.TempDir(), "file"))
	mapper := f.(vfs.Mapper)
	const samples, length = 16, 4 << 20
	for n := range samples {
		if err := f.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(make([]byte, n*length/samples), 0); err != nil {
			t.Fatal(err)
		}
		m, err := mapper.Map(0, length)
		if err != nil {
			t.Fatal(err)
		}
		if mapper.Scattered(m) {
			t.Errorf("%d samples: nobody can tell how what is not there is held", n)
		}
		if err := m.Unmap(); err != nil {
			t.Error(err)
		}
	}
}
