// Package zeroclaw reads the audit logs of ZeroClaw and DaemonClaw: of every
// generation, over their rotated files, out of DaemonClaw's database. It also
// reads ZeroClaw's operational log and what its webhook posts, which have no
// integrity of their own.
//
// What a file itself can show is checked first, as it is read: each record's hash,
// how the records follow each other, signatures where their key is given. What is
// found goes into a [source.Report], by the numbers that upstream's defects have
// in docs/import.md, and what is known of a record by the time that it is read
// into the labels of its event. A log that passes is not thereby true: the chain
// has no key, and a cut end leaves no trace.
package zeroclaw

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/internal/zeroclaw"
)

// Options say what is known of a source beside its files. The zero value knows
// nothing.
type Options struct {
	// Key is what signatures are checked with: see [ParseKey]. None: they are
	// counted and not checked.
	Key []byte
	// RequireSignatures makes every record of a chain without a signature a
	// fault. Without it, nothing tells one that was stripped from one that never
	// was.
	RequireSignatures bool
	// DaemonClaw says that the records are DaemonClaw's.
	DaemonClaw bool
}

func (o *Options) program() string {
	if o.DaemonClaw {
		return zeroclaw.ProgramDaemonClaw
	}
	return zeroclaw.ProgramZeroClaw
}

// ParseKey reads a signing key as upstream's environment variable has it: 64
// hexadecimal digits. White space around them is no part of it, so that the
// content of a key file does. An error does not show the key.
func ParseKey(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != sha256.Size {
		return nil, fmt.Errorf("signing key: expected %d hexadecimal digits, got %d characters", 2*sha256.Size, utf8.RuneCountInString(text))
	}
	return key, nil
}

// A Parser reads one family of files: it is a [source.Parser]. The chain goes on
// from each file to the next.
type Parser struct {
	opt     Options
	program string
	chain   chain
	report  source.Report
	file    *file     // nil between files
	witness *witness  // nil where there are no anchors
	last    time.Time // of the last event of the file that has one
}

var _ source.Parser = (*Parser)(nil)

// NewParser returns a parser. Options may be nil.
func NewParser(opt *Options) *Parser {
	p := &Parser{}
	if opt != nil {
		p.opt = *opt
	}
	p.program = p.opt.program()
	p.report.Source = p.program
	return p
}

// Begin says that a file begins: see [source.Parser].
func (p *Parser) Begin(name string) {
	p.file = &file{FileReport: source.FileReport{Name: name, Faults: []source.Fault{}}}
	p.report.Files = append(p.report.Files, &p.file.FileReport)
	p.chain.beginFile()
	p.last = time.Unix(0, 0).UTC()
	for _, f := range p.report.Files {
		if len(p.report.Files) > 1 {
			f.AddBlind("Z3")
		}
	}
}

// Report returns what is known so far: see [source.Parser]. Asked for the first
// time after the last End, it tells what the anchors told of all files.
func (p *Parser) Report() *source.Report {
	if n := len(p.report.Files); n > 0 && p.file == nil && p.witness != nil {
		p.witness.end(p.report.Files[n-1])
		p.report.Files[n-1].Settle()
		p.witness = nil
	}
	p.report.Settle()
	return &p.report
}

// Line takes a line: see [source.Parser].
func (p *Parser) Line(l *source.Line, emit func(*source.Entry) error) error {
	p.file.Lines++
	p.file.Bytes = max(p.file.Bytes, l.Offset+l.Size)
	switch {
	case l.Overlong:
		p.chain.broken = true
		p.file.Fragments++
		p.file.Add(source.Fault{
			Name: source.FaultUnreadable, Line: l.Number,
			Text: fmt.Sprintf("the line has %d bytes; at most %d are read", l.Size, source.MaxLine),
		})
		return emit(p.unreadable(l, 0, l.Bytes))
	case len(l.Text()) == 0:
		return nil
	}
	for _, piece := range split(l.Bytes) {
		if err := p.piece(l, piece, emit); err != nil {
			return err
		}
	}
	return nil
}

// piece takes a piece of a line, mostly all of it.
func (p *Parser) piece(l *source.Line, at piece, emit func(*source.Entry) error) error {
	e := &source.Entry{
		File: p.file.Name, Line: l.Number, Offset: l.Offset + int64(at.from),
		SHA256: sha256.Sum256(at.text), Torn: l.Torn && at.from+len(at.text) == len(l.Bytes),
	}
	switch {
	case at.rec != nil:
		p.record(e, at)
	case at.other != nil:
		p.foreign(e, at.other)
	default:
		p.fragment(l, at)
		return emit(p.unreadable(l, at.from, at.text))
	}
	if e.Event == nil {
		return nil // counted as left out
	}
	p.date(e)
	e.Label(p.program)
	return emit(e)
}

// date gives an event that says the zero time, which none can have, that of the one
// before it.
func (p *Parser) date(e *source.Entry) {
	if e.Undated = e.Event.Timestamp.IsZero(); e.Undated {
		e.Event.Timestamp = p.last
	}
	p.last = e.Event.Timestamp
}

