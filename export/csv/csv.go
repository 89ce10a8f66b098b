// Package csv turns records into comma-separated values (RFC 4180) that a
// spreadsheet shows and does not execute.
//
// The first row names the columns: the members of the format, those of its
// objects with a dot (docs/spec/log-format.md). What is absent is an empty
// cell. Lists, labels and arguments are JSON, as are the payloads of control
// records.
//
// A spreadsheet takes a cell that begins with =, +, - or @ for a formula, and
// a formula can run programs and send data away. What an agent ran begins with
// whatever its author likes. So a cell of text that a spreadsheet might take
// for one gets an apostrophe in front, as does one that begins with an
// apostrophe: taking one away from the front gives the text back.
package csv

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/etch-audit/etch"
)

// Options say how records are written.
type Options struct {
	// Sealed, where set, adds the column "sealed": whether a seal covers the
	// record of that sequence number.
	Sealed func(seq uint64) bool
}

// A Writer writes records as rows. It is not safe for concurrent use.
type Writer struct {
	w     *bufio.Writer
	opt   Options
	begun bool
}

// NewWriter returns a Writer to w. The row of the columns' names is written
// with the first record, or at Close.
func NewWriter(w io.Writer, opt Options) *Writer {
	return &Writer{w: bufio.NewWriter(w), opt: opt}
}

// Columns returns the names of the columns in their order.
func Columns() []string {
	names := make([]string, len(columns.Get()))
	for i, c := range columns.Get() {
		names[i] = c.name
	}
	return names
}

// header writes the names, unless they are there.
func (w *Writer) header() error {
	if w.begun {
		return nil
	}
	w.begun = true
	for i, c := range columns.Get() {
		w.cell(i, c.name)
	}
	if w.opt.Sealed != nil {
		w.cell(len(columns.Get()), "sealed")
	}
	return w.end()
}

// Add writes a record.
func (w *Writer) Add(r *etch.Record) error {
	if err := w.header(); err != nil {
		return err
	}
	for i, c := range columns.Get() {
		w.cell(i, c.cell(r))
	}
	if w.opt.Sealed != nil {
		w.cell(len(columns.Get()), strconv.FormatBool(w.opt.Sealed(r.Seq)))
	}
	return w.end()
}

// cell writes the i-th cell of a row: RFC 4180, section 2, rules 5 to 7. Package
// encoding/csv is not up to it: with line ends of the RFC it loses the carriage
// returns of a text. Errors stay with the buffer until end.
func (w *Writer) cell(i int, text string) {
	if i > 0 {
		_ = w.w.WriteByte(',')
	}
	if text == "" {
		return
	}
	// More is quoted than must be: other programs part cells at ; and tabs.
	if !strings.ContainsAny(text, "\",;\t\r\n ") {
		_, _ = w.w.WriteString(text)
		return
	}
	_ = w.w.WriteByte('"')
	_, _ = w.w.WriteString(strings.ReplaceAll(text, `"`, `""`))
	_ = w.w.WriteByte('"')
}

// end ends a row, and returns the error of writing it.
func (w *Writer) end() error {
	_, err := w.w.WriteString("\r\n")
	return err
}

// Flush writes what is buffered.
func (w *Writer) Flush() error { return w.w.Flush() }

// Close writes what is buffered, at least the names of the columns.
func (w *Writer) Close() error {
	if err := w.header(); err != nil {
		return err
	}
	return w.Flush()
}

// Safe returns a text as a cell that no spreadsheet takes for a formula.
func Safe(text string) string {
	if text == "" || !suspicious(text) {
		return text
	}
	return "'" + text
}

// suspicious reports whether a text might be taken for a formula: by its first
// character, or by the first one after blanks and controls, which some programs
// trim. The full-width forms are turned into the common ones by some.
func suspicious(text string) bool {
	if strings.ContainsRune("\t\r\n'", rune(text[0])) {
		return true
	}
	text = strings.TrimLeftFunc(text, func(r rune) bool {
		return unicode.In(r, unicode.Z, unicode.C) || r == '\ufffd'
	})
	for _, r := range text {
		return strings.ContainsRune("=+-@\uff1d\uff0b\uff0d\uff20\u2212", r)
	}
	return false
}

// timeFormat is that of the stored lines.
const timeFormat = "2006-01-02T15:04:05.000000Z"

func timestamp(t time.Time) string { return t.UTC().Format(timeFormat) }
