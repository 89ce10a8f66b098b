package etch

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"time"

	"github.com/etch-audit/etch/internal/record"
)

// An outline says where the values of an event stand in its line. It takes a
// tenth of the time of decoding, and no memory: searching and indexing look at
// millions of lines to show a few.
//
// It knows one form only, that in which lines are written: the members in the
// order of the format, each once, nothing unknown, no white space around them,
// and a timestamp. Whatever else is a line of the log is told apart by decoding
// it, so that an outline never says anything that [decodeLine] does not.
type outline struct {
	scanner
	seq   uint64
	spans [memberCount]span
	micro int64 // the timestamp, Unix microseconds

	// after says of each member which one of its object was found in its place,
	// or behind it, when it was last looked for.
	after  [memberCount]uint8
	minute []byte // how the last timestamp began, up to its seconds
	began  int64  // when that was, Unix microseconds
}

// A span is where a value stands in its line, with the quotation marks of a
// text. The zero span is that of an absent one.
type span struct{ from, to uint16 } // a line is no longer

// read outlines a line, and reports whether it could: false means that the
// line is to be decoded. The line belongs to the outline until the next one.
func (o *outline) read(line []byte) bool {
	l, err := record.Split(line)
	if err != nil {
		return false
	}
	o.seq = l.Seq
	o.scanner = scanner{data: line, levels: maxLevels - 1}
	o.spans = [memberCount]span{}
	if l.MAC != nil {
		o.data = l.Signed
	}
	end := o.members(&forms[0], l.MAC != nil, bytes.IndexByte(line, ',')+1)
	return end == len(o.data) && o.spans[memberTimestamp].to != 0 && o.consistent()
}

// members reads the members of an object that is open at an offset, and returns
// the one behind it, negative where it could not. The line itself ends with its
// MAC, where it is bare, and has no brace before it. Where it is in the line is
// held in registers for most members, and in o.pos for the others.
func (o *outline) members(f *form, bare bool, pos int) int {
	data := o.data
	members := f.members()
	for i := 0; i < len(members); i++ {
		n := int(o.after[int(f.first)+i])
		m := &members[n]
		if n < i || !m.beginsAt(data, pos) {
			if n = o.next(members, i, pos); n < 0 {
				return -1
			}
			m = &members[n]
		}
		i = n
		pos += len(m.key)
		start := pos
		if pos = o.value(m, pos); pos < 0 {
			return -1
		}
		o.spans[m.id] = span{uint16(start), uint16(pos)}
		switch {
		case pos == len(data):
			return closed(bare, pos)
		case data[pos] == ',':
			pos++
		case data[pos] == '}' && !bare:
			return pos + 1
		default:
			return -1
		}
	}
	return -1
}

// closed returns where the members end that end with the data.
func closed(bare bool, pos int) int {
	if bare {
		return pos
	}
	return -1
}

// next returns the first member from number i on whose key is next in the line,
// negative where there is none. Most are absent, and mostly those that were
// absent the last time, so that it notes which one it was.
func (o *outline) next(members []formMember, i, pos int) int {
	for n := i; n < len(members); n++ {
		if members[n].beginsAt(o.data, pos) {
			o.after[members[i].id] = uint8(n)
			return n
		}
	}
	return -1
}

// beginsAt reports whether the member's key stands at an offset.
func (m *formMember) beginsAt(data []byte, pos int) bool {
	b := data[pos:]
	if len(b) < keyRoom {
		return bytes.HasPrefix(b, m.key)
	}
	room := (*[keyRoom]byte)(b)
	if (binary.LittleEndian.Uint64(room[:])^m.start)&m.mask != 0 {
		return false
	}
	end := binary.LittleEndian.Uint64(room[m.endAt&31:])
	return (end^m.end)&m.endMask == 0 && (m.endAt <= 8 || string(b[8:m.endAt]) == string(m.key[8:m.endAt]))
}

// value reads the value of a member at an offset, if it is what the member's can
// be, and returns the one behind it, negative where it is not.
func (o *outline) value(m *formMember, pos int) int {
	switch m.kind {
	case kindText:
		if end := plainText(o.data, pos); end > 0 {
			return end
		}
	case kindObject:
		return o.object(&forms[m.inner], pos)
	case kindFlag:
		if end := flag(o.data, pos); end > 0 {
			return end
		}
	case kindNumber:
		return digits(o.data, pos)
	}
	o.pos = pos
	if !o.anyValue(m) {
		return -1
	}
	return o.pos
}

// anyValue is value of a member that is no object, at the scanner's position.
func (o *outline) anyValue(m *formMember) bool {
	switch m.kind {
	case kindText:
		return o.textOnly()
	case kindTime:
		return o.timestamp()
	case kindFlag:
		return false
	case kindSigned:
		if o.at() == '-' {
			o.pos++
		}
		end := digits(o.data, o.pos)
		o.pos = end
		return end > 0
	case kindTexts:
		return o.textList()
	case kindTextMap:
		return o.textMap()
	}
	if o.at() <= ' ' { // white space before arguments is no part of them
		return false
	}
	return o.scanner.value() == nil
}