func (p *Parser) unreadable(l *source.Line, from int, text []byte) *source.Entry {
	e := source.UnreadableEntry(p.program, p.file.Name, l, from, text)
	e.Event.Timestamp, e.Undated = p.last, true
	e.Event.Actor = &etch.Actor{Agent: p.program}
	return e
}

// record takes a record: checks it, and makes its event.
func (p *Parser) record(e *source.Entry, at piece) {
	r := at.rec
	if at.glued {
		p.file.Add(source.Fault{
			Name: source.FaultTorn, Line: e.Line, Sequence: sequence(r), Defects: []string{"Z5"},
			Text: "the record shares its line with others: an append came behind a torn one",
		})
	}
	p.file.take(r)
	e.Verdict = p.check(r, e.Line, at.text)
	if p.witness != nil {
		p.witness.saw(r)
	}
	e.Event = newEvent(r, p.program)
	keepLine(e.Event, r, at.text)
}

// foreign takes an object that is no audit record.
func (p *Parser) foreign(e *source.Entry, o *other) {
	e.Verdict = source.NoIntegrity
	if o.skip != "" {
		if p.file.Skipped == nil {
			p.file.Skipped = make(map[string]int)
		}
		p.file.Skipped[o.skip]++
		return
	}
	p.file.Records++
	p.file.NoIntegrity++
	p.file.saw(o.generation)
	if p.chain.begun {
		p.file.Add(source.Fault{Name: source.FaultUnlinked, Line: e.Line, Text: "a row of another log stands among the records of a chain"})
	}
	e.Event = o.event
}

// fragment takes what cannot be read.
func (p *Parser) fragment(l *source.Line, at piece) {
	p.file.Fragments++
	p.chain.broken = true
	fault := source.Fault{Name: source.FaultUnreadable, Line: l.Number, Text: at.reason}
	switch {
	case seedSignature(at.text):
		p.file.Fragments--
		p.file.saw("seed")
		return
	case l.Torn:
		fault = source.Fault{
			Name: source.FaultTorn, Line: l.Number, Defects: []string{"Z5"},
			Text: fmt.Sprintf("the file ends in %d bytes of a record that was not finished: crash damage", len(at.text)),
		}
	case at.glued:
		fault = source.Fault{
			Name: source.FaultTorn, Line: l.Number, Defects: []string{"Z5"},
			Text: fmt.Sprintf("%d bytes of a record that was not finished, with another behind them in the line: crash damage", len(at.text)),
		}
	}
	p.file.Add(fault)
}

// seedSignature reports whether a line is what the first proposal of the format
// writes behind each record: its signature, on a line of its own. No program is
// known to write it, so it is kept and not checked.
func seedSignature(text []byte) bool {
	return strings.HasPrefix(strings.TrimSpace(string(text)), `"signature":`)
}

// End says that the file has ended: see [source.Parser].
func (p *Parser) End() {
	if p.file == nil {
		return
	}
	f := p.file
	p.file = nil
	f.end(p.opt.Key != nil)
	f.Settle()
}

// A file is what is known of the file that is being read.
type file struct {
	source.FileReport
	generations []string
	bad         []badSignature
	signed      bool // the record before was signed
}

// A badSignature is a signature of the right form that the key given did not make.
type badSignature struct {
	line int
	seq  uint64
}

// saw takes note of a generation of the format.
func (f *file) saw(generation string) {
	if !slices.Contains(f.generations, generation) {
		f.generations = append(f.generations, generation)
	}
}

// take counts a record.
func (f *file) take(r *zeroclaw.Record) {
	f.Records++
	f.saw(generation(r))
	if r.AgentAlias != nil {
		f.uncovered("agent_alias")
	}
	for _, name := range r.Uncovered {
		f.uncovered(name)
	}
	if !r.Chained() {
		f.NoIntegrity++
		return
	}
	f.Chained++
	if f.FirstSequence == nil || *f.FirstSequence > r.Sequence {
		f.FirstSequence = new(r.Sequence)
	}
	if f.LastSequence == nil || *f.LastSequence < r.Sequence {
		f.LastSequence = new(r.Sequence)
	}
}

// maxUncovered is how many names of members that nothing covers are kept: they
// are the file's own.
const maxUncovered = 100

func (f *file) uncovered(name string) {
	if f.Uncovered == nil {
		f.Uncovered = make(map[string]int)
	}
	if _, ok := f.Uncovered[name]; !ok && len(f.Uncovered) >= maxUncovered {
		name = "others"
	}
	f.Uncovered[name]++
}

// end settles what only a whole file shows.
func (f *file) end(keyed bool) {
	f.Generation = generations(f.generations)
	f.settleSignatures()
	switch {
	case f.Chained > 0:
		f.AddBlind("Z9")
	case f.Records == 0 && f.Fragments == 0:
		f.AddBlind("Z9")
	}
	if f.Unsigned > 0 {
		f.AddBlind("Z10", "Z11")
	}
	if f.Signed > 0 {
		f.AddBlind("Z14")
	}
	if f.Signed > 0 && !keyed {
		f.AddBlind("Z12")
	}
	if len(f.Uncovered) > 0 {
		f.AddBlind("Z13")
	}
}

func sequence(r *zeroclaw.Record) *uint64 {
	if !r.Chained() {
		return nil
	}
	return new(r.Sequence)
}
