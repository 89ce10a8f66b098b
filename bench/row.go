package bench

import (
	"fmt"
	"math"
	"slices"
)

// A kind says how a row is judged.
type kind int

const (
	faster  kind = iota // a ratio of rates, to be at least
	cheaper             // a ratio of costs, to be at most
	within              // a figure of the log alone, to be at most
)

// A row is a line of the table.
type row struct {
	name   string
	what   string
	kind   kind
	ours   string   // contestant
	theirs []string // contestants, of which the best counts; none where kind is within
	must   float64
	aim    float64 // 0: none
}

// The bounds are those that the project set itself before it had code. They
// came from a measurement in which the seed's callers took turns, behind a
// mutex. The seed's own code has none, and a file system may join the syncs of
// callers that stand side by side: so both ways are measured, and the faster
// one is what counts.
var table = []row{
	{"append-1", "durable append, 1 caller, to the seed's way", faster, "etch/1", []string{"seed/1"}, 1.1, 1.4},
	{"append-64", "durable append, 64 callers, to the seed's way, side by side or in turn", faster, "etch/64", []string{"seed/64", "seed-mutex/64"}, 15, 28},
	{"append-64-turn", "durable append, 64 callers, to the seed's way in turn", faster, "etch/64", []string{"seed-mutex/64"}, 15, 28},
	{"bbolt", "durable append, 64 callers, to bbolt Batch", faster, "etch/64", []string{"bbolt/64"}, 3, 6},
	{"sqlite", "durable append, 64 callers, to SQLite WAL FULL", faster, "etch/64", []string{"sqlite/64"}, 12, 25},
	{"append-1024", "durable append, 1,024 callers, to the seed's way at 64, side by side or in turn", faster, "etch/1024", []string{"seed/64", "seed-mutex/64"}, 35, 60},
	{"append-1024-turn", "durable append, 1,024 callers, to the seed's way at 64 in turn", faster, "etch/1024", []string{"seed-mutex/64"}, 35, 60},
	{"processes", "durable append, 8 processes of 8 callers, to the seed's way with 8 processes", faster, "etch/8x8", []string{"seed/8x1", "seed/8x8"}, 4, 10},
	{"interval", "interval durability, signed, sealed, 1 caller, to unsigned zerolog", faster, "etch-interval/1", []string{"zerolog/1"}, 1.1, 2},
	{"interval-64", "interval durability, signed, sealed, 64 callers, to unsigned zerolog", faster, "etch-interval/64", []string{"zerolog/64"}, 1.1, 2},
	{"allocs", "allocations per Append", within, "allocs", nil, 0, 0},
	{"verify", "verify without the MAC key, all cores, to openssl dgst -sha256", faster, "verify", []string{"dgst"}, 1.2, 2},
	{"memory-append", "peak memory: append at 1,024 callers, MiB", within, "memory/append", nil, 64, 0},
	{"memory-verify", "peak memory: verify the large log, MiB", within, "memory/verify", nil, 96, 0},
	{"memory-audit", "peak memory: read all records of the large log, MiB", within, "memory/audit", nil, 96, 0},
	{"memory-audit-small", "the same on a log of a fiftieth, MiB", within, "memory/audit-small", nil, 96, 0},
	{"open", "open, append, seal, close on the large log, to an empty log", cheaper, "open/large", []string{"open/empty"}, 1.5, 1.1},
}

// Rows returns the names of the rows.
func Rows() []string {
	var names []string
	for _, r := range table {
		names = append(names, r.name)
	}
	return names
}

// An Outcome is a row with what was measured. Bound and Aim are what the
// project asks of Value: at least, or with AtMost at most.
type Outcome struct {
	Row    string   `json:"row"`
	What   string   `json:"what"`
	Ours   Figure   `json:"ours"`
	Theirs []Figure `json:"theirs,omitempty"`
	Value  float64  `json:"value"` // a ratio, or where there is no peer the figure itself
	Min    float64  `json:"min"`   // of the rounds
	Max    float64  `json:"max"`
	AtMost bool     `json:"at_most,omitempty"`
	Bound  float64  `json:"bound"`
	Aim    float64  `json:"aim,omitempty"` // 0: none
}

// A Figure is what a side came to: the median of the rounds.
type Figure struct {
	Side   string  `json:"side"`
	Median float64 `json:"median"`
	Unit   string  `json:"unit"`
	Rounds int     `json:"rounds"`
}

// Holds reports whether the outcome is what the project asks for.
func (o *Outcome) Holds() bool { return o.meets(o.Bound) }

// Aimed reports whether the outcome is what the project aims at.
func (o *Outcome) Aimed() bool { return o.meets(o.Aim) }

func (o *Outcome) meets(bound float64) bool {
	if o.AtMost {
		return o.Value <= bound
	}
	return o.Value >= bound
}

// judge makes an outcome of the figures.
func (r *row) judge(figures map[string][]float64) Outcome {
	o := Outcome{Row: r.name, What: r.what, AtMost: r.kind != faster, Bound: r.must, Aim: r.aim}
	o.Ours = figure(r.ours, figures)
	for _, side := range r.theirs {
		o.Theirs = append(o.Theirs, figure(side, figures))
	}
	values := slices.Clone(figures[r.ours])
	if len(r.theirs) > 0 {
		for i := range values {
			values[i] /= r.best(figures, i)
		}
	}
	o.Value, o.Min, o.Max = median(values), slices.Min(values), slices.Max(values)
	return o
}

// best returns what the best peer came to in a round.
func (r *row) best(figures map[string][]float64, round int) float64 {
	best := math.NaN()
	for _, side := range r.theirs {
		v := figures[side][round]
		if math.IsNaN(best) || (r.kind == faster) == (v > best) {
			best = v
		}
	}
	return best
}

func figure(side string, figures map[string][]float64) Figure {
	return Figure{side, median(figures[side]), contestants[side].unit, len(figures[side])}
}

func median(values []float64) float64 {
	if len(values) == 0 {
		panic(fmt.Sprintf("bench: bad median of %d values", len(values)))
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}
