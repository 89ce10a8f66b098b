package filter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// A binding says how strongly the parts of an expression hold together.
type binding int

const (
	bindsOr binding = iota
	bindsAnd
	bindsNot
)

// printTerms prints terms with a word between them, in parentheses where they
// bind less than what is around them.
func printTerms(dst []byte, terms []Expr, word string, own, around binding) []byte {
	if own < around {
		dst = append(dst, '(')
	}
	for i, t := range terms {
		if i > 0 {
			dst = append(dst, word...)
		}
		dst = t.print(dst, own)
	}
	if own < around {
		dst = append(dst, ')')
	}
	return dst
}

// bare has the characters that a value needs no quotation marks for.
const bare = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@.:/+*-"

func isBare(text string) bool {
	return text != "" && strings.Trim(text, bare) == ""
}

// printText prints a value: without quotation marks where it can stand so, in
// '…' where that spares it escapes, and otherwise in "…".
func printText(dst []byte, text string) []byte {
	switch {
	case isBare(text) && !isKeyword(text):
		return append(dst, text...)
	case strings.ContainsAny(text, `"\`) && !strings.Contains(text, "'") && isPrintable(text):
		dst = append(dst, '\'')
		dst = append(dst, text...)
		return append(dst, '\'')
	}
	return printQuoted(dst, text)
}

func isPrintable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// printQuoted prints a text in "…". What a terminal would not show as itself is
// escaped; bytes that are no UTF-8 have no escape in JSON and stand as they are.
func printQuoted(dst []byte, text string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case unicode.IsPrint(r): // as is U+FFFD, which stands for a byte that is no UTF-8
			dst = append(dst, text[i:i+size]...)
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				dst = fmt.Appendf(dst, `\u%04x`, unit)
			}
		}
		i += size
	}
	return append(dst, '"')
}
