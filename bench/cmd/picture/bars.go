package main

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/etch-audit/etch/bench/table"
)

// The picture of bars, in pixels.
const (
	barWidth         = 760
	barLeft, barEnd  = 330, 680
	barTop, barApart = 74, 27
	barHeight        = 16
)

// barStyle is for what the lines of a curve do not have.
const barStyle = `<style>
.bar{fill:#0969da}.must{stroke:#24292f;stroke-width:2}.one{stroke:#57606a;stroke-dasharray:4 3}
@media(prefers-color-scheme:dark){.bar{fill:#58a6ff}.must{stroke:#e6edf3}.one{stroke:#9198a1}}
</style>
`

// A scale maps ratios to pixels, logarithmically, between powers of ten.
type scale struct{ from, to float64 }

func (s scale) x(ratio float64) float64 {
	return barLeft + (barEnd-barLeft)*math.Log10(ratio/s.from)/math.Log10(s.to/s.from)
}

// drawBars returns the picture of the outcomes that compare with ripgrep: how
// many times as fast as it the log answers.
func drawBars(outcomes []table.Outcome) ([]byte, error) {
	chosen, s, err := toRipgrep(outcomes)
	if err != nil {
		return nil, err
	}
	bottom := barTop + barApart*len(chosen)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="Questions: how many times as fast as ripgrep">`+"\n", barWidth, bottom+40)
	b.WriteString(style + barStyle)
	fmt.Fprintf(&b, `<rect class="bg" width="%d" height="%d"/>`+"\n", barWidth, bottom+40)
	b.WriteString(`<text class="title" x="20" y="26">Questions: how many times as fast as ripgrep</text>` + "\n")
	b.WriteString(`<text class="dim" x="20" y="46">whole processes, warm; the axis is logarithmic; a stroke marks what is asked at least</text>` + "\n")
	s.grid(&b, bottom)
	for i := range chosen {
		s.bar(&b, &chosen[i], barTop+barApart*i)
	}
	b.WriteString("</svg>\n")
	return b.Bytes(), nil
}

// toRipgrep returns the outcomes that are ratios to ripgrep, and their scale,
// which has a ratio of one in it.
func toRipgrep(outcomes []table.Outcome) ([]table.Outcome, scale, error) {
	s := scale{from: 0.1, to: 10}
	var chosen []table.Outcome
	for _, o := range outcomes {
		if o.Missing != "" || o.AtMost || len(o.Theirs) != 1 || !strings.HasPrefix(o.Theirs[0].Side, "rg/") {
			continue
		}
		if o.Value <= 0 || o.Bound <= 0 || math.IsInf(o.Value, 0) {
			return nil, s, fmt.Errorf("row %s came to %g and must be %g: that is no bar", o.Row, o.Value, o.Bound)
		}
		chosen = append(chosen, o)
		s.from = min(s.from, math.Pow(10, math.Floor(math.Log10(o.Value))))
		s.to = max(s.to, math.Pow(10, math.Ceil(math.Log10(max(o.Value, o.Bound)))))
	}
	if len(chosen) == 0 {
		return nil, s, errors.New("there is nothing to draw")
	}
	return chosen, s, nil
}

// grid draws the powers of ten.
func (s scale) grid(b *bytes.Buffer, bottom int) {
	for ratio := s.from; ratio <= s.to*1.001; ratio *= 10 {
		class := "grid"
		if math.Abs(ratio-1) < 0.001 {
			class = "one"
		}
		x := s.x(ratio)
		fmt.Fprintf(b, `<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="dim" x="%.1f" y="%d" text-anchor="middle">%.4g ×</text>`+"\n",
			class, x, x, barTop-8, bottom, x, bottom+20, ratio)
	}
}

// bar draws an outcome from a ratio of one, to the left where it is less.
func (s scale) bar(b *bytes.Buffer, o *table.Outcome, y int) {
	one, x, must := s.x(1), s.x(o.Value), s.x(o.Bound)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, barLeft-10, y+barHeight-3, html.EscapeString(label(o)))
	fmt.Fprintf(b, `<rect class="bar" x="%.1f" y="%d" width="%.1f" height="%d"/>`, min(one, x), y, math.Abs(x-one), barHeight)
	fmt.Fprintf(b, `<line class="must" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, must, must, y-3, y+barHeight+3)
	fmt.Fprintf(b, `<text x="%.1f" y="%d">%.3g ×</text>`+"\n", max(one, x, must)+8, y+barHeight-3, o.Value)
}

// labels say briefly what rows ask.
var labels = map[string]string{
	"q1":       "one user's records",
	"q2":       "violations of the last 24 h",
	"q3":       "risky commands by user",
	"grep":     "a rare word in commands",
	"scan-1":   "one user, no index, one core",
	"scan-2":   "one user, no index, two cores",
	"archived": "one user, archived log",
}

// label returns what stands beside a bar.
func label(o *table.Outcome) string {
	name, files := strings.CutSuffix(o.Row, "-files")
	text, ok := labels[name]
	if !ok {
		return o.Row
	}
	if files {
		text += " (rg: all cores)"
	}
	return text
}
