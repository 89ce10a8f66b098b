package main

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"math"

	"github.com/etch-audit/etch/bench"
)

// The picture, in pixels: the plot's corners and what is around it.
const (
	width, height = 760, 440
	left, right   = 78, 640
	top, bottom   = 56, 380
)

// style lets the picture follow the reader's light or dark mode. Each line
// has a dash of its own, so that it can be told without colours.
const style = `<style>
svg{font:13px system-ui,sans-serif;fill:#24292f}
.bg{fill:#fff}.grid{stroke:#d8dee4}.title{font-size:16px;font-weight:600}.dim{fill:#57606a}
path{fill:none;stroke-width:2.2}
.s0{stroke:#0969da}.s1{stroke:#8250df;stroke-dasharray:7 4}.s2{stroke:#9a6700;stroke-dasharray:2 4}.s3{stroke:#cf222e;stroke-dasharray:12 4 2 4}
text.s0,text.s1,text.s2,text.s3{stroke:none}
text.s0{fill:#0969da;font-weight:600}text.s1{fill:#8250df}text.s2{fill:#9a6700}text.s3{fill:#cf222e}
@media(prefers-color-scheme:dark){
svg{fill:#e6edf3}.bg{fill:#0d1117}.grid{stroke:#30363d}.dim{fill:#9198a1}
.s0{stroke:#58a6ff}.s1{stroke:#bc8cff}.s2{stroke:#d29922}.s3{stroke:#ff7b72}
text.s0{fill:#58a6ff}text.s1{fill:#bc8cff}text.s2{fill:#d29922}text.s3{fill:#ff7b72}}
</style>
`

// A series is the points of one peer.
type series struct {
	name   string
	points []bench.Point
}

// A plane maps figures to pixels; both axes are logarithmic.
type plane struct {
	callers  float64 // the most
	from, to float64 // events a second: powers of ten
}

// A panel is one plot of a picture.
type panel struct {
	title, words string
	axis         string // what there is more and more of
	points       []bench.Point
}

// draw returns the picture of throughput over callers as SVG.
func draw(points []bench.Point) ([]byte, error) {
	return drawPanels([]panel{{
		"Durable events per second over the number of callers",
		"each event on disk before its caller goes on; both axes are logarithmic", "callers", points,
	}})
}

// drawDaemon returns the picture of a daemon's throughput and latency.
func drawDaemon(measured []bench.DaemonPoint) ([]byte, error) {
	var rates, times []bench.Point
	for _, p := range measured {
		rates = append(rates, bench.Point{Peer: "daemon", Callers: p.Clients, Rate: p.Rate})
		times = append(times, bench.Point{Peer: "p99", Callers: p.Clients, Rate: p.P99}, bench.Point{Peer: "p50", Callers: p.Clients, Rate: p.P50})
	}
	return drawPanels([]panel{
		{"Durable events per second over the number of the daemon's clients", "one event a request, on disk before it is answered; both axes are logarithmic", "clients", rates},
		{"Microseconds from request to answer", "by half of the requests, and by 99 of 100; both axes are logarithmic", "clients", times},
	})
}

// drawPanels returns plots, one below the other.
func drawPanels(panels []panel) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">`+"\n", width, height*len(panels), panels[0].title)
	b.WriteString(style)
	fmt.Fprintf(&b, `<rect class="bg" width="%d" height="%d"/>`+"\n", width, height*len(panels))
	for i, one := range panels {
		all, p, err := arrange(one.points)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			fmt.Fprintf(&b, `<g transform="translate(0 %d)">`+"\n", i*height)
		}
		fmt.Fprintf(&b, `<text class="title" x="%d" y="26">%s</text>`+"\n", left, one.title)
		fmt.Fprintf(&b, `<text class="dim" x="%d" y="44">%s</text>`+"\n", left, one.words)
		p.grid(&b, one)
		p.lines(&b, all)
		if i > 0 {
			b.WriteString("</g>\n")
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes(), nil
}

// arrange sorts the points by peer, in the order in which the peers come.
func arrange(points []bench.Point) ([]series, plane, error) {
	var all []series
	p := plane{from: math.Inf(1)}
	at := map[string]int{}
	for _, pt := range points {
		if pt.Callers < 1 || pt.Rate <= 0 || math.IsInf(pt.Rate, 0) {
			return nil, p, fmt.Errorf("%s with %d callers and %g events a second is no point", pt.Peer, pt.Callers, pt.Rate)
		}
		i, ok := at[pt.Peer]
		if !ok {
			i = len(all)
			at[pt.Peer] = i
			all = append(all, series{name: pt.Peer})
		}
		all[i].points = append(all[i].points, pt)
		p.callers = max(p.callers, float64(pt.Callers))
		p.from = min(p.from, math.Pow(10, math.Floor(math.Log10(pt.Rate))))
		p.to = max(p.to, math.Pow(10, math.Ceil(math.Log10(pt.Rate))))
	}
	if p.callers < 2 || p.to <= p.from {
		return nil, p, errors.New("there is nothing to draw")
	}
	return all, p, nil
}

func (p plane) x(callers int) float64 {
	return left + (right-left)*math.Log2(float64(callers))/math.Log2(p.callers)
}

func (p plane) y(rate float64) float64 {
	return bottom - (bottom-top)*math.Log10(rate/p.from)/math.Log10(p.to/p.from)
}

// grid draws the axes.
func (p plane) grid(b *bytes.Buffer, of panel) {
	for rate := p.from; rate <= p.to*1.001; rate *= 10 {
		y := p.y(rate)
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="dim" x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, right, y, y, left-8, y+4, thousands(int(rate+0.5)))
	}
	drawn := map[int]bool{}
	for _, pt := range of.points {
		if drawn[pt.Callers] {
			continue
		}
		drawn[pt.Callers] = true
		fmt.Fprintf(b, `<text class="dim" x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", p.x(pt.Callers), bottom+20, thousands(pt.Callers))
	}
	fmt.Fprintf(b, `<text class="dim" x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (left+right)/2, bottom+42, of.axis)
}

// lines draws the series, each with its name behind its last point.
func (p plane) lines(b *bytes.Buffer, all []series) {
	labels := p.places(all)
	for i, s := range all {
		fmt.Fprintf(b, `<path class="s%d" d="`, i)
		for n, pt := range s.points {
			fmt.Fprintf(b, "%c%.1f %.1f", "ML"[min(n, 1)], p.x(pt.Callers), p.y(pt.Rate))
		}
		last := s.points[len(s.points)-1]
		fmt.Fprintf(b, `"/><text class="s%d" x="%.1f" y="%.1f">%s %s</text>`+"\n", i, p.x(last.Callers)+8, labels[i], html.EscapeString(s.name), thousands(int(last.Rate)))
	}
}

// places returns how high the names stand, so far apart that each can be read.
func (p plane) places(all []series) []float64 {
	const apart = 16
	labels := make([]float64, len(all))
	for i, s := range all {
		labels[i] = p.y(s.points[len(s.points)-1].Rate) + 4
		for again := true; again; {
			again = false
			for _, other := range labels[:i] {
				if math.Abs(labels[i]-other) < apart {
					labels[i], again = other+apart, true
				}
			}
		}
	}
	return labels
}

// thousands writes a number with commas.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
