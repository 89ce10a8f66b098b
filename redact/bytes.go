package redact

// class is a set of bytes that a secret's body is made of.
type class uint8

const (
	alnum     class = iota // letters and digits
	word                   // and _
	dashed                 // and _ -
	dotted                 // and _ - .
	base64Any              // letters, digits, + / = _ -
	hex                    // 0-9 a-f
	upper                  // 0-9 A-Z
	upperDash              // 0-9 A-Z -
	slashed                // letters, digits, / _ -
	nameByte               // what names are written with: letters, digits, _ - .
	printable              // everything but blanks, controls and quotes
	plain                  // what means nothing to the shell or to readers of values
	classCount
)

// in reports whether b belongs to the class.
func (k class) in(b byte) bool { return classOf[b]>>k&1 != 0 }

// all reports whether s consists of bytes of the class.
func (k class) all(s string) bool {
	for i := range len(s) {
		if !k.in(s[i]) {
			return false
		}
	}
	return true
}

// runTo returns the end of the run of bytes of the class that starts at i. A run is measured once: asked again from within
// it, the answer is remembered.
func (c *scan) runTo(k class, i int) int {
	if c.runStart[k] <= i && i < c.runEnd[k] {
		return c.runEnd[k]
	}
	j := i
	for j < len(c.s) && k.in(c.s[j]) {
		j++
	}
	c.runStart[k], c.runEnd[k] = i, j
	return j
}

// at returns the byte at i, or 0 outside of the text.
func (c *scan) at(i int) byte {
	if uint(i) < uint(len(c.s)) {
		return c.s[i]
	}
	return 0
}

// before returns the byte left of i as it will read in the masked text.
func (c *scan) before(i int) byte {
	if i > 0 && i == c.last {
		return ']'
	}
	return c.at(i - 1)
}

// starts reports whether a word may start at i: what is left of it is no letter or digit, or is the end of an escape
// such as \n or %3D.
func (c *scan) starts(i int) bool {
	b := c.before(i)
	if !alnum.in(b) {
		return true
	}
	if i >= 2 && c.s[i-2] == '\\' {
		return b == 'n' || b == 't' || b == 'r'
	}
	return i >= 3 && c.s[i-3] == '%' && hex.in(lowerByte(c.s[i-2])) && hex.in(lowerByte(b))
}

// isBlank reports whether b separates words within a line.
func isBlank(b byte) bool { return b == ' ' || b == '\t' }

// isSpace reports whether b separates words.
func isSpace(b byte) bool { return isBlank(b) || b == '\n' || b == '\r' }

// isQuote reports whether b opens or closes a quoted string.
func isQuote(b byte) bool { return b == '"' || b == '\'' }

// isDigit reports whether b is an ASCII digit.
func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// isLetter reports whether b is an ASCII letter.
func isLetter(b byte) bool { return 'a' <= lowerByte(b) && lowerByte(b) <= 'z' }

// isSeparator reports whether an unquoted b ends a word of the shell.
func isSeparator(b byte) bool {
	switch b {
	case ' ', '\t', '\n', '\r', ';', '|', '&', '<', '>', '(', ')':
		return true
	}
	return false
}

// skipBlanks returns the first place from i on that is no blank; a line continued with a backslash goes on.
func (c *scan) skipBlanks(i int) int {
	for i < len(c.s) {
		switch {
		case isBlank(c.s[i]):
			i++
		case c.s[i] == '\\' && c.at(i+1) == '\n':
			i += 2
		case c.s[i] == '\\' && c.at(i+1) == '\r' && c.at(i+2) == '\n':
			i += 3
		default:
			return i
		}
	}
	return i
}

// equalFold reports whether a is b in any ASCII case; b is given in lower case.
func equalFold(a, b string) bool { return len(a) == len(b) && hasPrefixFold(a, b) }

// containsFold reports whether s holds a text of small letters, in letters of any size.
func containsFold(s, text string) bool {
	for i := 0; i+len(text) <= len(s); i++ {
		if lowerByte(s[i]) == text[0] && hasPrefixFold(s[i:], text) {
			return true
		}
	}
	return false
}

// hasPrefixFold reports whether s starts with prefix in any ASCII case; prefix is given in lower case.
func hasPrefixFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if lowerByte(s[i]) != prefix[i] {
			return false
		}
	}
	return true
}

// hasSuffixFold reports whether s ends in suffix in any ASCII case; suffix is given in lower case.
func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && equalFold(s[len(s)-len(suffix):], suffix)
}

// isMixed reports whether s has both letters and digits, as generated secrets of any length do and words do not.
func isMixed(s string) bool {
	var letter, digit bool
	for i := range min(len(s), 128) {
		digit = digit || isDigit(s[i])
		letter = letter || isLetter(s[i])
	}
	return letter && digit
}

// isOpaque reports whether s looks generated rather than written: long enough, one word of letters and digits.
func isOpaque(s string) bool { return len(s) >= 16 && isMixed(s) && !hasSpace(s) }

// isStrong reports whether s looks generated even beside a name that proves nothing: both cases and digits, and no blank.
func isStrong(s string) bool {
	if len(s) < 20 || !isOpaque(s) {
		return false
	}
	var lows, caps bool
	for i := range min(len(s), 128) {
		lows = lows || 'a' <= s[i] && s[i] <= 'z'
		caps = caps || 'A' <= s[i] && s[i] <= 'Z'
	}
	return lows && caps
}

// hasSpace reports whether s has a blank or a line break near its start.
func hasSpace(s string) bool {
	for i := range min(len(s), 128) {
		if isSpace(s[i]) {
			return true
		}
	}
	return false
}

// hasFold reports whether s in lower case is one of the words. It does not allocate.
func hasFold(known words, s string) bool {
	var buf [24]byte
	if len(s) > len(buf) {
		return false
	}
	for i := range len(s) {
		buf[i] = lowerByte(s[i])
	}
	return known.have(buf[:len(s)])
}

// hasLower reports whether s has a small ASCII letter.
func hasLower(s string) bool {
	for i := range len(s) {
		if isLetter(s[i]) && !isUpper(s[i]) {
			return true
		}
	}
	return false
}

// hasUpper reports whether s has a capital ASCII letter.
func hasUpper(s string) bool {
	for i := range len(s) {
		if isUpper(s[i]) {
			return true
		}
	}
	return false
}
