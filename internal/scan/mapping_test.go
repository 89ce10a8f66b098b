//go:build unix

package scan_test

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/logtest"
	"github.com/etch-audit/etch/internal/needle"
	"github.com/etch-audit/etch/internal/scan"
	"github.com/etch-audit/etch/internal/vfs"
)

// A counted file tells how much of it is read rather than mapped.
type counted struct {
	vfs.File
	read atomic.Int64
	maps atomic.Int64

	scattered bool
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.read.Add(int64(len(p)))
	return c.File.ReadAt(p, off)
}

func (c *counted) Map(offset int64, length int) (*vfs.Mapping, error) {
	c.maps.Add(1)
	return c.File.(vfs.Mapper).Map(offset, length)
}

// Scattered says what is to be tested, not how the system holds the file today.
func (c *counted) Scattered(*vfs.Mapping) bool { return c.scattered }

// log is about 12 MB of events.
var log = sync.OnceValue(func() []byte { return logtest.AppendLines(nil, 7, 0, 24_000) })

var rare = []byte(logtest.User(300))

func TestMapped(t *testing.T) {
	text := log()
	for _, reverse := range []bool{false, true} {
		file := &counted{File: open(t, text)}
		opt := scan.Options{Finder: needle.New([][]byte{rare}), Reverse: reverse}
		want := expect(bytes.NewReader(text), 0, int64(len(text)), reverse, string(rare))
		if len(want.Hits) == 0 {
			t.Fatal("nothing to be found")
		}
		if diff := want.diff(run(t, file, 0, int64(len(text)), opt, keep(string(rare)))); diff != "" {
			t.Errorf("reverse %t (-want +got):\n%.1000s", reverse, diff)
		}
		if read := file.read.Load(); read > 128<<10 || file.maps.Load() != 1 {
			t.Errorf("%d bytes read and mapped %d times, want all but the first block in one mapping", read, file.maps.Load())
		}
	}
}

// TestFiles holds that what follows a file that is better read is read without being
// asked about, and not for ever.
func TestFiles(t *testing.T) {
	text := log()[:200<<10]
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	want := expect(bytes.NewReader(text), 0, int64(len(text)), false, string(rare))
	opt := scan.Options{Finder: needle.New([][]byte{rare}), Files: new(scan.Files)}
	maps := 0
	for n := range 17 {
		file := &counted{File: open(t, text), scattered: true}
		if diff := want.diff(run(t, file, 0, int64(len(text)), opt, keep(string(rare)))); diff != "" {
			t.Errorf("file %d (-want +got):\n%.1000s", n, diff)
		}
		if mapped := file.maps.Load() == 1; mapped != (n%8 == 0) {
			t.Errorf("file %d is mapped: %t", n, mapped)
		}
		maps += int(file.maps.Load())
	}
	if maps != 3 {
		t.Errorf("%d of 17 files were mapped, want 3", maps)
	}
	file := &counted{File: open(t, text)}
	opt.Files = new(scan.Files)
	for range 3 {
		run(t, file, 0, int64(len(text)), opt, keep(string(rare)))
	}
	if n := file.maps.Load(); n != 3 {
		t.Errorf("a file that is better mapped is mapped %d times of 3", n)
	}
}

func TestScattered(t *testing.T) {
	text := log()
	for _, reverse := range []bool{false, true} {
		for _, workers := range []int{1, 2} {
			file := &counted{File: open(t, text), scattered: true}
			opt := scan.Options{Finder: needle.New([][]byte{rare}), Reverse: reverse, Workers: workers}
			want := expect(bytes.NewReader(text), 0, int64(len(text)), reverse, string(rare))
			if diff := want.diff(run(t, file, 0, int64(len(text)), opt, keep(string(rare)))); diff != "" {
				t.Errorf("reverse %t, %d workers (-want +got):\n%.1000s", reverse, workers, diff)
			}
			if read := file.read.Load(); read < int64(len(text)) {
				t.Errorf("%d bytes read, want all %d", read, len(text))
			}
		}
	}
}

