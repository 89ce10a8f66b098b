package hook

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// A Payload is a JSON object as an agent sent it, its members in their order
// and their values as they stood. Nothing is decoded before it is asked for: a
// payload may hold whole files.
//
// The zero Payload is an object without members.
type Payload struct {
	members []member
}

type member struct {
	name  string
	value json.RawMessage
}

// maxDepth is how deep values may be nested: as deep as encoding/json allows.
const maxDepth = 10000

// ParsePayload returns the object that raw is, and whether it is one. Of bytes
// that stop being JSON somewhere it returns the members before that place. An
// object inside a JSON string counts as one, since some agents send such, and a
// byte order mark before it is none of it, since some shells put one there.
//
// The Payload refers to raw.
func ParsePayload(raw []byte) (Payload, bool) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	s := scanner{raw: raw}
	s.blanks()
	if s.peek() == '"' {
		text, ok := textBytes(raw)
		if !ok {
			return Payload{}, false
		}
		s = scanner{raw: text}
		s.blanks()
	}
	p, ok := s.object()
	s.blanks()
	return p, ok && s.at == len(s.raw)
}

// Get returns the value of the first of the names that the object has, and nil
// where it has none of them. A null counts as absent.
func (p Payload) Get(names ...string) json.RawMessage {
	for _, name := range names {
		for i := range p.members {
			if p.members[i].name == name && string(p.members[i].value) != "null" {
				return p.members[i].value
			}
		}
	}
	return nil
}

// Text returns the text of the first of the names that the object has: of a
// string what it says, of a number or a boolean how it is written, else "".
func (p Payload) Text(names ...string) string {
	value := p.Get(names...)
	if len(value) == 0 || value[0] == '{' || value[0] == '[' {
		return ""
	}
	if text, ok := Text(value); ok {
		return text
	}
	return string(value)
}

// Object returns the object of the first of the names that the object has, and
// whether it is one.
func (p Payload) Object(names ...string) (Payload, bool) { return ParsePayload(p.Get(names...)) }

// True reports whether the value of a name is true.
func (p Payload) True(name string) bool { return string(p.Get(name)) == "true" }

// Len returns the number of members.
func (p Payload) Len() int { return len(p.members) }

// Elements returns the elements of the array that raw is; none where it is no array.
func Elements(raw json.RawMessage) []json.RawMessage {
	s := scanner{raw: raw}
	s.blanks()
	if !s.take('[') {
		return nil
	}
	var out []json.RawMessage
	for s.blanks(); s.peek() != ']'; s.blanks() {
		value, ok := s.value()
		if !ok {
			return out
		}
		out = append(out, value)
		s.blanks()
		if !s.take(',') {
			break
		}
	}
	return out
}

// Text returns what a JSON string says, and whether raw is one. Half surrogate
// pairs and invalid UTF-8 become U+FFFD.
func Text(raw json.RawMessage) (string, bool) {
	text, ok := textBytes(raw)
	return string(text), ok
}

// textBytes is Text without a copy of a text that stands in raw as it is.
func textBytes(raw json.RawMessage) ([]byte, bool) {
	s := scanner{raw: raw}
	s.blanks()
	start := s.at
	if s.peek() != '"' || !s.skipString() {
		return nil, false
	}
	end := s.at - 1
	s.blanks()
	if s.at != len(s.raw) {
		return nil, false
	}
	return unquote(raw[start+1 : end : end]), true
}

// unquote returns what stands between the quotes of a JSON string.
func unquote(inner []byte) []byte {
	if bytes.IndexByte(inner, '\\') < 0 {
		return valid(inner)
	}
	out := make([]byte, 0, len(inner))
	for len(inner) > 0 {
		i := bytes.IndexByte(inner, '\\')
		if i < 0 || i+1 == len(inner) {
			out = append(out, inner...)
			break
		}
		out = append(out, inner[:i]...)
		var n int
		out, n = appendEscape(out, inner[i:])
		inner = inner[i+n:]
	}
	return valid(out)
}

// valid returns a text with U+FFFD in place of each byte that is no character, as encoding/json has it.
func valid(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	return []byte(string([]rune(string(text))))
}

