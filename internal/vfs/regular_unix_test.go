//go:build unix

package vfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/etch-audit/etch/internal/vfs"
)

// Only a regular file is read; nothing else is waited for.
func TestReadRegular(t *testing.T) {
	dir := t.TempDir()
	file, empty, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "empty"), filepath.Join(dir, "pipe")
	err := errors.Join(os.WriteFile(file, []byte("text"), 0o600), os.WriteFile(empty, nil, 0o600), syscall.Mkfifo(pipe, 0o600),
		os.Symlink(file, filepath.Join(dir, "link")), os.Symlink(pipe, filepath.Join(dir, "to-pipe")))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"file": "text", "link": "text", "empty": ""} {
		if text, err := vfs.ReadRegular(filepath.Join(dir, name)); err != nil || text == nil || string(text) != want {
			t.Errorf("%s: got %q, %v, want %q", name, text, err, want)
		}
	}
	for name, want := range map[string]error{"pipe": vfs.ErrNotRegular, "to-pipe": vfs.ErrNotRegular, ".": vfs.ErrNotRegular, "none": fs.ErrNotExist} {
		if text, err := vfs.ReadRegular(filepath.Join(dir, name)); !errors.Is(err, want) {
			t.Errorf("%s: got %q, %v, want %v", name, text, err, want)
		}
	}
	if text, err := vfs.ReadRegular(os.DevNull); !errors.Is(err, vfs.ErrNotRegular) {
		t.Errorf("a device: got %q, %v, want %v", text, err, vfs.ErrNotRegular)
	}
}

// Whoever can write the log's directory, and not the files of the log's user, has
// put a link to one of these where a file is going to be made: it keeps what it has.
func TestEmptiesNoLinkedFile(t *testing.T) {
	dir := t.TempDir()
	victim, link := filepath.Join(dir, "victim"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(victim, []byte("text"), 0o600), os.Symlink(victim, link)); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []int{os.O_RDWR | os.O_CREATE | os.O_TRUNC, os.O_RDWR | vfs.NoLink, os.O_RDWR | os.O_CREATE | vfs.NoLink, os.O_RDONLY | vfs.NoLink} {
		if f, err := vfs.OS().OpenFile(link, flag, 0o600); !errors.Is(err, vfs.ErrLink) {
			t.Errorf("flags %#x: got %v, want %v", flag, err, vfs.ErrLink)
			if err == nil {
				t.Error("a link was followed", f.Close())
			}
		}
		f, err := vfs.OS().OpenFile(filepath.Join(dir, "none"), flag&^(os.O_CREATE|os.O_TRUNC), 0o600)
		if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, vfs.ErrLink) {
			t.Errorf("flags %#x, of no file: got %v, %v, want %v", flag, f, err, fs.ErrNotExist)
		}
	}
	if f, err := vfs.OS().OpenFile(victim, os.O_RDWR|vfs.NoLink, 0); err != nil {
		t.Errorf("a file: %v", err)
	} else if err := f.Close(); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "text" {
		t.Errorf("the file that the link leads to: got %q, %v, want %q", text, err, "text")
	}
}
