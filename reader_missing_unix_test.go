//go:build unix

package etch

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe, a socket, and a link to something else than a file are no segments, and a
// link to a file is one.
func TestNoFileOfAnyKind(t *testing.T) {
	for kind, c := range map[string]struct {
		put     func(name, kept string) error
		told    string
		records int
	}{
		"pipe": {func(name, _ string) error { return syscall.Mkfifo(name, 0o600) }, "audit.000002.log", 15},
		"socket": {func(name, _ string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
			if err == nil {
				l.SetUnlinkOnClose(false)
				err = l.Close()
			}
			return err
		}, "audit.000002.log", 15},
		"link to a directory": {func(name, kept string) error { return os.Symlink(filepath.Dir(kept), name) }, "audit.000002.log", 15},
		"link to nothing":     {func(name, kept string) error { return os.Symlink(kept+".no", name) }, "audit.000002.log", 15},
		"link to a file":      {func(name, kept string) error { return os.Symlink(kept, name) }, "", 20},
	} {
		path := missingLog(t)
		t.Chdir(filepath.Dir(path)) // the name of a socket must be short
		name, kept := "audit.000002.log", filepath.Join(filepath.Dir(path), "kept")
		if err := errors.Join(os.Rename(name, kept), c.put(name, kept)); err != nil {
			t.Fatal(err)
		}
		for _, q := range []Query{{}, {Limit: 1}, {Limit: 1, Reverse: true}} {
			told, records := toldOf(t, path, q)
			if got := strings.Join(told, " "); got != c.told || q.Limit == 0 && records != c.records {
				t.Errorf("%s, %+v: %d records, want %d; told %q, want %q", kind, q, records, c.records, got, c.told)
			}
		}
	}
}
