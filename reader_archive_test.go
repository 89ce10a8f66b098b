package etch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/archive"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// archivedLog makes a log of several rotated segments, each of several frames,
// and returns it, open, with its path.
func archivedLog(t *testing.T, events int) (*Log, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	// No seal comes by the clock: it would be a record more between two queries.
	l, err := Create(path, &Options{
		Rotate: BySize, MaxSize: 1 << 20, SealEvery: time.Hour,
		ArchiveAfter: time.Nanosecond, NoIndex: true, NoArchive: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	for n := 0; n < events; {
		var batch []*Event
		for range min(500, events-n) {
			n++
			batch = append(batch, &Event{
				Type:   CommandExecution,
				Actor:  &Actor{Username: fmt.Sprintf("@user%d", n%7)},
				Action: &Action{Command: fmt.Sprintf("go test ./pkg%d", n), Allowed: true, Risk: RiskLow},
			})
		}
		if _, err := l.AppendBatch(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	return l, path
}

// seqs returns the sequence numbers that a query gives, and its errors.
func seqs(t *testing.T, path string, q Query) (numbers []uint64, errs []error) {
	t.Helper()
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range r.Records(t.Context(), q) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		numbers = append(numbers, rec.Seq)
	}
	return numbers, errs
}

var archiveQueries = map[string]Query{
	"all":      {Control: true, AllPhases: true},
	"reverse":  {Control: true, AllPhases: true, Reverse: true},
	"user":     {User: "@user3"},
	"last ten": {Reverse: true, Limit: 10},
	"nobody":   {User: "@nobody"},
}

// A query gives the same of segments and of their archives, indexed or not.
func TestArchivedSegmentsGiveTheSame(t *testing.T) {
	l, path := archivedLog(t, 12_000)
	want := map[string][]uint64{}
	for name, q := range archiveQueries {
		var errs []error
		if want[name], errs = seqs(t, path, q); len(errs) > 0 {
			t.Fatal(errs)
		}
	}
	same := func(when string) {
		t.Helper()
		for name, q := range archiveQueries {
			got, errs := seqs(t, path, q)
			if len(errs) > 0 || !slices.Equal(got, want[name]) {
				t.Errorf("%s, %s: %d records, %v; want %d", when, name, len(got), errs, len(want[name]))
			}
		}
	}
	done, err := l.Archive(t.Context(), nil)
	if err != nil || len(done) < 2 {
		t.Fatalf("archived %v, %v; want at least 2 segments", done, err)
	}
	same("archived")
	if made, err := l.Index(t.Context(), nil); err != nil || made < 2 {
		t.Fatalf("indexed %d segments, %v", made, err)
	}
	q := archiveQueries["all"]
	q.Types = []EventType{CommandExecution}
	want["all"], _ = seqs(t, path, q)
	archiveQueries := map[string]Query{"user": archiveQueries["user"], "all": q}
	for name, q := range archiveQueries {
		got, errs := seqs(t, path, q)
		if len(errs) > 0 || !slices.Equal(got, want[name]) {
			t.Errorf("archived and indexed, %s: %d records, %v; want %d", name, len(got), errs, len(want[name]))
		}
	}
}

// What of an archive cannot be decompressed is told, once, and takes nothing
// with it.
func TestDamagedArchiveIsTold(t *testing.T) {
	l, path := archivedLog(t, 9_000)
	q := archiveQueries["all"]
	want, _ := seqs(t, path, q)
	if _, err := l.Archive(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(filepath.Dir(path), "audit.000001.log.zst")
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for what, at := range map[string][]int{
		"one frame": {len(file) / 2}, "two frames": {len(file) / 4, len(file) * 3 / 4}, "the first": {60},
	} {
		bad := bytes.Clone(file)
		for _, at := range at {
			bad[at] ^= 0xff
		}
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, reverse := range []bool{false, true} {
			q.Reverse = reverse
			got, errs := seqs(t, path, q)
			if reverse {
				slices.Reverse(got)
			}
			if len(errs) != len(at) || len(want)-len(got) != 512*len(at) || !slices.IsSorted(got) {
				t.Errorf("%s, reverse %v: %d of %d records, errors %v; want 512 less for each of %d", what, reverse, len(got), len(want), errs, len(at))
			}
			for _, err := range errs {
				e, ok := errors.AsType[*CorruptionError](err)
				if !ok || !errors.Is(err, archive.ErrDamaged) || e.Segment != 1 || !strings.HasSuffix(e.Name, ".zst") {
					t.Errorf("%s: error is %v", what, err)
				}
			}
		}
	}
}

// An archive of a kind that is not read is told of, and the rest is read.
func TestUnsupportedArchiveIsTold(t *testing.T) {
	l, path := archivedLog(t, 9_000)
	if _, err := l.Archive(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(filepath.Dir(path), "audit.000001.log.zst")
	if err := os.WriteFile(name, []byte("\x28\xb5\x2f\xfd\x01\x58\x07\x01\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, errs := seqs(t, path, archiveQueries["all"])
	if len(errs) != 1 || !errors.Is(errs[0], archive.ErrUnsupported) || len(got) < 3000 {
		t.Errorf("%d records, %v; want those of the other segments, and one error", len(got), errs)
	}
}

// Readers see every record while segments become archives.
func TestReadersWhileArchiving(t *testing.T) {
	l, path := archivedLog(t, 9_000)
	want, _ := seqs(t, path, archiveQueries["all"])
	stop := make(chan struct{})
	var reading sync.WaitGroup
	for range 2 {
		reading.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got, errs := seqs(t, path, archiveQueries["all"]); len(errs) > 0 || !slices.Equal(got, want) {
					t.Errorf("a reader gets %d records, %v; want %d", len(got), errs, len(want))
					return
				}
			}
		})
	}
	if _, err := l.Archive(t.Context(), nil); err != nil {
		t.Error(err)
	}
	close(stop)
	reading.Wait()
}

// A movingFS archives a segment at the moment when the directory was read, or,
// listed, lacks it in both forms.
type movingFS struct {
	vfs.FS
	after  func()
	hidden string
}

func (m *movingFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := m.FS.ReadDir(name)
	if m.after != nil {
		m.after()
		m.after = nil
	}
	hidden := m.hidden
	m.hidden = ""
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return hidden != "" && strings.HasPrefix(e.Name(), hidden) }), err
}

func TestArchivedBetweenListingAndOpening(t *testing.T) {
	for _, hide := range []bool{false, true} {
		l, path := archivedLog(t, 9_000)
		want, _ := seqs(t, path, archiveQueries["all"])
		layout, err := segment.LayoutOf(path)
		if err != nil {
			t.Fatal(err)
		}
		fsys := &movingFS{FS: vfs.OS()}
		if fsys.after = func() {
			if _, err := l.Archive(t.Context(), nil); err != nil {
				t.Error(err)
			}
		}; hide {
			fsys.hidden = "audit.000001"
		}
		r := &Reader{fs: fsys, layout: layout}
		var got []uint64
		for rec, err := range r.Records(t.Context(), archiveQueries["all"]) {
			if err != nil {
				t.Error(err)
				continue
			}
			got = append(got, rec.Seq)
		}
		if !slices.Equal(got, want) {
			t.Errorf("hidden %v: %d records, want %d", hide, len(got), len(want))
		}
	}
}
