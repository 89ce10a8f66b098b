package filter

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd   tokenKind = iota
	tokenWord            // a field, a keyword or a value without quotation marks
	tokenText            // what stood in quotation marks
	tokenSign            // an operator, a parenthesis or a comma
	tokenOther           // a character that begins nothing
	tokenBad             // what begins like a text and is none
)

// A token is a word of an expression.
type token struct {
	kind       tokenKind
	text       string // of a text what it means, of a word or sign as it stands
	start, end int    // bytes of the expression
	problem    string // of tokenBad
	hint       string // of tokenBad and tokenOther
}

// is reports whether the token is a sign, or a keyword in any case.
func (t *token) is(text string) bool {
	return t.kind == tokenSign && t.text == text || t.kind == tokenWord && strings.EqualFold(t.text, text)
}

// signs are the operators and what parts values, longer ones first.
var signs = []string{"!=", "!~", "<=", ">=", "=", "<", ">", "~", "(", ")", ","}

func isKeyword(word string) bool { return slices.Contains(keywords, strings.ToLower(word)) }

// operator returns the sign that a text begins with, "" for none.
func operator(text string) string {
	for _, sign := range signs {
		if strings.HasPrefix(text, sign) {
			return sign
		}
	}
	return ""
}

// habits are what other languages write, and what is written here.
var habits = []struct{ text, instead string }{
	{"==", "="},
	{"=~", "~"},
	{"~=", "~"},
	{"<>", "!="},
	{"=<", "<="},
	{"=>", ">="},
	{"&&", "and"},
	{"||", "or"},
	{"&", "and"},
	{"|", "or"},
}

// lex returns the token that begins at or behind a byte of the text.
func lex(text string, at int) token {
	at += len(text[at:]) - len(strings.TrimLeft(text[at:], " \t\r\n"))
	rest := text[at:]
	if rest == "" {
		return token{kind: tokenEnd, start: at, end: at}
	}
	if n := len(rest) - len(strings.TrimLeft(rest, bare)); n > 0 {
		return token{kind: tokenWord, text: rest[:n], start: at, end: at + n}
	}
	switch rest[0] {
	case '\'':
		return lexRaw(text, at)
	case '"':
		return lexQuoted(text, at)
	}
	for _, h := range habits {
		if strings.HasPrefix(rest, h.text) {
			return token{kind: tokenOther, start: at, end: at + len(h.text), hint: fmt.Sprintf("write %q", h.instead)}
		}
	}
	if sign := operator(rest); sign != "" {
		return token{kind: tokenSign, text: sign, start: at, end: at + len(sign)}
	}
	return lexOther(rest, at)
}

// lexOther returns the character that the rest of the text begins with.
func lexOther(rest string, at int) token {
	_, size := utf8.DecodeRuneInString(rest)
	hint := fmt.Sprintf("a value with %q needs quotation marks", rest[:size])
	if rest[0] == '!' {
		hint = `write "not"`
	}
	return token{kind: tokenOther, start: at, end: at + size, hint: hint}
}

// lexRaw returns the text in '…' that begins at a byte.
func lexRaw(text string, at int) token {
	inner, _, ok := strings.Cut(text[at+1:], "'")
	if !ok {
		return unclosed(at, '\'')
	}
	return token{kind: tokenText, text: inner, start: at, end: at + len(inner) + 2}
}

// lexQuoted returns the text in "…" that begins at a byte.
func lexQuoted(text string, at int) token {
	var b strings.Builder
	for i := at + 1; i < len(text); {
		switch text[i] {
		case '"':
			return token{kind: tokenText, text: b.String(), start: at, end: i + 1}
		case '\\':
			r, size, ok := unescape(text[i:])
			if !ok {
				return badEscape(text, i, at)
			}
			b.WriteRune(r)
			i += size
		default:
			b.WriteByte(text[i])
			i++
		}
	}
	return unclosed(at, '"')
}

// unescape returns the character of the escape that a text begins with, and the
// bytes that it takes: those of two where it takes a surrogate pair.
func unescape(text string) (r rune, size int, ok bool) {
	for _, size := range []int{2, len(`\u0000`), len(`\ud800\udc00`)} {
		if len(text) < size {
			break
		}
		var one string
		err := json.Unmarshal([]byte(`"`+text[:size]+`"`), &one)
		// Of half a pair it makes U+FFFD, which is right only where that is meant.
		r, n := utf8.DecodeRuneInString(one)
		if err == nil && n == len(one) && (r != utf8.RuneError || strings.EqualFold(text[:size], `\ufffd`)) {
			return r, size, true
		}
	}
	return 0, 0, false
}

// badEscape returns the error about a backslash in the text in "…" that begins
// at another byte.
func badEscape(text string, at, quote int) token {
	_, size := utf8.DecodeRuneInString(text[at+1:])
	bad := text[at : at+1+size]
	switch {
	case size == 0:
		return unclosed(quote, '"')
	case bad != `\u`:
		hint := fmt.Sprintf(`write \%s, or the whole text in '…'`, bad)
		return token{kind: tokenBad, start: at, end: at, problem: bad + " is no escape of JSON", hint: hint}
	}
	problem := `\u needs four hexadecimal digits`
	if len(text) >= at+6 && strings.Trim(text[at+2:at+6], "0123456789abcdefABCDEF") == "" {
		problem = text[at:at+6] + " is half of a surrogate pair, without the other half"
	}
	return token{kind: tokenBad, start: at, end: at, problem: problem}
}

func unclosed(at int, mark byte) token {
	return token{kind: tokenBad, start: at, end: at, problem: fmt.Sprintf("the quotation mark %c is never closed", mark)}
}
