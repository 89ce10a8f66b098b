package main

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/export/table"
	"github.com/etch-audit/etch/internal/terminal"
)

// The steps between two bars are those of the clock: the day on which it is moved
// has 23 or 25 hours.
func TestChartSteps(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err) // a system without the database
	}
	at := func(text string) time.Time {
		t.Helper()
		m, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return m.In(berlin)
	}
	for _, test := range []struct {
		step     time.Duration
		from, to string
		want     string
	}{
		{time.Hour, "2026-03-29T01:00:00+01:00", "2026-03-29T04:00:00+02:00", `COUNT  TIME
    1  2026-03-29 01:00+01:00  ██████████
    0  2026-03-29 03:00+02:00
    1  2026-03-29 04:00+02:00  ██████████
`},
		{time.Hour, "2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00", `COUNT  TIME
    1  2026-10-25 02:00+02:00  ██████████
    0  2026-10-25 02:00+01:00
    1  2026-10-25 03:00+01:00  ██████████
`},
		{day, "2026-03-28T00:00:00+01:00", "2026-03-30T00:00:00+02:00", `COUNT  TIME (+01:00)
    1  2026-03-28 Sat  ██████████
    0  2026-03-29 Sun
    1  2026-03-30 Mon  ██████████
`},
		{10 * time.Hour, "2026-02-16T20:00:00+01:00", "2026-02-17T10:00:00+01:00", `COUNT  TIME (+01:00)
    1  2026-02-16 20:00  ██████████
    0  2026-02-17 00:00
    1  2026-02-17 10:00  ██████████
`},
		{time.Second, "2026-02-16T20:00:00+01:00", "2026-02-16T20:00:26+01:00", `COUNT  TIME (+01:00)
    1  2026-02-16 20:00:00  ██████████
       …
    1  2026-02-16 20:00:26  ██████████
`},
	} {
		c := chart{step: test.step, bars: []etch.Bar{{From: at(test.from), Count: 1}, {From: at(test.to), Count: 1}}}
		var out strings.Builder
		if err := c.write(&out, table.Options{Width: widthOf(test.want)}); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != test.want {
			t.Errorf("%v from %s to %s: got\n%swant\n%s", test.step, test.from, test.to, got, test.want)
		}
	}
}

// widthOf returns how wide the widest line of a text is.
func widthOf(text string) (width int) {
	for line := range strings.Lines(text) {
		width = max(width, terminal.Width(strings.TrimSuffix(line, "\n")))
	}
	return width
}

// No line is wider than the screen, which may have room for a short bar or none. The
// number and the time are never cut.
func TestChartIsNarrow(t *testing.T) {
	from := time.Date(2026, 2, 16, 13, 0, 0, 0, time.UTC)
	c := chart{step: time.Hour, bars: []etch.Bar{{From: from, Count: 12}, {From: from.Add(time.Hour), Count: 6}}}
	for width, want := range map[int]string{
		34: "   12  2026-02-16 13:00  █████████\n    6  2026-02-16 14:00  ████▌\n",
		26: "   12  2026-02-16 13:00  █\n    6  2026-02-16 14:00  ▌\n",
		25: "   12  2026-02-16 13:00\n    6  2026-02-16 14:00\n",
		10: "   12  2026-02-16 13:00\n    6  2026-02-16 14:00\n",
	} {
		var out strings.Builder
		if err := c.write(&out, table.Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		if got, want := out.String(), "COUNT  TIME (UTC)\n"+want; got != want || width > 22 && widthOf(got) > width {
			t.Errorf("width %d: got\n%swant\n%s", width, got, want)
		}
	}
}

func TestBarOf(t *testing.T) {
	for _, test := range []struct {
		n, most uint64
		want    string
	}{
		{0, 0, ""}, {0, 10, ""}, {1, 1 << 60, "▏"}, {10, 10, "████"}, {5, 10, "██"}, {9, 10, "███▌"}, {1<<64 - 1, 1<<64 - 1, "████"},
	} {
		if got := barOf(test.n, test.most, 4); got != test.want {
			t.Errorf("%d of %d: got %q, want %q", test.n, test.most, got, test.want)
		}
	}
}

// However long an expression is, what is around the place stands on one line.
func TestPointedAt(t *testing.T) {
	for _, test := range []struct {
		text   string
		column int
		want   string
	}{
		{"", 1, "\n^"},
		{"user = x", 6, "user = x\n     ^"},
		{"user = x", 9, "user = x\n        ^"},
		{"日本 = x", 4, "日本 = x\n     ^"},
		{"a\n= \x1b", 3, "a\\n= \\x1b\n   ^"},
		{strings.Repeat("x", 200), 100, "…" + strings.Repeat("x", 70) + "…\n" + strings.Repeat(" ", 51) + "^"},
	} {
		if got := strings.Join(pointedAt(test.text, test.column), "\n"); got != test.want {
			t.Errorf("column %d of %q: got\n%s\nwant\n%s", test.column, test.text, got, test.want)
		}
	}
}

// heapWriter notes how large the heap is while a chart is being written.
type heapWriter struct{ lines, most uint64 }

func (w *heapWriter) Write(p []byte) (int, error) {
	if w.lines++; w.lines%100_000 == 0 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		w.most = max(w.most, m.HeapAlloc)
	}
	return len(p), nil
}

// A chart of many bars, with many steps between them, takes no memory for each line.
func TestChartMemory(t *testing.T) {
	c := &chart{step: time.Second}
	for i := range 20_000 {
		c.bars = append(c.bars, etch.Bar{From: time.Unix(int64(i)*20, 0).UTC(), Count: 1})
	}
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, c.reverse = range []bool{false, true} {
		var w heapWriter
		if err := c.write(&w, table.Options{Width: 80}); err != nil {
			t.Fatal(err)
		}
		if w.lines < 399_000 || w.most > before.HeapAlloc+4<<20 {
			t.Errorf("%d lines take %d KiB more, want 4 MiB at most", w.lines, (w.most-before.HeapAlloc)>>10)
		}
	}
}
