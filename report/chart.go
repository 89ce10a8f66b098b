package report

import (
	"fmt"
	"math"
	"strconv"
)

// Measures of the chart, in units of its own.
const (
	chartWidth  = 1000
	chartHeight = 240
	chartLeft   = 56 // of the first bar
	chartTop    = 12
	chartBottom = 210
)

// A chart is the timeline, drawn: a column for each bar, in it the risks above
// each other.
type chart struct {
	Title, Desc   string
	Width, Height int
	Left, Right   int
	Bottom        int
	Lines         []gridLine
	Columns       []chartColumn
	Legend        []legendEntry
}

type gridLine struct {
	Y, TextY int
	Label    string
}

type chartColumn struct {
	X, Width, Middle string
	Label            string // under it; "" where there is no room for all
	Title            string
	Boxes            []box
}

type box struct {
	Y, Height string
	Tone      tone
}

type legendEntry struct {
	Name string
	Tone tone
}

// mostColumns is how many columns are drawn where some of them are empty.
const mostColumns = 366

// chart returns the drawing; nil where there is nothing to draw.
func (r *Report) chart() *chart {
	line := &r.Timeline
	most := line.most()
	if most == 0 {
		return nil
	}
	c := &chart{Width: chartWidth, Height: chartHeight, Left: chartLeft, Right: chartWidth, Bottom: chartBottom, Title: "Events by the " + string(line.Unit)}
	c.Desc = fmt.Sprintf("%s in %s. The table below the chart has the same numbers.", count(r.Totals.Events, "event"), count(len(line.Bars), string(line.Unit)))
	top := niceAbove(most)
	for i := range 5 {
		value := top * uint64(i) / 4
		y := chartBottom - int(float64(chartBottom-chartTop)*float64(i)/4)
		if i == 0 || top%4 == 0 || value*4 == top*uint64(i) {
			c.Lines = append(c.Lines, gridLine{y, y + 4, number(value)})
		}
	}
	step := float64(chartWidth-chartLeft) / float64(len(line.Bars))
	every := int(math.Ceil(float64(len(line.Bars)) / 16))
	for i := range line.Bars {
		labelled := i%every == 0
		if labelled || len(line.Bars) <= mostColumns || line.Bars[i].Events > 0 {
			c.Columns = append(c.Columns, r.chartColumn(i, step, top, labelled))
		}
	}
	c.Legend = []legendEntry{{"critical", alarm}, {"high", bad}, {"medium", caution}, {"low", low}, {"not rated", unrated}}
	return c
}

func (r *Report) chartColumn(i int, step float64, top uint64, labelled bool) chartColumn {
	b := &r.Timeline.Bars[i]
	x := chartLeft + float64(i)*step
	space := min(step*0.3, 14)
	col := chartColumn{X: pixels(x + space/2), Width: pixels(step - space), Middle: pixels(x + step/2)}
	label := r.Timeline.label(b.From.In(r.zone))
	if labelled {
		col.Label = label
	}
	col.Title = fmt.Sprintf("%s: %s; %s high or critical, %s denied, %s failed", label, count(b.Events, "event"), number(b.High+b.Critical), number(b.Denied), number(b.Failed))
	y := float64(chartBottom)
	for _, p := range b.parts(top) {
		if p.share == 0 {
			continue
		}
		height := max(p.share*(chartBottom-chartTop), 1.5)
		y -= height
		col.Boxes = append(col.Boxes, box{pixels(y), pixels(height), p.tone})
	}
	return col
}

func pixels(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// niceAbove returns the next round number that quarters well, where it is not
// tiny.
func niceAbove(n uint64) uint64 {
	for unit := uint64(1); ; unit *= 10 {
		for _, m := range []uint64{1, 2, 4, 6, 8} {
			if unit > math.MaxUint64/100 {
				return n
			}
			if m*unit >= n {
				return m * unit
			}
		}
	}
}
