package instant_test

import (
	"cmp"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the tests, on every machine

	"github.com/etch-audit/etch/internal/instant"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func TestParse(t *testing.T) {
	now := at(t, "2026-02-16T12:34:56.5Z").In(zone(t, "Europe/Berlin"))
	const day = 24 * time.Hour
	for _, test := range []struct {
		text string
		from string // an RFC 3339 time
		span time.Duration
	}{
		{"now", "2026-02-16T12:34:56.5Z", 0},
		{"today", "2026-02-15T23:00:00Z", day},
		{"Today", "2026-02-15T23:00:00Z", day},
		{"yesterday", "2026-02-14T23:00:00Z", day},
		{"24h", "2026-02-15T12:34:56.5Z", 0},
		{"7d", "2026-02-09T12:34:56.5Z", 0},
		{"2w", "2026-02-02T12:34:56.5Z", 0},
		{"90s", "2026-02-16T12:33:26.5Z", 0},
		{"30m", "2026-02-16T12:04:56.5Z", 0},
		{"1d12h", "2026-02-15T00:34:56.5Z", 0},
		{"0s", "2026-02-16T12:34:56.5Z", 0},
		{"-1h", "2026-02-16T11:34:56.5Z", 0},
		{"2026-02-03", "2026-02-02T23:00:00Z", day},
		{"2026-03-29", "2026-03-28T23:00:00Z", 23 * time.Hour}, // summer time begins
		{"2026-10-25", "2026-10-24T22:00:00Z", 25 * time.Hour}, // and ends
		{"2026-02-03 15:04", "2026-02-03T14:04:00Z", 0},
		{"2026-02-03 15:04:05", "2026-02-03T14:04:05Z", 0},
		{"2026-02-03T15:04:05", "2026-02-03T14:04:05Z", 0},
		{"2026-02-03 15:04:05.25", "2026-02-03T14:04:05.25Z", 0},
		{"2026-07-03 15:04", "2026-07-03T13:04:00Z", 0},
		{"2026-02-03 15:04:05 +03:00", "2026-02-03T12:04:05Z", 0},
		{"2026-02-03 15:04Z", "2026-02-03T15:04:00Z", 0},
		{"2026-02-03T15:04:05Z", "2026-02-03T15:04:05Z", 0},
		{"2026-02-03T15:04:05.123456-08:00", "2026-02-03T23:04:05.123456Z", 0},
		{"@1770112800", "2026-02-03T10:00:00Z", 0},
		{"@1770112800.5", "2026-02-03T10:00:00.5Z", 0},
		{"@0", "1970-01-01T00:00:00Z", 0},
		{"@253402300799", "9999-12-31T23:59:59Z", 0},
		{"0000-01-02", "0000-01-01T23:06:32Z", day}, // before the zones: Berlin's own noon
	} {
		got, err := instant.Parse(test.text, now)
		if err != nil {
			t.Errorf("Parse(%q): %v", test.text, err)
			continue
		}
		if want := at(t, test.from); !got.From.Equal(want) {
			t.Errorf("Parse(%q).From = %v, want %v", test.text, got.From.UTC(), want)
		}
		if span := got.Until.Sub(got.From); span != test.span {
			t.Errorf("Parse(%q) spans %v, want %v", test.text, span, test.span)
		}
	}
}

// The zones whose clocks have jumped at midnight, and a day that never was.
func TestDayBeginsWhereItsZoneSays(t *testing.T) {
	for _, test := range []struct{ zone, day, from, until string }{
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"}, // 00:00 is 01:00
		{"America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"}, // 24:00 is 23:00
		{"America/Havana", "2025-11-02", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"},    // 01:00 is 00:00
		{"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"}, // left out
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
	} {
		now := at(t, "2026-02-16T12:34:56Z").In(zone(t, test.zone))
		got, err := instant.Parse(test.day, now)
		if err != nil {
			t.Errorf("Parse(%q) in %s: %v", test.day, test.zone, err)
			continue
		}
		if !got.From.Equal(at(t, test.from)) || !got.Until.Equal(at(t, test.until)) {
			t.Errorf("Parse(%q) in %s = %v to %v, want %s to %s", test.day, test.zone,
				got.From.UTC(), got.Until.UTC(), test.from, test.until)
		}
	}
}

// A time that the clock showed twice is both moments, one that it left out the
// moment of the change, whichever way the zone lies.
func TestClockIsMoved(t *testing.T) {
	for _, test := range []struct{ zone, text, from, until string }{
		{"Europe/Berlin", "2026-10-25 01:59:59", "2026-10-24T23:59:59Z", ""},
		{"Europe/Berlin", "2026-10-25 02:00", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		{"Europe/Berlin", "2026-10-25 02:30:00.5", "2026-10-25T00:30:00.5Z", "2026-10-25T01:30:00.5Z"},
		{"Europe/Berlin", "2026-10-25 02:59:59.999999999", "2026-10-25T00:59:59.999999999Z", "2026-10-25T01:59:59.999999999Z"},
		{"Europe/Berlin", "2026-10-25 03:00", "2026-10-25T02:00:00Z", ""},
		{"Europe/Berlin", "2026-10-25 02:00 +02:00", "2026-10-25T00:00:00Z", ""},
		{"Europe/Berlin", "2026-10-25 02:00 +01:00", "2026-10-25T01:00:00Z", ""},
		{"Europe/Berlin", "2026-03-29 01:59:59.999999999", "2026-03-29T00:59:59.999999999Z", ""},
		{"Europe/Berlin", "2026-03-29 02:00", "2026-03-29T01:00:00Z", ""},
		{"Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:00:00Z", ""},
		{"Europe/Berlin", "2026-03-29 03:00", "2026-03-29T01:00:00Z", ""},
		{"Europe/Berlin", "2026-03-29 03:30", "2026-03-29T01:30:00Z", ""},
		{"America/New_York", "2026-11-01 01:10", "2026-11-01T05:10:00Z", "2026-11-01T06:10:00Z"},
		{"America/New_York", "2026-11-01 00:59", "2026-11-01T04:59:00Z", ""},
		{"America/New_York", "2026-11-01 02:00", "2026-11-01T07:00:00Z", ""},
		{"America/New_York", "2026-03-08 02:30", "2026-03-08T07:00:00Z", ""},
		{"Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z"}, // half an hour
		{"Pacific/Apia", "2011-12-30 12:00", "2011-12-30T10:00:00Z", ""},                            // a day
		{"UTC", "2026-10-25 02:00", "2026-10-25T02:00:00Z", ""},
	} {
		now := at(t, "2026-02-16T12:34:56Z").In(zone(t, test.zone))
		got, err := instant.Parse(test.text, now)
		if err != nil {
			t.Errorf("Parse(%q) in %s: %v", test.text, test.zone, err)
			continue
		}
		from, until := at(t, test.from), at(t, cmp.Or(test.until, test.from))
		if !got.From.Equal(from) || !got.Until.Equal(until) || got.Twice != (test.until != "") {
			t.Errorf("Parse(%q) in %s = %v to %v, twice: %v, want %s to %s", test.text, test.zone, got.From.UTC(), got.Until.UTC(), got.Twice, from, until)
		}
	}
}

// Every moment that a clock shows is among those that its text names.
func TestShownIsNamed(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "Africa/Casablanca", "Antarctica/Troll"} {
		in := zone(t, name)
		now := at(t, "2026-02-16T12:34:56Z").In(in)
		for moment := at(t, "2011-01-01T00:00:00Z"); moment.Year() < 2012; moment = moment.Add(15 * time.Minute) {
			text := moment.In(in).Format("2006-01-02 15:04:05")
			got, err := instant.Parse(text, now)
			if err != nil {
				t.Fatalf("Parse(%q) in %s: %v", text, name, err)
			}
			if !got.From.Equal(moment) && !got.Until.Equal(moment) || got.Twice == got.From.Equal(got.Until) {
				t.Fatalf("Parse(%q) in %s = %v to %v, want %v", text, name, got.From.UTC(), got.Until.UTC(), moment)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	now := at(t, "2026-02-16T12:34:56Z")
	for _, test := range []struct{ text, want string }{
		{"", `"" is not a time`},
		{"yesturday", `"yesturday" is not a time`},
		{"last week", `"last week" is not a time`},
		{"2 days ago", `"2 days ago" is not a time`},
		{"24", `"24" is not a time`},
		{"h", `"h" is not a time`},
		{"24H", `"24H" is not a time`},
		{"1M", `"1M" is not a time`},
		{"1y", `"1y" is not a time`},
		{"1.5h", `"1.5h" is not a time`},
		{"--1h", `"--1h" is not a time`},
		{"+1h", `"+1h" is not a time`},
		{"-", `"-" is not a time`},
		{" 24h", `" 24h" is not a time`},
		{"99999999999h", "longer ago than 292 years"},
		{"99999999999999999999h", "longer ago than 292 years"},
		{"292w292w15000w", "longer ago than 292 years"},
		{"2026-02-30", "day out of range"},
		{"2026-13-01", "month out of range"},
		{"2026-02-03 25:00", "hour out of range"},
		{"2026-02-03 15", `"2026-02-03 15" is not a time`},
		{"2026-2-3", `"2026-2-3" is not a time`},
		{"2026-02", `"2026-02" is not a time`},
		{"02/03/2026", `"02/03/2026" is not a time`},
		{"@", "Unix seconds"},
		{"@-1", "Unix seconds"},
		{"@+1", "Unix seconds"},
		{"@1e9", "Unix seconds"},
		{"@253402300800", "Unix seconds"},
		{"@1.", `"@1." is not a time`},
		{"@1.-5", `"@1.-5" is not a time`},
		{"0000-01-01T00:00:00+01:00", "year -1 is out of range"},
	} {
		got, err := instant.Parse(test.text, now)
		if err == nil {
			t.Errorf("Parse(%q) = %v, want an error", test.text, got)
			continue
		}
		if !strings.Contains(err.Error(), test.want) {
			t.Errorf("Parse(%q): %q, want %q in it", test.text, err, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"now", "today", "24h", "-1h", "1d12h", "2026-02-03", "2026-02-03 15:04:05.5 +01:00", "@1.5", "0000-01-01", "9999-12-31"} {
		f.Add(text, int64(1770112800), 3)
	}
	zones := []*time.Location{time.UTC}
	for _, name := range []string{"Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu"} {
		zones = append(zones, zone(f, name))
	}
	f.Fuzz(func(t *testing.T, text string, unix int64, in int) {
		now := time.Unix(unix%200_000_000_000, 0).In(zones[uint(in)%uint(len(zones))])
		span, err := instant.Parse(text, now)
		if err != nil {
			return
		}
		if length := span.Until.Sub(span.From); length < 0 || length > 48*time.Hour {
			t.Errorf("Parse(%q) in %v spans %v", text, now.Location(), length)
		}
		if year := span.From.UTC().Year(); year < 0 || year > 9999 {
			t.Fatalf("Parse(%q) is in the year %d", text, year)
		}
		if year := span.From.Year(); year < 0 || year > 9999 {
			return // its own zone cannot write it
		}
		// What is written out in full is read back as it was.
		again, err := instant.Parse(span.From.UTC().Format(time.RFC3339Nano), now)
		if err != nil || !again.From.Equal(span.From) {
			t.Errorf("Parse(%q) = %v, and read back: %v, %v", text, span.From, again.From, err)
		}
	})
}

// RFC 3339 has years of four digits. Stored timestamps end with them, in UTC.
func TestWritten(t *testing.T) {
	east, west := time.FixedZone("", 3600), time.FixedZone("", -3600)
	for _, test := range []struct {
		text string
		in   *time.Location
		want string
	}{
		{"2026-12-31T23:30:00Z", east, "2027-01-01T00:30:00+01:00"},
		{"9999-12-31T23:30:00Z", east, "9999-12-31T23:30:00Z"},
		{"9999-12-31T23:30:00Z", west, "9999-12-31T22:30:00-01:00"},
		{"0000-01-01T00:30:00Z", west, "0000-01-01T00:30:00Z"},
		{"0000-01-01T00:30:00Z", east, "0000-01-01T01:30:00+01:00"},
		{"0000-01-01T00:30:00+01:00", time.UTC, "0000-01-01T00:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, test.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := instant.Written(at, test.in).Format(time.RFC3339); got != test.want {
			t.Errorf("%s in %v: got %s, want %s", test.text, test.in, got, test.want)
		}
	}
}
