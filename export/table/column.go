package table

import (
	"slices"

	"github.com/etch-audit/etch/internal/terminal"
)

// A kind names a column.
type kind int

// The columns, in their order.
const (
	seqColumn kind = iota
	timeColumn
	userColumn
	agentColumn
	riskColumn
	resultColumn
	tookColumn
	sealedColumn
	toolColumn
	actionColumn
	kinds

	gaps = kinds // no column, but what stands between them
)

// A layout is the columns of a table and what stands between two of them.
type layout struct {
	columns []column
	gap     int
}

// A column is one column of a table.
type column struct {
	kind  kind
	title string
	right bool // numbers end at one place
	width int
	most  int // columns it takes at most
}

var columns = [kinds]column{
	{seqColumn, "SEQ", true, 0, 20},
	{timeColumn, "TIME", false, len("15:04:05"), 8},
	{userColumn, "USER", false, 0, 16},
	{agentColumn, "AGENT", false, 0, 16},
	{riskColumn, "RISK", false, 0, 9},
	{resultColumn, "RESULT", false, 0, 10},
	{tookColumn, "TOOK", true, 0, 7},
	{sealedColumn, "SEALED", false, 0, 6},
	{toolColumn, "TOOL", false, 0, 20},
	{actionColumn, "ACTION", false, 0, 0},
}

// A concession narrows a column, or leaves it out, where the action has less
// room than it wants.
type concession struct {
	kind kind
	most int // columns it keeps
	want int // columns of the action
}

// concessions are what is given up, in this order: who reads it wants to know
// first who, when, what, how risky it was and how it ended.
var concessions = []concession{
	{toolColumn, 12, 30},
	{agentColumn, 12, 24},
	{userColumn, 12, 24},
	{toolColumn, 0, 20},
	{gaps, 1, 24},
	{agentColumn, 8, 20},
	{userColumn, 8, 20},
	{tookColumn, 0, 12},
	{agentColumn, 0, 12},
	{sealedColumn, 0, 12},
	{seqColumn, 0, 12},
	{userColumn, 0, 12},
}

// leastAction is what the action keeps on any screen.
const leastAction = 8

// fit chooses the columns for what the rows hold. Where they are all there will
// be, columns that are empty in all are left out.
func fit(rows []row, opt *Options, whole bool) *layout {
	l := &layout{gap: 2}
	for _, c := range columns {
		if c.kind == sealedColumn && opt.Sealed == nil {
			continue
		}
		if whole && c.kind != actionColumn && c.kind != timeColumn && emptyIn(rows, c.kind) {
			continue
		}
		c = c.natural(rows, opt.Width == 0)
		if c.kind == seqColumn && !whole {
			c.width = max(c.width, 6) // longer ones will come
		}
		l.columns = append(l.columns, c)
	}
	if opt.Width == 0 {
		return l
	}
	longest := widest(rows, actionColumn)
	for _, c := range concessions {
		if l.room(opt.Width) < min(c.want, longest) {
			l.concede(c)
		}
	}
	l.columns[len(l.columns)-1].width = max(leastAction, l.room(opt.Width))
	return l
}

// room returns how many columns of the screen are left for the last column.
func (l *layout) room(width int) int {
	for _, c := range l.columns[:len(l.columns)-1] {
		width -= c.width + l.gap
	}
	return width
}

// concede makes a concession.
func (l *layout) concede(c concession) {
	if c.kind == gaps {
		l.gap = c.most
	}
	var kept []column
	for _, col := range l.columns {
		if col.kind == c.kind {
			if c.most == 0 {
				continue
			}
			col.width = min(col.width, c.most)
		}
		kept = append(kept, col)
	}
	l.columns = kept
}

// has reports whether there is a column of the kind.
func (l *layout) has(k kind) bool {
	return slices.ContainsFunc(l.columns, func(c column) bool { return c.kind == k })
}

// natural gives a column the width of its widest cell.
func (c column) natural(rows []row, unlimited bool) column {
	switch c.kind {
	case timeColumn:
		return c
	case actionColumn: // the last: takes what is left
		return c
	}
	c.width = max(len(c.title), widest(rows, c.kind))
	if !unlimited {
		c.width = min(c.width, c.most)
	}
	return c
}

func emptyIn(rows []row, k kind) bool {
	for i := range rows {
		if rows[i].cells[k].text != "" {
			return false
		}
	}
	return true
}

func widest(rows []row, k kind) int {
	w := 0
	for i := range rows {
		w = max(w, terminal.Width(rows[i].cells[k].text))
	}
	return w
}

// append appends a cell and fills it up with blanks. It is cut where it is too
// long, but for numbers, which would be others then.
func (c column) append(dst []byte, content cell, cut, colour bool) []byte {
	text := content.text
	if cut && !c.right {
		text = terminal.Cut(text, c.width)
	}
	blanks := max(0, c.width-terminal.Width(text))
	if c.right {
		dst = appendBlanks(dst, blanks)
	}
	dst = paint(dst, content.style, text, colour)
	if !c.right {
		dst = appendBlanks(dst, blanks)
	}
	return dst
}

func appendBlanks(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, ' ')
	}
	return dst
}

// A style is a way to show text: the numbers of ECMA-48's SGR.
type style string

const (
	plain   style = ""
	faint   style = "2"
	heading style = "1;36"
	good    style = "32"
	caution style = "33"
	bad     style = "31"
	alarm   style = "1;97;41"
	refused style = "1;35"
)

// paint appends a harmless text in a style.
func paint(dst []byte, s style, text string, colour bool) []byte {
	if !colour || s == plain || text == "" {
		return append(dst, text...)
	}
	dst = append(append(append(dst, "\x1b["...), s...), 'm')
	return append(append(dst, text...), "\x1b[0m"...)
}
