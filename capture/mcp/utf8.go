package mcp

import "unicode/utf8"

// A utf8Check looks whether bytes that come in pieces of any size are UTF-8.
type utf8Check struct {
	begun [utf8.UTFMax]byte // a character whose end did not come
	n     int               // so many bytes of it
	bad   bool
}

// write takes the next bytes.
func (c *utf8Check) write(p []byte) {
	for c.n > 0 && len(p) > 0 && !c.bad {
		c.begun[c.n] = p[0]
		c.n++
		p = p[1:]
		if part := c.begun[:c.n]; utf8.FullRune(part) {
			c.bad = !utf8.Valid(part)
			c.n = 0
		}
	}
	if c.bad {
		return
	}
	end := len(p)
	for i := len(p) - 1; i >= max(0, len(p)-utf8.UTFMax); i-- {
		if utf8.RuneStart(p[i]) {
			if !utf8.FullRune(p[i:]) {
				end = i
			}
			break
		}
	}
	c.bad = !utf8.Valid(p[:end])
	if end < len(p) {
		c.n = copy(c.begun[:], p[end:])
	}
}

// ok reports whether all of it is.
func (c *utf8Check) ok() bool { return !c.bad && c.n == 0 }
