package etch_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/etch-audit/etch"
)

// TestReaderCommitFile cuts the active segment of a log that was not closed, as a
// loss of power does: readers see what was acknowledged, before any writer comes.
func TestReaderCommitFile(t *testing.T) {
	home := t.TempDir()
	l, err := etch.Create(filepath.Join(home, "audit.log"), &etch.Options{Rotate: etch.BySize}) // one segment, also at midnight
	if err != nil {
		t.Fatal(err)
	}
	const events = 20
	for range events {
		if _, err := l.Append(t.Context(), &etch.Event{Type: etch.CommandExecution}); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"audit.log", "audit.state", "audit.commit"} {
		b, err := os.ReadFile(filepath.Join(home, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "audit.log")
	if n, err := count(t, path); n != events || err != nil {
		t.Fatalf("read %d events, %v, want %d", n, err, events)
	}
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, info.Size()-700)
	}
	if err != nil {
		t.Fatal(err)
	}
	if n, err := count(t, path); n != events || err != nil {
		t.Errorf("cut: read %d events, %v, want %d", n, err, events)
	}
	if err := os.Remove(filepath.Join(dir, "audit.commit")); err != nil {
		t.Fatal(err)
	}
	if n, err := count(t, path); n == events {
		t.Errorf("cut, without the commit file: read %d events, %v: the test shows nothing", n, err)
	}
}

// count returns how many events a reader finds.
func count(t *testing.T, path string) (n int, err error) {
	t.Helper()
	r, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range r.Records(t.Context(), etch.Query{}) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
