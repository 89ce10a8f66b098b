package segment_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/segment"
)

func layout(t *testing.T, path string) segment.Layout {
	t.Helper()
	l, err := segment.LayoutOf(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestNames(t *testing.T) {
	l := layout(t, filepath.Join("dir", "audit.log"))
	got := []string{l.Dir, l.Active(), l.New(), l.Numbered(1), l.Numbered(1234567), l.State(), l.Lock(), l.Keys(), l.Torn(), l.Path("x")}
	want := []string{
		"dir", "audit.log", "audit.log.new", "audit.000001.log", "audit.1234567.log",
		"audit.state", "audit.lock", "audit.keys", "audit.torn", filepath.Join("dir", "x"),
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
	if l := layout(t, "audit"); l.Dir != "." || l.Numbered(7) != "audit.000007" || l.Active() != "audit" {
		t.Errorf("names without an extension are %s, %s, %s", l.Dir, l.Numbered(7), l.Active())
	}
}

func TestLayoutRefuses(t *testing.T) {
	for _, path := range []string{"", "dir/", ".", "..", ".log", "audit.state", "audit.lock", "audit.torn", "audit.zst", "a/audit.keys"} {
		if l, err := segment.LayoutOf(path); err == nil {
			t.Errorf("LayoutOf(%q) = %v", path, l)
		}
	}
}

// TestParse shows that a name is taken exactly when it is the one that is given.
func TestParse(t *testing.T) {
	l := layout(t, "audit.log")
	for name, want := range map[string]segment.File{
		"audit.log":            {Name: "audit.log"},
		"audit.000001.log":     {Name: "audit.000001.log", Number: 1},
		"audit.000001.log.zst": {Name: "audit.000001.log.zst", Number: 1, Archived: true},
		"audit.4294967295.log": {Name: "audit.4294967295.log", Number: 1<<32 - 1},
	} {
		if got, err := l.Parse(name); got != want || err != nil {
			t.Errorf("Parse(%s) = %v, %v, want %v", name, got, err, want)
		}
	}
	for _, name := range []string{
		"", "audit.log.zst", "audit.log.new", "audit.000000.log", "audit.00001.log", "audit.0000001.log", "audit.4294967296.log",
		"audit.-00001.log", "audit.00001x.log", "audit.000001.log.zst.zst", "other.000001.log", "audit.000001", "audit.state", "xaudit.log",
	} {
		if got, err := l.Parse(name); err == nil {
			t.Errorf("Parse(%q) = %v", name, got)
		}
	}
}

func TestSelect(t *testing.T) {
	l := layout(t, "audit.log")
	names := []string{
		"audit.000001.log.zst", "audit.000002.log", "audit.000002.log.zst", "audit.000010.log",
		"audit.log", "audit.log.new", "audit.state", "audit.keys", "notes.txt",
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		files, twins := l.Select(names)
		want := []segment.File{
			{Name: "audit.000001.log.zst", Number: 1, Archived: true},
			{Name: "audit.000002.log", Number: 2},
			{Name: "audit.000010.log", Number: 10},
			{Name: "audit.log"},
		}
		if diff := cmp.Diff(files, want); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(twins, []segment.File{{Name: "audit.000002.log.zst", Number: 2, Archived: true}}); diff != "" {
			t.Fatal(diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"audit.log", "audit.000001.log", "audit.1000000.log.zst"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		l := layout(t, "audit.log")
		file, err := l.Parse(name)
		if err != nil {
			return
		}
		want := l.Active()
		if file.Number > 0 {
			want = l.Numbered(file.Number)
		}
		if file.Archived {
			want += segment.ArchiveExt
		}
		if name != want || file.Name != name {
			t.Errorf("%q is taken as %s", name, fmt.Sprint(file))
		}
	})
}

func TestRotated(t *testing.T) {
	layout := layout(t, "/var/log/audit.log")
	for _, archived := range []bool{false, true} {
		for _, n := range []uint32{1, 999_999, 1_000_000, 1<<32 - 1} {
			f := layout.Rotated(n, archived)
			if got, err := layout.Parse(f.Name); got != f || err != nil {
				t.Errorf("Parse(%q) = %+v, %v; want %+v", f.Name, got, err, f)
			}
		}
	}
	for _, name := range []string{layout.Rotated(1, true).Name + ".new", layout.ArchiveLock(), layout.ArchiveLock() + ".turn"} {
		if f, err := layout.Parse(name); err == nil {
			t.Errorf("%q passes for segment %+v", name, f)
		}
	}
}

func TestGaps(t *testing.T) {
	layout := layout(t, "/var/log/audit.log")
	for _, c := range []struct {
		names  []string
		active uint32
		want   []uint32
	}{
		{nil, 0, nil},
		{nil, 3, []uint32{1, 2}},
		{[]string{"audit.log"}, 1, nil},
		{[]string{"audit.log"}, 3, []uint32{1, 2}},
		{[]string{"audit.000001.log", "audit.000002.log.zst", "audit.log"}, 3, nil},
		{[]string{"audit.000002.log", "audit.000005.log.zst", "audit.log"}, 7, []uint32{1, 3, 4, 6}},
		{[]string{"audit.000002.log", "audit.000003.log", "audit.log"}, 0, []uint32{1}},
		{[]string{"audit.000001.log", "audit.000001.log.zst", "audit.000003.log"}, 2, []uint32{2}},
	} {
		files, _ := layout.Select(c.names)
		if got := slices.Collect(segment.Gaps(files, c.active)); !slices.Equal(got, c.want) {
			t.Errorf("gaps of %v before %d are %v, want %v", c.names, c.active, got, c.want)
		}
	}
	many, _ := layout.Select([]string{"audit.4294967295.log"})
	if n := len(slices.Collect(segment.Gaps(many, 0))); n != 10_000 {
		t.Errorf("a high number makes %d gaps, want at most 10000", n)
	}
}
