package segment_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
)

const chunk = 256 << 10 // as the package reads

// forward reads all lines, and checks the offsets.
func forward(t testing.TB, b []byte, from int64) (lines []string, err error) {
	t.Helper()
	l := segment.NewLines(bytes.NewReader(b), from, int64(len(b)))
	for {
		at := l.Offset()
		line, err := l.Next()
		if err != nil {
			if l.Offset() != at {
				t.Errorf("an error moves the offset from %d to %d", at, l.Offset())
			}
			return lines, err
		}
		if got := string(b[at : l.Offset()-1]); got != string(line) || b[l.Offset()-1] != '\n' {
			t.Fatalf("line at %d is %.40q, want %.40q", at, line, got)
		}
		lines = append(lines, string(line))
	}
}

// backward is the same from the end.
func backward(t testing.TB, b []byte, from int64) (lines []string, err error) {
	t.Helper()
	l := segment.NewBackward(bytes.NewReader(b), from, int64(len(b)))
	for {
		line, err := l.Next()
		if err != nil {
			return lines, err
		}
		if at := l.Offset(); string(b[at:at+int64(len(line))]) != string(line) {
			t.Fatalf("line at %d is %.40q", at, line)
		}
		lines = append(lines, string(line))
	}
}

// both reads a text in both directions, which must agree.
func both(t testing.TB, b []byte, from int64) []string {
	t.Helper()
	lines, err := forward(t, b, from)
	if !errors.Is(err, io.EOF) {
		t.Fatalf("forward: %v", err)
	}
	reverse, err := backward(t, b, from)
	if !errors.Is(err, io.EOF) {
		t.Fatalf("backward: %v", err)
	}
	slices.Reverse(reverse)
	if !slices.Equal(lines, reverse) {
		t.Fatalf("%d lines forward, %d backward, or they differ", len(lines), len(reverse))
	}
	return lines
}

// TestLinesAroundChunks puts line ends at every place around the end of a chunk.
func TestLinesAroundChunks(t *testing.T) {
	for _, size := range []int{0, 1, 100, 4096, record.MaxLine - 1, record.MaxLine} {
		for _, at := range []int{chunk, 2 * chunk, chunk + record.MaxLine + 1} {
			for shift := -3; shift <= 3; shift++ {
				var b []byte
				for len(b)+size+1 <= at+shift-record.MaxLine {
					b = append(b, strings.Repeat("x", size)+"\n"...)
					if size == 0 {
						break
					}
				}
				for rest := at + shift - len(b) - 1; rest >= 0; {
					n := min(rest, record.MaxLine)
					b = append(b, strings.Repeat("y", n)+"\n"...)
					rest -= n + 1
				}
				b = append(b, "last\n"...)
				if lines := both(t, b, 0); lines[len(lines)-1] != "last" {
					t.Errorf("size %d, end at %d: last line is %.20q", size, at+shift, lines[len(lines)-1])
				}
			}
		}
	}
}

func TestEmpty(t *testing.T) {
	if lines := both(t, nil, 0); len(lines) != 0 {
		t.Errorf("nothing holds %d lines", len(lines))
	}
	if lines := both(t, []byte("a\n\nb\n"), 0); !slices.Equal(lines, []string{"a", "", "b"}) {
		t.Errorf("lines are %q", lines)
	}
	if lines := both(t, []byte("a\nb\nc\n"), 2); !slices.Equal(lines, []string{"b", "c"}) {
		t.Errorf("lines from offset 2 are %q", lines)
	}
}

func TestPartial(t *testing.T) {
	for _, rest := range []string{"x", strings.Repeat("x", record.MaxLine), strings.Repeat("x", record.MaxLine+1), strings.Repeat("x", 3*chunk)} {
		b := []byte("whole\n" + rest)
		if lines, err := forward(t, b, 0); len(lines) != 1 || !errors.Is(err, segment.ErrPartial) {
			t.Errorf("%d bytes without a line feed: %d lines, %v", len(rest), len(lines), err)
		}
		if lines, err := backward(t, b, 0); len(lines) != 0 || !errors.Is(err, segment.ErrPartial) {
			t.Errorf("%d bytes without a line feed, backward: %d lines, %v", len(rest), len(lines), err)
		}
	}
	long := []byte("a\n" + strings.Repeat("x", record.MaxLine+1) + "\nb\n")
	if lines, err := backward(t, long, 0); len(lines) != 1 || !errors.Is(err, segment.ErrPartial) {
		t.Errorf("a line that is too long, backward: %d lines, %v", len(lines), err)
	}
	if lines, err := forward(t, long, 0); len(lines) != 1 || !errors.Is(err, segment.ErrPartial) {
		t.Errorf("a line that is too long: %d lines, %v", len(lines), err)
	}
}

// failing is a file that cannot be read from some offset on.
type failing struct {
	io.ReaderAt
	from int64
}

var errFailing = errors.New("bad sector")

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from {
		return 0, errFailing
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestReadError(t *testing.T) {
	b := []byte(strings.Repeat("line\n", chunk))
	r := failing{bytes.NewReader(b), 2 * chunk}
	forward, backward := segment.NewLines(r, 0, int64(len(b))), segment.NewBackward(r, 0, int64(len(b)))
	for _, next := range []func() ([]byte, error){forward.Next, backward.Next} {
		var err error
		for err == nil {
			_, err = next()
		}
		if !errors.Is(err, segment.ErrRead) || !errors.Is(err, errFailing) || errors.Is(err, segment.ErrPartial) {
			t.Errorf("error is %v, want %v", err, segment.ErrRead)
		}
	}
}

// TestShorterThanSaid reads a file that has been cut meanwhile.
func TestShorterThanSaid(t *testing.T) {
	r := bytes.NewReader([]byte("a\nb\nhalf"))
	l := segment.NewLines(r, 0, 1000)
	for range 2 {
		if _, err := l.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Next(); !errors.Is(err, segment.ErrPartial) || l.Offset() != 4 {
		t.Errorf("error is %v at %d, want %v at 4", err, l.Offset(), segment.ErrPartial)
	}
	if _, err := segment.NewBackward(r, 0, 1000).Next(); !errors.Is(err, segment.ErrPartial) {
		t.Errorf("backward: error is %v, want %v", err, segment.ErrPartial)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nbb\n\nccc\n"), uint16(0))
	f.Add([]byte("x\n"), uint16(60000))
	f.Fuzz(func(t *testing.T, b []byte, stretch uint16) {
		b = bytes.Replace(b, []byte("x"), bytes.Repeat([]byte("x"), int(stretch)), 8)
		whole := b[:bytes.LastIndexByte(b, '\n')+1]
		for line := range bytes.SplitSeq(whole, []byte("\n")) {
			if len(line) > record.MaxLine {
				return
			}
		}
		if got := strings.Join(both(t, whole, 0), "\n"); len(whole) > 0 && got != string(whole[:len(whole)-1]) {
			t.Errorf("lines of %.100q are %.100q", whole, got)
		}
	})
}
