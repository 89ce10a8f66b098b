package scan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/needle"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/scan"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// A hit is what the tests' match gives of a line.
type hit struct {
	Offset int64
	Line   string
}

// An outcome is all that comes out of a scan.
type outcome struct {
	Hits  []hit
	End   int64  // offset of the error, -1 without one
	Error string // which of the two kinds it is
}

// diff is quick where there is none: outcomes are long.
func (o outcome) diff(got outcome) string {
	if o.End == got.End && o.Error == got.Error && slices.Equal(o.Hits, got.Hits) {
		return ""
	}
	return cmp.Diff(o, got)
}

func kind(err error) string {
	switch {
	case errors.Is(err, segment.ErrPartial):
		return "partial"
	case errors.Is(err, segment.ErrRead):
		return "read"
	}
	return err.Error()
}

// keep gives every line that contains word.
func keep(word string) scan.Match[hit] {
	return func(_ int, line []byte, offset int64) (hit, bool, error) {
		if !bytes.Contains(line, []byte(word)) {
			return hit{}, false, nil
		}
		return hit{offset, string(line)}, true, nil
	}
}

// run collects what a scan gives.
func run(t *testing.T, src io.ReaderAt, from, to int64, opt scan.Options, match scan.Match[hit]) outcome {
	t.Helper()
	o := outcome{End: -1}
	for h, err := range scan.Lines(t.Context(), src, from, to, opt, match) {
		switch place, ok := errors.AsType[*scan.Error](err); {
		case o.End >= 0:
			t.Fatalf("got %v, %v behind the error", h, err)
		case ok:
			o.End, o.Error = place.Offset, kind(err)
		case err != nil:
			t.Fatal(err)
		default:
			o.Hits = append(o.Hits, h)
		}
	}
	return o
}

// expect is what the lines of internal/segment give, one after another.
func expect(src io.ReaderAt, from, to int64, reverse bool, word string) outcome {
	o := outcome{End: -1}
	forward, backward := segment.NewLines(src, from, to), segment.NewBackward(src, from, to)
	for {
		var line []byte
		var err error
		at := forward.Offset()
		if reverse {
			line, err = backward.Next()
			at = backward.Offset()
		} else {
			line, err = forward.Next()
		}
		switch {
		case errors.Is(err, io.EOF):
			return o
		case err != nil:
			o.End, o.Error = at, kind(err)
			return o
		case bytes.Contains(line, []byte(word)):
			o.Hits = append(o.Hits, hit{at, string(line)})
		}
	}
}

// open returns a file of the system with the given content.
func open(t testing.TB, content []byte) vfs.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := vfs.OS().OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// check scans text in every way and compares with the lines one by one.
func check(t *testing.T, text []byte, from, to int64, word string) {
	t.Helper()
	file, plain := open(t, text), bytes.NewReader(text)
	finder := needle.New([][]byte{[]byte(word)})
	for _, reverse := range []bool{false, true} {
		want := expect(plain, from, to, reverse, word)
		for _, workers := range []int{1, 2, 5} {
			for _, f := range []*needle.Finder{nil, finder} {
				for name, src := range map[string]io.ReaderAt{"file": file, "bytes": plain} {
					got := run(t, src, from, to, scan.Options{Finder: f, Reverse: reverse, Workers: workers}, keep(word))
					if diff := want.diff(got); diff != "" {
						t.Fatalf("%s, %d workers, reverse %t, finder %t, %d bytes from %d to %d (-want +got):\n%.3000s",
							name, workers, reverse, f != nil, len(text), from, to, diff)
					}
				}
			}
		}
	}
}

// lines makes text of about n bytes with lines of every length. One in so many
// is too long, if so is not zero.
func lines(r *rand.Rand, n, so int) []byte {
	var b []byte
	for len(b) < n {
		length := r.IntN(1 + r.IntN(2000))
		switch r.IntN(60) {
		case 0:
			length = record.MaxLine - r.IntN(3)
		case 1:
			length = r.IntN(record.MaxLine)
		}
		if so > 0 && r.IntN(so) == 0 {
			length = record.MaxLine + 1 + r.IntN(1+r.IntN(4<<20))
		}
		start := len(b)
		b = append(b, bytes.Repeat([]byte{'.'}, length)...)
		if length >= 5 && r.IntN(10) == 0 {
			copy(b[start+r.IntN(length-4):], "alice")
		}
		b = append(b, '\n')
	}
	return b
}

