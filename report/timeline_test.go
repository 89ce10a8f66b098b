package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/report"
)

// Bars follow the clocks of a zone, those that are moved too.
func TestBarsOfZones(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	for _, test := range []struct {
		name        string
		from, until time.Time
		unit        report.Unit
		bars        int
		first, last string
	}{
		{"a week", monday, made, report.Day, 8, "02-09 09:00", "02-16 00:00"},
		{"two days but a moment", monday, monday.Add(48*time.Hour - time.Microsecond), report.Hour, 48, "02-09 09:00", "02-11 08:00"},
		{"two days", monday, monday.Add(48 * time.Hour), report.Day, 3, "02-09 09:00", "02-11 00:00"},
		{"a day of 23 hours", time.Date(2026, 3, 29, 0, 0, 0, 0, berlin), time.Date(2026, 3, 30, 0, 0, 0, 0, berlin), report.Hour, 23, "03-29 00:00", "03-29 23:00"},
		{"a day of 25 hours", time.Date(2025, 10, 26, 0, 0, 0, 0, berlin), time.Date(2025, 10, 27, 0, 0, 0, 0, berlin), report.Hour, 25, "10-26 00:00", "10-26 23:00"},
		{"days around it", time.Date(2025, 10, 24, 0, 0, 0, 0, berlin), time.Date(2025, 10, 29, 0, 0, 0, 0, berlin), report.Day, 5, "10-24 00:00", "10-28 00:00"},
		{"half an hour off", monday, monday.Add(3 * time.Hour).In(zone(t, "Asia/Kolkata")), report.Hour, 4, "02-09 14:30", "02-09 17:00"},
		{"a year", monday.AddDate(-1, 0, 0), monday.Add(time.Hour), report.Month, 1, "02-01 00:00", "02-01 00:00"},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := report.Options{From: test.from, Until: test.until, Made: test.until.AddDate(1, 0, 0), Zone: test.until.Location()}
			events := []*etch.Event{
				command(test.from.AddDate(-1, 0, 0), "alice", "ls", etch.RiskLow), command(test.until.Add(-time.Microsecond), "alice", "ls", etch.RiskLow),
			}
			r := gather(t, newLog(t, made, events...), opts)
			bars := r.Timeline.Bars
			if r.Timeline.Unit != test.unit || len(bars) != test.bars {
				t.Fatalf("got %d bars by the %s, want %d by the %s", len(bars), r.Timeline.Unit, test.bars, test.unit)
			}
			first, last := bars[0].From.In(opts.Zone).Format("01-02 15:04"), bars[len(bars)-1].From.In(opts.Zone).Format("01-02 15:04")
			if first != test.first || last != test.last {
				t.Errorf("bars from %s to %s, want %s to %s", first, last, test.first, test.last)
			}
			checkBars(t, r)
		})
	}
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Skipf("no zone %s here: %v", name, err)
	}
	return zone
}

// Events of all times have a bar for each year between them, and no more.
func TestBarsOfAllTimes(t *testing.T) {
	opts := report.Options{From: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), Made: made}
	for _, test := range []struct {
		last time.Time
		unit report.Unit
		bars int
	}{
		{monday.AddDate(0, 0, 3), report.Month, 2}, // bob's is the second
		{time.Date(2036, 2, 1, 0, 0, 0, 0, time.UTC), report.Month, 121},
		{time.Date(2036, 3, 1, 0, 0, 0, 0, time.UTC), report.Year, 11},
		{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), report.Year, 7974},
	} {
		r := gather(t, newLog(t, made, command(monday, "alice", "ls", etch.RiskLow), command(monday.AddDate(0, 1, 0), "bob", "ls", etch.RiskHigh),
			command(test.last, "alice", "ls", etch.RiskCritical)), opts)
		bars := r.Timeline.Bars
		if r.Timeline.Unit != test.unit || len(bars) != test.bars {
			t.Errorf("up to %v there are %d bars by the %s, want %d by the %s", test.last, len(bars), r.Timeline.Unit, test.bars, test.unit)
			continue
		}
		if b := bars[0]; test.unit == report.Year && (b.Events != 2 || b.Low != 1 || b.High != 1 || b.From.Year() != 2026) {
			t.Errorf("the first year is %+v", b)
		}
		checkBars(t, r)
	}
}

// An event of any time makes no report of thousands of lines: many years without an
// event are one, and none of them is drawn.
func TestManyEmptyBars(t *testing.T) {
	opts := report.Options{From: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), Made: made}
	year := func(n int) *etch.Event {
		return command(time.Date(n, 7, 1, 0, 0, 0, 0, time.UTC), "alice", "ls", etch.RiskLow)
	}
	r := gather(t, newLog(t, made, year(1970), year(1995), year(2021), year(9998)), opts)
	for _, form := range forms {
		text := show(t, r, form.write)
		for n, want := range map[string]bool{"1970": true, "1971": true, "1994": true, "1995": true, "1996": false, "2020": false, "2021": true, "2100": false, "9997": false, "9998": true} {
			if form.name == "report.json" {
				want = true // for programs: there they are all
			}
			if got := strings.Contains(text, n); got != want {
				t.Errorf("%s: the year %s is in it: %v, want %v", form.name, n, got, want)
			}
		}
		if lines := strings.Count(text, "\n"); form.name != "report.json" && (lines > 1_000 || strings.Count(text, "…") < 2) {
			t.Errorf("%s has %d lines", form.name, lines)
		}
	}
}

// No bar lies before the log, or in the future.
func TestBarsWhereSomethingIs(t *testing.T) {
	opts := week()
	opts.Made = monday.AddDate(0, 0, 4)
	r := gather(t, newLog(t, opts.Made, command(monday.AddDate(0, 0, 2), "alice", "ls", etch.RiskLow)), opts)
	if bars := r.Timeline.Bars; len(bars) != 3 || bars[0].From.Day() != 11 || bars[2].From.Day() != 13 {
		t.Errorf("got %+v, want those of the 11th to the 13th", bars)
	}
}
