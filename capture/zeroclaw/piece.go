package zeroclaw

import (
	"bytes"

	"github.com/etch-audit/etch/internal/zeroclaw"
)

// A piece is a part of a line: a record, an object of another log, or bytes that
// are neither. The pieces of a line are all of it but white space.
type piece struct {
	text   []byte
	from   int // where it begins in the line
	rec    *zeroclaw.Record
	other  *other
	reason string // why it is neither
	glued  bool   // it shares its line with other pieces
}

// opening is how every record begins that ZeroClaw writes. It cannot stand inside
// of one: quotation marks in texts are escaped.
const opening = `{"timestamp":"`

// split returns the pieces of a line. Mostly that is one. A record that was
// appended behind a torn one (Z5) shares its line: then the line is taken apart
// where records begin.
func split(line []byte) []piece {
	whole := read(line, 0)
	if whole.rec != nil || whole.other != nil {
		return []piece{whole}
	}
	var pieces []piece
	for from := 0; from < len(line); {
		to := len(line)
		if i := bytes.Index(line[from+1:], []byte(opening)); i >= 0 {
			to = from + 1 + i
		}
		next := read(line[from:to], from)
		from = to
		if len(bytes.TrimSpace(next.text)) == 0 {
			continue
		}
		if last := len(pieces) - 1; last >= 0 && !next.known() && !pieces[last].known() {
			end := next.from + len(next.text)
			pieces[last].text = line[pieces[last].from:end]
			continue
		}
		pieces = append(pieces, next)
	}
	for i := range pieces {
		pieces[i].glued = len(pieces) > 1
	}
	return pieces
}

func (p *piece) known() bool { return p.rec != nil || p.other != nil }

// read reads a part of a line that begins at from. White space around an object
// and the carriage return that may end a line are part of the bytes that stood
// there.
func read(part []byte, from int) piece {
	p := piece{from: from, text: part}
	var err error
	if p.rec, err = zeroclaw.Parse(part); err == nil {
		return p
	}
	if p.other = parseOther(part); p.other == nil {
		p.reason = "no record: " + err.Error()
	}
	return p
}
