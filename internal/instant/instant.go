// Package instant is points in time as people write them on a command line.
//
//	2026-02-16T12:34:56Z         RFC 3339, with any offset and fraction
//	2026-02-16                   a day
//	2026-02-16 15:04[:05[.000]]  a time of day; "T" may stand for the blank,
//	                             and an offset (Z, +01:00) behind it
//	24h 7d 2w 1d12h -1h          ago: w, d, h, m, s; a day is 24 hours
//	now today yesterday
//	@1770112800[.5]              Unix seconds
//
// What has no offset is read in the zone of the clock it is compared with. Where that
// clock was put back, it showed some times twice: such a text names both moments.
// Where it was put forward, it left some out: they name the moment of the change.
package instant

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Duration reads a length of time: 90s, 24h, 7d, 2w, 1d12h.
func Duration(text string) (time.Duration, error) {
	d, err := duration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a length of time%w", text, err)
	}
	return d, nil
}

// Forms is a hint for people: one example of each form.
const Forms = `write 24h, 7d or 2w (ago), now, today, yesterday, 2026-02-16, "2026-02-16 15:04", 2026-02-16T12:34:56Z or @1770112800`

// A Span is what a text names: a moment, where From and Until are equal, a day, from
// its beginning to the beginning of the next, or a time that a clock showed Twice, at
// From and, once it was put back, at Until.
type Span struct {
	From  time.Time
	Until time.Time
	Twice bool
}

// Parse returns the span that text names, seen from now and in its zone. It
// lies within the years 0 to 9999 of UTC, as every stored timestamp does.
func Parse(text string, now time.Time) (Span, error) {
	span, err := parse(text, now)
	if err != nil {
		return Span{}, fmt.Errorf("%q is not a time%w", text, err)
	}
	if year := span.From.UTC().Year(); year < 0 || year > 9999 {
		return Span{}, fmt.Errorf("%q is not a time: year %d is out of range", text, year)
	}
	return span, nil
}

// errForm is for what has none of the forms. It says nothing more: the text
// itself and [Forms] tell all.
var errForm = errors.New("")

func parse(text string, now time.Time) (Span, error) {
	switch strings.ToLower(text) {
	case "now":
		return moment(now), nil
	case "today":
		return day(now, 0, now.Location()), nil
	case "yesterday":
		return day(now, -1, now.Location()), nil
	}
	if seconds, ok := strings.CutPrefix(text, "@"); ok {
		return unix(seconds, now.Location())
	}
	if len(text) > 4 && text[4] == '-' {
		return calendar(text, now.Location())
	}
	ago, err := duration(strings.TrimPrefix(text, "-"))
	return moment(now.Add(-ago)), err
}

func moment(t time.Time) Span { return Span{From: t, Until: t} }

// day returns the day of that date in a zone, or one some days later.
func day(date time.Time, later int, zone *time.Location) Span {
	year, month, day := date.Date()
	return Span{
		From:  Midnight(year, month, day+later, zone),
		Until: Midnight(year, month, day+later+1, zone),
	}
}

// Written returns a moment as RFC 3339 can write it, in a zone: in UTC where its year
// there is not one of four digits, as at either end of the stored timestamps, and the
// first moment of the year 0 where it is before that, as the beginning of a week may be.
func Written(t time.Time, zone *time.Location) time.Time {
	if first := time.Date(0, time.January, 1, 0, 0, 0, 0, time.UTC); t.Before(first) {
		return first
	}
	if t = t.In(zone); t.Year() < 0 || t.Year() > 9999 {
		return t.UTC()
	}
	return t
}

// Midnight returns the first instant of a day: that is 00:00, but for the
// zones that once moved their clocks there. A day that a zone has left out
// begins where the next one does.
func Midnight(year int, month time.Month, day int, zone *time.Location) time.Time {
	want := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	begun := func(t time.Time) bool {
		y, m, d := t.In(zone).Date()
		return !time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Before(want)
	}
	t := time.Date(year, month, day, 0, 0, 0, 0, zone)
	if begun(t) && !begun(t.Add(-time.Nanosecond)) {
		return t
	}
	// No zone is further from UTC than 16 hours, and no clock was ever moved
	// by other than whole minutes at midnight.
	t = want.Add(-16 * time.Hour)
	for !begun(t) {
		t = t.Add(time.Minute)
	}
	return t.In(zone)
}

