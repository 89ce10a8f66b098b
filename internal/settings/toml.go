package settings

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// A TOML is one TOML file, parsed. It is not changed by edits, which return a
// new one.
type TOML struct {
	data   []byte
	body   int
	values map[string]any
	lines  []tomlLine
}

// A tomlLine is a table's header, or a key with its value: one of an inline
// table too.
type tomlLine struct {
	path       []string
	header     bool
	start, end int // of the value; of a header, of its last name

	value    bool // start and end are those of a value, not of its key
	array    bool // of texts alone
	inline   bool // it is in a table that is written in braces
	elements []tomlSpan
}

type tomlSpan struct{ start, end int }

// ParseTOML parses a file. An error is an *Error. The result keeps data.
func ParseTOML(data []byte) (*TOML, error) {
	t := &TOML{data: data}
	if len(data) > MaxFile {
		return nil, &Error{1, 1, fmt.Sprintf("the file has %d bytes: no settings are that large", len(data))}
	}
	if bytes.HasPrefix(data, []byte(bom)) {
		t.body = len(bom)
	}
	if err := toml.Unmarshal(data[t.body:], &t.values); err != nil {
		return nil, tomlFault(err)
	}
	var p unstable.Parser
	p.Reset(data[t.body:])
	var table []string
	for p.NextExpression() {
		switch n := p.Expression(); n.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = t.header(n)
		case unstable.KeyValue:
			t.keyValue(table, n, false)
		}
	}
	if err := p.Error(); err != nil {
		return nil, tomlFault(err)
	}
	return t, nil
}

func tomlFault(err error) *Error {
	if e, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, column := e.Position()
		return &Error{line, column, strings.TrimPrefix(e.Error(), "toml: ")}
	}
	return &Error{1, 1, strings.TrimPrefix(err.Error(), "toml: ")}
}

func (t *TOML) header(n *unstable.Node) []string {
	var path []string
	line := tomlLine{header: true}
	for it := n.Key(); it.Next(); {
		path = append(path, string(it.Node().Data))
		line.start, line.end = t.span(it.Node())
	}
	line.path = path
	t.lines = append(t.lines, line)
	return path
}

func (t *TOML) keyValue(table []string, n *unstable.Node, inline bool) {
	path := slices.Clone(table)
	line := tomlLine{inline: inline}
	for it := n.Key(); it.Next(); {
		path = append(path, string(it.Node().Data))
		line.start, line.end = t.span(it.Node())
	}
	line.path = path
	value := n.Value()
	if value.Raw.Length > 0 {
		line.start, line.end = t.span(value)
		line.value = value.Kind != unstable.InlineTable
	}
	if value.Kind == unstable.Array {
		t.array(&line, n)
	}
	t.lines = append(t.lines, line)
	if value.Kind == unstable.InlineTable {
		for it := value.Children(); it.Next(); {
			t.keyValue(path, it.Node(), true)
		}
	}
}

// array finds where an array of texts stands, whose key's end is the line's.
func (t *TOML) array(line *tomlLine, n *unstable.Node) {
	_, end := t.span(n)
	rest := bytes.TrimLeft(t.data[line.end:end], " \t\"'")
	rest, ok := bytes.CutPrefix(rest, []byte("="))
	rest = bytes.TrimLeft(rest, " \t")
	if !ok || len(rest) < 2 || rest[0] != '[' || rest[len(rest)-1] != ']' {
		return
	}
	line.start, line.end, line.value, line.array = end-len(rest), end, true, true
	for it := n.Value().Children(); it.Next(); {
		element := it.Node()
		start, end := t.span(element)
		line.array = line.array && element.Kind == unstable.String && end > start
		line.elements = append(line.elements, tomlSpan{start, end})
	}
}

func (t *TOML) span(n *unstable.Node) (start, end int) {
	start = t.body + int(n.Raw.Offset)
	return start, start + int(n.Raw.Length)
}

// Bytes returns the file. It must not be changed.
func (t *TOML) Bytes() []byte { return t.data }

// Value returns the value of a key by a path of names, nil where it is not set.
// Tables are map[string]any, booleans bool, texts string.
func (t *TOML) Value(path ...string) any {
	var v any = t.values
	for _, name := range path {
		table, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = table[name]
	}
	return v
}

// Line returns the number of the line where a key, or else the table that it
// would be in, stands; 0 without either.
func (t *TOML) Line(path ...string) int {
	for len(path) > 0 {
		if i := t.find(path...); i >= 0 {
			return 1 + bytes.Count(t.data[:t.lines[i].start], []byte("\n"))
		}
		path = path[:len(path)-1]
	}
	return 0
}

// Set returns the file with a key of a table set to a literal.
func (t *TOML) Set(table, key, literal string) (*TOML, error) {
	if _, ok := t.Value(table).(map[string]any); !ok && t.Value(table) != nil {
		return nil, fmt.Errorf("%s in line %d is no table", table, t.Line(table))
	}
	if i := t.find(table, key); i >= 0 {
		return t.splice(t.lines[i].start, t.lines[i].end, literal)
	}
	header := t.find(table)
	if header >= 0 && !t.lines[header].header {
		return nil, fmt.Errorf("%s is written in braces in line %d: set %s in it by hand", table, t.Line(table), key)
	}
	nl := t.newline()
	if header >= 0 {
		at := t.lineEnd(t.lines[header].end)
		return t.splice(at, at, nl+key+" = "+literal)
	}
	text := "[" + table + "]" + nl + key + " = " + literal + nl
	if len(t.data) > t.body {
		text = nl + text
		if !bytes.HasSuffix(t.data, []byte("\n")) {
			text = nl + text
		}
	}
	return t.splice(len(t.data), len(t.data), text)
}

// find returns the index of the first line that has just this path, -1 without.
func (t *TOML) find(path ...string) int {
	return slices.IndexFunc(t.lines, func(l tomlLine) bool { return slices.Equal(l.path, path) })
}

// lineEnd returns where the line of an offset ends, before its line feed.
func (t *TOML) lineEnd(at int) int {
	n := bytes.IndexByte(t.data[at:], '\n')
	if n < 0 {
		return len(t.data)
	}
	if t.data[at+n-1] == '\r' {
		n--
	}
	return at + n
}

func (t *TOML) splice(start, end int, text string) (*TOML, error) {
	next := slices.Concat(t.data[:start], []byte(text), t.data[end:])
	if !utf8.Valid(next) {
		return nil, errors.New("settings: bad text")
	}
	edited, err := ParseTOML(next)
	if err != nil {
		return nil, fmt.Errorf("the edited file would be wrong: %w", err)
	}
	return edited, nil
}
