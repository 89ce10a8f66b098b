package vfstest

import (
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/vfs"
)

func testOpenFlags(t *testing.T, s suite) {
	s.openError(t, "f", os.O_RDONLY, fs.ErrNotExist)
	s.openError(t, "f", os.O_RDWR, fs.ErrNotExist)
	s.openError(t, "none/f", os.O_RDWR|os.O_CREATE, fs.ErrNotExist)
	closeNow(t, s.create(t, "f", "content"))
	s.openError(t, "f", os.O_RDWR|os.O_CREATE|os.O_EXCL, fs.ErrExist)
	for _, flag := range []int{
		os.O_WRONLY, os.O_RDWR | os.O_APPEND, os.O_RDWR | os.O_SYNC,
		os.O_RDONLY | os.O_TRUNC, os.O_RDWR | os.O_EXCL,
	} {
		s.openError(t, "f", flag, fs.ErrInvalid)
	}
	closeNow(t, s.open(t, "f", os.O_RDWR|os.O_CREATE))
	s.wantContent(t, "f", "content")

	ro := s.open(t, "f", os.O_RDONLY)
	if n, err := ro.WriteAt([]byte("x"), 0); n != 0 || err == nil {
		t.Errorf("WriteAt on a file open for reading: got %d, %v; want 0 and an error", n, err)
	}
	if err := ro.Truncate(0); err == nil {
		t.Error("Truncate on a file open for reading: got no error")
	}
	closeNow(t, s.open(t, "f", os.O_RDWR|os.O_TRUNC))
	wantContent(t, ro, "")
}

