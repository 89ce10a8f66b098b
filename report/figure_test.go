package report

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/terminal"
)

func TestFigures(t *testing.T) {
	noon := time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct{ got, want string }{
		{number(0), "0"},
		{number(999), "999"},
		{number(1000), "1,000"},
		{number(math.MaxUint64), "18,446,744,073,709,551,615"},
		{count(1, "recovery"), "1 recovery"},
		{count(2, "recovery"), "2 recoveries"},
		{count(2, "day"), "2 days"},
		{count(1234, "event"), "1,234 events"},
		{change(0, 0), "="},
		{change(5, 5), "="},
		{change(5, 0), "new"},
		{change(0, 5), "−100 %"},
		{change(112, 100), "+12 %"},
		{change(96, 100), "−4 %"},
		{change(1001, 1000), "+<1 %"},
		{change(999, 1000), "−<1 %"},
		{change(1, 1000), "−99 %"},
		{change(995, 100), "+895 %"},
		{change(1049, 100), "×10"},
		{share(0, 0), ""},
		{share(0, 5), "0 %"},
		{share(1, 1000), "<1 %"},
		{share(999, 1000), ">99 %"},
		{share(5, 5), "100 %"},
		{share(1, 3), "33 %"},
		{lengthOf(noon, noon.Add(30*time.Minute)), "30m0s"},
		{lengthOf(noon, noon.Add(time.Hour)), "1 hour"},
		{lengthOf(noon, noon.Add(24*time.Hour)), "24 hours"},
		{lengthOf(noon, noon.Add(47*time.Hour)), "47 hours"},
		{lengthOf(noon, noon.Add(48*time.Hour)), "2 days"},
		{lengthOf(noon, noon.Add(169*time.Hour)), "7 days 1 hour"},
		{lengthOf(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)), "3,652,059 days"},
		{lengthOf(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 25, 0, 0, 0, time.UTC).AddDate(300, 0, 0)), "109,573 days 1 hour"},
		{zoneOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), "UTC"},
		{zoneOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("WIB", 7*3600))), "WIB +07:00"},
		{zoneOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("+0330", 12600))), "+03:30"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
	for n, want := range map[uint64]uint64{1: 1, 3: 4, 9: 10, 11: 20, 59: 60, 61: 80, 81: 100, 1234: 2000} {
		if got := niceAbove(n); got != want {
			t.Errorf("niceAbove(%d) = %d, want %d", n, got, want)
		}
	}
	if got := niceAbove(math.MaxUint64 - 1); got < math.MaxUint64-1 {
		t.Errorf("niceAbove of the highest is %d", got)
	}
}

// A bar is as wide as it was to be, in any colours, and as long as its parts.
func TestTextBar(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		parts, total := make([]part, 1+r.IntN(5)), 0.0
		for i := range parts {
			if r.IntN(3) > 0 {
				parts[i] = part{r.Float64() * (1 - total), []tone{low, bad, alarm}[r.IntN(3)]}
			}
			total += parts[i].share
		}
		width := 1 + r.IntN(60)
		bar := (&text{}).bar(parts, width)
		if got := terminal.Width(bar); got != width {
			t.Fatalf("%v: %q has %d columns, want %d", parts, bar, got, width)
		}
		eighth := 8 * strings.Count(bar, "█")
		for i, block := range eighths[1:] {
			eighth += (i + 1) * strings.Count(bar, block)
		}
		if want := total * float64(width) * 8; math.Abs(float64(eighth)-want) > 1 || total > 0 && eighth == 0 {
			t.Fatalf("%v: %q is %d eighths long, want %.1f", parts, bar, eighth, want)
		}
	}
}

// What is not nothing has a bar that is seen, on the page too.
func TestWebBar(t *testing.T) {
	bar := webBar([]part{{0, low}, {0.5, bad}, {0.0001, alarm}})
	if len(bar) != 2 || bar[1].Width < 3 || bar[1].X != 500 {
		t.Errorf("got %+v", bar)
	}
}

// Code ends where the text does.
func TestCode(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "ls -la": "`ls -la`", "<b>": "`<b>`", "`id`": "<code>&#96;id&#96;</code>", "a|b": "<code>a&#124;b</code>",
		`a\`: "<code>a&#92;</code>", " a": "<code> a</code>", "&amp;": "`&amp;`", "`&lt;": "<code>&#96;&#38;lt&#59;</code>",
	} {
		if got := code(text); got != want {
			t.Errorf("code(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestPreviousTo(t *testing.T) {
	at := func(year int) time.Time { return time.Date(year, 3, 1, 0, 0, 0, 5, time.UTC) }
	for _, test := range []struct{ from, until, want time.Time }{
		{at(2026), at(2026).Add(time.Hour + time.Nanosecond), at(2026).Add(-time.Hour - time.Nanosecond)},
		{at(2001), at(2401), at(1601)}, // the calendar is the same again after 400 years
		{at(4001), at(8001), at(1)},
	} {
		if got := previousTo(test.from, test.until); !got.Equal(test.want) {
			t.Errorf("before %v to %v is a period from %v, want %v", test.from, test.until, got, test.want)
		}
	}
}
