// Package surrogate finds escapes in JSON that are half of a surrogate pair, such as
// \ud800 alone. They stand for no character (RFC 8259, section 8.2), and readers differ in what
// they make of them: U+FFFD, a question mark, nothing at all, a byte. So a text with one
// may say something else to who judges it than to who acts on it.
package surrogate

import "bytes"

// A Check looks for halves in JSON that comes in pieces of any size. Its zero value is
// ready.
type Check struct {
	escape int    // how much of an escape has come: 1 for the \, 2 with the u, to 5 with three digits
	code   uint16 // its digits so far
	high   bool   // the first half of a pair came just before
	lone   bool
}

// Write takes the next piece.
func (c *Check) Write(p []byte) {
	for len(p) > 0 {
		if c.escape == 0 {
			i := bytes.IndexByte(p, '\\')
			c.follows(i == 0)
			if i < 0 {
				return
			}
			p, c.escape = p[i+1:], 1
			continue
		}
		c.take(p[0])
		p = p[1:]
	}
}

// Lone reports whether what came so far holds a half.
func (c *Check) Lone() bool { return c.lone || c.high }

// In reports whether JSON holds a half of a pair.
func In(json []byte) bool {
	var c Check
	c.Write(json)
	return c.Lone()
}

// follows takes note of whether what comes may be the second half of a pair.
func (c *Check) follows(may bool) {
	c.lone = c.lone || c.high && !may
	c.high = c.high && may
}

// take takes the next byte of an escape.
func (c *Check) take(b byte) {
	if c.escape == 1 {
		if c.escape, c.code = 0, 0; b == 'u' {
			c.escape = 2
		} else {
			c.follows(false)
		}
		return
	}
	digit, ok := hex(b)
	if !ok { // it is no JSON
		c.escape = 0
		c.follows(false)
		return
	}
	c.code = c.code<<4 | digit
	if c.escape++; c.escape < 6 {
		return
	}
	c.escape = 0
	low := c.code >= 0xdc00 && c.code < 0xe000
	c.lone = c.lone || c.high != low
	c.high = c.code >= 0xd800 && c.code < 0xdc00
}

func hex(b byte) (uint16, bool) {
	switch {
	case b >= '0' && b <= '9':
		return uint16(b - '0'), true
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		return uint16(b|0x20-'a') + 10, true
	}
	return 0, false
}
