package etch

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// A scanner goes through JSON text strictly: RFC 8259, and as in I-JSON (RFC
// 7493) valid UTF-8, no unpaired surrogate and no member name twice in one
// object.
type scanner struct {
	data   []byte
	pos    int
	levels int  // how many levels of arrays and objects may still be opened
	spaced bool // white space was seen between tokens
	nameAt int  // where the name of the last member is in data, -1 where it has escapes
}

// fail returns an error at the scanner's position.
func (s *scanner) fail(reason string) error {
	return &SyntaxError{Offset: s.pos, Reason: reason}
}

// space skips white space and returns the byte after it, 0 at the end.
func (s *scanner) space() byte {
	if s.pos < len(s.data) && s.data[s.pos] > ' ' {
		return s.data[s.pos]
	}
	return s.skipSpace()
}

func (s *scanner) skipSpace() byte {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
		s.spaced = true
		s.pos++
	}
	return 0
}

// end checks that nothing but white space follows.
func (s *scanner) end() error {
	if s.space(); s.pos < len(s.data) {
		return s.fail("unexpected text after the value")
	}
	return nil
}

// value skips one value of any kind.
func (s *scanner) value() error {
	switch c := s.space(); c {
	case '{':
		return s.object()
	case '[':
		return s.array()
	case '"':
		_, _, err := s.str()
		return err
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		_, err := s.number()
		return err
	}
}

// literal skips one of the three literal names.
func (s *scanner) literal(name string) error {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(name)) {
		return s.fail("expected a value")
	}
	s.pos += len(name)
	return nil
}

// open goes into an array or object.
func (s *scanner) open() error {
	if s.levels == 0 {
		return s.fail("nested too deeply")
	}
	s.levels--
	s.pos++
	return nil
}

// object skips an object.
func (s *scanner) object() error {
	if err := s.open(); err != nil {
		return err
	}
	var names nameSet
	for first := true; ; first = false {
		start := s.pos
		name, ok, err := s.member(first)
		if err != nil || !ok {
			return err
		}
		if !names.add(name) {
			s.pos = start
			return s.fail("duplicate member")
		}
		if err := s.value(); err != nil {
			return err
		}
	}
}

// member steps to the next member of an object that is open, reads its name
// and the colon, and reports whether there is one; where there is none the
// object is closed. The name is part of the text unless it has escapes.
func (s *scanner) member(first bool) (name []byte, ok bool, err error) {
	more, err := s.item('}', first)
	if err != nil || !more {
		return nil, false, err
	}
	if s.space() != '"' {
		return nil, false, s.fail("expected a member name")
	}
	start := s.pos + 1
	end, escapes, err := s.str()
	if err != nil {
		return nil, false, err
	}
	name, s.nameAt = s.data[start:end], start
	if escapes {
		name, s.nameAt = appendUnquoted(nil, name), -1
	}
	if s.space() != ':' {
		return nil, false, s.fail("expected a colon")
	}
	s.pos++
	return name, true, nil
}

// array skips an array.
func (s *scanner) array() error {
	if err := s.open(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := s.item(']', first)
		if err != nil || !more {
			return err
		}
		if err := s.value(); err != nil {
			return err
		}
	}
}

// item steps to the next item of an array or object and reports whether there
// is one; where there is none it is closed.
func (s *scanner) item(closing byte, first bool) (bool, error) {
	c := s.space()
	if c == closing {
		s.pos++
		s.levels++
		return false, nil
	}
	if first {
		return true, nil
	}
	if c != ',' {
		return false, s.fail("expected a comma or the end of the list")
	}
	s.pos++
	return true, nil
}

// number skips a number and returns where it began.
func (s *scanner) number() (start int, err error) {
	start = s.pos
	if s.at() == '-' {
		s.pos++
	}
	if s.at() == '0' {
		s.pos++
	} else if !s.digits() {
		if s.pos == start {
			return start, s.fail("expected a value")
		}
		return start, s.fail("expected a digit")
	}
	if s.at() == '.' {
		s.pos++
		if !s.digits() {
			return start, s.fail("expected a digit")
		}
	}
	if c := s.at(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.at(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return start, s.fail("expected a digit")
		}
	}
	return start, nil
}