func testOpenDirectory(t *testing.T, s suite) {
	if err := s.fs.Mkdir(s.path("d"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREATE} {
		if f, err := s.fs.OpenFile(s.path("d"), flag, 0o600); err == nil {
			t.Errorf("a directory opened as a file with flags %#x: got no error", flag)
			closeNow(t, f)
		}
	}
	if l, err := s.fs.OpenLock(s.path("d")); err == nil {
		t.Error("a directory opened as a lock: got no error")
		closeNow(t, l)
	}
}

func testReadWrite(t *testing.T, s suite) {
	f := s.create(t, "f", "hello, world")
	writeAt(t, f, "H", 0)
	writeAt(t, f, "W", 7)
	writeAt(t, f, strings.Repeat("x", 10_000), 12)
	wantContent(t, f, "Hello, World"+strings.Repeat("x", 10_000))
	writeAt(t, f, "", 1<<20)

	other := s.open(t, "f", os.O_RDONLY)
	buf := make([]byte, 5)
	if n, err := other.ReadAt(buf, 7); n != 5 || err != nil || string(buf) != "World" {
		t.Errorf("ReadAt(5, 7): got %d, %v, %q; want 5, nil, World", n, err, buf)
	}
	if n, err := other.ReadAt(buf, 10_009); n != 3 || err != io.EOF {
		t.Errorf("ReadAt over the end: got %d, %v; want 3, io.EOF", n, err)
	}
	if n, err := other.ReadAt(buf, 20_000); n != 0 || err != io.EOF {
		t.Errorf("ReadAt behind the end: got %d, %v; want 0, io.EOF", n, err)
	}
	if _, err := other.ReadAt(buf, -1); err == nil {
		t.Error("ReadAt at a negative offset: got no error")
	}
	if _, err := f.WriteAt(buf, -1); err == nil {
		t.Error("WriteAt at a negative offset: got no error")
	}
	if err := f.Sync(); err != nil {
		t.Error(err)
	}
}

func testTruncate(t *testing.T, s suite) {
	f := s.create(t, "f", "begin")
	writeAt(t, f, "end", 9_000)
	want := "begin" + strings.Repeat("\x00", 8_995) + "end"
	wantContent(t, f, want)
	truncate(t, f, 2)
	wantContent(t, f, "be")
	// What was cut off must not come back.
	truncate(t, f, 9_003)
	wantContent(t, f, "be"+strings.Repeat("\x00", 9_001))
	truncate(t, f, 5_000)
	writeAt(t, f, "!", 5_001)
	wantContent(t, f, "be"+strings.Repeat("\x00", 4_999)+"!")
	if err := f.Truncate(-1); err == nil {
		t.Error("Truncate(-1): got no error")
	}
}

func truncate(t *testing.T, f vfs.File, size int64) {
	t.Helper()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Size(); got != size || err != nil {
		t.Fatalf("Size after Truncate(%d): got %d, %v", size, got, err)
	}
}

func testClosed(t *testing.T, s suite) {
	f := s.create(t, "f", "x")
	closeNow(t, f)
	_, err := f.ReadAt(make([]byte, 1), 0)
	wantError(t, "ReadAt", err, fs.ErrClosed)
	_, err = f.WriteAt([]byte("y"), 0)
	wantError(t, "WriteAt", err, fs.ErrClosed)
	_, err = f.Size()
	wantError(t, "Size", err, fs.ErrClosed)
	_, err = f.Linked()
	wantError(t, "Linked", err, fs.ErrClosed)
	wantError(t, "Truncate", f.Truncate(0), fs.ErrClosed)
	wantError(t, "Sync", f.Sync(), fs.ErrClosed)
	wantError(t, "Close", f.Close(), fs.ErrClosed)
}

func testRename(t *testing.T, s suite) {
	a, b := s.create(t, "a", "A"), s.create(t, "b", "B")
	s.rename(t, "a", "b")
	s.wantContent(t, "b", "A")
	wantContent(t, a, "A")
	// The replaced file lives on for those who have it open.
	wantContent(t, b, "B")
	writeAt(t, a, "2", 1)
	s.wantContent(t, "b", "A2")
	s.openError(t, "a", os.O_RDONLY, fs.ErrNotExist)
	wantError(t, "Rename of nothing", s.fs.Rename(s.path("a"), s.path("b")), fs.ErrNotExist)
	wantError(t, "Rename to nowhere", s.fs.Rename(s.path("b"), s.path("none/b")), fs.ErrNotExist)
	s.rename(t, "b", "b")
	s.wantContent(t, "b", "A2")
}

func testRemove(t *testing.T, s suite) {
	f := s.create(t, "f", "here")
	s.remove(t, "f")
	wantContent(t, f, "here")
	s.openError(t, "f", os.O_RDONLY, fs.ErrNotExist)
	wantError(t, "Remove of nothing", s.fs.Remove(s.path("f")), fs.ErrNotExist)
	s.create(t, "f", "again")
	wantContent(t, f, "here")
	s.wantContent(t, "f", "again")
}

func testLinked(t *testing.T, s suite) {
	f := s.create(t, "f", "")
	wantLinked(t, "as opened", f, true)
	s.rename(t, "f", "g")
	wantLinked(t, "renamed", f, false)
	other := s.create(t, "f", "")
	wantLinked(t, "replaced", f, false)
	wantLinked(t, "the replacement", other, true)
	s.rename(t, "g", "f")
	wantLinked(t, "renamed back", f, true)
	wantLinked(t, "the overwritten", other, false)
	s.remove(t, "f")
	wantLinked(t, "removed", f, false)
}

func testLinkedDirectory(t *testing.T, s suite) {
	if runtime.GOOS == "windows" {
		t.Skip("a directory with an open file in it cannot be renamed")
	}
	if err := s.fs.Mkdir(s.path("d"), 0o700); err != nil {
		t.Fatal(err)
	}
	inner := s.create(t, "d/f", "")
	s.rename(t, "d", "e")
	wantLinked(t, "directory renamed", inner, false)
	s.create(t, "d", "")
	wantLinked(t, "directory is a file now", inner, false)
}

func wantLinked(t *testing.T, what string, f vfs.File, want bool) {
	t.Helper()
	if got, err := f.Linked(); got != want || err != nil {
		t.Errorf("Linked, %s: got %t, %v; want %t", what, got, err, want)
	}
}

func testDirectories(t *testing.T, s suite) {
	for _, name := range []string{"c", "a", "b"} {
		closeNow(t, s.create(t, name, name))
	}
	if err := s.fs.Mkdir(s.path("B"), 0o700); err != nil {
		t.Fatal(err)
	}
	wantError(t, "Mkdir over a file", s.fs.Mkdir(s.path("a"), 0o700), fs.ErrExist)
	wantError(t, "Mkdir nowhere", s.fs.Mkdir(s.path("none/d"), 0o700), fs.ErrNotExist)
	entries, err := s.fs.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() {
			name += "/"
		}
		got = append(got, name)
	}
	if diff := cmp.Diff(got, []string{"B/", "a", "b", "c"}); diff != "" {
		t.Errorf("ReadDir (-got +want):\n%s", diff)
	}
	if err := s.fs.SyncDir(s.dir); err != nil {
		t.Error(err)
	}
	wantError(t, "SyncDir of nothing", s.fs.SyncDir(s.path("none")), fs.ErrNotExist)
	_, err = s.fs.ReadDir(s.path("none"))
	wantError(t, "ReadDir of nothing", err, fs.ErrNotExist)

	closeNow(t, s.create(t, "B/f", ""))
	if err := s.fs.Remove(s.path("B")); err == nil {
		t.Error("a directory that is not empty was removed")
	}
	s.remove(t, "B/f")
	s.remove(t, "B")
	_, err = s.fs.Stat(s.path("B"))
	wantError(t, "Stat of a removed directory", err, fs.ErrNotExist)
}

func testStat(t *testing.T, s suite) {
	s.create(t, "f", "four")
	info, err := s.fs.Stat(s.path("f"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Name() != "f" || info.Size() != 4 || !info.Mode().IsRegular() || info.ModTime().IsZero() {
		t.Errorf("Stat: got %s, %d bytes, %v, %v; want f, 4 bytes, a regular file and its time",
			info.Name(), info.Size(), info.Mode(), info.ModTime())
	}
	info, err = s.fs.Stat(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if !info.IsDir() {
		t.Errorf("Stat of a directory: got mode %v", info.Mode())
	}
	_, err = s.fs.Stat(s.path("none"))
	wantError(t, "Stat of nothing", err, fs.ErrNotExist)
}
