package etch

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
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
		for variant := range 4 {
			backward, room := variant%2 == 1, variant/2 == 1
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
			if room { // where a line that is read alone may be kept
				r.lone = new(matcher).free
			}
			for i, at := range asked {
				line, err := r.line(at, asked[i+1:])
				_, damaged := errors.AsType[*archive.DamageError](err)
				want := strings.Repeat(string(rune('a'+lines[i])), at.length)
				if damaged != (at.offset == test.bad) || !damaged && (err != nil || string(line) != want) {
					t.Errorf("%s, backward %v, room %v: line %d: got %.40q, %v, want %.40q", test.name, backward, room, lines[i], line, err, want)
				}
			}
			if f.reads > test.reads {
				t.Errorf("%s, backward %v, room %v: %d reads, want at most %d", test.name, backward, room, f.reads, test.reads)
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

// TestKeep keeps some of the lines that are read one by one into a matcher's room,
// and looks at them when all were read.
func TestKeep(t *testing.T) {
	var text strings.Builder
	var places []place
	for i := range 400 {
		size := []int{600, 30, 0, 900, roomSize - 1, roomSize, 2*roomSize - 5}[i%13%7]
		places = append(places, place{int64(text.Len()), size})
		text.WriteString(strings.Repeat(string(rune('a'+i%26)), size) + "\n" + strings.Repeat(".", near))
	}
	var m matcher
	r := lineReader{r: strings.NewReader(text.String()), end: int64(text.Len()), lone: m.free}
	hits := map[int]*hit{}
	for i, at := range places {
		line, err := r.line(at, places[i+1:])
		if err != nil {
			t.Fatal(err)
		}
		if i%3 != 0 {
			hits[i] = new(hit)
			m.keep(hits[i], line)
		}
	}
	for i, h := range hits {
		if want := strings.Repeat(string(rune('a'+i%26)), places[i].length); string(h.raw) != want {
			t.Errorf("line %d: kept %.40q, want %.40q", i, h.raw, want)
		}
	}
}

// TestIsOf gives the record of an index in the form in which it is written, and in
// another, with each of its members wrong as well.
func TestIsOf(t *testing.T) {
	l := newTrustLog(t, 1)
	r := l.reader()
	v, err := r.view(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	x, file, err := r.openIndex(v, v.parts[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(file.Close(), v.close()); err != nil {
			t.Error(err)
		}
	}()
	digest := x.Digest()
	form := func(space string, segment uint32, digest string) []byte {
		return fmt.Appendf(nil, `{"seq":9,"timestamp":"2026-02-16T00:00:00.000000Z","event_type":"log_indexed","log":{%s"segment":%d,"lines":%d,"bytes":%d,"digest":"%s"}}`,
			space, segment, x.Lines(), x.Bytes(), digest)
	}
	right := hex.EncodeToString(digest[:])
	for _, test := range []struct {
		line []byte
		want bool
	}{
		{form("", 1, right), true},
		{form(" ", 1, right), true},
		{form("", 2, right), false},
		{form(" ", 2, right), false},
		{form("", 1, right[1:]+"0"), false},
		{form(" ", 1, strings.ToUpper(right)), false},
	} {
		if got, err := isOf(test.line, 1, x); got != test.want || err != nil {
			t.Errorf("%s: got %v, %v, want %v", test.line, got, err, test.want)
		}
	}
	if got, err := isOf([]byte(`{"event_type":"log_indexed"`), 1, x); got || err == nil {
		t.Errorf("half a line: got %v, %v", got, err)
	}
}
