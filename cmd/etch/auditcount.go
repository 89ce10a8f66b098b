package main

import (
	"bufio"
	"context"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/export/csv"
	"github.com/etch-audit/etch/export/jsonl"
	"github.com/etch-audit/etch/export/table"
	"github.com/etch-audit/etch/internal/terminal"
)

// counts reports whether numbers are asked for instead of records.
func (o *auditOptions) counts() bool { return o.count || o.countBy != nil || o.histogram != "" }

// A tally is what was counted, as rows: what it is, and the number.
type tally struct {
	names []string // of the values
	rows  []etch.Group
	// chart shows a histogram to people; nil where none is.
	chart *chart
}

// tally counts and prints the numbers.
func (a *audit) tally(ctx context.Context, resolved *config.Resolved) (err error) {
	t, err := a.counted(ctx)
	if err := a.spare(err); err != nil {
		return err
	}
	out, err := a.opts.openOutput(resolved, a.std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.discard()) }()
	buf := bufio.NewWriter(out)
	if err := a.writeTally(buf, t, out.screen); err != nil {
		return err
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	return out.commit()
}

// spare takes note of a line that cannot be read, which is no reason to stop.
func (a *audit) spare(err error) error {
	if damages, ok := errors.AsType[*etch.DamagesError](err); ok {
		a.damages, a.first = damages.Count, damages.First
		return nil
	}
	if errors.Is(err, etch.ErrTooMany) {
		return fail(exitFailed, "ask for less: a shorter time, a larger step, a field with fewer values", err)
	}
	return err
}

// counted asks for the numbers.
func (a *audit) counted(ctx context.Context) (*tally, error) {
	a.onlyProven(&a.query.Query)
	bar := newProgress(a.std, "counting")
	defer bar.stop()
	if a.opts.histogram != "" {
		return a.histogram(ctx)
	}
	groups, err := a.reader.CountBy(ctx, a.query.Query, a.opts.countBy...)
	if a.opts.count && len(groups) == 0 {
		groups = []etch.Group{{}} // none is a number too
	}
	if a.opts.limit > 0 {
		groups = groups[:min(len(groups), a.opts.limit)]
	}
	if a.opts.reverse {
		slices.Reverse(groups)
	}
	a.rows = len(groups)
	return &tally{names: a.opts.countBy, rows: groups}, err
}

// writeTally writes the numbers in the format asked for.
func (a *audit) writeTally(w io.Writer, t *tally, screen bool) error {
	look := a.look(screen)
	switch {
	case a.opts.format == "json":
		return t.writeArray(terminal.NewWriter(w))
	case a.opts.format == "jsonl":
		return t.writeLines(terminal.NewWriter(w))
	case a.opts.format == "csv" && screen:
		return t.writeCSV(terminal.NewWriter(w))
	case a.opts.format == "csv":
		return t.writeCSV(w)
	case a.opts.format == "short" || a.opts.count:
		return t.writeShort(w)
	case t.chart != nil:
		return t.chart.write(w, look)
	}
	return t.writeTable(w, look)
}

// object returns a row as a JSON object.
func (t *tally) object(r etch.Group) ([]byte, error) { return jsonl.AppendCount(nil, t.names, r) }

func (t *tally) writeArray(w *terminal.Writer) error {
	before, end := "[\n", "[]\n"
	for _, r := range t.rows {
		object, err := t.object(r)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, before+string(object)); err != nil {
			return err
		}
		before, end = ",\n", "\n]\n"
	}
	if _, err := io.WriteString(w, end); err != nil {
		return err
	}
	return w.Close()
}

func (t *tally) writeLines(w *terminal.Writer) error {
	for _, r := range t.rows {
		object, err := t.object(r)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(object, '\n')); err != nil {
			return err
		}
	}
	return w.Close()
}

func (t *tally) writeCSV(w io.Writer) error {
	rows := stdcsv.NewWriter(w)
	rows.UseCRLF = true
	if err := rows.Write(append(slices.Clone(t.names), "count")); err != nil {
		return err
	}
	for _, r := range t.rows {
		row := make([]string, 0, len(t.names)+1)
		for i, v := range r.Values {
			if etch.FieldKind(t.names[i]) != "number" {
				v = csv.Safe(v)
			}
			row = append(row, v)
		}
		if err := rows.Write(append(row, strconv.FormatUint(r.Count, 10))); err != nil {
			return err
		}
	}
	rows.Flush()
	return rows.Error()
}

// writeShort writes the number and the values with one tab between them.
func (t *tally) writeShort(w io.Writer) error {
	for _, r := range t.rows {
		if _, err := fmt.Fprintln(w, strings.Join(textsOf(r), "\t")); err != nil {
			return err
		}
	}
	return nil
}

// writeTable writes aligned columns, the number first.
func (t *tally) writeTable(w io.Writer, look table.Options) error {
	if len(t.rows) == 0 {
		return nil
	}
	g := newGrid(w, append([]string{"count"}, t.names...), look)
	g.right[0] = true
	var rows [][]string
	for _, r := range t.rows {
		rows = append(rows, textsOf(r))
	}
	return g.print(rows)
}

// textsOf returns the number and the values as people see them.
func textsOf(r etch.Group) []string {
	row := []string{strconv.FormatUint(r.Count, 10)}
	for _, v := range r.Values {
		row = append(row, shownValue(v))
	}
	return row
}

// shownValue returns a value as it is shown: harmless, and never nothing.
func shownValue(v string) string {
	if v == "" {
		return "-"
	}
	return terminal.Text(v)
}
