package report

import (
	"maps"
	"slices"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/instant"
)

// A Timeline is how much was done when.
type Timeline struct {
	Unit Unit  `json:"unit"`
	Bars []Bar `json:"bars"` // in the order of time, with those of no events between
}

// A Unit is what a bar stands for.
type Unit string

// The units. Days, months and years are those of the report's zone.
const (
	Hour  Unit = "hour"  // of periods under two days
	Day   Unit = "day"   // of periods up to 92 days
	Month Unit = "month" // of longer ones
	Year  Unit = "year"  // of those whose events lie more than ten years apart
)

// A Bar counts the events of an hour, a day, a month or a year, or the part of it that
// lies in the period.
type Bar struct {
	From     Time   `json:"from"`
	Until    Time   `json:"until"`
	Events   uint64 `json:"events"`
	Low      uint64 `json:"low"` // events by risk; those of none make up the rest
	Medium   uint64 `json:"medium"`
	High     uint64 `json:"high"`
	Critical uint64 `json:"critical"`
	Denied   uint64 `json:"denied"`
	Failed   uint64 `json:"failed"`
}

// unrated returns the events without a risk.
func (b *Bar) unrated() uint64 { return b.Events - b.Low - b.Medium - b.High - b.Critical }

func (b *Bar) add(f *facts) {
	b.Events++
	b.Denied += one(f.denied)
	b.Failed += one(f.failed)
	switch f.risk {
	case etch.RiskLow:
		b.Low++
	case etch.RiskMedium:
		b.Medium++
	case etch.RiskHigh:
		b.High++
	case etch.RiskCritical:
		b.Critical++
	}
}

// join adds the counts of a bar.
func (b *Bar) join(o *Bar) {
	b.Events += o.Events
	b.Low += o.Low
	b.Medium += o.Medium
	b.High += o.High
	b.Critical += o.Critical
	b.Denied += o.Denied
	b.Failed += o.Failed
}

const (
	// longestInDays is the longest period that has a bar for each day.
	longestInDays = 92
	// longestInYears is over how many years there may be a bar for each month: an
	// event's time may be any, and one from the year 1 must not make 24,000 of them.
	longestInYears = 10
)

// A timeline counts into bars. Hours are instants; days, months and years are dates,
// as midnight in UTC: not every day of every zone has a midnight.
type timeline struct {
	opts Options
	unit Unit
	bar  map[time.Time]*Bar
	last time.Time // the bar that was used last, and its time
	used *Bar
}

func newTimeline(opts Options) *timeline {
	t := &timeline{opts: opts, unit: Day, bar: map[time.Time]*Bar{}}
	switch length := opts.Until.Sub(opts.From); {
	case length < 48*time.Hour:
		t.unit = Hour
	case length > longestInDays*24*time.Hour+2*time.Hour: // clocks are moved in between
		t.unit = Month
	}
	return t
}

func (t *timeline) add(at time.Time, f *facts) {
	key := t.floor(at)
	if t.used == nil || key != t.last {
		if t.bar[key] == nil {
			t.bar[key] = new(Bar)
		}
		t.last, t.used = key, t.bar[key]
	}
	t.used.add(f)
}

// floor returns the bar that a moment belongs to.
func (t *timeline) floor(at time.Time) time.Time {
	at = at.In(t.opts.Zone)
	year, month, day := at.Date()
	switch t.unit {
	case Hour:
		into := time.Duration(at.Minute())*time.Minute + time.Duration(at.Second())*time.Second + time.Duration(at.Nanosecond())
		return at.Add(-into).UTC()
	case Month:
		day = 1
	case Year:
		month, day = time.January, 1
	}
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// next returns the bar after one.
func (t *timeline) next(key time.Time) time.Time {
	switch t.unit {
	case Hour:
		// An hour of a zone that moves its clock by half of one is not lost.
		if then := t.floor(key.Add(time.Hour)); then.After(key) {
			return then
		}
		return key.Add(time.Hour)
	case Month:
		return key.AddDate(0, 1, 0)
	case Year:
		return key.AddDate(1, 0, 0)
	}
	return key.AddDate(0, 0, 1)
}

// instant returns when a bar begins.
func (t *timeline) instant(key time.Time) time.Time {
	if t.unit == Hour {
		return key
	}
	year, month, day := key.Date()
	return instant.Midnight(year, month, day, t.opts.Zone)
}

// inYears makes the months years, where there would be too many.
func (t *timeline) inYears() {
	months := slices.SortedFunc(maps.Keys(t.bar), time.Time.Compare)
	if t.unit != Month || len(months) == 0 || !months[len(months)-1].After(months[0].AddDate(longestInYears, 0, 0)) {
		return
	}
	t.unit = Year
	years := map[time.Time]*Bar{}
	for month, b := range t.bar {
		key := time.Date(month.Year(), time.January, 1, 0, 0, 0, 0, time.UTC)
		if years[key] == nil {
			years[key] = new(Bar)
		}
		years[key].join(b)
	}
	t.bar = years
}

// bars returns all bars from where the log begins, but not those of the future:
// neither says anything.
func (t *timeline) bars(first time.Time) Timeline {
	from, until := t.opts.From, t.opts.Until
	if first.After(from) && first.Before(until) {
		from = first
	}
	if made := t.opts.Made; made.After(from) && made.Before(until) {
		until = made
	}
	t.inYears()
	line := Timeline{Unit: t.unit, Bars: []Bar{}}
	begin, end := t.floor(from), t.floor(until.Add(-1))
	keys := slices.SortedFunc(maps.Keys(t.bar), time.Time.Compare)
	switch {
	case len(keys) > 0 && (t.unit == Month || t.unit == Year): // it may be asked for since the year 0
		begin, end = keys[0], keys[len(keys)-1]
	case len(keys) > 0:
		begin, end = earliest(begin, keys[0]), latest(end, keys[len(keys)-1])
	case t.unit == Month:
		return line
	}
	for key := begin; !key.After(end); key = t.next(key) {
		b := Bar{}
		if counted := t.bar[key]; counted != nil {
			b = *counted
		}
		b.From = Time{latest(t.instant(key), t.opts.From)}
		b.Until = Time{earliest(t.instant(t.next(key)), t.opts.Until)}
		line.Bars = append(line.Bars, b)
	}
	return line
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
