// Package shellword writes the argument vector of a command as a shell would be given it.
package shellword

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// plain are the characters besides letters and digits that no shell gives a
// meaning to, wherever in a word they stand.
const plain = "@%+=:,./_-"

// reserved are the words that mean something else in front of a command.
var reserved = []string{
	"if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "select", "in", "function", "time", "coproc",
}

// Quote writes an argument vector as a shell command that can be pasted: bash,
// zsh and ksh read the same vector from it, and every shell does where there
// are no control characters and only valid UTF-8.
func Quote(argv []string) string {
	var b strings.Builder
	for i, word := range argv {
		if i > 0 {
			b.WriteByte(' ')
		}
		if i == 0 && (strings.Contains(word, "=") || slices.Contains(reserved, word)) {
			b.WriteString("'" + strings.ReplaceAll(word, "'", `'\''`) + "'")
			continue
		}
		writeWord(&b, word)
	}
	return b.String()
}

func writeWord(b *strings.Builder, word string) {
	switch {
	case word == "":
		b.WriteString("''")
	case strings.IndexFunc(word, special) < 0:
		b.WriteString(word)
	case !utf8.ValidString(word) || strings.ContainsFunc(word, control):
		writeEscaped(b, word)
	default:
		b.WriteString("'" + strings.ReplaceAll(word, "'", `'\''`) + "'")
	}
}

func special(r rune) bool {
	alphanumeric := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !alphanumeric && !strings.ContainsRune(plain, r)
}

// control reports whether a terminal could act on r when the command is pasted
// or shown. Lines of a script stay lines.
func control(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0
}

// writeEscaped writes $'…'. Bytes are written in octal: unlike \x they end
// after three digits, whatever follows.
func writeEscaped(b *strings.Builder, word string) {
	b.WriteString("$'")
	for i := 0; i < len(word); {
		r, n := utf8.DecodeRuneInString(word[i:])
		switch {
		case r == utf8.RuneError && n == 1 || control(r):
			for _, c := range []byte(word[i : i+n]) {
				fmt.Fprintf(b, `\%03o`, c)
			}
		case r == '\'' || r == '\\':
			b.WriteString(`\` + string(r))
		default:
			b.WriteString(word[i : i+n])
		}
		i += n
	}
	b.WriteByte('\'')
}
