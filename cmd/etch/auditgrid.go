package main

import (
	"io"
	"strings"

	"github.com/etch-audit/etch/internal/terminal"
)

// A grid prints rows of harmless texts as aligned columns, for people. Where a
// line may only be so wide, the widest columns give way: their texts are cut,
// and those of the last are folded.
type grid struct {
	w      io.Writer
	titles []string
	right  []bool // of numbers: they end at one place
	width  int    // 0: any
	colour bool
	widths []int // nil: not settled yet
}

const (
	gridGap   = "  "
	mostWidth = 40 // of a column, so that one long value does not push all others away
	leastCell = 6  // what a column keeps on any screen
	mostFolds = 4  // lines of a last column
)

// settle chooses the widths for what the rows hold.
func (g *grid) settle(rows [][]string) {
	last := len(g.titles) - 1
	g.widths = make([]int, len(g.titles))
	for i, title := range g.titles {
		g.widths[i] = terminal.Width(title)
		for _, row := range rows {
			g.widths[i] = max(g.widths[i], terminal.Width(row[i]))
		}
		if g.width == 0 && i < last {
			g.widths[i] = min(g.widths[i], mostWidth)
		}
	}
	for g.width > 0 && g.total() > g.width {
		if !g.narrow() {
			break
		}
	}
}

// total is how wide a line is.
func (g *grid) total() int {
	n := len(gridGap) * (len(g.widths) - 1)
	for _, w := range g.widths {
		n += w
	}
	return n
}

// narrow takes a column of the screen from the widest, and reports whether there
// was one to take: numbers keep theirs, they would be others.
func (g *grid) narrow() bool {
	widest := -1
	for i, w := range g.widths {
		if !g.right[i] && w > leastCell && (widest < 0 || w >= g.widths[widest]) {
			widest = i
		}
	}
	if widest >= 0 {
		g.widths[widest]--
	}
	return widest >= 0
}

// print prints all rows there are.
func (g *grid) print(rows [][]string) error {
	g.settle(rows)
	if err := g.header(); err != nil {
		return err
	}
	for _, row := range rows {
		if err := g.row(row); err != nil {
			return err
		}
	}
	return nil
}

// header prints the titles.
func (g *grid) header() error {
	faint := ""
	if g.colour {
		faint = "\x1b[2m"
	}
	return g.line(g.titles, faint)
}

// row prints a row.
func (g *grid) row(row []string) error { return g.line(row, "") }

func (g *grid) line(row []string, style string) error {
	var b strings.Builder
	last := len(row) - 1
	for i, text := range row[:last] {
		b.WriteString(g.cell(i, text) + gridGap)
	}
	indent := strings.Repeat(" ", terminal.Width(b.String()))
	for i, part := range g.folded(row[last]) {
		if i > 0 {
			b.WriteString(indent)
		}
		b.WriteString(part)
		line := strings.TrimRight(b.String(), " ")
		if style != "" {
			line = style + line + "\x1b[0m"
		}
		if _, err := io.WriteString(g.w, line+"\n"); err != nil {
			return err
		}
		b.Reset()
	}
	return nil
}

// cell returns a text as wide as its column.
func (g *grid) cell(i int, text string) string {
	if g.width > 0 && !g.right[i] {
		text = terminal.Cut(text, g.widths[i])
	}
	blanks := strings.Repeat(" ", max(0, g.widths[i]-terminal.Width(text)))
	if g.right[i] {
		return blanks + text
	}
	return text + blanks
}

// folded returns the lines of the last cell.
func (g *grid) folded(text string) []string {
	last := len(g.widths) - 1
	switch {
	case g.right[last]:
		return []string{g.cell(last, text)}
	case g.width == 0:
		return []string{text}
	}
	return terminal.Fold(text, g.widths[last], mostFolds)
}
