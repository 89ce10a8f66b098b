package etch

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// change changes the lines of a segment.
func (l liar) change(t *testing.T, number int, change func(lines [][]byte) [][]byte) {
	t.Helper()
	path := l.path("audit.%06d.log", number)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.Collect(bytes.Lines(b))
	if err := os.WriteFile(path, bytes.Join(change(lines), nil), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ask returns how many records a query gets, and what it is told.
func (l liar) ask(t *testing.T, q Query) (records int, told []error) {
	t.Helper()
	r, err := OpenReader(l.Log.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range r.Records(t.Context(), q) {
		_, damage := errors.AsType[*CorruptionError](err)
		switch {
		case err == nil:
			records++
		case damage:
			told = append(told, err)
		default:
			t.Fatal(err)
		}
	}
	return records, told
}

// seqOver is a condition that no index knows.
func seqOver(t *testing.T, text string) *Filter {
	t.Helper()
	where, err := ParseFilter(text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return where
}

// A segment whose lines are not numbered one behind another gets no index, which
// would take one line for another, and the others get theirs. One that says another
// number than its name does neither: its index would never be used, and was made
// again and again, until the disk was full.
func TestIndexRefusesNumbers(t *testing.T) {
	swap := func(t *testing.T, l liar) {
		for _, names := range [][2]string{{"audit.000001.log", "x"}, {"audit.000003.log", "audit.000001.log"}, {"x", "audit.000003.log"}} {
			if err := os.Rename(l.path("%s", names[0]), l.path("%s", names[1])); err != nil {
				t.Fatal(err)
			}
		}
	}
	lines := func(change func([][]byte) [][]byte) func(*testing.T, liar) {
		return func(t *testing.T, l liar) { l.change(t, 1, change) }
	}
	for name, c := range map[string]struct {
		damage func(*testing.T, liar)
		made   int
		told   string
	}{
		"lost":    {lines(func(l [][]byte) [][]byte { return slices.Delete(l, 40, 41) }), 2, "index segment 1: offset"},
		"doubled": {lines(func(l [][]byte) [][]byte { return slices.Insert(l, 40, l[40]) }), 2, "record 40 stands where record 41 must"},
		"swapped": {lines(func(l [][]byte) [][]byte { l[40], l[41] = l[41], l[40]; return l }), 2, "record 41 stands where record 40 must"},
		"another first": {lines(func(l [][]byte) [][]byte {
			l[0] = bytes.Replace(l[0], []byte(`"size":0,`), []byte(`"size":7,`), 1)
			return l
		}), 2, "record 0 stands where record 7 must"},
		"segments swapped": {swap, 1, "its first line is that of segment 3"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLiar(t)
			if err := os.RemoveAll(l.path("audit.index")); err != nil {
				t.Fatal(err)
			}
			c.damage(t, l)
			for _, want := range []int{c.made, 0} {
				made, err := l.Index(t.Context(), nil)
				if made != want || err == nil || !strings.Contains(err.Error(), c.told) {
					t.Errorf("%d indexes made, %v, want %d and %q", made, err, want, c.told)
				}
			}
			got, _ := l.ask(t, Query{User: "mallory"})
			if want, _ := l.ask(t, Query{User: "mallory", NoIndex: true}); got != want || want == 0 {
				t.Errorf("%d records are found by index, want %d", got, want)
			}
		})
	}
}

// One digit of a segment's first line takes no record out of sight of who goes on
// behind another, nor does one behind the end of what is asked.
func TestAfterIsNotLed(t *testing.T) {
	l := newLiar(t)
	all, _ := l.ask(t, Query{Where: seqOver(t, "seq > 10")})
	l.change(t, 3, func(lines [][]byte) [][]byte {
		before, rest, ok := bytes.Cut(lines[0], []byte(`"size":`))
		if !ok {
			t.Fatal("the first line has no size")
		}
		lines[0] = slices.Concat(before, []byte(`"size":0`), rest[bytes.IndexByte(rest, ','):])
		return lines
	})
	for _, q := range []Query{{}, {NoIndex: true}, {Reverse: true}, {End: Some(Place{3, 0})}, {User: "alice"}} {
		q.After = Some(uint64(10))
		got, _ := l.ask(t, q)
		q.After, q.Where = Optional[uint64]{}, seqOver(t, "seq > 10")
		want, _ := l.ask(t, q)
		if q.User == "" && !q.End.set && want != all || got != want {
			t.Errorf("%+v: %d records behind the tenth, want %d of %d", q, got, want, all)
		}
	}
}

// A segment that was cut off, and then indexed, is told as one that is read.
func TestIndexTellsShort(t *testing.T) {
	l := newLiar(t)
	l.change(t, 2, func(lines [][]byte) [][]byte { return lines[:len(lines)-2] })
	if err := os.Remove(l.path("audit.index/000002.idx")); err != nil {
		t.Fatal(err)
	}
	if made, err := l.Index(t.Context(), nil); made != 1 || err != nil {
		t.Fatalf("%d indexes made, %v", made, err)
	}
	for _, q := range []Query{{User: "mallory"}, {User: "nobody"}, {Reverse: true, User: "mallory"}, {After: Some(uint64(10)), User: "mallory"}} {
		for _, q.NoIndex = range []bool{false, true} {
			if _, told := l.ask(t, q); len(told) != 1 || !errors.Is(told[0], ErrMissing) {
				t.Errorf("%+v: got %v, want that records are missing", q, told)
			}
		}
	}
	if _, told := l.ask(t, Query{After: Some(uint64(800)), User: "mallory"}); len(told) > 0 {
		t.Errorf("behind what is missing: got %v, want nothing", told)
	}
}

// A segment that was changed in place after it was indexed ends no answer: the
// others are in it.
func TestIndexOfOtherLines(t *testing.T) {
	l := newLiar(t)
	l.change(t, 2, func(lines [][]byte) [][]byte {
		n := slices.IndexFunc(lines, func(line []byte) bool { return bytes.Contains(line, []byte("mallory")) })
		for len(lines[n]) == len(lines[n+1]) { // it must come to stand elsewhere
			n++
		}
		lines[n], lines[n+1] = lines[n+1], lines[n]
		return lines
	})
	for _, q := range []Query{{User: "mallory"}, {User: "mallory", Reverse: true}} {
		if got, told := l.ask(t, q); got != 2 || len(told) != 1 || !errors.Is(told[0], errNotIndexed) {
			t.Errorf("%+v: got %d records and %v, want those of the others", q, got, told)
		}
	}
}