// at returns the byte at the scanner's position, 0 at the end.
func (s *scanner) at() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// digits skips decimal digits and reports whether there was one.
func (s *scanner) digits() bool {
	start := s.pos
	for c := s.at(); c >= '0' && c <= '9'; c = s.at() {
		s.pos++
	}
	return s.pos > start
}

// str skips a string, whose opening mark the scanner is at. It returns where
// the closing mark is and whether there are escapes.
func (s *scanner) str() (end int, escapes bool, err error) {
	s.pos++
	for {
		s.pos += plainPrefix(s.data[s.pos:])
		switch c := s.at(); {
		case c == '"':
			s.pos++
			return s.pos - 1, escapes, nil
		case s.pos == len(s.data):
			return 0, false, s.fail("string has no end")
		case c == '\\':
			escapes = true
			if err := s.escape(); err != nil {
				return 0, false, err
			}
		case c < ' ':
			return 0, false, s.fail("control character in a string")
		default:
			_, size := utf8.DecodeRune(s.data[s.pos:])
			if size == 1 {
				return 0, false, s.fail("invalid UTF-8")
			}
			s.pos += size
		}
	}
}

// escape skips one escape of a string, or a pair that is one character.
func (s *scanner) escape() error {
	rest := s.data[s.pos:]
	if len(rest) < 2 {
		return s.fail("string has no end")
	}
	if rest[1] != 'u' {
		if unescaped(rest[1]) == 0 {
			return s.fail("unknown escape in a string")
		}
		s.pos += 2
		return nil
	}
	r, ok := hex4(rest[2:])
	if !ok {
		return s.fail("bad \\u escape in a string")
	}
	if !utf16.IsSurrogate(r) {
		s.pos += 6
		return nil
	}
	if lowSurrogate(r, rest[6:]) == utf8.RuneError {
		return s.fail("unpaired surrogate in a string")
	}
	s.pos += 12
	return nil
}

// lowSurrogate returns the character that the surrogate r makes with the
// escape that rest begins with, or utf8.RuneError.
func lowSurrogate(r rune, rest []byte) rune {
	if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
		return utf8.RuneError
	}
	low, ok := hex4(rest[2:])
	if !ok {
		return utf8.RuneError
	}
	return utf16.DecodeRune(r, low)
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		d, ok := unhex(c)
		if !ok {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, true
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// unescaped returns the character of an escape of two bytes, 0 for none.
func unescaped(c byte) byte {
	switch c {
	case '"', '\\', '/':
		return c
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return 0
}

// appendUnquoted appends what the inside of a string says. The string has
// passed the scanner.
func appendUnquoted(dst, quoted []byte) []byte {
	for {
		i := bytes.IndexByte(quoted, '\\')
		if i < 0 {
			return append(dst, quoted...)
		}
		dst = append(dst, quoted[:i]...)
		if c := quoted[i+1]; c != 'u' {
			dst = append(dst, unescaped(c))
			quoted = quoted[i+2:]
			continue
		}
		r, _ := hex4(quoted[i+2:])
		quoted = quoted[i+6:]
		if utf16.IsSurrogate(r) {
			r = lowSurrogate(r, quoted)
			quoted = quoted[6:]
		}
		dst = utf8.AppendRune(dst, r)
	}
}

// A nameSet is the names of one object's members: a few without allocation,
// many without comparing each with each.
type nameSet struct {
	few  [8][]byte
	n    int
	many map[string]struct{}
}

// add adds name and reports whether it is new. It keeps name.
func (s *nameSet) add(name []byte) bool {
	if s.many != nil {
		before := len(s.many)
		s.many[string(name)] = struct{}{}
		return len(s.many) > before
	}
	for _, other := range s.few[:s.n] {
		if string(other) == string(name) {
			return false
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = name
		s.n++
		return true
	}
	s.many = make(map[string]struct{}, 4*len(s.few))
	for _, other := range s.few {
		s.many[string(other)] = struct{}{}
	}
	return s.add(name)
}
