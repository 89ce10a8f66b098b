package etch

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/etch-audit/etch/internal/filter"
)

// A row is a record as a query sees it: what its fields are, whether they come
// from an outline of its line or from its decoded event.
type row struct{ values }

var _ filter.Row = row{}

// values are the values of a record's members.
type values interface {
	number() uint64 // the sequence number
	timestamp() time.Time
	isControl() bool
	eventType() string
	// is reports whether a text member holds exactly that, which is not empty.
	is(id memberID, want string) bool
	// has reports whether the member is there. A boolean is where its object is.
	has(memberID) bool
	// texts reports whether holds is true of any text that a member holds.
	texts(id memberID, key string, holds func(string) bool) bool
	integer(memberID) (int64, bool)
	boolean(memberID) bool
	// appendParts appends each value of some members as a part of what tells calls
	// apart, by appendPart; nothing of those that are absent or empty. Of arguments
	// it is the JSON.
	appendParts(dst []byte, ids []memberID) []byte
	// arguments returns the JSON of the arguments; nil where there are none, or not
	// all of them.
	arguments() []byte
}

// Texts reports whether holds is true of any value of a field of texts.
func (r row) Texts(id int, key string, holds func(string) bool) bool {
	if id == fieldType { // of a control record, too
		t := r.eventType()
		return t != "" && holds(t)
	}
	for _, m := range fieldMembers[id] {
		if r.texts(m, key, holds) {
			return true
		}
	}
	return false
}

// Number returns the value of a field of numbers.
func (r row) Number(id int) (int64, bool) {
	if id == fieldSeq {
		return int64(min(r.number(), math.MaxInt64)), true
	}
	return r.integer(fieldMembers[id][0])
}

// Time returns the value of a field of times.
func (r row) Time(int) (time.Time, bool) { return r.timestamp(), true }

// Flag returns the value of a flag. Those that follow from other members are
// always there.
func (r row) Flag(id int) (value, ok bool) {
	switch id {
	case fieldControl:
		return r.isControl(), true
	case fieldViolation:
		return r.is(memberEventType, string(PolicyViolation)) || r.boolean(memberViolation), true
	case fieldFailed:
		return r.has(memberResult) && !r.is(memberOutcome, string(Success)), true
	case fieldDenied:
		return r.is(memberOutcome, string(Blocked)) || r.has(memberAction) && !r.boolean(memberAllowed), true
	}
	m := fieldMembers[id][0]
	return r.boolean(m), r.has(m)
}

// deciding returns the members that decide what a row says of a field of texts,
// of levels or of a flag: rows that agree in these agree in the field. Of an
// object it is decided by whether it is there.
func deciding(id int) []memberID {
	switch id {
	case fieldControl:
		return []memberID{memberEventType}
	case fieldViolation:
		return []memberID{memberEventType, memberViolation}
	case fieldFailed:
		return []memberID{memberResult, memberOutcome}
	case fieldDenied:
		return []memberID{memberOutcome, memberAction, memberAllowed}
	}
	members := fieldMembers[id]
	if fields[id].Kind != filter.Flag {
		return members
	}
	m := &formMembers[members[0]]
	if m.id == memberSuccess {
		return []memberID{memberResult, memberOutcome}
	}
	return []memberID{m.id, m.parent}
}

// eventValues are the values of a decoded record.
type eventValues struct{ r *Record }

func (v eventValues) number() uint64       { return v.r.Seq }
func (v eventValues) timestamp() time.Time { return v.r.Event.Timestamp }
func (v eventValues) isControl() bool      { return v.r.IsControl() }
func (v eventValues) eventType() string    { return string(v.r.Event.Type) }

func (v eventValues) is(id memberID, want string) bool {
	at := v.at(id)
	return at != nil && *textAt(at) == want
}

// at returns a pointer to the field of a member, nil where its object is absent.
func (v eventValues) at(id memberID) any {
	m := &formMembers[id]
	if !m.object.has(&v.r.Event) {
		return nil
	}
	return m.at(&v.r.Event)
}

