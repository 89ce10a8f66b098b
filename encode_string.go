package etch

import (
	"unicode/utf8"
)

// How texts are stored.
//
// A text that is valid UTF-8 is stored as a JSON string: quotation mark,
// backslash and the control characters up to U+001F are escaped (\b \f \n \r
// \t where JSON has a letter, \u00XX elsewhere), everything else stands as it
// is.
//
// A text that is not is stored in the reversible escape, and the member
// "<name>_escaped":true follows it: every byte that is no part of a valid
// UTF-8 sequence is written as the four characters \xHH (two lower-case
// hexadecimal digits), every backslash of the text as two. (In the line each
// of these backslashes is doubled once more, by JSON.) An array or object of
// texts is escaped as a whole, names and values: one mark stands for all.

const hexDigits = "0123456789abcdef"

// text writes one member, a text; the empty text is an absent one. key is the
// member's name with its quotation marks, the colon, and the opening mark.
func (b *body) text(dst []byte, key, s string) []byte {
	if s == "" {
		return dst
	}
	if len(dst)+len(s) > b.end {
		b.over = true
		return dst
	}
	if b.cuts == nil && plainPrefix(s) == len(s) {
		dst = append(dst, key...)
		dst = append(dst, s...)
		return append(dst, '"', ',')
	}
	return b.anyText(dst, key, s)
}

// anyText is text where s may need escapes or was cut.
func (b *body) anyText(dst []byte, key, s string) []byte {
	start := len(dst)
	dst = append(dst, key...)
	dst, ok := appendString(dst, s)
	if ok {
		dst = append(dst, `",`...)
	} else {
		dst = append(dst[:start], key...)
		dst = appendEscaped(dst, s)
		dst = append(dst, `",`...)
		dst = appendMark(dst, memberName(key), "_escaped")
	}
	return b.cutMarks(dst, memberName(key))
}

// memberName returns the name in a key as text takes it.
func memberName(key string) string {
	return key[1 : len(key)-len(`":"`)]
}

// appendMark writes the member name+suffix with the value true.
func appendMark(dst []byte, name, suffix string) []byte {
	dst = append(dst, '"')
	dst = append(dst, name...)
	dst = append(dst, suffix...)
	return append(dst, `":true,`...)
}

// appendString appends s with the escapes of JSON, without quotation marks.
// Where s is not valid UTF-8 it stops and reports false.
func appendString(dst []byte, s string) ([]byte, bool) {
	for {
		n := plainPrefix(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return dst, true
		}
		s = s[n:]
		if s[0] < utf8.RuneSelf {
			dst = appendASCII(dst, s[0])
			s = s[1:]
			continue
		}
		n = utf8Prefix(s)
		if n == 0 {
			return dst, false
		}
		dst = append(dst, s[:n]...)
		s = s[n:]
	}
}

// utf8Prefix returns how many bytes at the start of s are valid UTF-8
// sequences of more than one byte.
func utf8Prefix(s string) int {
	i := 0
	for i < len(s) && s[i] >= utf8.RuneSelf {
		_, size := utf8.DecodeRuneInString(s[i:])
		if size == 1 {
			break
		}
		i += size
	}
	return i
}

// appendEscaped appends s in the reversible escape, with the escapes of JSON,
// without quotation marks.
func appendEscaped(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c == '\\' {
			dst = append(dst, `\\\\`...)
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = appendASCII(dst, c)
			i++
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		if size == 1 {
			dst = append(dst, '\\', '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		} else {
			dst = append(dst, s[i:i+size]...)
		}
		i += size
	}
	return dst
}

// appendASCII appends one ASCII character as it stands in a JSON string.
func appendASCII(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	if c < ' ' {
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(dst, c)
}

// storedSize returns how many bytes s takes between its quotation marks, and
// whether it needs the reversible escape.
func storedSize(s string) (size int, escaped bool) {
	escaped = !utf8.ValidString(s)
	return sizeAs(s, escaped), escaped
}

// sizeAs is storedSize in a given way of storing.
func sizeAs(s string, escaped bool) (size int) {
	for len(s) > 0 {
		n := plainPrefix(s)
		size += n
		if s = s[n:]; s == "" {
			break
		}
		n, width := charSize(s, escaped)
		size += n
		s = s[width:]
	}
	return size
}

// charSize returns how many bytes the first character (or invalid byte) of s
// takes when stored, and how many it has.
func charSize(s string, escaped bool) (size, width int) {
	c := s[0]
	if c >= utf8.RuneSelf {
		_, width = utf8.DecodeRuneInString(s)
		if width == 1 {
			return len(`\\xHH`), 1
		}
		return width, width
	}
	switch c {
	case '\\':
		if escaped {
			return 4, 1
		}
		return 2, 1
	case '"', '\b', '\f', '\n', '\r', '\t':
		return 2, 1
	}
	if c < ' ' {
		return len(`\u00XX`), 1
	}
	return 1, 1
}
