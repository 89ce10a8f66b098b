package vfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/etch-audit/etch/internal/vfs"
)

func TestDirFS(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"audit.log", "sub/file"} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := fstest.TestFS(vfs.DirFS(dir), "audit.log", "sub", "sub/file"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]error{"missing": fs.ErrNotExist, "../audit.log": fs.ErrInvalid, "/audit.log": fs.ErrInvalid, "audit.log/x": nil} {
		_, err := vfs.DirFS(dir).Open(name)
		if e, ok := errors.AsType[*fs.PathError](err); !ok || e.Path != name || (want != nil && !errors.Is(err, want)) {
			t.Errorf("Open(%q): got error %v, want %v, of that path", name, err, want)
		}
	}
}

// A file that is open can be renamed and replaced, and is read on.
func TestDirFSShares(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := vfs.DirFS(dir).Open("audit.log")
	if err != nil {
		t.Fatal(err)
	}
	if err := vfs.OS().Rename(path, filepath.Join(dir, "audit.000001.log")); err != nil {
		t.Error(err)
	}
	if err := vfs.OS().Remove(filepath.Join(dir, "audit.000001.log")); err != nil {
		t.Error(err)
	}
	if _, ok := f.(io.ReaderAt); !ok {
		t.Errorf("%T is no io.ReaderAt", f)
	}
	text, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil || string(text) != "before" {
		t.Errorf("got %q, %v, want %q", text, err, "before")
	}
}
