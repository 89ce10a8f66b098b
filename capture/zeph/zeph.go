// Package zeph makes events of the audit log of the agent Zeph.
//
// Zeph writes an object a line: an entry for each step of a tool call, and an
// egress record for each hop of an HTTP request. With the destination "stdout"
// the objects are the messages of its tracing output, in text or in JSON, among
// lines about other things. [Parser] reads all of these, in one file if need be.
//
// The log has no means of integrity: nothing in it can show that a line was
// changed, taken away or added. Every event says so in its labels.
//
// What stands where: internal/zephlog has the table. Of what an entry tells
// follow, besides: the type of the event; that an action was not allowed, where
// it was blocked or the adversarial policy denied it, and that it was a violation,
// where a policy did so; and of egress records, which have no result, that one
// that was blocked, or has no status below 400, is no success. An entry by which a
// gate let a call pass is an approval_decision: the executor has another one.
//
// One call of a tool gives up to four entries, and nothing but correlation_id,
// which only some have, ties them together: they stay as many events.
package zeph

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/internal/zephlog"
)

// Program is what imported events are said to be from.
const Program = "zeph"

// LabelPrefix is the label that holds what stood before the record in its line:
// the time, level and target of a tracing line.
const LabelPrefix = "import_prefix"

// maxPrefix is the longest that goes there. With a longer one all of the line is
// kept as it was.
const maxPrefix = 256

// The defects of Zeph that a file is blind to, as docs/import.md lists them.
const (
	defectNoIntegrity = "P1"
	defectDurability  = "P3"
	defectTime        = "P4"
	defectCoverage    = "P5"
	defectStdout      = "P6"
)

// otherLines is what the report calls lines of tracing output that are about
// something else.
const otherLines = "other lines of the program's output"

// A Parser reads the lines of Zeph's audit log. Each file stands for itself. It
// is a [source.Parser].
type Parser struct {
	report source.Report
	file   *source.FileReport
	last   time.Time // of the last entry that has one
	// prefixed: the file is tracing output: some record had something before it
	// in its line. plain: none had so far.
	prefixed, plain bool
	again           []byte // a line as it is written back
}

var _ source.Parser = (*Parser)(nil)

// NewParser returns a new Parser.
func NewParser() *Parser {
	return &Parser{report: source.Report{Source: Program, Verdict: source.Empty, Notes: []string{
		"Zeph's audit log has no hashes, signatures or numbers: nothing in it can show that lines were changed, removed or added",
	}}}
}

// Begin says that a file begins.
func (p *Parser) Begin(name string) {
	p.file = &source.FileReport{Name: name, Faults: []source.Fault{}}
	p.report.Files = append(p.report.Files, p.file)
	p.last = time.Unix(0, 0).UTC()
	p.prefixed, p.plain = false, false
	p.settle()
}

// End says that the file has ended.
func (p *Parser) End() { p.settle() }

// Report returns what is known so far. It is the parser's own.
func (p *Parser) Report() *source.Report {
	p.settle()
	return &p.report
}

// settle draws the conclusions of what was counted.
func (p *Parser) settle() {
	if p.file != nil {
		p.file.Settle()
		p.file.Blind = nil
		if p.file.Records > 0 {
			p.file.Blind = []string{defectNoIntegrity, defectDurability, defectTime, defectCoverage}
		}
		if p.prefixed {
			p.file.Blind = append(p.file.Blind, defectStdout)
		}
	}
	p.report.Settle()
}