func TestLines(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range 24 {
		text := lines(r, 1<<r.IntN(23), []int{0, 0, 1000, 100}[round%4])
		from, to := int64(0), int64(len(text))
		if round%3 == 1 { // from the middle, up to a place that is no line's end
			from = int64(bytes.IndexByte(text[r.IntN(len(text)):], '\n') + 1)
			to -= int64(r.IntN(100))
		}
		check(t, text, min(from, to), max(from, to), "alice")
	}
	check(t, []byte("alice\n"), -47, 3, "alice") // before the file
}

func TestEdges(t *testing.T) {
	const block = 32 << 10 // the size of the first
	long := strings.Repeat("x", record.MaxLine)
	for _, text := range []string{
		"", "\n", "\n\n", "alice", "alice\n", "alice\nbob", long + "\n", long + "x\n", long, long + "x",
		strings.Repeat("\n", 3*block), strings.Repeat("alice\n", block),
		strings.Repeat("x", block-1) + "\nalice\n", strings.Repeat("x", block) + "\nalice\n", strings.Repeat("x", block-2) + "\n\nalice\n",
		long + "\nalice\n" + long + "\n" + long + "\nalice\n" + long + "alice\n",
		"alice\n" + strings.Repeat("y", 3<<20) + "\nalice\n", "alice\n" + strings.Repeat("y", 3<<20),
	} {
		check(t, []byte(text), 0, int64(len(text)), "alice")
	}
}

func TestEscaped(t *testing.T) {
	const text = `{"username":"@al\u0069ce"}` + "\n" + `{"username":"@bob"}` + "\n" + `{"command":"C:\\users"}` + "\n"
	var seen []string
	match := func(_ int, line []byte, _ int64) (hit, bool, error) {
		seen = append(seen, string(line))
		return hit{}, false, nil
	}
	opt := scan.Options{Finder: needle.New([][]byte{[]byte("@alice")}), Workers: 1}
	run(t, strings.NewReader(text), 0, int64(len(text)), opt, match)
	if want := strings.Split(text, "\n")[:1]; !cmp.Equal(seen, want) {
		t.Errorf("matched are %q, want %q", seen, want)
	}
}

// TestMatchError has every third line fail.
func TestMatchError(t *testing.T) {
	text := strings.Repeat("line\n", 100_000)
	match := func(_ int, _ []byte, offset int64) (int64, bool, error) {
		if offset%3 == 0 {
			return 0, false, fmt.Errorf("bad at %d", offset)
		}
		return offset, true, nil
	}
	next := int64(0)
	for got, err := range scan.Lines(t.Context(), strings.NewReader(text), 0, int64(len(text)), scan.Options{}, match) {
		switch {
		case next%3 == 0 && (err == nil || err.Error() != fmt.Sprintf("bad at %d", next)):
			t.Fatalf("at %d: error is %v", next, err)
		case next%3 != 0 && (err != nil || got != next):
			t.Fatalf("got %d, %v, want %d", got, err, next)
		}
		next += 5
	}
	if next != int64(len(text)) {
		t.Errorf("ended at %d of %d", next, len(text))
	}
}

// A failing source has one byte that cannot be read.
type failing struct {
	io.ReaderAt
	at int64
}

var errFailing = errors.New("bad sector")

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if f.at < off || f.at >= off+int64(len(p)) {
		return f.ReaderAt.ReadAt(p, off)
	}
	n, err := f.ReaderAt.ReadAt(p[:f.at-off], off)
	return n, errors.Join(errFailing, err)
}