func (v eventValues) has(id memberID) bool {
	switch p := v.at(id).(type) {
	case nil:
		return false
	case **Actor:
		return *p != nil
	case **Action:
		return *p != nil
	case **Result:
		return *p != nil
	case **Security:
		return *p != nil
	case **Egress:
		return *p != nil
	}
	return true
}

func (v eventValues) boolean(id memberID) bool {
	switch p := v.at(id).(type) {
	case *bool:
		return *p
	case successMember:
		return v.r.Event.Result.Type == Success
	}
	return false
}

func (v eventValues) integer(id memberID) (int64, bool) {
	switch p := v.at(id).(type) {
	case *uint64:
		return int64(min(*p, math.MaxInt64)), *p != 0 // left out when 0
	case *Optional[uint64]:
		return int64(min(p.value, math.MaxInt64)), p.set
	case *Optional[int64]:
		return p.value, p.set
	case *time.Duration:
		return p.Milliseconds(), true
	}
	return 0, false
}

func (v eventValues) texts(id memberID, key string, holds func(string) bool) bool {
	at := v.at(id)
	if at == nil {
		return false
	}
	if text := textAt(at); text != nil {
		return *text != "" && holds(*text)
	}
	switch p := at.(type) {
	case *json.RawMessage:
		return argumentTexts(*p, holds)
	case *[]string:
		return slices.ContainsFunc(*p, func(s string) bool { return s != "" && holds(s) })
	case *map[string]string:
		s, ok := (*p)[key]
		return ok && holds(s)
	}
	return false
}

func (v eventValues) appendParts(dst []byte, ids []memberID) []byte {
	for _, id := range ids {
		dst = v.appendPart(dst, id)
	}
	return dst
}

func (v eventValues) arguments() []byte {
	if v.r.Event.Action == nil || slices.ContainsFunc(v.r.Cuts, func(c Cut) bool { return c.Member == formMembers[memberArguments].path }) {
		return nil
	}
	return v.r.Event.Action.Arguments
}

func (v eventValues) appendPart(dst []byte, id memberID) []byte {
	for _, c := range v.r.Cuts {
		if c.Member == formMembers[id].path {
			return appendSum(dst, id, c.SHA256)
		}
	}
	switch p := v.at(id).(type) {
	case *bool:
		if *p {
			dst = appendPart(dst, id, nil)
		}
	case *json.RawMessage:
		if len(*p) > 0 {
			dst = appendPart(dst, id, *p)
		}
	default:
		v.texts(id, "", func(s string) bool {
			dst = appendPart(dst, id, []byte(s))
			return false
		})
	}
	return dst
}

// lineValues are the values of an outlined line. A text is made when it is asked
// for: few are.
type lineValues struct{ *outline }

func (v lineValues) number() uint64       { return v.seq }
func (v lineValues) timestamp() time.Time { return time.UnixMicro(v.micro).UTC() }
func (v lineValues) isControl() bool      { return false } // they have no outline
func (v lineValues) has(id memberID) bool {
	if m := &formMembers[id]; m.kind == kindFlag || m.path == "result.duration_ms" {
		id = m.parent
	}
	return v.spans[id].to != 0
}

func (v lineValues) is(id memberID, want string) bool {
	b := v.inside(id)
	return string(b) == want || bytes.IndexByte(b, '\\') >= 0 && string(appendUnquoted(nil, b)) == want
}

func (v lineValues) boolean(id memberID) bool {
	if id == memberSuccess {
		return v.is(memberOutcome, string(Success))
	}
	set, _ := v.flag(id)
	return set
}

func (v lineValues) eventType() string { return v.unquoted(v.spans[memberEventType]) }

func (v lineValues) integer(id memberID) (int64, bool) {
	s := v.spans[id]
	if s.to == 0 {
		return 0, formMembers[id].path == "result.duration_ms" && v.has(memberResult)
	}
	n, err := strconv.ParseInt(string(v.data[s.from:s.to]), 10, 64)
	return n, err == nil && (n != 0 || formMembers[id].path != "security.redactions")
}

