package memfs_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/memfs"
)

// pages returns a content with one letter for each page.
func pages(letters string) string {
	var b strings.Builder
	for _, l := range letters {
		b.WriteString(strings.Repeat(string(l), memfs.PageSize))
	}
	return b.String()
}

// only is the choice by which exactly the given items survive.
func only(items ...memfs.Item) memfs.Choice {
	return memfs.Choice{Survives: func(i memfs.Item) bool {
		i.Of = 0
		return slices.Contains(items, i)
	}}
}

func TestCrashPagesAndSize(t *testing.T) {
	m := memfs.New()
	f := create(t, m, "/f", pages("ab")+"c")
	syncAll(t, m, f)
	write(t, f, pages("BCDE"), memfs.PageSize)

	page := func(n int64) memfs.Item { return memfs.Item{Kind: memfs.Page, Path: "/f", Index: n} }
	size := memfs.Item{Kind: memfs.Size, Path: "/f"}
	c := "c" + strings.Repeat("\x00", memfs.PageSize-1)
	tests := []struct {
		name   string
		choice memfs.Choice
		want   string
	}{
		{"none", memfs.None(), pages("ab") + "c"},
		{"all", memfs.All(), pages("aBCDE")},
		{"one page", only(page(1)), pages("aB") + "c"},
		{"a page beyond the size is cut", only(page(2), page(3)), pages("ab") + "C"},
		{"a size without pages reads zeros", only(size), pages("ab") + c + pages("\x00\x00")},
		{"size and the last page", only(size, page(4)), pages("ab") + c + pages("\x00E")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := m.Crash(tt.choice)
			wantFiles(t, found, map[string]string{"f": tt.want})
			// What was found is durable, and what was cut stays cut.
			g := open(t, found, "/f")
			if err := g.Truncate(5 * memfs.PageSize); err != nil {
				t.Fatal(err)
			}
			want := tt.want + strings.Repeat("\x00", 5*memfs.PageSize-len(tt.want))
			wantFiles(t, found, map[string]string{"f": want})
			wantFiles(t, found.Crash(memfs.None()), map[string]string{"f": tt.want})
		})
	}
	wantFiles(t, m, map[string]string{"f": pages("aBCDE")})
}

func TestCrashTruncate(t *testing.T) {
	m := memfs.New()
	f := create(t, m, "/f", pages("abc"))
	syncAll(t, m, f)
	if err := f.Truncate(memfs.PageSize + 1); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, m.Crash(memfs.None()), map[string]string{"f": pages("abc")})
	wantFiles(t, m.Crash(memfs.All()), map[string]string{"f": pages("a") + "b"})
	wantFiles(t, m.Crash(only(memfs.Item{Kind: memfs.Size, Path: "/f"})), map[string]string{"f": pages("a") + "b"})
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, m.Crash(memfs.None()), map[string]string{"f": pages("a") + "b"})
}

func TestSyncedDataOutlivesRename(t *testing.T) {
	m := memfs.New()
	f := create(t, m, "/new", "content")
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	// The bytes are durable, but no name leads to them.
	wantFiles(t, m.Crash(memfs.None()), map[string]string{})
	syncDir(t, m, "/")
	rename(t, m, "/new", "/old")
	wantFiles(t, m.Crash(memfs.None()), map[string]string{"new": "content"})
	wantFiles(t, m.Crash(memfs.All()), map[string]string{"old": "content"})
	syncDir(t, m, "/")
	wantFiles(t, m.Crash(memfs.None()), map[string]string{"old": "content"})
}

func TestCrashNamesInOrder(t *testing.T) {
	m := memfs.New()
	syncAll(t, m, create(t, m, "/a", "1"), create(t, m, "/b", "2"))
	rename(t, m, "/a", "/c")
	f := create(t, m, "/a", "3")
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	remove(t, m, "/b")

	states := []map[string]string{
		{"a": "1", "b": "2"},
		{"c": "1", "b": "2"},
		{"c": "1", "b": "2", "a": "3"},
		{"c": "1", "a": "3"},
	}
	for survivors, want := range states {
		wantFiles(t, m.Crash(memfs.Choice{Survives: func(i memfs.Item) bool {
			if i.Kind != memfs.Name || i.Path != "/" || i.Of != 3 {
				t.Errorf("asked about %+v, want a name, one of three", i)
			}
			return i.Index < int64(survivors)
		}}), want)
	}
	// The third operation cannot survive without the second …
	last := only(memfs.Item{Kind: memfs.Name, Path: "/", Index: 0}, memfs.Item{Kind: memfs.Name, Path: "/", Index: 2})
	wantFiles(t, m.Crash(last), states[1])
	// … but where there is no order.
	last.Unordered = true
	wantFiles(t, m.Crash(last), map[string]string{"c": "1"})
}

func TestCrashNamesOfDirectories(t *testing.T) {
	m := memfs.New()
	mkdir(t, m, "/d")
	f := create(t, m, "/d/f", "x")
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	syncDir(t, m, "/d")
	wantFiles(t, m.Crash(memfs.None()), map[string]string{})
	syncDir(t, m, "/")
	wantFiles(t, m.Crash(memfs.None()), map[string]string{"d/": "", "d/f": "x"})

	// A rename between directories survives on either side alone.
	rename(t, m, "/d/f", "/g")
	added := only(memfs.Item{Kind: memfs.Name, Path: "/"})
	removed := only(memfs.Item{Kind: memfs.Name, Path: "/d"})
	wantFiles(t, m.Crash(added), map[string]string{"d/": "", "d/f": "x", "g": "x"})
	wantFiles(t, m.Crash(removed), map[string]string{"d/": ""})
}

// After a sync that failed, Linux takes the pages for clean: the next sync
// succeeds and they are still not on the disk.
func TestFailSync(t *testing.T) {
	m := memfs.New()
	f := create(t, m, "/f", pages("ab"))
	syncAll(t, m, f)
	write(t, f, pages("AB")+"C", 0)
	f.(interface{ FailSync() }).FailSync()
	wantFiles(t, m, map[string]string{"f": pages("AB") + "C"})

	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, m.Crash(memfs.None()), map[string]string{"f": pages("ab")})
	wantFiles(t, m.Crash(memfs.All()), map[string]string{"f": pages("AB") + "C"})
	wantFiles(t, m.Clone().Crash(memfs.None()), map[string]string{"f": pages("ab")})

	// Written again, a page is dirty again, as a whole.
	write(t, f, "!", memfs.PageSize)
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, m.Crash(memfs.None()), map[string]string{"f": pages("a") + "!" + pages("B")[1:]})
}

func TestSubset(t *testing.T) {
	m := memfs.New()
	f := create(t, m, "/f", pages("abc"))
	syncAll(t, m, f)
	write(t, f, pages("ABC"), 0)
	create(t, m, "/g", "")
	create(t, m, "/h", "")

	seen := map[string]bool{}
	for seed := range uint64(500) {
		find := func() map[string]string {
			return files(t, m.Crash(memfs.Subset(rand.New(rand.NewPCG(seed, 1)))))
		}
		got := find()
		if diff := cmp.Diff(find(), got); diff != "" {
			t.Fatalf("seed %d does not repeat (-second +first):\n%s", seed, diff)
		}
		content := got["f"]
		seen[fmt.Sprintf("%c%c%c %d", content[0], content[memfs.PageSize], content[2*memfs.PageSize], len(got))] = true
	}
	// 2³ subsets of the pages and 3 prefixes of the names.
	if len(seen) != 24 {
		t.Errorf("different crashes in 500 seeds: got %d, want all 24", len(seen))
	}
}