func TestReadError(t *testing.T) {
	const length = 70
	text := strings.Repeat(strings.Repeat("x", length-1)+"\n", 30_000)
	end := int64(len(text))
	for _, at := range []int64{0, 1, 100, 32 << 10, 1 << 20, 1<<20 + 5, end - 1} {
		src := failing{strings.NewReader(text), at}
		for _, workers := range []int{1, 3} {
			got := run(t, src, 0, end, scan.Options{Workers: workers}, keep(""))
			if whole := at / length; int64(len(got.Hits)) != whole || got.End != whole*length || got.Error != "read" {
				t.Errorf("failing at %d: %d lines, %s error at %d; want %d lines", at, len(got.Hits), got.Error, got.End, whole)
			}
			got = run(t, src, 0, end, scan.Options{Workers: workers, Reverse: true}, keep(""))
			if got.Error != "read" || got.End <= at || got.End != end-length*int64(len(got.Hits)) || got.End > at+2<<20 {
				t.Errorf("failing at %d, reverse: %d lines, %s error at %d", at, len(got.Hits), got.Error, got.End)
			}
		}
	}
}

// TestShorter scans a file that has less than it is said to have.
func TestShorter(t *testing.T) {
	text := []byte(strings.Repeat("alice\n", 500_000))
	finder := needle.New([][]byte{[]byte("alice")})
	for _, size := range []int{0, 3, 6, 32 << 10, 32<<10 - 2, 1 << 20, 1<<20 + 2, len(text) - 3} {
		for _, f := range []*needle.Finder{nil, finder} {
			file, to := open(t, text[:size]), int64(len(text))
			got := run(t, file, 0, to, scan.Options{Finder: f}, keep("alice"))
			if whole := size / 6; len(got.Hits) != whole || got.End != int64(whole*6) || got.Error != "partial" {
				t.Errorf("%d bytes: %d lines, %s error at %d; want %d lines", size, len(got.Hits), got.Error, got.End, whole)
			}
			want := outcome{End: to, Error: "partial"}
			if diff := want.diff(run(t, file, 0, to, scan.Options{Finder: f, Reverse: true}, keep("alice"))); diff != "" {
				t.Errorf("%d bytes, reverse (-want +got):\n%.1000s", size, diff)
			}
		}
	}
}

// TestWorkers holds the numbers of workers to what Match says of them, and the
// iterator to being used twice.
func TestWorkers(t *testing.T) {
	text := strings.Repeat("alice\n", 500_000)
	for _, workers := range []int{1, 2, 7} {
		busy := make([]chan struct{}, workers)
		for i := range busy {
			busy[i] = make(chan struct{}, 1)
		}
		match := func(worker int, _ []byte, _ int64) (bool, bool, error) {
			select {
			case busy[worker] <- struct{}{}:
			default:
				return false, false, fmt.Errorf("worker %d is two", worker)
			}
			<-busy[worker]
			return true, true, nil
		}
		seq := scan.Lines(t.Context(), strings.NewReader(text), 0, int64(len(text)), scan.Options{Workers: workers}, match)
		for range 2 {
			n := 0
			for _, err := range seq {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n != 500_000 {
				t.Errorf("%d workers: %d lines, want 500000", workers, n)
			}
		}
	}
}

func TestCancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n := 0
	for h, err := range scan.Lines(ctx, strings.NewReader("a\n"), 0, 2, scan.Options{}, keep("")) {
		if n++; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, %v, want %v", h, err, context.Canceled)
		}
	}
	if n != 1 {
		t.Errorf("%d results, want one error", n)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nbb\n\nccc\n"), uint32(0), uint16(0))
	f.Add([]byte("x\nax\nxa\n"), uint32(60000), uint16(3))
	f.Add([]byte("ax\nx\nxa"), uint32(1<<20), uint16(3))
	f.Fuzz(func(t *testing.T, text []byte, stretch uint32, less uint16) {
		text = bytes.Replace(text, []byte("x"), bytes.Repeat([]byte("x"), int(stretch%(2<<20))), 8)
		to := max(0, len(text)-int(less))
		plain, finder := bytes.NewReader(text), needle.New([][]byte{[]byte("a")})
		for _, opt := range []scan.Options{{}, {Finder: finder}, {Reverse: true}, {Finder: finder, Reverse: true}} {
			want := expect(plain, 0, int64(to), opt.Reverse, "a")
			if diff := want.diff(run(t, plain, 0, int64(to), opt, keep("a"))); diff != "" {
				t.Errorf("%+v, %d bytes up to %d (-want +got):\n%.2000s", opt, len(text), to, diff)
			}
		}
	})
}
