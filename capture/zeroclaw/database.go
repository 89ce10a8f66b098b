package zeroclaw

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/internal/sqlite"
	"github.com/etch-audit/etch/internal/zeroclaw"
)

// A Contents is the bytes of a file. They are only ever read, at offsets.
type Contents = sqlite.Contents

// ErrChanged says that a database was changed while it was read. Reading again helps.
var ErrChanged = sqlite.ErrChanged

// eventsTable is where DaemonClaw keeps its records.
const eventsTable = "audit_events"

// ReadDatabase hands the rows of DaemonClaw's database whose id is greater than
// after to a parser, for which Begin was called, and returns the id of the last
// one. log is the database's write-ahead log, the file beside it whose name ends
// in -wal; nil where there is none. Without it the newest rows are missing.
//
// Nothing is locked and nothing written. Where DaemonClaw runs, the caller looks
// whether the main file's time of modification is still the same afterwards: if
// not, a checkpoint may have come between two pages, and what was read is to be
// read again.
func ReadDatabase(main Contents, log *Contents, p *Parser, after int64, emit func(*source.Entry) error) (last int64, err error) {
	last = after
	db, err := sqlite.Open(main, log)
	if err != nil {
		return last, err
	}
	table, err := db.Table(eventsTable)
	if err != nil {
		return last, err
	}
	columns := newColumns(table.Columns)
	if columns.event < 0 {
		return last, fmt.Errorf("table %s has no column event_json", eventsTable)
	}
	for row, err := range table.Rows(after) {
		if err != nil {
			return last, fmt.Errorf("table %s: %w", eventsTable, err)
		}
		if err := p.row(&row, &columns, emit); err != nil {
			return last, err
		}
		last = row.ID
	}
	return last, nil
}

// columns are where the columns of the table stand, -1 for one that is not there.
type columns struct{ event, kind, timestamp, sequence, hash int }

func newColumns(names []string) columns {
	at := func(name string) int { return slices.Index(names, name) }
	return columns{
		event: at("event_json"), kind: at("event_type"), timestamp: at("timestamp"),
		sequence: at("sequence"), hash: at("entry_hash"),
	}
}

// row takes a row as it would a line.
func (p *Parser) row(row *sqlite.Row, c *columns, emit func(*source.Entry) error) error {
	p.file.Lines++
	text, ok := row.Values[c.event].(string)
	p.file.Bytes += int64(len(text))
	e := &source.Entry{
		File: p.file.Name, Line: int(row.ID), Offset: row.ID, SHA256: sha256.Sum256([]byte(text)),
	}
	at := piece{text: []byte(text)}
	rec, err := zeroclaw.Parse(at.text)
	if !ok || err != nil {
		at.reason = fmt.Sprintf("event_json is no record: %v", err)
		l := &source.Line{Bytes: at.text, Number: e.Line, Offset: e.Offset}
		p.fragment(l, at)
		return emit(p.unreadable(l, 0, at.text))
	}
	at.rec = rec
	p.compareColumns(row, c, rec)
	p.record(e, at)
	p.date(e)
	e.Label(p.program)
	return emit(e)
}

// compareColumns compares the copies that the other columns hold: they are not
// hashed, and queries go by them.
func (p *Parser) compareColumns(row *sqlite.Row, c *columns, r *zeroclaw.Record) {
	var wrong []string
	text := func(name string, at int, want string) {
		if at >= 0 && row.Values[at] != want {
			wrong = append(wrong, name)
		}
	}
	text("event_type", c.kind, r.EventType)
	text("entry_hash", c.hash, r.EntryHash)
	if c.sequence >= 0 {
		if n, ok := row.Values[c.sequence].(int64); !ok || uint64(n) != r.Sequence {
			wrong = append(wrong, "sequence")
		}
	}
	if c.timestamp >= 0 {
		s, _ := row.Values[c.timestamp].(string)
		if t, err := zeroclaw.ParseTime(s); err != nil || !t.Equal(r.Time) {
			wrong = append(wrong, "timestamp")
		}
	}
	if len(wrong) > 0 {
		p.fault(source.FaultColumns, r, int(row.ID), "columns that nothing covers say something else than the record: "+strings.Join(wrong, ", "))
	}
}
