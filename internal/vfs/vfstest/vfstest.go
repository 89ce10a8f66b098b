// Package vfstest holds the tests that every [vfs.FS] must pass.
package vfstest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/vfs"
)

// TestFS tests fsys inside dir, an existing and empty directory of it.
func TestFS(t *testing.T, fsys vfs.FS, dir string) {
	t.Helper()
	tests := []struct {
		name string
		test func(*testing.T, suite)
	}{
		{"open flags", testOpenFlags},
		{"directories are no files", testOpenDirectory},
		{"read and write", testReadWrite},
		{"holes and truncation", testTruncate},
		{"closed file", testClosed},
		{"rename over", testRename},
		{"remove", testRemove},
		{"linked", testLinked},
		{"linked, directory renamed", testLinkedDirectory},
		{"directories", testDirectories},
		{"stat", testStat},
		{"lock exclusion", testLockExclusion},
		{"lock timeout", testLockTimeout},
		{"lock misuse", testLockMisuse},
		{"lock in turn", testLockInTurn},
		{"lock out of turn", testLockOutOfTurn},
		{"lock counter", testLockCounter},
		{"lock file replaced", testLockReplaced},
		{"lock file replaced while waiting", testLockReplacedWhileWaiting},
		{"lock directory gone", testLockDirectoryGone},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sub := filepath.Join(dir, string(rune('a'+i)))
			if err := fsys.Mkdir(sub, 0o700); err != nil {
				t.Fatal(err)
			}
			tt.test(t, suite{fsys, sub})
		})
	}
}

// A suite is a file system and the directory of one test in it.
type suite struct {
	fs  vfs.FS
	dir string
}

func (s suite) path(name string) string { return filepath.Join(s.dir, name) }

func (s suite) open(t *testing.T, name string, flag int) vfs.File {
	t.Helper()
	f, err := s.fs.OpenFile(s.path(name), flag, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
			t.Error(err)
		}
	})
	return f
}

// create makes a file with the given content.
func (s suite) create(t *testing.T, name, content string) vfs.File {
	t.Helper()
	f := s.open(t, name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	writeAt(t, f, content, 0)
	return f
}

func (s suite) openError(t *testing.T, name string, flag int, want error) {
	t.Helper()
	f, err := s.fs.OpenFile(s.path(name), flag, 0o600)
	if !errors.Is(err, want) {
		t.Errorf("opening %s with flags %#x: got error %v, want %v", name, flag, err, want)
	}
	if err == nil {
		closeNow(t, f)
	}
}

func (s suite) wantContent(t *testing.T, name, want string) {
	t.Helper()
	f, err := s.fs.OpenFile(s.path(name), os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, f)
	wantContent(t, f, want)
}

func wantContent(t *testing.T, f vfs.File, want string) {
	t.Helper()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("content (-got +want):\n%s", diff)
	}
}

func (s suite) rename(t *testing.T, from, to string) {
	t.Helper()
	if err := s.fs.Rename(s.path(from), s.path(to)); err != nil {
		t.Fatal(err)
	}
}

func (s suite) remove(t *testing.T, name string) {
	t.Helper()
	if err := s.fs.Remove(s.path(name)); err != nil {
		t.Fatal(err)
	}
}

func writeAt(t *testing.T, f vfs.File, content string, off int64) {
	t.Helper()
	n, err := f.WriteAt([]byte(content), off)
	if n != len(content) || err != nil {
		t.Fatalf("WriteAt(%q, %d): got %d, %v; want %d, nil", content, off, n, err, len(content))
	}
}

func closeNow(t *testing.T, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}
