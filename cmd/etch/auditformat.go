package main

import (
	"bufio"
	"io"
	"strconv"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/export/csv"
	"github.com/etch-audit/etch/export/table"
	"github.com/etch-audit/etch/export/zeph"
	"github.com/etch-audit/etch/export/zeroclaw"
	"github.com/etch-audit/etch/internal/terminal"
)

// A renderer writes records in one format.
type renderer interface {
	Add(*etch.Record) error
	// Flush writes what is held back for no other reason than looks.
	Flush() error
	// Close writes what belongs behind the last record.
	Close() error
}

// renderer returns that of the format, which writes to w; screen says that a
// terminal will show it.
func (a *audit) renderer(w *bufio.Writer, screen bool) renderer {
	if a.opts.fields != nil {
		return a.fieldRenderer(w, screen)
	}
	switch a.opts.format {
	case "short":
		return lineFormat{table.NewShort(w, a.look(screen)).Add}
	case "json":
		return &arrayFormat{w: terminal.NewWriter(w), sealed: a.marked()}
	case "jsonl":
		if screen {
			return rawFormat(terminal.NewWriter(w))
		}
		return rawFormat(w)
	case "zeph":
		return a.schema(zeph.NewWriter(a.harmless(w, screen)))
	case "zeroclaw":
		return a.schema(zeroclaw.NewWriter(a.harmless(w, screen)))
	case "csv":
		if screen {
			return csv.NewWriter(terminal.NewWriter(w), csv.Options{Sealed: a.marked()})
		}
		return csv.NewWriter(w, csv.Options{Sealed: a.marked()})
	}
	return table.NewWriter(w, a.look(screen))
}

// A schemaWriter writes records in another program's schema, and counts those
// that have no place in it.
type schemaWriter interface {
	renderer
	Skipped() int
}

// schema takes note of the count, which is told behind the last record.
func (a *audit) schema(w schemaWriter) renderer {
	a.skipped = w.Skipped
	return w
}

// harmless returns w, or where a terminal shows it, what keeps JSON from driving
// it.
func (a *audit) harmless(w *bufio.Writer, screen bool) io.Writer {
	if screen {
		return terminal.NewWriter(w)
	}
	return w
}

// foreign reports whether the format is another program's schema.
func (o *auditOptions) foreign() bool { return o.format == "zeph" || o.format == "zeroclaw" }

// look is how people get to see it: in their own time, and where it goes to
// their screen, in its width and colours.
func (a *audit) look(screen bool) table.Options {
	look := table.Options{Zone: a.std.now().Location(), AllPhases: a.opts.allPhases, Sealed: a.marked()}
	if a.opts.utc {
		look.Zone = time.UTC
	}
	if a.opts.toFile() {
		return look
	}
	look.Colour = a.std.colour(a.std.out)
	if a.opts.wide {
		return look
	}
	// COLUMNS is for those who want a width where there is no terminal.
	if columns, err := strconv.Atoi(a.std.getenv("COLUMNS")); err == nil && columns > 0 {
		look.Width = columns
	} else if screen {
		look.Width = width(a.std.out)
	}
	return look
}

// marked returns what says whether good seals cover a record; nil where that was
// not asked for. All that is shown is covered then.
func (a *audit) marked() func(uint64) bool {
	if !a.opts.verifySignatures {
		return nil
	}
	return func(uint64) bool { return true }
}

// A lineFormat writes each record at once.
type lineFormat struct{ add func(*etch.Record) error }

func (f lineFormat) Add(r *etch.Record) error { return f.add(r) }
func (f lineFormat) Flush() error             { return nil }
func (f lineFormat) Close() error             { return nil }

// rawFormat writes the stored lines.
func rawFormat(w io.Writer) renderer {
	if b, ok := w.(*bufio.Writer); ok { // copies it anyway
		return lineFormat{func(r *etch.Record) error {
			if _, err := b.Write(r.Raw); err != nil {
				return err
			}
			return b.WriteByte('\n')
		}}
	}
	var buf []byte
	return lineFormat{func(r *etch.Record) error {
		buf = append(append(buf[:0], r.Raw...), '\n')
		_, err := w.Write(buf)
		return err
	}}
}

// An arrayFormat writes one JSON array of the stored lines. What could drive a
// terminal is written as JSON's escapes, which are the same values.
type arrayFormat struct {
	w      *terminal.Writer
	sealed func(uint64) bool
	buf    []byte
	begun  bool
}

// Add writes an element. Where seals were checked it has one member more.
func (f *arrayFormat) Add(r *etch.Record) error {
	f.buf = append(f.buf[:0], ",\n"...)
	if !f.begun {
		f.buf = append(f.buf[:0], "[\n"...)
	}
	f.begun = true
	f.buf = append(f.buf, r.Raw...)
	if f.sealed != nil {
		f.buf = append(f.buf[:len(f.buf)-1], `,"sealed":`...)
		f.buf = append(strconv.AppendBool(f.buf, f.sealed(r.Seq)), '}')
	}
	_, err := f.w.Write(f.buf)
	return err
}

// Flush has nothing to do.
func (f *arrayFormat) Flush() error { return nil }

// Close ends the array.
func (f *arrayFormat) Close() error {
	end := "\n]\n"
	if !f.begun {
		end = "[]\n"
	}
	if _, err := f.w.Write([]byte(end)); err != nil {
		return err
	}
	return f.w.Close()
}
