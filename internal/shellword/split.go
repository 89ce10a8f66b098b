package shellword

import (
	"strconv"
	"strings"
)

// A Word is one word of a command.
type Word struct {
	Text       string // what it means
	Start, End int    // where it is written
}

// Words returns the words of a command that [Quote] has written, and nothing for any other text: it knows of the shell
// what Quote uses of it.
func Words(s string) []Word {
	var words []Word
	for at := 0; at < len(s); at++ { // behind a blank
		text, end, ok := word(s, at)
		if !ok || end < len(s) && s[end] != ' ' || end == len(s)-1 {
			return nil
		}
		words = append(words, Word{text, at, end})
		at = end
	}
	return words
}

// word returns what the word at a place means and where it ends.
func word(s string, at int) (text string, end int, ok bool) {
	switch {
	case strings.HasPrefix(s[at:], "'"):
		return single(s, at)
	case strings.HasPrefix(s[at:], "$'"):
		return escaped(s, at)
	}
	n := strings.IndexByte(s[at:], ' ')
	if n < 0 {
		n = len(s) - at
	}
	return s[at : at+n], at + n, n > 0 && strings.IndexFunc(s[at:at+n], special) < 0
}

// single reads '…', in which '\” is a quote.
func single(s string, at int) (text string, end int, ok bool) {
	const quote = `'\''`
	var b strings.Builder
	for i := at + 1; ; {
		n := strings.IndexByte(s[i:], '\'')
		if n < 0 {
			return "", 0, false
		}
		b.WriteString(s[i : i+n])
		if i += n; !strings.HasPrefix(s[i:], quote) {
			return b.String(), i + 1, true
		}
		b.WriteByte('\'')
		i += len(quote)
	}
}

// escaped reads $'…' with the escapes that Quote writes.
func escaped(s string, at int) (text string, end int, ok bool) {
	var b strings.Builder
	for i := at + len("$'"); i < len(s); i++ {
		switch {
		case s[i] == '\'':
			return b.String(), i + 1, true
		case s[i] != '\\':
			b.WriteByte(s[i])
		case i+1 < len(s) && (s[i+1] == '\'' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			octal, err := strconv.ParseUint(s[min(i+1, len(s)):min(i+4, len(s))], 8, 8)
			if err != nil || i+4 > len(s) {
				return "", 0, false
			}
			b.WriteByte(byte(octal))
			i += 3
		}
	}
	return "", 0, false
}