// appendEscape appends what the escape at the start of s stands for, and
// returns how long the escape is. An unknown one stands for itself.
func appendEscape(dst, s []byte) ([]byte, int) {
	switch s[1] {
	case '"', '\\', '/':
		return append(dst, s[1]), 2
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	case 'u':
		r, ok := hexRune(s)
		if !ok {
			break
		}
		if !utf16.IsSurrogate(r) {
			return utf8.AppendRune(dst, r), 6
		}
		if low, ok := hexRune(s[6:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return utf8.AppendRune(dst, pair), 12
			}
		}
		return utf8.AppendRune(dst, utf8.RuneError), 6
	}
	return append(dst, s[:2]...), 2
}

// hexRune reads \uXXXX.
func hexRune(s []byte) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s[2:6] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// A scanner walks over JSON without decoding it. It is lenient where that does
// no harm: it does not look into numbers and escapes.
type scanner struct {
	raw []byte
	at  int
}

func (s *scanner) peek() byte {
	if s.at < len(s.raw) {
		return s.raw[s.at]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c || s.at >= len(s.raw) {
		return false
	}
	s.at++
	return true
}

func (s *scanner) blanks() {
	for s.at < len(s.raw) {
		switch s.raw[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// object reads an object's members. Of members of one name the last counts, as
// for most readers of JSON.
func (s *scanner) object() (Payload, bool) {
	var p Payload
	var places map[string]int // of members by name, once there are many
	if !s.take('{') {
		return p, false
	}
	for s.blanks(); s.peek() != '}'; s.blanks() {
		start := s.at
		if s.peek() != '"' || !s.skipString() {
			return p, false
		}
		name := string(unquote(s.raw[start+1 : s.at-1]))
		s.blanks()
		if !s.take(':') {
			return p, false
		}
		value, ok := s.value()
		if !ok {
			return p, false
		}
		places = p.set(name, value, places)
		s.blanks()
		if !s.take(',') {
			break
		}
	}
	return p, s.take('}')
}

// set sets a member, given and returning the places of all where there are many:
// objects of agents have some twenty, and past that looking through them for one
// of the same name would cost a square.
func (p *Payload) set(name string, value json.RawMessage, places map[string]int) map[string]int {
	at, known := places[name]
	if len(p.members) < manyMembers {
		at = slices.IndexFunc(p.members, func(m member) bool { return m.name == name })
		known = at >= 0
	}
	if known {
		p.members[at].value = value
		return places
	}
	p.members = append(p.members, member{name, value})
	switch n := len(p.members); {
	case n == manyMembers:
		places = make(map[string]int, 2*n)
		for i, m := range p.members {
			places[m.name] = i
		}
	case n > manyMembers:
		places[name] = n - 1
	}
	return places
}

// manyMembers is from how many members on an object's are found by a map.
const manyMembers = 64

// value returns the bytes of the value at the scanner, without blanks around it.
func (s *scanner) value() (json.RawMessage, bool) {
	s.blanks()
	start := s.at
	ok := s.skip()
	return s.raw[start:s.at:s.at], ok && s.at > start
}

// skip moves over one value. It keeps a count instead of recursing: a payload
// of brackets alone must not use up the stack.
func (s *scanner) skip() bool {
	depth := 0
	for s.at < len(s.raw) {
		switch c := s.raw[s.at]; c {
		case '"':
			if !s.skipString() {
				return false
			}
		case '{', '[':
			s.at++
			if depth++; depth > maxDepth {
				return false
			}
			continue
		case '}', ']':
			if depth == 0 {
				return false
			}
			s.at++
			depth--
		case ' ', '\t', '\n', '\r', ',', ':':
			if depth == 0 {
				return false
			}
			s.at++
			continue
		default:
			s.skipWord()
		}
		if depth == 0 {
			return true
		}
	}
	return false
}

// skipWord moves over a number or a name such as true.
func (s *scanner) skipWord() {
	for s.at < len(s.raw) {
		switch s.raw[s.at] {
		case ' ', '\t', '\n', '\r', ',', ':', '{', '}', '[', ']', '"':
			return
		}
		s.at++
	}
}

// skipString moves over a string, and reports whether it ends.
func (s *scanner) skipString() bool {
	s.at++
	for {
		i := bytes.IndexByte(s.raw[s.at:], '"')
		if i < 0 {
			s.at = len(s.raw)
			return false
		}
		end := s.at + i
		escapes := 0
		for end-escapes > s.at && s.raw[end-1-escapes] == '\\' {
			escapes++
		}
		s.at = end + 1
		if escapes%2 == 0 {
			return true
		}
	}
}