// onClock returns when the clock of a zone showed what a clock in UTC shows at t.
func onClock(t time.Time, zone *time.Location) Span {
	year, month, day := t.Date()
	near := time.Date(year, month, day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
	start, end := near.ZoneBounds()
	// By the offset there, and by those before and behind it: the nearest changes
	// are the ones that matter, as time.Date is wrong by one of them at most.
	at := []time.Time{near}
	for _, change := range []time.Time{start, end} {
		if change.IsZero() {
			continue
		}
		before, behind := offset(change.Add(-1)), offset(change)
		if !t.Before(change.Add(before)) && t.Before(change.Add(behind)) {
			return moment(change.In(zone)) // left out
		}
		for _, shift := range []time.Duration{before, behind} {
			if other := t.Add(-shift).In(zone); offset(other) == shift {
				at = append(at, other)
			}
		}
	}
	first, last := slices.MinFunc(at, time.Time.Compare), slices.MaxFunc(at, time.Time.Compare)
	return Span{From: first, Until: last, Twice: !first.Equal(last)}
}

// offset returns what the clock of a time's zone is ahead of UTC then.
func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

// layouts are the forms of a calendar time. Package time reads a fraction
// behind the seconds in each.
var layouts = []struct {
	form   string
	isDay  bool
	offset bool
}{
	{form: "2006-01-02", isDay: true},
	{form: "2006-01-02T15:04:05Z07:00", offset: true},
	{form: "2006-01-02T15:04:05"},
	{form: "2006-01-02T15:04Z07:00", offset: true},
	{form: "2006-01-02T15:04"},
}

func calendar(text string, zone *time.Location) (Span, error) {
	date, clock, hasClock := strings.Cut(text, " ")
	if hasClock {
		// "15:04:05 +01:00", as the outputs write it, too.
		text = date + "T" + strings.Replace(clock, " ", "", 1)
	}
	reason := errForm
	for _, l := range layouts {
		// In UTC, which has every day and every time of it once.
		t, err := time.Parse(l.form, text)
		switch {
		case err == nil && l.isDay:
			return day(t, 0, zone), nil
		case err == nil && l.offset:
			return moment(t.In(zone)), nil
		case err == nil:
			return onClock(t, zone), nil
		}
		if wrong, ok := errors.AsType[*time.ParseError](err); ok && strings.HasSuffix(wrong.Message, "out of range") {
			reason = errors.New(wrong.Message) // ": day out of range"
		}
	}
	return Span{}, reason
}

// maxUnix is the last second of the year 9999.
const maxUnix = 253402300799

func unix(text string, zone *time.Location) (Span, error) {
	whole, fraction, hasFraction := strings.Cut(text, ".")
	seconds, err := strconv.ParseUint(whole, 10, 64)
	if err != nil || seconds > maxUnix {
		return Span{}, fmt.Errorf(": Unix seconds from 0 to %d must follow the @", uint64(maxUnix))
	}
	var nanos uint64
	if hasFraction {
		digits := (fraction + "000000000")[:9]
		if nanos, err = strconv.ParseUint(digits, 10, 64); err != nil || fraction == "" || strings.Trim(fraction, "0123456789") != "" {
			return Span{}, errForm
		}
	}
	return moment(time.Unix(int64(seconds), int64(nanos)).In(zone)), nil
}

// unitOf returns the length of a unit, 0 where there is none of that letter.
func unitOf(letter byte) time.Duration {
	switch letter {
	case 's':
		return time.Second
	case 'm':
		return time.Minute
	case 'h':
		return time.Hour
	case 'd':
		return 24 * time.Hour
	case 'w':
		return 7 * 24 * time.Hour
	}
	return 0
}

// duration reads 7d, or 1d12h.
func duration(text string) (time.Duration, error) {
	var total time.Duration
	if text == "" {
		return 0, errForm
	}
	for text != "" {
		digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
		if digits == 0 || digits == len(text) {
			return 0, errForm
		}
		unit := unitOf(text[digits])
		if unit == 0 {
			return 0, errForm
		}
		n, err := strconv.ParseInt(text[:digits], 10, 64)
		if err != nil || n > int64((math.MaxInt64-total)/unit) {
			return 0, errors.New(": it is longer ago than 292 years")
		}
		total += time.Duration(n) * unit
		text = text[digits+1:]
	}
	return total, nil
}
