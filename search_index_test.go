package etch

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/archive"
)

// A patchyFile is a file of which no read that touches one byte succeeds.
type patchyFile struct {
	*bytes.Reader
	bad   int64 // -1: none
	reads int
}

func (f *patchyFile) ReadAt(b []byte, at int64) (int, error) {
	f.reads++
	if at <= f.bad && f.bad < at+int64(len(b)) {
		return 0, &archive.DamageError{Offset: f.bad, Next: f.bad + 1}
	}
	return f.Reader.ReadAt(b, at)
}

// TestLineReader reads lines that are near each other and far from each other,
// forward and backward: each as it stands, and neighbours with one call.
func TestLineReader(t *testing.T) {
	var text strings.Builder
	var places []place
	for i, size := range []int{10, 500, 0, 40_000, 300, 63_000, 20, 1000, 5000, 10} {
		places = append(places, place{int64(text.Len()), size})
		text.WriteString(strings.Repeat(string(rune('a'+i)), size) + "\n")
	}
	for _, test := range []struct {
		name  string
		lines []int
		bad   int64
		reads int
	}{
		{"neighbours", []int{0, 1, 2}, -1, 1},
		{"a line between", []int{0, 2}, -1, 1},
		{"a long line between", []int{2, 4}, -1, 2},
		{"more than is read at once", []int{3, 4, 5, 6}, -1, 2},
		{"beside damage", []int{0, 1, 2}, places[2].offset, 6},
	} {
		for _, backward := range []bool{false, true} {
			lines := slices.Clone(test.lines)
			if backward {
				slices.Reverse(lines)
			}
			var asked []place
			for _, n := range lines {
				asked = append(asked, places[n])
			}
			f := &patchyFile{Reader: bytes.NewReader([]byte(text.String())), bad: test.bad}
			r := lineReader{r: f, end: int64(text.Len())}
			for i, at := range asked {
				line, err := r.line(at, asked[i+1:])
				_, damaged := errors.AsType[*archive.DamageError](err)
				want := strings.Repeat(string(rune('a'+lines[i])), at.length)
				if damaged != (at.offset == test.bad) || !damaged && (err != nil || string(line) != want) {
					t.Errorf("%s, backward %v: line %d: got %.40q, %v, want %.40q", test.name, backward, lines[i], line, err, want)
				}
			}
			if f.reads > test.reads {
				t.Errorf("%s, backward %v: %d reads, want at most %d", test.name, backward, f.reads, test.reads)
			}
		}
	}
	r := lineReader{r: bytes.NewReader(make([]byte, 10)), end: 10}
	for _, at := range []place{{0, 10}, {0, 5}} {
		if _, err := r.line(at, nil); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("line %v: %v", at, err)
		}
	}
}
