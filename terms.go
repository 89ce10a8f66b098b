package etch

import (
	"bytes"

	"github.com/etch-audit/etch/internal/filter"
	"github.com/etch-audit/etch/internal/index"
)

// indexSpec is what the index of a segment holds of its lines.
var indexSpec = &index.Spec{
	Version: 2,
	Schema:  schema,
	Columns: []index.Column{
		// What most questions are about, in few bits.
		{Fields: fieldIDs("type", "phase", "risk", "result", "violation", "failed", "denied", "control")},
		{Fields: fieldIDs("tool", "approved", "allowed", "success", "truncated", "claim_source", "mcp_server", "approved_by")},
		{Fields: fieldIDs("user", "username", "user_id", "channel", "agent", "agent_id", "model", "host", "caller"), Postings: true},
		{Fields: fieldIDs("session"), Postings: true},
	},
	Pairs: []index.Pair{{Of: 0, By: 2}}, // what was done, counted by who did it
	Text:  fieldText,
	Subsets: fieldIDs("tool", "command", "arguments", "resource", "cwd", "risk_reason",
		"reason", "message", "url", "block_reason"),
	Time: fieldTime,
}

func fieldIDs(names ...string) []int {
	ids := make([]int, len(names))
	for i, name := range names {
		ids[i] = fieldOf(name)
	}
	return ids
}

// An indexer tells an index what lines say. It is used by one goroutine.
type indexer struct {
	outline outline
	row     index.Row
	held    []int  // the fields of the columns
	buf     []byte // texts that do not stand in the line as they are
}

func newIndexer() *indexer {
	x := &indexer{row: index.Row{Terms: make([][][]byte, len(fields))}}
	for _, c := range indexSpec.Columns {
		x.held = append(x.held, c.Fields...)
	}
	return x
}

// read returns what a line says, valid until the next. The error is that of
// decoding the line.
func (x *indexer) read(line []byte) (*index.Row, error) {
	x.buf = x.buf[:0]
	x.row.HasTime = true
	if x.outline.read(line) {
		x.row.Time = x.outline.micro
		x.terms(row{lineValues{&x.outline}}, x.lineTexts)
		return &x.row, nil
	}
	var r Record
	if err := decodeLine(bytes.Clone(line), &r); err != nil {
		return nil, err
	}
	v := eventValues{&r}
	x.row.Time = r.Event.Timestamp.UnixMicro()
	x.terms(row{v}, func(dst [][]byte, id memberID) [][]byte {
		v.texts(id, "", func(s string) bool {
			dst = append(dst, []byte(s))
			return false
		})
		return dst
	})
	return &x.row, nil
}

// terms fills in the row; texts appends the texts of a member.
func (x *indexer) terms(r row, texts func([][]byte, memberID) [][]byte) {
	for _, id := range x.held {
		list := x.row.Terms[id][:0]
		if fields[id].Kind == filter.Flag {
			list = flagTerm(list, r, id)
		} else {
			for _, m := range fields[id].members {
				list = texts(list, m)
			}
		}
		x.row.Terms[id] = list
	}
	x.row.Text = x.row.Text[:0]
	for _, m := range fields[fieldText].members {
		x.row.Text = texts(x.row.Text, m)
	}
	x.call(r, texts)
}

var flagTerms = [...][]byte{[]byte("false"), []byte("true")}

func flagTerm(list [][]byte, r row, id int) [][]byte {
	set, ok := r.Flag(id)
	switch {
	case !ok:
		return list
	case set:
		return append(list, flagTerms[1])
	}
	return append(list, flagTerms[0])
}

// call fills in which record of a call the row is.
func (x *indexer) call(r row, texts func([][]byte, memberID) [][]byte) {
	x.row.Phase, x.row.Call = phaseOf(r), nil
	if x.row.Phase == index.NoPhase {
		return
	}
	var room [1][]byte
	if ids := texts(room[:0], memberCallID); len(ids) > 0 {
		x.row.Call = ids[0]
	}
}

func phaseOf(r row) index.Phase {
	switch {
	case r.is(memberPhase, string(Attempt)):
		return index.Attempt
	case r.is(memberPhase, string(Completion)):
		return index.Completion
	}
	return index.NoPhase
}

// lineTexts appends the texts of a member of the outlined line.
func (x *indexer) lineTexts(dst [][]byte, id memberID) [][]byte {
	if x.outline.spans[id].to == 0 {
		return dst
	}
	if kind := formMembers[id].kind; kind != kindText {
		jsonTexts(x.outline.raw(id), func(b []byte) bool {
			dst = append(dst, x.keep(b))
			return false
		})
		return dst
	}
	text := x.outline.inside(id)
	if bytes.IndexByte(text, '\\') >= 0 {
		start := len(x.buf)
		x.buf = appendUnquoted(x.buf, text)
		text = x.buf[start:]
	}
	if len(text) == 0 {
		return dst
	}
	return append(dst, text)
}

// keep returns a copy that lives until the next line.
func (x *indexer) keep(b []byte) []byte {
	start := len(x.buf)
	x.buf = append(x.buf, b...)
	return x.buf[start:len(x.buf):len(x.buf)]
}
