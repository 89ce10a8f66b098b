// Package table is how comparisons are written down: rows with what is asked
// of them, and what came out.
//
// A row is mostly a ratio: what the log does to what a peer does. A round gives
// one ratio; a row shows the median, the smallest and the greatest of them, so
// that whatever else the machine did in a round met both sides.
package table

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Kind says how a row is judged.
type Kind int

// The kinds of rows.
const (
	Faster  Kind = iota // a ratio of rates, to be at least
	Cheaper             // a ratio of costs, to be at most
	Quicker             // a ratio of times, the peer's to the log's, to be at least
	Within              // a figure of the log alone, to be at most
	Reached             // a figure of the log alone, to be at least
	Shown               // a figure of which nothing is asked
)

// alone reports whether rows of the kind have no peer.
func (k Kind) alone() bool { return k >= Within }

// moreIsBetter reports whether a greater figure of a side is the better one.
func (k Kind) moreIsBetter() bool { return k == Faster || k == Reached }

// A Row is a line of a table.
type Row struct {
	Name   string
	What   string
	Kind   Kind
	Ours   string   // the log's side
	Theirs []string // the peers' sides, of which the best counts; none where there is no peer
	Must   float64
	Aim    float64 // 0: none
}

// Sides returns what must be measured for rows, each side once.
func Sides(rows []Row) []string {
	var all []string
	for _, r := range rows {
		for _, side := range append([]string{r.Ours}, r.Theirs...) {
			if !slices.Contains(all, side) {
				all = append(all, side)
			}
		}
	}
	return all
}

// Names returns the names of rows.
func Names(rows []Row) []string {
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
	}
	return names
}

// Choose returns the rows of the given names; all where there is no name.
func Choose(rows []Row, names []string) ([]Row, error) {
	if len(names) == 0 {
		return rows, nil
	}
	var chosen []Row
	for _, name := range names {
		i := slices.IndexFunc(rows, func(r Row) bool { return r.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no row %q: there are %s", name, strings.Join(Names(rows), ", "))
		}
		chosen = append(chosen, rows[i])
	}
	return chosen, nil
}

// A Measured is what was measured of a side, one value a round.
type Measured struct {
	Unit   string
	Values []float64
	// Missing says why there are no values, where there are none.
	Missing string
}

// Figures are the measurements of all sides by their names.
type Figures map[string]Measured

// Judge makes an outcome of the figures. Where one of several peers is missing,
// the others count.
func (r *Row) Judge(figures Figures) Outcome {
	o := Outcome{
		Row: r.Name, What: r.What, Bound: r.Must, Aim: r.Aim,
		AtMost: r.Kind == Cheaper || r.Kind == Within, Unbound: r.Kind == Shown,
	}
	ours := figures[r.Ours]
	if o.Missing = r.missing(figures); o.Missing != "" {
		o.Ours = Figure{Side: r.Ours}
		for _, side := range r.Theirs {
			o.Theirs = append(o.Theirs, Figure{Side: side})
		}
		return o
	}
	o.Ours = ours.figure(r.Ours)
	values := slices.Clone(ours.Values)
	for _, side := range r.Theirs {
		theirs := figures[side]
		if len(theirs.Values) == 0 {
			continue
		}
		o.Theirs = append(o.Theirs, theirs.figure(side))
		values = values[:min(len(values), len(theirs.Values))] // slow sides have fewer rounds
	}
	if !r.Kind.alone() {
		for i := range values {
			values[i] = r.ratio(values[i], r.best(figures, i))
		}
	}
	o.Value, o.Min, o.Max = Median(values), slices.Min(values), slices.Max(values)
	return o
}

// missing says why the row cannot be judged, or "".
func (r *Row) missing(figures Figures) string {
	if ours := figures[r.Ours]; len(ours.Values) == 0 {
		return r.Ours + ": " + ours.Missing
	}
	var reasons []string
	for _, side := range r.Theirs {
		theirs := figures[side]
		if len(theirs.Values) > 0 {
			return ""
		}
		reasons = append(reasons, side+": "+theirs.Missing)
	}
	return strings.Join(reasons, "; ")
}

func (r *Row) ratio(ours, theirs float64) float64 {
	if r.Kind == Quicker {
		return theirs / ours
	}
	return ours / theirs
}

// best returns what the best peer came to in a round.
func (r *Row) best(figures Figures, round int) float64 {
	best := math.NaN()
	for _, side := range r.Theirs {
		values := figures[side].Values
		if len(values) == 0 {
			continue
		}
		if v := values[round]; math.IsNaN(best) || r.Kind.moreIsBetter() == (v > best) {
			best = v
		}
	}
	return best
}

func (m Measured) figure(side string) Figure {
	return Figure{side, Median(m.Values), m.Unit, len(m.Values)}
}

// Median returns the median of values, of which there must be at least one.
func Median(values []float64) float64 {
	if len(values) == 0 {
		panic(fmt.Sprintf("table: bad median of %d values", len(values)))
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}
