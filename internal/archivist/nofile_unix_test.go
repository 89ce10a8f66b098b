//go:build unix

package archivist_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/archivist"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// A directory under the name of an archive keeps nobody from archiving the others.
func TestDirectoryAsArchive(t *testing.T) {
	layout, err := segment.LayoutOf(filepath.Join(t.TempDir(), "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint32(4) {
		err = errors.Join(err, os.WriteFile(layout.Path(layout.Numbered(n+1)), bytes.Repeat([]byte("{}\n"), 1000), 0o600))
	}
	if err = errors.Join(err, os.Mkdir(layout.Path(layout.Rotated(1, true).Name), 0o700)); err != nil {
		t.Fatal(err)
	}
	done, err := archivist.Run(t.Context(), archivist.Options{FS: vfs.OS(), Layout: layout, Before: time.Now().Add(time.Hour)})
	if !errors.Is(err, archivist.ErrTwins) || !strings.Contains(err.Error(), "segment 1") {
		t.Errorf("error is %v, want %v of segment 1", err, archivist.ErrTwins)
	}
	if len(done) != 2 {
		t.Errorf("archived %v, want segments 2 and 3", done)
	}
	if _, err := os.Stat(layout.Path(layout.Numbered(1))); err != nil {
		t.Errorf("the segment: %v", err)
	}
}
