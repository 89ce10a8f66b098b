package config

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/etch-audit/etch/internal/nearest"
	"github.com/pelletier/go-toml/v2/unstable"
)

// fail returns the error of a fault that begins at.
func (d *document) fail(at unstable.Range, key, msg, hint string) *Error {
	return d.failAt(int(at.Offset), key, msg, hint)
}

func (d *document) failAt(offset int, key, msg, hint string) *Error {
	line, column := d.position(offset)
	return &Error{Path: d.path, Line: line, Column: column, Key: key, Msg: msg, Hint: hint}
}

// position returns the line and the column, both from 1, of an offset. Columns
// are characters, as editors count them.
func (d *document) position(offset int) (line, column int) {
	before := d.data[:min(offset, len(d.data))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[start:]) + 1
}

// offset returns the offset of a line and a column in bytes, both from 1.
func (d *document) offset(line, column int) int {
	start := 0
	for range line - 1 {
		i := bytes.IndexByte(d.data[start:], '\n')
		if i < 0 {
			break
		}
		start += i + 1
	}
	return min(start+column-1, len(d.data))
}

// invalidUTF8 returns the offset of the first byte that is no part of a
// character, or -1.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// wrongType returns the error of a value that is not of the type its key takes.
func (d *document) wrongType(s *setting, at unstable.Range, is string) *Error {
	msg := fmt.Sprintf("%s in [%s] is %s, not %s", s.name, s.table, is, s.kind())
	if raw := clip(d.parser.Raw(at)); raw != "" && is != "a table" && is != "an array" {
		msg = fmt.Sprintf("%s in [%s] is %s, %s, not %s", s.name, s.table, is, raw, s.kind())
	}
	return d.fail(at, s.key(), msg, "allowed: "+s.allowed(""))
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// printable returns text that the library made, perhaps with a key as it stands
// in the file, as one line that cannot steer a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unprintable(r) {
			return utf8.RuneError
		}
		return r
	}, text)
}

// clip returns a value as it stands in the file, if that is short and on one
// line, so that it can be told inside a sentence.
func clip(raw []byte) string {
	if len(raw) > 40 || bytes.ContainsFunc(raw, unprintable) {
		return ""
	}
	return string(raw)
}

// unknown returns the error of a key or a table that the project's table does
// not have.
func (d *document) unknown(what, table string, p part) *Error {
	msg := fmt.Sprintf("unknown %s %q in [%s]", what, p.name, table)
	return d.fail(p.at, table+"."+p.name, msg, suggest(table, p.name))
}

// suggest returns the hint for an unknown name: the table in which it would be
// right, else the nearest name of this table, and all of them where that is
// not near.
func suggest(table, name string) string {
	for _, other := range tables() {
		if other != table && lookup(other, name) != nil {
			return fmt.Sprintf("%s is a key of [%s]", name, other)
		}
	}
	names := nearest.Sorted(strings.ToLower(name), namesIn(table))
	if nearest.Near(strings.ToLower(name), names[0]) {
		return fmt.Sprintf("did you mean %q?", names[0])
	}
	return fmt.Sprintf("the nearest known key is %q; all are %s", names[0], strings.Join(slices.Sorted(slices.Values(names)), ", "))
}

// suggestKey returns the hint for an unknown full name.
func suggestKey(key string) string {
	keys := make([]string, len(settings))
	for i, s := range settings {
		keys[i] = s.key()
		if s.name == key {
			return fmt.Sprintf("did you mean %q?", s.key())
		}
	}
	return fmt.Sprintf("did you mean %q?", nearest.Sorted(strings.ToLower(key), keys)[0])
}
