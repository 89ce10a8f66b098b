// Package table shows records to people: as a table that fits a terminal, and
// as one line each.
//
// Whatever a record holds, what is written moves no cursor and changes no
// colour but by the table's own choice: see package terminal.
package table

import (
	"io"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/instant"
	"github.com/etch-audit/etch/internal/terminal"
)

// Options say how records are shown. The zero value is plain text of any width,
// in UTC.
type Options struct {
	// Width is how many columns a line may take; what is longer is cut, and
	// ends in "…". In a table the action is folded instead: it takes up to four
	// lines, and where those are too few its middle is left out. 0 cuts nothing.
	Width  int
	Colour bool
	// Zone is the zone of the times; nil is UTC.
	Zone *time.Location
	// AllPhases says that attempts stand beside their completions. Without it
	// an attempt is a call that has none: it is open.
	AllPhases bool
	// Sealed, where set, adds a column that says whether a seal covers the
	// record of that sequence number.
	Sealed func(seq uint64) bool
}

// ahead is how many rows are looked at before the widths are settled.
const ahead = 100

// A Writer writes a table, as rows come. It is not safe for concurrent use.
type Writer struct {
	w      io.Writer
	opt    Options
	held   []row   // until the columns are settled
	layout *layout // nil while it is not settled
	day    string
	buf    []byte
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer, opt Options) *Writer {
	if opt.Zone == nil {
		opt.Zone = time.UTC
	}
	return &Writer{w: w, opt: opt}
}

// Add writes a record, at the latest when Flush or Close is called, or as many
// others have been added as it takes to choose the widths of the columns.
func (t *Writer) Add(r *etch.Record) error {
	row := t.opt.row(r)
	if t.layout != nil {
		return t.write(&row)
	}
	if t.held = append(t.held, row); len(t.held) < ahead {
		return nil
	}
	return t.Flush()
}

// Flush writes what is held back. The columns are then settled by what has come
// so far.
func (t *Writer) Flush() error { return t.settle(false) }

// Close writes what is held back. Nothing can be added after it.
func (t *Writer) Close() error { return t.settle(true) }

// settle chooses the columns. Only where nothing else will come can one be left
// out that is empty.
func (t *Writer) settle(whole bool) error {
	if len(t.held) == 0 {
		return nil
	}
	t.layout = fit(t.held, &t.opt, whole)
	if err := t.header(); err != nil {
		return err
	}
	for i := range t.held {
		if err := t.write(&t.held[i]); err != nil {
			return err
		}
	}
	t.held = nil
	return nil
}

func (t *Writer) header() error {
	titles := row{}
	for _, c := range t.layout.columns {
		titles.cells[c.kind] = cell{c.title, faint}
	}
	return t.line(&titles)
}

// write writes a row, and before it the day where that is another than above.
func (t *Writer) write(r *row) error {
	local := instant.Written(r.time, t.opt.Zone)
	// The zone belongs to the day: on two days of the year there are two.
	if day := local.Format("Monday, 2006-01-02, -07:00 MST"); day != t.day {
		t.day = day
		t.buf = append(paint(t.buf[:0], heading, dayTitle(local), t.opt.Colour), '\n')
		if _, err := t.w.Write(t.buf); err != nil {
			return err
		}
	}
	r.cells[timeColumn] = cell{local.Format(time.TimeOnly), plain}
	return t.line(r)
}

// dayTitle names a day and its zone: "Monday, 2026-02-16 (CET, +01:00)".
func dayTitle(t time.Time) string {
	return t.Format("Monday, 2006-01-02") + " (" + zoneOf(t) + ")"
}

// zoneOf names a zone: "CET, +01:00", "UTC", or "-03:00" where it has no name.
func zoneOf(t time.Time) string {
	name, offset := t.Zone()
	switch {
	case name == "UTC":
		return name
	case strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") || name == "":
		return t.Format("-07:00")
	case offset == 0:
		return terminal.Text(name) + ", +00:00"
	}
	return terminal.Text(name) + ", " + t.Format("-07:00")
}

// mostLines is how many lines the action of a row takes at most.
const mostLines = 4

// line writes the cells of a row, and below them what is left of the action.
func (t *Writer) line(r *row) error {
	t.buf = t.buf[:0]
	last := len(t.layout.columns) - 1
	indent := 0
	for i, c := range t.layout.columns[:last] {
		t.buf = c.append(t.buf, r.cells[c.kind], t.opt.Width > 0, t.opt.Colour)
		t.buf = appendBlanks(t.buf, t.layout.gap)
		indent += t.layout.columns[i].width + t.layout.gap
	}
	action := r.cells[actionColumn]
	if !t.layout.has(toolColumn) {
		action = r.withTool()
	}
	lines := []string{action.text}
	if t.opt.Width > 0 {
		lines = terminal.Fold(action.text, t.layout.columns[last].width, mostLines)
	}
	for i, line := range lines {
		if i > 0 {
			t.buf = appendBlanks(t.buf, indent)
		}
		t.buf = append(trimBlanks(paint(t.buf, action.style, line, t.opt.Colour)), '\n')
	}
	_, err := t.w.Write(t.buf)
	return err
}

func trimBlanks(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}
