package transcript

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// A Tally says how the reading of files went.
type Tally struct {
	Files    int
	Lines    int
	Unknown  int  // lines of a type that is not known: skipped
	Bad      int  // lines that are no JSON object: skipped, and what they said is lost
	Overlong int  // lines longer than MaxLine: skipped, and what they said is lost
	Clipped  int  // lines that are not whole because a string is longer than MaxString
	Torn     bool // a file ends in the middle of a line, as one being written does
}

// Lost reports whether lines could not be read: a call may have stood in them.
func (t *Tally) Lost() bool { return t.Bad > 0 || t.Overlong > 0 }

// Add adds the numbers of another tally.
func (t *Tally) Add(o *Tally) {
	t.Files += o.Files
	t.Lines += o.Lines
	t.Unknown += o.Unknown
	t.Bad += o.Bad
	t.Overlong += o.Overlong
	t.Clipped += o.Clipped
	t.Torn = t.Torn || o.Torn
}

// Read returns what a file tells, in the order of its lines, and counts in
// tally, which is whole once the iteration is. An error is one of reading the
// file and ends the iteration; nothing that stands in the file is one. Memory
// grows with the calls that have begun and not ended, and by 16 bytes with each
// call of the file.
func (f *Format) Read(ctx context.Context, file *File, tally *Tally) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		in, err := file.open()
		if err != nil {
			yield(Item{}, err)
			return
		}
		defer func() { _ = in.Close() }() // it was only read
		tally.Files++
		f.read(ctx, in, file, tally, limits{MaxString, MaxLine}, yield)
	}
}

// read is Read of an open file.
func (f *Format) read(ctx context.Context, in io.Reader, file *File, tally *Tally, lim limits, yield func(Item, error) bool) {
	var found []Item // by the line just taken
	parser := f.New(file, func(i Item) { found = append(found, i) })
	give := func() bool {
		for i := range found {
			if !yield(found[i], nil) {
				return false
			}
		}
		clear(found)
		found = found[:0]
		return true
	}
	lines := newLineReader(in, lim)
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			yield(Item{}, fmt.Errorf("read transcript: %w", err))
			return
		}
		tally.take(&line, parser)
		if !give() {
			return
		}
	}
	parser.End()
	give()
}

// take hands a line to the parser, and counts it.
func (t *Tally) take(line *Line, parser Parser) {
	t.Lines++
	switch {
	case line.Overlong:
		t.Overlong++
		return
	case !Whole(line.Bytes):
		if line.Open {
			t.Torn = true
		} else {
			t.Bad++
		}
		return
	case line.Clipped:
		t.Clipped++
	}
	if !parser.Line(line) {
		t.Unknown++
	}
}

// Whole reports whether a line is a whole JSON object.
func Whole(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) > 0 && line[0] == '{' && json.Valid(line)
}

// Decode decodes a valid JSON value into v as far as the types fit: a member of
// another type is left as it was. Formats that are nobody's promise change.
func Decode(b []byte, v any) {
	// Syntax was checked before; what is left are types that do not fit, which
	// encoding/json passes over and goes on.
	_ = json.Unmarshal(b, v)
}
