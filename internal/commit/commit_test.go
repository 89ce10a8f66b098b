package commit_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/commit"
)

// chainOf returns a chain's bytes and the lines it holds, of segment 3 from
// offset 100 on.
func chainOf(number uint64, lines ...string) (file []byte, all string) {
	for _, l := range lines {
		file = commit.AppendEntry(file, &commit.Entry{Chain: number, Segment: 3, Offset: int64(100 + len(all)), Lines: []byte(l)})
		all += l
	}
	return file, all
}

func read(t *testing.T, b []byte) commit.Entry {
	t.Helper()
	e, err := commit.Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRead(t *testing.T) {
	lines := []string{"one\n", "two\nthree\n", strings.Repeat("x", 5000) + "\n"}
	file, all := chainOf(7, lines...)
	if got, want := int64(len(file)), commit.EntrySize(len(all))+2*commit.EntrySize(0); got != want {
		t.Errorf("chain has %d bytes, want %d", got, want)
	}
	old, _ := chainOf(6, "older\n", "lines\n", strings.Repeat("y", 9000)+"\n")
	over := slices.Clone(old)
	copy(over, file)
	cases := map[string]struct {
		file []byte
		want string
	}{
		"nothing":                {nil, ""},
		"zeros":                  {make([]byte, 1<<16), ""},
		"whole":                  {file, all},
		"zeros behind":           {append(slices.Clone(file), make([]byte, 999)...), all},
		"an older chain beneath": {over, all},
		"another chain behind":   {append(slices.Clone(file), old...), all},
		"a gap":                  {slices.Delete(slices.Clone(file), int(commit.EntrySize(4)), int(commit.EntrySize(4)+commit.EntrySize(10))), "one\n"},
		"text":                   {[]byte(strings.Repeat("etchcmt ", 100)), ""},
	}
	for name, c := range cases {
		got := read(t, c.file)
		if string(got.Lines) != c.want {
			t.Errorf("%s: got %d bytes of lines, want %d", name, len(got.Lines), len(c.want))
		}
		if c.want != "" && (got.Chain != 7 || got.Segment != 3 || got.Offset != 100 || got.End() != int64(100+len(c.want))) {
			t.Errorf("%s: got chain %d of segment %d from %d to %d", name, got.Chain, got.Segment, got.Offset, got.End())
		}
	}
}

// TestReadTorn changes and cuts each byte of a chain: what is read is a number of
// its first entries, and never the damaged one.
func TestReadTorn(t *testing.T) {
	file, all := chainOf(7, "one\n", "two\n", "three\n")
	for at := range file {
		flipped := slices.Clone(file)
		flipped[at] ^= 1
		for _, b := range [][]byte{flipped, file[:at]} {
			got := string(read(t, b).Lines)
			if !strings.HasPrefix(all, got) && at >= 36 || len(got) >= at && at > 0 || got == all {
				t.Errorf("byte %d: got %q", at, got)
			}
		}
	}
}

func TestReadFails(t *testing.T) {
	if _, err := commit.Read(failing{}); err == nil {
		t.Error("got no error from a file that cannot be read")
	}
}

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) {
	return 0, fmt.Errorf("cannot: %w", io.ErrNoProgress)
}

func TestLacks(t *testing.T) {
	file, all := chainOf(7, "one\n", "two\n", "three\n")
	chain := read(t, file)
	before := strings.Repeat("-", 100)
	whole := before + all
	for name, c := range map[string]struct {
		segment string
		from    int64
		at      int64
		fits    bool
	}{
		"nothing":            {whole, 0, 114, true},
		"more behind":        {whole + "four\n", 0, 114, true},
		"the end":            {whole[:105], 0, 105, true},
		"all":                {before, 0, 100, true},
		"a hole":             {whole[:103] + "\x00\x00" + whole[105:], 0, 103, true},
		"a hole and the end": {whole[:103] + "\x00\x00" + whole[105:110], 0, 103, true},
		"zeros to the end":   {whole[:108] + strings.Repeat("\x00", 50), 0, 108, true},
		"an edit":            {whole[:105] + "T" + whole[106:], 0, 0, false},
		"an edit and a hole": {whole[:105] + "T\x00" + whole[107:], 0, 0, false},
		"an edit before":     {"_" + whole[1:], 0, 114, true},
		"an edit not asked":  {whole[:101] + "N" + whole[102:108], 104, 108, true},
		"what came before":   {before[:99], 0, 0, false},
	} {
		at, fits, err := chain.Lacks(strings.NewReader(c.segment), int64(len(c.segment)), c.from)
		if err != nil || fits != c.fits || fits && at != c.at {
			t.Errorf("%s: got %d, %v, %v, want %d, %v", name, at, fits, err, c.at, c.fits)
		}
		if !fits {
			continue
		}
		filled := commit.Filled{ReaderAt: strings.NewReader(c.segment), Chain: &chain}
		for _, size := range []int{1, 5, 14} {
			var got []byte
			for off := 100; off < 114; off += size {
				b := make([]byte, min(size, 114-off))
				if n, err := filled.ReadAt(b, int64(off)); n != len(b) || err != nil {
					t.Fatalf("%s: filled, %d bytes at %d: got %d, %v", name, len(b), off, n, err)
				}
				got = append(got, b...)
			}
			if string(got) != all {
				t.Errorf("%s: filled, by %d: got %q, want %q", name, size, got, all)
			}
		}
		if n, err := filled.ReadAt(make([]byte, 10), 110); len(c.segment) <= 114 && (n != 4 || err != io.EOF) {
			t.Errorf("%s: filled, at its end: got %d, %v, want 4, %v", name, n, err, io.EOF)
		}
	}
}

func TestWhole(t *testing.T) {
	text := strings.Repeat("line\n", 40_000)
	for name, c := range map[string]struct {
		segment string
		want    bool
	}{
		"whole":   {text, true},
		"short":   {text[:150_000], false},
		"a hole":  {text[:140_000] + "\x00" + text[140_001:], false},
		"outside": {"\x00" + text[1:], true},
	} {
		got, err := commit.Whole(strings.NewReader(c.segment), int64(len(c.segment)), 10, 180_000)
		if err != nil || got != c.want {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, c.want)
		}
	}
}

// FuzzRead reads anything. What it takes for a chain is one: written again it is
// the same lines.
func FuzzRead(f *testing.F) {
	file, _ := chainOf(7, "one\n", "two\n")
	f.Add(file)
	f.Add(file[:50])
	f.Add(make([]byte, 200))
	f.Fuzz(func(t *testing.T, b []byte) {
		e := read(t, b)
		if len(e.Lines) == 0 {
			return
		}
		if e.Chain == 0 || e.Offset < 0 || len(e.Lines) > len(b) {
			t.Fatalf("got %+v of %d bytes", e, len(b))
		}
		if len(e.Lines) > commit.MaxLines {
			return
		}
		again := read(t, commit.AppendEntry(nil, &e))
		if again.Offset != e.Offset || !bytes.Equal(again.Lines, e.Lines) {
			t.Fatalf("got %+v, then %+v", e, again)
		}
	})
}
