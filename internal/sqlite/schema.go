package sqlite

import (
	"errors"
	"fmt"
	"strings"
)

// What a declaration may take: the words of one, and the values of every row, are
// held in memory.
const (
	maxStatement = 1 << 20 // bytes
	maxColumns   = 32767   // SQLite's own limit at its highest
)

// parseColumns returns the names of the columns that a CREATE TABLE statement
// declares, and which of them is the rowid, -1 for none.
func parseColumns(sql string) (names []string, rowid int, err error) {
	if len(sql) > maxStatement {
		return nil, 0, fmt.Errorf("its declaration has %d bytes, at most %d are read", len(sql), maxStatement)
	}
	words, err := tokens(sql)
	if err != nil {
		return nil, 0, err
	}
	rowid = -1
	depth, begins := 0, false
	for i, w := range words {
		switch {
		case w.is("("):
			depth++
			begins = depth == 1
			continue
		case w.is(")"):
			if depth--; depth == 0 {
				return names, rowid, checkOptions(words[i+1:], names)
			}
		case w.is(",") && depth == 1:
			begins = true
			continue
		case begins && constraint(w):
			// Columns come first; what follows is about them.
		case begins && len(names) == maxColumns:
			return nil, 0, fmt.Errorf("it has more than %d columns", maxColumns)
		case begins:
			names = append(names, w.text)
			if isRowID(words[i+1:]) {
				rowid = len(names) - 1
			}
		}
		begins = false
	}
	return nil, 0, errors.New("its declaration has no end")
}

// checkOptions looks at what stands behind the columns.
func checkOptions(words []word, names []string) error {
	for _, w := range words {
		if w.is("WITHOUT") {
			return errors.New("it has no rowid")
		}
	}
	if len(names) == 0 {
		return errors.New("its declaration has no columns")
	}
	return nil
}

// constraint reports whether a word begins what is no column.
func constraint(w word) bool {
	return w.is("CONSTRAINT") || w.is("PRIMARY") || w.is("UNIQUE") || w.is("CHECK") || w.is("FOREIGN")
}

// isRowID reports whether a column with this declaration is the rowid itself: of
// exactly the type INTEGER, and PRIMARY KEY.
func isRowID(words []word) bool {
	if len(words) == 0 || !words[0].is("INTEGER") {
		return false
	}
	for i := 1; i+1 < len(words) && !words[i].is(",") && !words[i].is(")"); i++ {
		if words[i].is("PRIMARY") && words[i+1].is("KEY") {
			return i+2 == len(words) || !words[i+2].is("DESC")
		}
	}
	return false
}

// A word is a token of a statement.
type word struct {
	text   string
	quoted bool
}

// is reports whether the token is a key word or a mark.
func (w word) is(text string) bool { return !w.quoted && strings.EqualFold(w.text, text) }

// tokens takes a statement apart.
func tokens(sql string) ([]word, error) {
	var words []word
	for i := 0; i < len(sql); {
		rest := sql[i:]
		switch c := sql[i]; {
		case strings.HasPrefix(rest, "--"):
			i += lengthTo(rest, "\n")
		case strings.HasPrefix(rest, "/*"):
			i += lengthTo(rest, "*/")
		case strings.IndexByte("\"'`[", c) >= 0:
			text, n, err := unquote(rest)
			if err != nil {
				return nil, err
			}
			words = append(words, word{text, true})
			i += n
		case isName(c):
			n := 1
			for n < len(rest) && isName(rest[n]) {
				n++
			}
			words = append(words, word{rest[:n], false})
			i += n
		case c <= ' ':
			i++
		default:
			words = append(words, word{rest[:1], false})
			i++
		}
	}
	return words, nil
}

func isName(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

func lengthTo(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i + len(end)
	}
	return len(s)
}

// unquote reads a quoted name; the mark itself stands twice in it.
func unquote(s string) (string, int, error) {
	end := s[0]
	if end == '[' {
		end = ']'
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != end:
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == end && end != ']':
			b.WriteByte(end)
			i++
		default:
			return b.String(), i + 1, nil
		}
	}
	return "", 0, errors.New("a name in its declaration has no end")
}