// Line takes a line and hands what it holds to emit.
func (p *Parser) Line(l *source.Line, emit func(*source.Entry) error) error {
	p.file.Lines++
	p.file.Bytes = l.Offset + l.Size
	if !l.Torn {
		p.file.Bytes++
	}
	if len(l.Text()) == 0 && !l.Overlong {
		return nil
	}
	for _, piece := range p.pieces(l) {
		if e := p.entry(l, piece); e != nil {
			if err := emit(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// A piece is a part of a line that is one entry.
type piece struct {
	start, end int
	event      *etch.Event // nil: it is no record
	err        error       // why
	prefix     int         // bytes before the record
	rebuilt    bool        // the event gives the record's bytes back
	wrapped    bool        // it is the message of a line of tracing output in JSON
}

// pieces parts a line: mostly into one. Where a record was glued to what a crash
// had left of another, there are two.
func (p *Parser) pieces(l *source.Line) []piece {
	line := l.Bytes
	at := zephlog.Begins(line)
	if at < 0 || l.Overlong {
		return p.none(l)
	}
	if at > 0 && (p.plain || line[0] == '{') {
		return p.glued(line, 0) // a fragment that is too short to look like a record
	}
	whole := p.piece(line, at)
	if whole.event != nil || whole.err == nil {
		whole.start, whole.prefix = 0, at
		return []piece{whole}
	}
	return p.glued(line, at)
}

// maxTries bounds how often a line is looked at again: what is no record may be
// long, and full of what looks like the beginning of one.
const maxTries = 8

// glued parts a line before every record in it, from the last to the first. What
// is left in front of them, and all of a line without one, is no record.
func (p *Parser) glued(line []byte, from int) []piece {
	var found []piece
	stop, tries := len(line), 0
	for next := len(line); tries < maxTries; tries++ {
		if next = zephlog.LastBegins(line[:next]); next < from {
			break
		}
		if f := p.piece(line[:stop], next); f.event != nil && !f.wrapped {
			found = append(found, f)
			stop, tries = next, -1
		}
	}
	switch {
	case len(found) > 0 && stop == from:
		first := &found[len(found)-1]
		first.start, first.prefix = 0, from
	default:
		found = append(found, piece{end: stop, err: reason(line[from:stop])})
	}
	slices.Reverse(found)
	return found
}

// errGlued is why a part of a line is not read that is a record in itself.
var errGlued = errors.New("too much is glued together")

// reason says why a text is no record.
func reason(text []byte) error {
	_, err := zephlog.Parse(text)
	return cmp.Or(err, errGlued)
}

// none is what a line is in which no record begins as Zeph begins them.
func (p *Parser) none(l *source.Line) []piece {
	if l.Overlong {
		return []piece{{end: len(l.Bytes), err: errOverlong}}
	}
	text := l.Text()
	if text[0] != '{' {
		if !p.plain && isText(text) {
			p.skip()
			return nil
		}
		return []piece{{end: len(l.Bytes), err: reason(text)}}
	}
	found := p.piece(l.Bytes, bytes.IndexByte(l.Bytes, '{'))
	found.start = 0
	return []piece{found}
}

// isText reports whether a line may be output of a program. One of other bytes is
// none: somebody has given a compressed file, or one that a crash has left full of
// zeros, and must be told.
func isText(line []byte) bool { return utf8.Valid(line) && bytes.IndexByte(line, 0) < 0 }

var errOverlong = errors.New("longer than any record")

func (p *Parser) skip() {
	if p.file.Skipped == nil {
		p.file.Skipped = map[string]int{}
	}
	p.file.Skipped[otherLines]++
}

// piece reads the record that begins at a place of the line and goes to its end.
// With neither event nor error it is a line about something else.
func (p *Parser) piece(line []byte, at int) piece {
	found := piece{start: at, end: len(line)}
	text := bytes.TrimRight(line[at:], " \t\r")
	if found.event, found.err = zephlog.Parse(text); found.err == nil {
		ok := false
		p.again, ok = zephlog.Append(p.again[:0], found.event)
		found.rebuilt = ok && bytes.Equal(p.again, line[at:])
		return found
	}
	message, ok := wrapped(text)
	if !ok {
		return found
	}
	found.err, found.wrapped = nil, true
	if message != "" {
		found.event, found.err = zephlog.Parse([]byte(message))
	}
	return found
}

// wrapped returns the message of a line of tracing output in JSON, and whether it
// is one; "" for a message that is not of the audit log.
func wrapped(text []byte) (string, bool) {
	var line struct {
		Level  string `json:"level"`
		Target string `json:"target"`
		Fields struct {
			Message string `json:"message"`
		} `json:"fields"`
	}
	if json.Unmarshal(text, &line) != nil || line.Level == "" || line.Target == "" {
		return "", false
	}
	if line.Target != "audit" {
		return "", true
	}
	return line.Fields.Message, true
}

// entry returns what is to be recorded of a piece; nil for nothing.
func (p *Parser) entry(l *source.Line, piece piece) *source.Entry {
	switch {
	case piece.event != nil:
		return p.record(l, piece)
	case piece.err == nil:
		p.skip()
		return nil
	}
	return p.unreadable(l, piece)
}

func (p *Parser) record(l *source.Line, piece piece) *source.Entry {
	p.file.Records++
	p.file.NoIntegrity++
	text := l.Bytes[piece.start:piece.end]
	e := &source.Entry{
		Event: piece.event, File: p.file.Name, Line: l.Number, Offset: l.Offset + int64(piece.start),
		SHA256: sha256.Sum256(text), Verdict: source.NoIntegrity, Torn: l.Torn,
	}
	e.Label(Program)
	if e.Undated = e.Event.Timestamp.IsZero(); e.Undated {
		e.Event.Timestamp = p.last
	}
	p.last = e.Event.Timestamp
	if tracing := piece.prefix > 0 || piece.wrapped; tracing {
		p.prefixed, p.plain = true, false
	} else if !p.prefixed {
		p.plain = true
	}
	switch {
	case !piece.rebuilt || piece.prefix > maxPrefix:
		e.Event.Labels[source.LabelText] = source.Head(string(text), source.MaxText)
	case piece.prefix > 0:
		e.Event.Labels[LabelPrefix] = string(text[:piece.prefix])
	}
	return e
}

func (p *Parser) unreadable(l *source.Line, piece piece) *source.Entry {
	p.file.Fragments++
	e := source.UnreadableEntry(Program, p.file.Name, l, piece.start, l.Bytes[piece.start:piece.end])
	e.Event.Actor = &etch.Actor{Agent: zephlog.Agent}
	e.Event.Timestamp = p.last
	fault := source.Fault{Name: source.FaultUnreadable, Line: l.Number, Text: "no record of Zeph's: " + piece.err.Error()}
	switch {
	case e.Torn:
		fault = source.Fault{Name: source.FaultTorn, Line: l.Number, Text: "the file ends within a record", Defects: []string{defectDurability}}
	case piece.end < len(l.Bytes):
		fault = source.Fault{Name: source.FaultTorn, Line: l.Number, Text: "what a crash left of a record, with another one behind it", Defects: []string{defectDurability}}
	}
	p.file.Add(fault)
	return e
}
