package etch

import (
	"bytes"

	"github.com/etch-audit/etch/internal/filter"
	"github.com/etch-audit/etch/internal/index"
)

// indexSpec is what the index of a segment holds of its lines.
var indexSpec = &index.Spec{
	Version: 7,
	Schema:  &schema,
	Columns: []index.Column{
		// What most questions are about, in few bits.
		{Fields: []int{fieldType, fieldPhase, fieldRisk, fieldResult, fieldViolation, fieldFailed, fieldDenied, fieldControl}},
		{Fields: []int{fieldTool, fieldApproved, fieldAllowed, fieldSuccess, fieldTruncated, fieldClaimSource, fieldMCPServer, fieldApprovedBy}},
		{Fields: []int{fieldUser, fieldUsername, fieldUserID, fieldChannel, fieldAgent, fieldAgentID, fieldModel, fieldHost, fieldCaller}, Postings: true},
		{Fields: []int{fieldSession}, Postings: true},
	},
	Pairs:   []index.Pair{{Of: 0, By: 2}}, // what was done, counted by who did it
	Text:    fieldText,
	Subsets: []int{fieldTool, fieldCommand, fieldArguments, fieldResource, fieldCwd, fieldRiskReason, fieldReason, fieldMessage, fieldURL, fieldBlockReason},
	Time:    fieldTime,
}

// An indexer tells an index what lines say. It is used by one goroutine.
type indexer struct {
	outline  outline
	event    Record // of a line that has no outline
	outlined bool
	row      index.Row
	forms    [][]byte
	copied   [][]byte // the room of those that do not stand in the line
	list     [][]byte // what terms returned
	buf      []byte   // texts that do not stand in the line as they are
}

func newIndexer() *indexer {
	x := &indexer{forms: make([][]byte, len(indexForms)), copied: make([][]byte, len(indexForms))}
	x.row.Terms = x.terms
	return x
}

// read returns what a line says, valid until the next. The error is that of
// decoding the line.
func (x *indexer) read(line []byte) (*index.Row, error) {
	x.buf = x.buf[:0]
	x.row.HasTime = true
	x.outlined = x.outline.read(line)
	if x.outlined {
		x.row.Time = x.outline.micro
		x.row.Forms = x.formsOf()
	} else {
		x.event = Record{}
		if err := decodeLine(bytes.Clone(line), &x.event); err != nil {
			return nil, err
		}
		x.row.Time = x.event.Event.Timestamp.UnixMicro()
		x.row.Forms = nil
	}
	x.row.Text = x.row.Text[:0]
	for _, m := range fieldMembers[fieldText] {
		x.row.Text = x.texts(x.row.Text, m)
	}
	x.call()
	return &x.row, nil
}

// seq returns the sequence number of the line that was read.
func (x *indexer) seq() uint64 { return x.values().number() }

// A columnForm says what of a line decides what the fields of a column say.
type columnForm struct {
	whole   memberID   // the one member whose value it is
	members []memberID // else these
}

// formsOf returns, of each column, the members that are there as they stand in
// the line: one as it is, of several each behind its number, which with its high
// bit is no part of a value without quotation marks. Of an object it is then enough
// that it is there.
func (x *indexer) formsOf() [][]byte {
	for i := range indexForms {
		f := &indexForms[i]
		if f.members == nil {
			x.forms[i] = x.outline.raw(f.whole)
			continue
		}
		x.forms[i] = x.outline.appendForm(x.copied[i][:0], f.members)
		x.copied[i] = x.forms[i]
	}
	return x.forms
}

// shortValue is how much is copied of a value at once, of which most have less: a copy
// of a size that is known takes two instructions.
const shortValue = 32

// appendForm appends some members that are there.
func (o *outline) appendForm(dst []byte, members []memberID) []byte {
	for _, id := range members {
		s := o.spans[id]
		if s.to == 0 {
			continue
		}
		dst = append(dst, byte(id)|0x80)
		if formMembers[id].kind == kindObject {
			continue
		}
		from, n, at := int(s.from), int(s.to-s.from), len(dst)
		if n <= shortValue && len(o.data)-from >= shortValue && cap(dst)-at >= shortValue {
			*(*[shortValue]byte)(dst[at : at+shortValue]) = *(*[shortValue]byte)(o.data[from:])
			dst = dst[:at+n]
			continue
		}
		dst = append(dst, o.data[s.from:s.to]...)
	}
	return dst
}

// values are those of the line.
func (x *indexer) values() row {
	if x.outlined {
		return row{lineValues{&x.outline}}
	}
	return row{eventValues{&x.event}}
}

// terms returns the values of a field, valid until it is called again.
func (x *indexer) terms(id int) [][]byte {
	x.list = x.list[:0]
	if fields[id].Kind == filter.Flag {
		x.list = flagTerm(x.list, x.values(), id)
		return x.list
	}
	for _, m := range fieldMembers[id] {
		x.list = x.texts(x.list, m)
	}
	return x.list
}

// texts appends the texts of a member.
func (x *indexer) texts(dst [][]byte, id memberID) [][]byte {
	if x.outlined {
		return x.lineTexts(dst, id)
	}
	return x.eventTexts(dst, id)
}

func (x *indexer) eventTexts(dst [][]byte, id memberID) [][]byte {
	eventValues{&x.event}.texts(id, "", func(s string) bool {
		dst = append(dst, []byte(s))
		return false
	})
	return dst
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
func (x *indexer) call() {
	r := x.values()
	x.row.Phase, x.row.Call, x.row.Also = phaseOf(r), x.row.Call[:0], x.row.Also[:0]
	if x.row.Phase == index.NoPhase {
		return
	}
	x.row.Call = appendCall(x.row.Call, r)
	if x.row.Phase.Ends() && len(x.row.Call) > 0 {
		x.row.Also = appendBefore(x.row.Also, x.row.Call, r)
	}
}

func phaseOf(r row) index.Phase {
	switch {
	case r.is(memberPhase, string(Attempt)):
		return index.Attempt
	case !r.is(memberPhase, string(Completion)):
		return index.NoPhase
	case r.has(memberLabels) && !r.boolean(memberViolation) && r.texts(memberLabels, LabelInferred, anyText):
		return index.Guess
	}
	return index.Completion
}

func anyText(string) bool { return true }

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
