//go:build unix

package etch

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/commit"
	"github.com/etch-audit/etch/internal/vfs"
)

// linked puts a link to a victim of so many bytes in the place of a file, and returns
// what says whether the victim is as it was.
func linked(t *testing.T, name string, size int) (kept func() bool) {
	t.Helper()
	victim := filepath.Join(t.TempDir(), "victim")
	text := bytes.Repeat([]byte("x"), size)
	if err := os.Rename(name, name+".kept"); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(victim, text, 0o600), os.Symlink(victim, name)); err != nil {
		t.Fatal(err)
	}
	return func() bool {
		got, err := os.ReadFile(victim)
		return err == nil && bytes.Equal(got, text)
	}
}

// Whoever can write the log's directory puts a link in the place of what the log writes
// to again and again: no file of the log's user is overwritten. The active segment may
// be a link.
func TestWritesToNoLink(t *testing.T) {
	path := missingLog(t)
	stem := strings.TrimSuffix(path, ".log")
	away := filepath.Join(t.TempDir(), "audit.log")
	if err := errors.Join(os.Rename(path, away), os.Symlink(away, path)); err != nil {
		t.Fatal(err)
	}
	var notes []string
	opt := &Options{Rotate: BySize, NoIndex: true, NoArchive: true, Notify: func(n Notice) { notes = append(notes, n.Text) }}
	kept := linked(t, stem+".commit", commit.Size)
	log, err := Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := log.Append(t.Context(), &Event{Type: CommandExecution}); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if told := strings.Join(notes, "; "); !kept() || !strings.Contains(told, vfs.ErrLink.Error()) {
		t.Errorf("a link as commit file: what it leads to is kept: %v; told: %q", kept(), told)
	}

	state := stem + ".state"
	kept = linked(t, state, 100_000)
	if err := openAndClose(path, opt); !errors.Is(err, vfs.ErrLink) || !kept() {
		t.Errorf("a link as state: what it leads to is kept: %v; got %v, want %v", kept(), err, vfs.ErrLink)
	}
	if err := errors.Join(os.Remove(state), os.Symlink(state+".kept", state)); err != nil {
		t.Fatal(err)
	}
	if err := openAndClose(path, opt); !errors.Is(err, vfs.ErrLink) {
		t.Errorf("a link to the state: got %v, want %v", err, vfs.ErrLink)
	}
	if err := os.Rename(state+".kept", state); err != nil {
		t.Fatal(err)
	}
	if err := openAndClose(path, opt); err != nil {
		t.Errorf("once the link is gone: %v", err)
	}
}

func openAndClose(path string, opt *Options) error {
	log, err := Open(path, opt)
	if err != nil {
		return err
	}
	return log.Close()
}