func (v lineValues) texts(id memberID, key string, holds func(string) bool) bool {
	s := v.spans[id]
	if s.to == 0 {
		return false
	}
	switch formMembers[id].kind {
	case kindText:
		text := v.unquoted(s)
		return text != "" && holds(text)
	case kindJSON, kindTexts:
		return jsonTexts(v.raw(id), func(b []byte) bool { return holds(string(b)) })
	case kindTextMap:
		return v.label(key, holds)
	}
	return false
}

func (v lineValues) appendParts(dst []byte, ids []memberID) []byte {
	for _, id := range ids {
		if v.spans[id].to != 0 {
			dst = v.appendPart(dst, id)
		}
	}
	return dst
}

func (v lineValues) arguments() []byte {
	if v.spans[memberArguments].to == 0 {
		return nil
	}
	return v.raw(memberArguments)
}

// appendPart is that of a member that is there.
func (v lineValues) appendPart(dst []byte, id memberID) []byte {
	raw := v.raw(id)
	switch formMembers[id].kind {
	case kindFlag:
		if raw[0] != 't' {
			return dst
		}
		raw = nil
	case kindJSON:
	case kindTexts:
		jsonTexts(raw, func(b []byte) bool {
			dst = appendPart(dst, id, b)
			return false
		})
		return dst
	default:
		if raw = raw[1 : len(raw)-1]; len(raw) == 0 {
			return dst
		}
		if bytes.IndexByte(raw, '\\') >= 0 {
			raw = appendUnquoted(nil, raw)
		}
	}
	return appendPart(dst, id, raw)
}

// unquoted returns the text at a span, "" for none.
func (v lineValues) unquoted(s span) string {
	if s.to == 0 {
		return ""
	}
	from, to := s.from+1, s.to-1
	if bytes.IndexByte(v.data[from:to], '\\') < 0 {
		return string(v.data[from:to])
	}
	return string(appendUnquoted(nil, v.data[from:to]))
}

// label reports whether holds is true of the label of that name.
func (v lineValues) label(key string, holds func(string) bool) bool {
	s := scanner{data: v.raw(memberLabels), levels: 1, pos: 1}
	for first := true; ; first = false {
		name, more, err := s.member(first)
		if err != nil || !more {
			return false
		}
		s.space()
		start := s.pos + 1
		end, _, err := s.str()
		if err != nil {
			return false
		}
		if string(name) == key {
			return holds(string(appendUnquoted(nil, s.data[start:end])))
		}
	}
}

// argumentTexts reports whether holds is true of any text of arguments. An agent
// may have given anything: what is not strictly valid, and so is stored as a text
// (see [body.arguments]), is that text. Where others would read it as JSON all the
// same, member names twice for instance, it is what they find in it, too: neither
// may hide anything.
func argumentTexts(args json.RawMessage, holds func(string) bool) bool {
	if len(args) == 0 {
		return false
	}
	if _, err := checkArguments(args); err == nil {
		return jsonTexts(args, func(b []byte) bool { return holds(string(b)) })
	}
	return holds(string(args)) || json.Valid(args) && looseTexts(args, holds)
}

// looseTexts is jsonTexts for a value that is valid for encoding/json only.
func looseTexts(data []byte, holds func(string) bool) bool {
	for at := 0; at < len(data); at++ {
		if data[at] != '"' {
			continue
		}
		quoted := data[at : at+stringLen(data[at:])]
		at += len(quoted) - 1
		if rest := bytes.TrimLeft(data[at+1:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
			continue // a member's name
		}
		var text string
		if json.Unmarshal(quoted, &text) == nil && text != "" && holds(text) {
			return true
		}
	}
	return false
}

// jsonTexts reports whether holds is true of any text in a JSON value, at any
// depth, but for the names of members. Empty texts are none. What holds is given
// is valid during the call.
func jsonTexts(data []byte, holds func([]byte) bool) bool {
	s := scanner{data: data}
	for s.pos < len(s.data) {
		if s.data[s.pos] != '"' {
			s.pos++
			continue
		}
		start := s.pos + 1
		end, escapes, err := s.str()
		if err != nil {
			return false // it is valid: this does not happen
		}
		if s.space() == ':' || end == start {
			continue
		}
		text := data[start:end]
		if escapes {
			text = appendUnquoted(nil, text)
		}
		if holds(text) {
			return true
		}
	}
	return false
}
