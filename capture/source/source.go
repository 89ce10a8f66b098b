// Package source is what every reader of another program's log has in common:
// lines of a file with their places, entries that are to be recorded, and a
// report of what the file itself can show of its integrity.
//
// A log that is brought in gains nothing by it. What is recorded as imported is
// that this line stood in that file when it was read, and what the file's own
// hashes and signatures said of it: both stand in the labels of every event, with
// the SHA-256 of the line. The log that it is brought into proves that nothing
// was changed since, never that it was true before.
package source

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/etch-audit/etch"
)

// The labels of every imported event.
const (
	LabelSource  = "import_source"  // the program that wrote it: "zeroclaw"
	LabelFile    = "import_file"    // the file's name, without its directory
	LabelLine    = "import_line"    // the line's number, from 1; of a database the row's id
	LabelSHA256  = "import_sha256"  // of the original bytes, without the line feed
	LabelVerdict = "import_verdict" // see [Verdict]
	LabelText    = "import_text"    // the beginning of the bytes, where the event does not give them back: of what could not be read above all

	// LabelHost is the host that the file is of, where the user said one. The
	// importer sets it.
	LabelHost = "import_host"
	// LabelOccurrence is the number of times that the same bytes had come in their
	// file by then; there from the second on. The importer sets it.
	LabelOccurrence = "import_occurrence"
)

// A Verdict is what a source's own means say of a record, or of a whole file.
type Verdict string

// The verdicts.
const (
	NoIntegrity  Verdict = "no-integrity"  // the source has no means
	Intact       Verdict = "intact"        // its hash is right, and it follows the record before it; anyone can compute such a chain
	Signed       Verdict = "signed"        // intact, and its signature is that of the key given
	Unlinked     Verdict = "unlinked"      // its hash is right; the record before it is not the one that it follows
	Forked       Verdict = "forked"        // its hash is right; another record has the same place in the chain
	Edited       Verdict = "edited"        // its hash is not that of its content
	BadSignature Verdict = "bad-signature" // its hash is right; its signature is not that of the key given
	Unreadable   Verdict = "unreadable"    // it is no record
	Empty        Verdict = "empty"         // of a file: there is nothing in it
	Damaged      Verdict = "damaged"       // of a file: its faults say how
)

// An Entry is one thing that a source holds, ready to be recorded. It belongs to
// whoever gets it.
type Entry struct {
	Event  *etch.Event // never nil; passes Validate
	File   string      // the name of its file, without its directory
	Line   int         // from 1; of a database the row's id
	Offset int64       // of its first byte in the file; of a database the row's id
	// SHA256 is of the entry's own bytes: of two in one line each has its own.
	SHA256  [sha256.Size]byte
	Verdict Verdict
	// Undated reports whether the bytes tell no time that an event can have. Then
	// Event.Timestamp is that of the last entry before it in its file that has
	// one, or the beginning of 1970: never that of the import, so that it is the
	// same at the next one.
	Undated bool
	// Torn reports whether no line feed ends it: the file's last bytes, which
	// their writer may not have finished.
	Torn bool
}

// Label sets the labels that say where the entry is from, and that the source
// said nothing more for it than Verdict. Its other members must be set.
func (e *Entry) Label(program string) {
	if e.Event.Labels == nil {
		e.Event.Labels = make(map[string]string)
	}
	labels := e.Event.Labels
	labels[LabelSource] = program
	labels[LabelFile] = Head(e.File, 128)
	labels[LabelLine] = strconv.Itoa(e.Line)
	labels[LabelSHA256] = hex.EncodeToString(e.SHA256[:])
	labels[LabelVerdict] = string(e.Verdict)
}

// UnreadableEntry returns an entry for bytes that are no record: of a file's
// line l, at an offset from the line's beginning. The bytes' own beginning is
// kept in [LabelText]. It is Undated: who knows of an entry before it sets the
// time.
func UnreadableEntry(program, file string, l *Line, offset int, text []byte) *Entry {
	e := &Entry{
		Event: &etch.Event{Type: etch.SecurityEvent, Timestamp: time.Unix(0, 0).UTC(), Labels: map[string]string{LabelText: Head(string(text), MaxText)}},
		File:  file, Line: l.Number, Offset: l.Offset + int64(offset),
		SHA256: sha256.Sum256(text), Verdict: Unreadable, Undated: true, Torn: l.Torn && offset+len(text) == len(l.Bytes),
	}
	if l.Overlong {
		e.SHA256 = l.SHA256
	}
	e.Label(program)
	return e
}

// MaxText is the most bytes of [LabelText]. However they are escaped, the label
// fits in a record.
const MaxText = 8 << 10

// Head returns the longest beginning of s of at most n bytes that ends between
// two characters.
func Head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// A Parser takes the lines of one family of files, the oldest file first: Begin,
// the lines in their order, End, then the next file. It is not safe for
// concurrent use.
type Parser interface {
	// Begin says that a file begins; name is shown.
	Begin(name string)
	// Line takes a line and hands what it holds to emit, whose error it returns
	// at once and which is its only one. Neither keeps the line.
	Line(l *Line, emit func(*Entry) error) error
	// End says that the file has ended: it was rotated, or there is no more.
	End()
	// Report returns what is known so far. It is whole after End.
	Report() *Report
}

// A File is one file of a source.
type File struct {
	Name string // without its directory
	Open func() (io.ReadCloser, error)
}

// Read hands all lines of files, the oldest first, to a parser. It returns the
// first error of opening or reading a file, or of emit.
func Read(files []File, p Parser, emit func(*Entry) error) error {
	for i := range files {
		if err := readFile(&files[i], p, emit); err != nil {
			return err
		}
	}
	return nil
}

func readFile(f *File, p Parser, emit func(*Entry) error) (err error) {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	p.Begin(f.Name)
	defer p.End()
	lines := NewLines(in, Position{})
	for {
		l, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", f.Name, err)
		}
		if err := p.Line(&l, emit); err != nil {
			return err
		}
	}
}
