package etch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/archive"
	"github.com/google/go-cmp/cmp"
)

// missingLog makes a log of four segments, each of five events, and returns its
// path.
func missingLog(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := Create(path, &Options{Rotate: BySize}) // no midnight makes one more
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		if n > 0 {
			if _, err := log.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 5 {
			ev := &Event{Type: CommandExecution, Actor: &Actor{Username: "alice"}, Action: &Action{Command: fmt.Sprint(n, " ", i)}}
			if _, err := log.Append(t.Context(), ev); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// toldOf asks in one way and returns the damages that are told, and how many
// records come.
func toldOf(t *testing.T, path string, q Query) (told []string, records int) {
	t.Helper()
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range r.Records(t.Context(), q) {
		damage, ok := errors.AsType[*CorruptionError](err)
		switch {
		case ok && !errors.Is(err, ErrMissing):
			t.Errorf("got %v, want that records are missing", err)
		case ok:
			told = append(told, damage.Name)
		case err != nil:
			t.Fatal(err)
		default:
			records++
		}
	}
	_, err = r.CountBy(t.Context(), q)
	if missing := errors.Is(err, ErrMissing); missing != (len(told) > 0) {
		t.Errorf("counting: got %v, and of records %v", err, told)
	}
	return told, records
}

// Segments that are gone, and what is cut off, are told whatever is asked.
func TestMissingIsTold(t *testing.T) {
	cut := func(name string, lines int) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for range lines {
				b = b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1]
			}
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(names ...string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			for _, name := range names {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, c := range map[string]struct {
		change  func(*testing.T, string)
		told    []string
		records int
	}{
		"nothing":             {func(*testing.T, string) {}, nil, 20},
		"the first":           {remove("audit.000001.log"), []string{"audit.000001.log"}, 15},
		"one in between":      {remove("audit.000002.log"), []string{"audit.000002.log"}, 15},
		"two in between":      {remove("audit.000002.log", "audit.000003.log"), []string{"audit.000002.log"}, 10},
		"two places":          {remove("audit.000001.log", "audit.000003.log"), []string{"audit.000001.log", "audit.000003.log"}, 10},
		"the active":          {remove("audit.log"), []string{"audit.000004.log"}, 15},
		"the active and one":  {remove("audit.log", "audit.000003.log"), []string{"audit.000003.log"}, 10},
		"the end of one":      {cut("audit.000002.log", 2), []string{"audit.000002.log"}, 19},
		"the end of the last": {cut("audit.log", 2), []string{"audit.log"}, 19},
	} {
		t.Run(name, func(t *testing.T) {
			path := missingLog(t)
			c.change(t, filepath.Dir(path))
			for _, q := range []Query{{}, {Reverse: true}, {NoIndex: true}, {User: "alice"}, {AllPhases: true}, {LinesOnly: true, Risk: RiskLow, RiskAndAbove: true}} {
				told, records := toldOf(t, path, q)
				if diff := cmp.Diff(told, c.told); diff != "" || q.Risk == "" && records != c.records {
					t.Errorf("%+v: %d records, want %d; told (-got +want):\n%s", q, records, c.records, diff)
				}
			}
		})
	}
}

// Who goes on behind a record is told of what is missing behind it alone.
func TestMissingBehind(t *testing.T) {
	path := missingLog(t)
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	var third uint64
	for rec, err := range r.Records(t.Context(), Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if rec.Segment == 3 {
			third = rec.Seq
		}
	}
	if err := os.Remove(filepath.Join(filepath.Dir(path), "audit.000002.log")); err != nil {
		t.Fatal(err)
	}
	if told, records := toldOf(t, path, Query{After: Some(third)}); told != nil || records != 5 {
		t.Errorf("behind what is missing: %d records and %v are told, want 5 and nothing", records, told)
	}
	if told, _ := toldOf(t, path, Query{After: Some(uint64(1))}); len(told) != 1 {
		t.Errorf("before what is missing: %v is told, want one segment", told)
	}
}

// What stands under a segment's name and is no file is told like a segment that is
// gone, also by who does not come as far, and stops nothing.
func TestNoFileIsTold(t *testing.T) {
	for _, c := range []struct {
		name, told string
		records    int
	}{
		{"audit.000001.log", "audit.000001.log", 15},
		{"audit.000002.log", "audit.000002.log", 15},
		{"audit.log", "audit.000004.log", 15},
		{"audit.000009.log", "", 20}, // no segment has that number
	} {
		path := missingLog(t)
		name := filepath.Join(filepath.Dir(path), c.name)
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, q := range []Query{{}, {Reverse: true}, {NoIndex: true}, {AllPhases: true}, {LinesOnly: true}, {Limit: 1}, {Limit: 1, Reverse: true}} {
			told, records := toldOf(t, path, q)
			if got := strings.Join(told, " "); got != c.told || q.Limit == 0 && records != c.records {
				t.Errorf("%s, %+v: %d records, want %d; told %q, want %q", c.name, q, records, c.records, got, c.told)
			}
		}
	}
}

// Without a state the last segment's name alone says that there was one.
func TestNoFileIsToldWithoutState(t *testing.T) {
	path := missingLog(t)
	stem := strings.TrimSuffix(path, ".log")
	last := stem + ".000004.log"
	if err := errors.Join(os.Remove(path), os.Remove(stem+".state"), os.Mkdir(last, 0o700)); err != nil {
		t.Fatal(err)
	}
	if told, records := toldOf(t, path, Query{}); strings.Join(told, " ") != filepath.Base(last) || records != 15 {
		t.Errorf("%d records, want 15; told %q, want %q", records, told, filepath.Base(last))
	}
}

// Of a segment with an archive beside it, what is a file is read, whichever it is.
func TestNoFileHasTwin(t *testing.T) {
	path := missingLog(t)
	plain := filepath.Join(filepath.Dir(path), "audit.000002.log")
	if err := os.Mkdir(plain+".zst", 0o700); err != nil {
		t.Fatal(err)
	}
	if told, records := toldOf(t, path, Query{}); told != nil || records != 20 {
		t.Errorf("beside the segment: %d records, want 20; told %q", records, told)
	}
	whole, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	_, err = archive.Write(&packed, bytes.NewReader(whole), int64(len(whole)))
	err = errors.Join(err, os.Remove(plain+".zst"), os.WriteFile(plain+".zst", packed.Bytes(), 0o600), os.Remove(plain), os.Mkdir(plain, 0o700))
	if err != nil {
		t.Fatal(err)
	}
	if told, records := toldOf(t, path, Query{}); told != nil || records != 20 {
		t.Errorf("beside the archive: %d records, want 20; told %q", records, told)
	}
}
