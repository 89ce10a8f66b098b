// Package zeph writes records as the lines of Zeph's audit log, for what reads
// those.
//
// A record with an egress is written as an egress record, any other with an
// action as an entry; the order of the members and which are left out are those
// of Zeph's own serializer. What was imported from Zeph comes out as it went in,
// byte for byte where it was written by Zeph and nothing in it was masked or cut.
//
// Zeph has less room than an event. Times are whole seconds. Users, sessions,
// agents, risk and labels other than its own are left out. It has no word for an
// action whose end nobody knows: that is an error with the message "no outcome
// is recorded". A tool without a name has that of its event type, and what is no
// action at all has no line: see [Writer.Skipped].
package zeph

import (
	"bufio"
	"io"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/zephlog"
)

// A Writer writes records as lines. It is not safe for concurrent use.
type Writer struct {
	w       *bufio.Writer
	line    []byte
	skipped int
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: bufio.NewWriter(w)} }

// Add writes a record, or counts it as skipped.
func (w *Writer) Add(r *etch.Record) error {
	line, ok := zephlog.Append(w.line[:0], &r.Event)
	w.line = line
	if !ok {
		w.skipped++
		return nil
	}
	w.line = append(w.line, '\n')
	_, err := w.w.Write(w.line)
	return err
}

// Skipped returns how many records Zeph has no line for: prompts, sessions and
// other events without an action, and what the log wrote about itself.
func (w *Writer) Skipped() int { return w.skipped }

// Flush writes what is buffered.
func (w *Writer) Flush() error { return w.w.Flush() }

// Close is Flush: nothing belongs behind the last line.
func (w *Writer) Close() error { return w.w.Flush() }
