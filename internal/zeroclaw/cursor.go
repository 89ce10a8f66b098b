package zeroclaw

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// maxLevels is how deep a value may be nested: as deep as ZeroClaw's reader goes.
const maxLevels = 127

// A cursor goes through JSON text (RFC 8259), strictly but for UTF-8: bytes that
// are not UTF-8 pass through texts as they are.
type cursor struct {
	data  []byte
	pos   int
	level int
}

func (c *cursor) fail(reason string) error { return fmt.Errorf("%s at byte %d", reason, c.pos) }

// space skips white space and returns the byte after it, 0 at the end.
func (c *cursor) space() byte {
	for c.pos < len(c.data) {
		b := c.data[c.pos]
		if b != ' ' && b != '\t' && b != '\n' && b != '\r' {
			return b
		}
		c.pos++
	}
	return 0
}

func (c *cursor) at() byte {
	if c.pos < len(c.data) {
		return c.data[c.pos]
	}
	return 0
}

func (c *cursor) open(bracket byte) error {
	if c.space() != bracket {
		return c.fail("expected " + string(bracket))
	}
	if c.level++; c.level > maxLevels {
		return c.fail("nested too deeply")
	}
	c.pos++
	return nil
}

// item steps to the next item of what is open and reports whether there is one.
func (c *cursor) item(closing byte, first bool) (bool, error) {
	b := c.space()
	if b == closing {
		c.pos++
		c.level--
		return false, nil
	}
	if first {
		return true, nil
	}
	if b != ',' {
		return false, c.fail("expected a comma or " + string(closing))
	}
	c.pos++
	return true, nil
}

// member steps to the next member of an open object, and reads its name.
func (c *cursor) member(first bool) (string, bool, error) {
	more, err := c.item('}', first)
	if err != nil || !more {
		return "", false, err
	}
	name, err := c.str()
	if err != nil {
		return "", false, err
	}
	if c.space() != ':' {
		return "", false, c.fail("expected a colon")
	}
	c.pos++
	return name, true, nil
}

// skip skips a value of any kind.
func (c *cursor) skip() error {
	switch c.space() {
	case '{':
		return c.skipList('{', '}')
	case '[':
		return c.skipList('[', ']')
	case '"':
		_, err := c.str()
		return err
	case 't':
		return c.literal("true")
	case 'f':
		return c.literal("false")
	case 'n':
		return c.literal("null")
	}
	_, err := c.number()
	return err
}

func (c *cursor) skipList(opening, closing byte) error {
	if err := c.open(opening); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := c.item(closing, first)
		if err != nil || !more {
			return err
		}
		if opening == '{' {
			if _, err := c.str(); err != nil {
				return err
			}
			if c.space() != ':' {
				return c.fail("expected a colon")
			}
			c.pos++
		}
		if err := c.skip(); err != nil {
			return err
		}
	}
}

func (c *cursor) literal(word string) error {
	if len(c.data)-c.pos < len(word) || string(c.data[c.pos:c.pos+len(word)]) != word {
		return c.fail("expected a value")
	}
	c.pos += len(word)
	return nil
}

// number reads a number and returns its text.
func (c *cursor) number() (string, error) {
	c.space()
	start := c.pos
	if c.at() == '-' {
		c.pos++
	}
	if c.at() == '0' {
		c.pos++
	} else if !c.digits() {
		return "", c.fail("expected a number")
	}
	if c.at() == '.' {
		c.pos++
		if !c.digits() {
			return "", c.fail("expected a digit")
		}
	}
	if b := c.at(); b == 'e' || b == 'E' {
		c.pos++
		if b := c.at(); b == '+' || b == '-' {
			c.pos++
		}
		if !c.digits() {
			return "", c.fail("expected a digit")
		}
	}
	return string(c.data[start:c.pos]), nil
}

func (c *cursor) digits() bool {
	start := c.pos
	for b := c.at(); b >= '0' && b <= '9'; b = c.at() {
		c.pos++
	}
	return c.pos > start
}

// str reads a text.
func (c *cursor) str() (string, error) {
	if c.space() != '"' {
		return "", c.fail("expected a text")
	}
	c.pos++
	start := c.pos
	for c.pos < len(c.data) {
		switch b := c.data[c.pos]; {
		case b == '"':
			c.pos++
			return string(c.data[start : c.pos-1]), nil
		case b == '\\':
			return c.escaped(append([]byte(nil), c.data[start:c.pos]...))
		case b < ' ':
			return "", c.fail("control character in a text")
		}
		c.pos++
	}
	return "", c.fail("a text has no end")
}

// escaped reads the rest of a text that has escapes; text is what came before.
func (c *cursor) escaped(text []byte) (string, error) {
	for c.pos < len(c.data) {
		switch b := c.data[c.pos]; {
		case b == '"':
			c.pos++
			return string(text), nil
		case b == '\\':
			r, err := c.escape()
			if err != nil {
				return "", err
			}
			text = utf8.AppendRune(text, r)
		case b < ' ':
			return "", c.fail("control character in a text")
		default:
			text = append(text, b)
			c.pos++
		}
	}
	return "", c.fail("a text has no end")
}

// escape reads one escape, or a pair of them that is one character.
func (c *cursor) escape() (rune, error) {
	if len(c.data)-c.pos < 2 {
		return 0, c.fail("a text has no end")
	}
	b := c.data[c.pos+1]
	if b != 'u' {
		r := simpleEscape(b)
		if r == 0 {
			return 0, c.fail("unknown escape")
		}
		c.pos += 2
		return r, nil
	}
	r, err := c.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if len(c.data)-c.pos < 2 || c.data[c.pos] != '\\' || c.data[c.pos+1] != 'u' {
		return 0, c.fail("unpaired surrogate")
	}
	low, err := c.hex4()
	if err != nil {
		return 0, err
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, c.fail("unpaired surrogate")
	}
	return r, nil
}

func simpleEscape(b byte) rune {
	switch b {
	case '"', '\\', '/':
		return rune(b)
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

// hex4 reads an escape of four hexadecimal digits.
func (c *cursor) hex4() (rune, error) {
	if len(c.data)-c.pos < 6 {
		return 0, c.fail("a text has no end")
	}
	var r rune
	for _, b := range c.data[c.pos+2 : c.pos+6] {
		switch {
		case b >= '0' && b <= '9':
			r = r<<4 | rune(b-'0')
		case b >= 'a' && b <= 'f':
			r = r<<4 | rune(b-'a'+10)
		case b >= 'A' && b <= 'F':
			r = r<<4 | rune(b-'A'+10)
		default:
			return 0, c.fail("bad \\u escape")
		}
	}
	c.pos += 6
	return r, nil
}
