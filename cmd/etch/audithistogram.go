package main

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/export/jsonl"
	"github.com/etch-audit/etch/export/table"
	"github.com/etch-audit/etch/internal/instant"
)

const day = 24 * time.Hour

// setHistogram reads --histogram.
func (o *auditOptions) setHistogram(q *auditQuery) error {
	if o.histogram == "" {
		return nil
	}
	const hint = "write 1m, 1h, 1d or 1w"
	step, err := instant.Duration(o.histogram)
	switch {
	case err != nil:
		return usagef(hint, "--histogram: %w", err)
	case step < time.Second:
		return usagef(hint, "--histogram %s: a step is a second at least", o.histogram)
	case step > day && step%day != 0:
		return usagef(hint, "--histogram %s: a step over a day is of whole days", o.histogram)
	}
	q.step = step
	return nil
}

// histogram counts by steps of time. -n takes the newest of them.
func (a *audit) histogram(ctx context.Context) (*tally, error) {
	zone := a.look(false).Zone
	bars, err := a.reader.Histogram(ctx, a.query.Query, a.query.step, zone)
	if a.opts.limit > 0 {
		bars = bars[max(0, len(bars)-a.opts.limit):]
	}
	t := &tally{names: []string{"time"}, chart: &chart{step: a.query.step, bars: bars, reverse: a.opts.reverse}}
	form, shown := jsonl.TimeForm, time.UTC
	if a.opts.format == "short" {
		form, shown = time.RFC3339, zone
	}
	for _, b := range bars {
		at := instant.Written(b.From, shown)
		t.rows = append(t.rows, etch.Group{Values: []string{at.Format(form)}, Count: b.Count})
	}
	if a.opts.reverse {
		slices.Reverse(t.rows)
	}
	a.rows = len(bars)
	return t, err
}

// A chart is a histogram as people see it, a line a step.
type chart struct {
	step    time.Duration
	bars    []etch.Bar // in the order of time; steps without records are left out
	reverse bool
}

// mostEmpty is how many steps in a row without a record are shown as what they
// are. More of them are one line.
const mostEmpty = 24

// widestBar is how long a bar is at most, and where any width will do.
const widestBar = 60

// write writes the number, the time and a bar of each step. A bar has the room that
// the other two leave, and none where they leave none.
func (c *chart) write(w io.Writer, look table.Options) error {
	if len(c.bars) == 0 {
		return nil
	}
	title, form := c.form()
	var most uint64
	for _, b := range c.bars {
		most = max(most, b.Count)
	}
	g := &grid{w: w, titles: []string{"COUNT", title, ""}, right: []bool{true, false, false}, colour: look.Colour}
	widest := []string{strconv.FormatUint(most, 10), "", ""}
	for b := range c.filled {
		if at := timeOf(b, form); len(at) > len(widest[1]) {
			widest[1] = at
		}
	}
	g.settle([][]string{widest})
	width := widestBar
	if look.Width > 0 {
		width = max(0, min(widestBar, look.Width-g.total()))
	}
	g.widths[2] = width
	if err := g.header(); err != nil {
		return err
	}
	for b := range c.filled {
		count := strconv.FormatUint(b.Count, 10)
		if b.From.IsZero() {
			count = ""
		}
		if err := g.row([]string{count, timeOf(b, form), barOf(b.Count, most, width)}); err != nil {
			return err
		}
	}
	return nil
}

// timeOf returns when a bar begins; "…" for many without a record.
func timeOf(b etch.Bar, form string) string {
	if b.From.IsZero() {
		return "…"
	}
	return b.From.Format(form)
}

// form returns the title of the times and their form: as exact as the step is.
// The zone's offset stands in the title, unless the clock was moved meanwhile.
func (c *chart) form() (title, form string) {
	switch {
	case c.step%day == 0:
		form = "2006-01-02 Mon"
	case c.step%time.Minute == 0:
		form = "2006-01-02 15:04"
	default:
		form = time.DateTime
	}
	offset := c.bars[0].From.Format("Z07:00")
	if slices.ContainsFunc(c.bars, func(b etch.Bar) bool { return b.From.Format("Z07:00") != offset }) && c.step%day != 0 {
		return "TIME", form + "Z07:00"
	}
	if offset == "Z" {
		offset = "UTC"
	}
	return "TIME (" + offset + ")", form
}

// filled yields the bars with the steps between them, in the order in which they are
// shown. A zero time stands for many without a record.
func (c *chart) filled(yield func(etch.Bar) bool) {
	bars := slices.All(c.bars)
	if c.reverse {
		bars = slices.Backward(c.bars)
	}
	last := -1
	for i, b := range bars {
		if last >= 0 {
			between := c.between(c.bars[min(last, i)].From, c.bars[max(last, i)].From)
			if c.reverse {
				slices.Reverse(between)
			}
			for _, empty := range between {
				if !yield(empty) {
					return
				}
			}
		}
		if !yield(b) {
			return
		}
		last = i
	}
}

// between returns the steps between those of two times.
func (c *chart) between(from, to time.Time) []etch.Bar {
	var empty []etch.Bar
	for at := c.next(from); at.Before(to); at = c.next(at) {
		if len(empty) == mostEmpty {
			return []etch.Bar{{}}
		}
		empty = append(empty, etch.Bar{From: at})
	}
	return empty
}

// next returns when the step behind that of a time begins.
func (c *chart) next(from time.Time) time.Time {
	year, month, d := from.Date()
	if c.step >= day {
		return instant.Midnight(year, month, d+int(c.step/day), from.Location())
	}
	midnight := instant.Midnight(year, month, d+1, from.Location())
	if at := from.Add(c.step); at.Before(midnight) {
		return at
	}
	return midnight
}

// barOf returns a bar as long as its part of the width, in eighths of a cell.
func barOf(n, most uint64, width int) string {
	if most == 0 || n == 0 || width == 0 {
		return ""
	}
	eighths := max(1, int(float64(n)/float64(most)*float64(8*width)))
	bar := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		bar += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return bar
}