// TestCut cuts a file while it is searched in its mapping, by a little, which
// leaves zeros in the last page, and by a lot, which leaves no pages.
func TestCut(t *testing.T) {
	text := log()
	finder := needle.New([][]byte{rare})
	for _, size := range []int{len(text) - 1, len(text) - 1000, 10 << 20, 10<<20 + 777, 9<<20 + 4096} {
		for _, workers := range []int{1, 2} {
			file := &counted{File: open(t, text)}
			match := func(_ int, line []byte, offset int64) (hit, bool, error) {
				if offset > 100<<10 { // the mapping is open
					if err := file.Truncate(int64(size)); err != nil {
						return hit{}, false, err
					}
				}
				return keep(string(rare))(0, line, offset)
			}
			got := run(t, file, 0, int64(len(text)), scan.Options{Finder: finder, Workers: workers}, match)
			// What was searched before the cut may be given, nothing else.
			whole := expect(bytes.NewReader(text), 0, int64(len(text)), false, string(rare))
			want := expect(bytes.NewReader(text[:size]), 0, int64(size), false, string(rare))
			if got.End != int64(bytes.LastIndexByte(text[:size], '\n')+1) || got.Error != "partial" {
				t.Errorf("cut to %d with %d workers: %s error at %d, want that of the cut", size, workers, got.Error, got.End)
			}
			if n := len(got.Hits); n < len(want.Hits) || n > len(whole.Hits) || !cmp.Equal(got.Hits, whole.Hits[:n]) {
				t.Errorf("cut to %d with %d workers: %d hits, want the %d of the rest", size, workers, n, len(want.Hits))
			}
		}
	}
}

// A torn source has a mapping with nothing behind most of it, as a disk that
// fails would have.
type torn struct {
	vfs.File
	short vfs.File
}

func (f torn) Map(offset int64, length int) (*vfs.Mapping, error) {
	return f.short.(vfs.Mapper).Map(offset, length)
}

func TestFault(t *testing.T) {
	text := log()
	src := torn{open(t, text), open(t, text[:3<<20])}
	for _, reverse := range []bool{false, true} {
		opt := scan.Options{Finder: needle.New([][]byte{rare}), Reverse: reverse}
		want := expect(bytes.NewReader(text), 0, int64(len(text)), reverse, string(rare))
		if diff := want.diff(run(t, src, 0, int64(len(text)), opt, keep(string(rare)))); diff != "" {
			t.Errorf("reverse %t (-want +got):\n%.1000s", reverse, diff)
		}
	}
}

func (f torn) Scattered(*vfs.Mapping) bool { return false }

// A shrinking source says that it is smaller than it was, and its mapping has
// zeros in place of all other characters beyond that.
type shrinking struct {
	torn
	size int64
}

func (f shrinking) Size() (int64, error) { return f.size, nil }

func TestZeros(t *testing.T) {
	const size = 4 << 20
	text := log()
	spoiled := bytes.Clone(text)
	for i := size; i < len(spoiled); i++ {
		if spoiled[i] != '\n' {
			spoiled[i] = 0
		}
	}
	src := shrinking{torn{open(t, text), open(t, spoiled)}, size}
	opt := scan.Options{Finder: needle.New([][]byte{rare})}
	want := expect(bytes.NewReader(text), 0, int64(len(text)), false, string(rare))
	if diff := want.diff(run(t, src, 0, int64(len(text)), opt, keep(string(rare)))); diff != "" {
		t.Errorf("(-want +got):\n%.1000s", diff)
	}
}

// An unmappable source has a Map that fails.
type unmappable struct{ vfs.File }

func (unmappable) Map(int64, int) (*vfs.Mapping, error) { return nil, errors.New("no room") }

func (unmappable) Scattered(*vfs.Mapping) bool { return false }

func TestUnmappable(t *testing.T) {
	text := log()
	opt := scan.Options{Finder: needle.New([][]byte{rare})}
	want := expect(bytes.NewReader(text), 0, int64(len(text)), false, string(rare))
	if diff := want.diff(run(t, unmappable{open(t, text)}, 0, int64(len(text)), opt, keep(string(rare)))); diff != "" {
		t.Errorf("(-want +got):\n%.1000s", diff)
	}
}