func (o *outline) object(f *form, pos int) int {
	if pos+1 >= len(o.data) || o.data[pos] != '{' || o.levels == 0 {
		return -1
	}
	if o.data[pos+1] == '}' {
		return pos + 2
	}
	o.levels--
	pos = o.members(f, false, pos+1)
	o.levels++
	return pos
}

// plainText returns the offset behind a text that ends at the first byte that is
// not plain, as nearly all do; 0 where it is another, or none.
func plainText(b []byte, pos int) int {
	if pos >= len(b) || b[pos] != '"' {
		return 0
	}
	for i := pos + 1; i+8 <= len(b); i += 8 {
		if m := notPlain(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			if i += bits.TrailingZeros64(m) / 8; b[i] == '"' {
				return i + 1
			}
			return 0
		}
	}
	return 0
}

// flag returns the offset behind true or false, 0 where there is neither.
func flag(b []byte, pos int) int {
	if b = b[pos:]; bytes.HasPrefix(b, []byte("true")) {
		return pos + len("true")
	}
	if bytes.HasPrefix(b, []byte("false")) {
		return pos + len("false")
	}
	return 0
}

func (o *outline) textOnly() bool {
	if o.at() != '"' {
		return false
	}
	_, _, err := o.str()
	return err == nil
}

func (o *outline) timestamp() bool {
	if o.at() != '"' || len(o.data) < o.pos+timeLen+2 || o.data[o.pos+1+timeLen] != '"' {
		return false
	}
	text := o.data[o.pos+1 : o.pos+1+timeLen]
	o.pos += timeLen + 2
	if n := len(text) - len(secondsForm); string(text[:n]) == string(o.minute) {
		micro, ok := parseSeconds(text[n:])
		o.micro = o.began + micro
		return ok
	}
	return o.newMinute(text)
}

// newMinute reads a timestamp of another minute than the last one.
func (o *outline) newMinute(text []byte) bool {
	t, ok := parseTime(string(text))
	if ok {
		o.micro, o.began = t.UnixMicro(), t.Truncate(time.Minute).UnixMicro()
		o.minute = append(o.minute[:0], text[:len(text)-len(secondsForm)]...)
	}
	return ok
}

// secondsForm is how a timestamp ends.
const secondsForm = "00.000000Z"

// parseSeconds reads the end of a timestamp, in microseconds.
func parseSeconds(text []byte) (micro int64, ok bool) {
	for i, c := range []byte(secondsForm) {
		if c != '0' {
			if text[i] != c {
				return 0, false
			}
			continue
		}
		d := text[i] - '0'
		if d > 9 {
			return 0, false
		}
		micro = micro*10 + int64(d)
	}
	return micro, micro < 60_000_000
}

// maxPlainDigits is how many digits a number may have that no type of a member
// can refuse for its size. Longer ones are decoded.
const maxPlainDigits = 12

// digits returns the offset behind a whole number of few digits, in the one form that
// JSON has for it; -1 where there is none.
func digits(b []byte, pos int) int {
	end := pos
	for end < len(b) && b[end]-'0' <= 9 {
		end++
	}
	if n := end - pos; n == 0 || n > maxPlainDigits || n > 1 && b[pos] == '0' {
		return -1
	}
	return end
}

func (o *outline) textList() bool {
	if o.at() != '[' || o.open() != nil {
		return false
	}
	for first := true; ; first = false {
		more, err := o.item(']', first)
		if err != nil {
			return false
		}
		if !more {
			return true
		}
		if o.space() != '"' || !o.textOnly() {
			return false
		}
	}
}

func (o *outline) textMap() bool {
	if o.at() != '{' || o.open() != nil {
		return false
	}
	var names nameSet
	for first := true; ; first = false {
		name, more, err := o.member(first)
		if err != nil {
			return false
		}
		if !more {
			return true
		}
		if !names.add(name) || o.space() != '"' || !o.textOnly() {
			return false
		}
	}
}

// consistent reports whether the line is an event whose success says what its
// type says. Escapes in either type are left to decoding: the writer has none in the
// names that matter here, and they are compared as they stand.
func (o *outline) consistent() bool {
	if t := o.inside(memberEventType); bytes.HasPrefix(t, []byte("log_")) || bytes.IndexByte(t, '\\') >= 0 {
		return false
	}
	success, has := o.flag(memberSuccess)
	if !has {
		return true
	}
	t := o.inside(memberOutcome)
	return t != nil && bytes.IndexByte(t, '\\') < 0 && success == (string(t) == string(Success))
}

// raw returns a value as it stands in the line, nil where it is absent.
func (o *outline) raw(id memberID) []byte {
	s := o.spans[id]
	return o.data[s.from:s.to:s.to]
}

// inside returns what stands between the quotation marks of a text, escapes
// and all; nil where it is absent.
func (o *outline) inside(id memberID) []byte {
	s := o.spans[id]
	if s.to == 0 {
		return nil
	}
	return o.data[s.from+1 : s.to-1 : s.to-1]
}

// flag returns a boolean and whether it is there.
func (o *outline) flag(id memberID) (value, ok bool) {
	s := o.spans[id]
	return s.to != 0 && o.data[s.from] == 't', s.to != 0
}
