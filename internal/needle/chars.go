package needle

import "unicode/utf8"

// chars is the set of the needles' characters.
type chars struct {
	ascii  [utf8.RuneSelf]bool
	beyond bool // there are others
}

func (s *chars) add(needle []byte) {
	for _, c := range needle {
		if c < utf8.RuneSelf {
			s.ascii[c] = true
		} else {
			s.beyond = true
		}
	}
}

// escaped reports whether what begins with the backslash at an index, \u or \/,
// is an escape of one of the characters. The backslash is none of an escape
// where it is itself escaped: behind an odd number of others.
func (s *chars) escaped(b []byte, at int) bool {
	before := at
	for before > 0 && b[before-1] == '\\' {
		before--
	}
	switch {
	case (at-before)%2 != 0:
		return false
	case b[at+1] == '/':
		return s.ascii['/']
	}
	digits := b[at+2 : min(at+6, len(b))]
	code := 0
	for _, c := range digits {
		code = code<<4 | hexadecimal(c)
	}
	if len(digits) < 4 || code < 0 {
		return true // no JSON: whoever parses it will say so
	}
	return code < utf8.RuneSelf && s.ascii[code] || code >= utf8.RuneSelf && s.beyond
}

// hexadecimal returns the value of a digit, negative if it is none.
func hexadecimal(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
