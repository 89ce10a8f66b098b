package table

import (
	"fmt"
	"strings"
)

// An Outcome is a row with what was measured. Bound and Aim are what the
// project asks of Value: at least, or with AtMost at most.
type Outcome struct {
	Row     string   `json:"row"`
	What    string   `json:"what"`
	Ours    Figure   `json:"ours"`
	Theirs  []Figure `json:"theirs,omitempty"`
	Value   float64  `json:"value"` // a ratio, or where there is no peer the figure itself
	Min     float64  `json:"min"`   // of the rounds
	Max     float64  `json:"max"`
	AtMost  bool     `json:"at_most,omitempty"`
	Bound   float64  `json:"bound"`
	Aim     float64  `json:"aim,omitempty"`     // 0: none
	Unbound bool     `json:"unbound,omitempty"` // nothing is asked of it
	Missing string   `json:"missing,omitempty"` // why nothing was measured, where nothing was
}

// A Figure is what a side came to: the median of the rounds.
type Figure struct {
	Side   string  `json:"side"`
	Median float64 `json:"median"`
	Unit   string  `json:"unit"`
	Rounds int     `json:"rounds"`
}

// Holds reports whether the outcome is what the project asks for. One that is
// missing is not.
func (o *Outcome) Holds() bool { return o.Missing == "" && (o.Unbound || o.meets(o.Bound)) }

// Aimed reports whether the outcome is what the project aims at.
func (o *Outcome) Aimed() bool { return o.Missing == "" && o.meets(o.Aim) }

func (o *Outcome) meets(bound float64) bool {
	if o.AtMost {
		return o.Value <= bound
	}
	return o.Value >= bound
}

// cells are how an outcome is written, in whatever form.
type cells struct{ ours, peers, value, min, max, bound, aim string }

// cells returns what is asked, and what came out where something did.
func (o *Outcome) cells(ratio string, bound func(float64) string) cells {
	var c cells
	if !o.Unbound {
		c.bound = bound(o.Bound)
	}
	if o.Aim > 0 {
		c.aim = bound(o.Aim)
	}
	if o.Missing != "" {
		return c
	}
	var peers []string
	for _, f := range o.Theirs {
		peers = append(peers, f.String())
	}
	c.ours, c.peers = o.Ours.String(), strings.Join(peers, ", ")
	c.value, c.min, c.max = fmt.Sprintf("%.2f%s", o.Value, ratio), fmt.Sprintf("%.2f", o.Min), fmt.Sprintf("%.2f", o.Max)
	return c
}

// sign returns a sign for ratios, and none for figures.
func (o *Outcome) sign(ratio string) string {
	if len(o.Theirs) == 0 {
		return ""
	}
	return ratio
}

// line returns the outcome as a line of a table for people.
func (o *Outcome) line() string {
	unit, sign := o.sign("x"), ">="
	if o.AtMost {
		sign = "<="
	}
	c := o.cells(unit, func(v float64) string { return fmt.Sprintf("%s %.4g%s", sign, v, unit) })
	span, verdict := c.min+".."+c.max, o.verdict()
	if o.Missing != "" {
		span, verdict = "", "MISSING"
	}
	return strings.Join([]string{o.Row, c.ours, c.peers, c.value, span, c.bound, c.aim, verdict}, "\t")
}

// markdown returns the outcome as a line of a Markdown table.
func (o *Outcome) markdown() string {
	unit, sign := o.sign(" ×"), "≥"
	if o.AtMost {
		sign = "≤"
	}
	c := o.cells(unit, func(v float64) string { return fmt.Sprintf("%s %.4g%s", sign, v, unit) })
	value := fmt.Sprintf("%s (%s–%s)", c.value, c.min, c.max)
	if o.Missing != "" {
		value = "missing: " + o.Missing
	}
	ours := strings.TrimPrefix(c.ours, o.Ours.Side+" ")
	var line strings.Builder
	line.WriteString("|")
	for _, cell := range []string{fmt.Sprintf("`%s`: %s", o.Row, o.What), ours, c.peers, value, c.bound, c.aim} {
		if cell != "" {
			line.WriteString(" " + strings.ReplaceAll(cell, "|", `\|`))
		}
		line.WriteString(" |")
	}
	return line.String()
}

// verdict says in a word how the outcome stands to what was asked for.
func (o *Outcome) verdict() string {
	switch {
	case o.Unbound:
		return ""
	case !o.Holds():
		return "BELOW"
	case o.Aim > 0 && o.Aimed():
		return "aim reached"
	default:
		return "holds"
	}
}

// String returns the figure with its side and unit.
func (f Figure) String() string { return fmt.Sprintf("%s %.4g %s", f.Side, f.Median, f.Unit) }
