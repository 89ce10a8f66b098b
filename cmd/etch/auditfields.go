package main

import (
	stdcsv "encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/export/csv"
	"github.com/etch-audit/etch/export/jsonl"
	"github.com/etch-audit/etch/export/table"
	"github.com/etch-audit/etch/internal/instant"
	"github.com/etch-audit/etch/internal/terminal"
)

// sealedField is the name of what --verify-signatures adds to chosen fields.
const sealedField = "sealed"

// A fieldSet is the fields that are chosen of each record.
type fieldSet struct {
	names  []string
	sealed func(seq uint64) bool // nil: not asked for
}

// titles returns the names of the columns.
func (f *fieldSet) titles() []string {
	if f.sealed == nil {
		return f.names
	}
	return append(slices.Clone(f.names), sealedField)
}

// values returns the values in the order of the titles, nil where one is absent.
func (f *fieldSet) values(r *etch.Record) []any {
	values := make([]any, 0, len(f.names)+1)
	for _, name := range f.names {
		value, _ := r.Field(name)
		values = append(values, value)
	}
	if f.sealed != nil {
		values = append(values, f.sealed(r.Seq))
	}
	return values
}

// fieldRenderer returns what prints only some fields of each record.
func (a *audit) fieldRenderer(w io.Writer, screen bool) renderer {
	set := fieldSet{names: a.opts.fields, sealed: a.marked()}
	switch a.opts.format {
	case "json", "jsonl":
		return &fieldObjects{w: terminal.NewWriter(w), fieldSet: set, array: a.opts.format == "json"}
	case "csv":
		if screen {
			w = terminal.NewWriter(w)
		}
		rows := stdcsv.NewWriter(w)
		rows.UseCRLF = true
		return &fieldRows{w: rows, fieldSet: set}
	}
	look := a.look(screen)
	g := newGrid(w, set.titles(), look)
	return &fieldTable{w: w, fieldSet: set, grid: g, zone: look.Zone, aligned: a.opts.format == "table"}
}

// newGrid returns a grid with columns that are named as fields.
func newGrid(w io.Writer, names []string, look table.Options) *grid {
	g := &grid{w: w, width: look.Width, colour: look.Colour}
	for _, name := range names {
		g.titles = append(g.titles, strings.ToUpper(terminal.Text(name)))
		g.right = append(g.right, etch.FieldKind(name) == "number")
	}
	return g
}

// fieldObjects prints JSON objects: an array of them, or one a line. Absent is
// null.
type fieldObjects struct {
	fieldSet
	w     *terminal.Writer
	array bool
	begun bool
}

// Add writes the record's object.
func (f *fieldObjects) Add(r *etch.Record) error {
	var b []byte
	switch {
	case !f.array:
	case f.begun:
		b = append(b, ",\n"...)
	default:
		b = append(b, "[\n"...)
	}
	f.begun = true
	b, err := jsonl.AppendFields(b, r, f.names)
	if err != nil {
		return err
	}
	if f.sealed != nil {
		b = append(b[:len(b)-1], `,"`+sealedField+`":`...)
		b = append(strconv.AppendBool(b, f.sealed(r.Seq)), '}')
	}
	if !f.array {
		b = append(b, '\n')
	}
	_, err = f.w.Write(b)
	return err
}

// Flush has nothing to do.
func (f *fieldObjects) Flush() error { return nil }

// Close ends the array.
func (f *fieldObjects) Close() error {
	end := ""
	switch {
	case f.array && f.begun:
		end = "\n]\n"
	case f.array:
		end = "[]\n"
	}
	if _, err := io.WriteString(f.w, end); err != nil {
		return err
	}
	return f.w.Close()
}

// fieldRows prints comma-separated values. The first row names the fields.
type fieldRows struct {
	fieldSet
	w     *stdcsv.Writer
	begun bool
}

func (f *fieldRows) header() error {
	if f.begun {
		return nil
	}
	f.begun = true
	return f.w.Write(f.titles())
}

// Add writes the record's row.
func (f *fieldRows) Add(r *etch.Record) error {
	if err := f.header(); err != nil {
		return err
	}
	var row []string
	for _, value := range f.values(r) {
		if s, ok := value.(string); ok {
			row = append(row, csv.Safe(s))
		} else {
			row = append(row, fieldText(value, jsonl.TimeForm, time.UTC))
		}
	}
	return f.w.Write(row)
}

// Flush writes what is held back.
func (f *fieldRows) Flush() error {
	f.w.Flush()
	return f.w.Error()
}

// Close writes the names where there was no record.
func (f *fieldRows) Close() error {
	if err := f.header(); err != nil {
		return err
	}
	return f.Flush()
}

// heldRows is how many rows a table waits for to know how wide its columns are.
const heldRows = 200

// fieldTable prints columns for people: aligned, or with one tab between them.
type fieldTable struct {
	fieldSet
	w       io.Writer
	grid    *grid
	zone    *time.Location
	aligned bool
	held    [][]string
}

// Add takes a record.
func (f *fieldTable) Add(r *etch.Record) error {
	form := "2006-01-02 15:04:05Z07:00"
	if !f.aligned {
		form = "2006-01-02T15:04:05.000000Z07:00" // as other lines of --format short have it
	}
	var row []string
	for _, value := range f.values(r) {
		row = append(row, shownValue(fieldText(value, form, f.zone)))
	}
	if !f.aligned {
		_, err := fmt.Fprintln(f.w, strings.Join(f.fitted(row), "\t"))
		return err
	}
	if f.grid.widths != nil {
		return f.grid.row(row)
	}
	if f.held = append(f.held, row); len(f.held) < heldRows {
		return nil
	}
	return f.Flush()
}

// fitted cuts the texts of a line with tabs to a width; 0: any. The last has what the
// others leave. Where that is too little the widest of them give way, but for numbers
// and times, which would be others.
func (f *fieldTable) fitted(row []string) []string {
	g := f.grid
	if g.width == 0 {
		return row
	}
	last := len(row) - 1
	line := grid{right: slices.Clone(g.right), widths: make([]int, last)}
	for i, text := range row[:last] {
		line.widths[i] = min(terminal.Width(text), mostWidth)
		line.right[i] = g.right[i] || i < len(f.names) && etch.FieldKind(f.names[i]) == "time"
	}
	for tabbed(line.widths)+leastCell > g.width && line.narrow() {
	}
	for i, most := range line.widths {
		row[i] = terminal.Cut(row[i], most)
	}
	row[last] = terminal.Cut(row[last], max(leastCell, g.width-tabbed(line.widths)))
	return row
}

// tabbed returns how wide texts are with a tab behind each.
func tabbed(widths []int) (used int) {
	const tab = 8
	for _, width := range widths {
		used = (used + width + tab) / tab * tab
	}
	return used
}

// Flush prints the rows held back.
func (f *fieldTable) Flush() error {
	if len(f.held) == 0 {
		return nil
	}
	f.grid.settle(f.held)
	if err := f.grid.header(); err != nil {
		return err
	}
	for _, row := range f.held {
		if err := f.grid.row(row); err != nil {
			return err
		}
	}
	f.held = nil
	return nil
}

// Close prints what is left.
func (f *fieldTable) Close() error { return f.Flush() }

// fieldText returns a value as a text, "" where it is absent.
func fieldText(value any, form string, zone *time.Location) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case time.Time:
		return instant.Written(v, zone).Format(form)
	}
	return fmt.Sprint(value)
}
