package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/etch-audit/etch/internal/nearest"
	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// maxFile bounds the size of a file: it is read whole. A file of every key and
// comment is a few KiB.
const maxFile = 1 << 20

// A document is one TOML file while it is read.
//
// The library decodes the whole file first, which finds every fault of syntax
// and every key that is given twice. Its syntax tree is then walked for the
// project's own tables: only the tree knows where each value stands.
type document struct {
	path     string
	data     []byte
	parser   unstable.Parser
	own      []string        // names of the project's tables
	arrays   map[string]bool // tables seen as [[…]]
	seen     map[string]bool // tables already compared with own
	found    []assignment
	warnings []*Error
}

// A part is one part of a dotted key, with its place.
type part struct {
	name string
	at   unstable.Range
}

// readDocument returns what data sets in the project's tables, in file order,
// and warnings of tables that look like misspelt ones of the project's. An
// error is an *Error.
func readDocument(path string, data []byte) ([]assignment, []*Error, error) {
	if len(data) == 0 { // mostly there is no file
		return nil, nil, nil
	}
	// Editors on Windows write a byte order mark; TOML has none.
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	d := &document{path: path, data: data, own: tables(), arrays: map[string]bool{}, seen: map[string]bool{}}
	if err := d.check(); err != nil {
		return nil, nil, err
	}
	if err := d.walk(); err != nil {
		return nil, nil, err
	}
	return d.found, d.warnings, nil
}

// check returns the fault of a file that is not valid TOML.
func (d *document) check() error {
	// The library says only that something is wrong with such a byte, not
	// which line has it when it stands in a comment.
	if i := invalidUTF8(d.data); i >= 0 {
		return d.failAt(i, "", "the file is not valid UTF-8 here", "")
	}
	var whole map[string]any
	err := toml.Unmarshal(d.data, &whole)
	if err == nil {
		return nil
	}
	decode, ok := errors.AsType[*toml.DecodeError](err)
	if !ok {
		return &Error{Path: d.path, Msg: printable(err.Error()), cause: err}
	}
	line, column := decode.Position()
	return d.failAt(d.offset(line, column), "", printable(strings.TrimPrefix(decode.Error(), "toml: ")), "")
}

// walk visits every expression of a file that check found right.
func (d *document) walk() error {
	d.parser.Reset(d.data)
	var header []part
	for d.parser.NextExpression() {
		var err error
		switch n := d.parser.Expression(); n.Kind {
		case unstable.Table, unstable.ArrayTable:
			header = parts(nil, n)
			err = d.table(header, n.Kind == unstable.ArrayTable)
		case unstable.KeyValue:
			err = d.keyValue(header, n)
		}
		if err != nil {
			return err
		}
	}
	if err := d.parser.Error(); err != nil {
		return &Error{Path: d.path, Msg: printable(err.Error()), cause: err}
	}
	return nil
}

// parts returns the parts of prefix and of n's key in one new slice.
func parts(prefix []part, n *unstable.Node) []part {
	path := slices.Clone(prefix)
	for it := n.Key(); it.Next(); {
		k := it.Node()
		path = append(path, part{string(k.Data), k.Raw})
	}
	return path
}

func (d *document) keyValue(prefix []part, n *unstable.Node) error {
	path, value := parts(prefix, n), n.Value()
	if len(path)-len(prefix) > 1 { // a.b = 1 makes the table a
		if err := d.table(path[:len(path)-1], false); err != nil {
			return err
		}
	}
	if value.Kind != unstable.InlineTable {
		return d.leaf(path, value)
	}
	if err := d.table(path, false); err != nil {
		return err
	}
	for it := value.Children(); it.Next(); {
		if err := d.keyValue(path, it.Node()); err != nil {
			return err
		}
	}
	return nil
}

// table checks that a table may stand at path. Those that are not the
// project's may stand anywhere.
func (d *document) table(path []part, array bool) error {
	table, rest := d.owner(path)
	if table == "" {
		d.arrays[join(path)] = array || d.arrays[join(path)]
		d.warn(path)
		return nil
	}
	at := path[len(path)-1].at
	if array && len(rest) == 0 {
		return d.fail(at, table, fmt.Sprintf("[[%s]] makes an array of tables", table),
			fmt.Sprintf("write [%s]: there is one such table", table))
	}
	for i := range path {
		if outer := join(path[:i]); d.arrays[outer] {
			return d.fail(at, table, fmt.Sprintf("[%s] is inside [[%s]], which is an array of tables", table, outer),
				fmt.Sprintf("write [%s], or keep the two programs' settings in two files", outer))
		}
	}
	if len(rest) == 0 {
		return nil
	}
	if s := lookup(table, rest[0].name); s != nil {
		return d.wrongType(s, rest[0].at, "a table")
	}
	return d.unknown("table", table, rest[0])
}

// leaf takes a value that is no table.
func (d *document) leaf(path []part, value *unstable.Node) error {
	table, rest := d.owner(path)
	switch {
	case table == "":
		return nil
	case len(rest) == 0:
		at := path[len(path)-1].at
		return d.fail(at, table, fmt.Sprintf("%s is %s, not a table", table, describe(value.Kind)),
			fmt.Sprintf("write [%s] on a line of its own, and its keys below", table))
	}
	// table has refused whatever has more parts.
	s := lookup(table, rest[0].name)
	if s == nil {
		return d.unknown("key", table, rest[0])
	}
	at := value.Raw
	if at.Length == 0 { // an array has no place of its own
		at = rest[0].at
	}
	v, ok := convert(value)
	if !ok || !s.fits(v) {
		return d.wrongType(s, at, describe(value.Kind))
	}
	line, column := d.position(int(at.Offset))
	d.found = append(d.found, assignment{
		setting: s, value: v, level: fileLevel,
		path: d.path, line: line, column: column,
	})
	return nil
}

// fits reports whether v has the type that the key takes.
func (s *setting) fits(v any) bool {
	switch v.(type) {
	case bool:
		return s.kind() == boolKind
	case int64:
		return s.kind() == integerKind
	case string:
		return s.kind() == stringKind
	case []string:
		return s.kind() == listKind
	}
	return false
}

// convert returns the value of a node as bool, int64, string or []string, and
// reports whether it is one of these.
func convert(n *unstable.Node) (any, bool) {
	switch n.Kind {
	case unstable.Bool:
		return string(n.Data) == "true", true
	case unstable.Integer:
		// TOML's prefixes and underscores are Go's; a decimal may have a sign
		// but no leading zero, so that base 0 reads none as octal.
		i, err := strconv.ParseInt(string(n.Data), 0, 64)
		return i, err == nil
	case unstable.String:
		return string(n.Data), true
	case unstable.Array:
		texts := []string{}
		for it := n.Children(); it.Next(); {
			switch element := it.Node(); element.Kind {
			case unstable.String:
				texts = append(texts, string(element.Data))
			case unstable.Comment:
			default:
				return nil, false
			}
		}
		return texts, true
	}
	return nil, false
}

// describe names a kind of value as errors do.
func describe(k unstable.Kind) string {
	switch k {
	case unstable.Bool:
		return boolKind.String()
	case unstable.Integer:
		return integerKind.String()
	case unstable.String:
		return stringKind.String()
	case unstable.Float:
		return "a float"
	case unstable.Array:
		return "an array"
	case unstable.InlineTable:
		return "a table"
	default:
		return "a date or time"
	}
}

// owner returns the project's table that path is in or names, and the parts
// below it; or the empty string.
func (d *document) owner(path []part) (table string, rest []part) {
	for i := range path {
		if name := join(path[:i+1]); slices.Contains(d.own, name) && plain(path[:i+1]) {
			return name, path[i+1:]
		}
	}
	return "", nil
}

// plain reports whether no part has a point in it: "security.audit" in quotes
// is one part, and names another table.
func plain(path []part) bool {
	return !slices.ContainsFunc(path, func(p part) bool { return strings.Contains(p.name, ".") })
}

func join(path []part) string {
	names := make([]string, len(path))
	for i, p := range path {
		names[i] = p.name
	}
	return strings.Join(names, ".")
}

// warn notes a table of another program whose name is one slip away from one
// of the project's. It is no error: such a program may exist.
func (d *document) warn(path []part) {
	name := join(path)
	if d.seen[name] {
		return
	}
	d.seen[name] = true
	near := nearest.Sorted(strings.ToLower(name), d.own)[0]
	if nearest.Distance(strings.ToLower(name), near) > 1 {
		return
	}
	d.warnings = append(d.warnings, d.fail(path[len(path)-1].at, name,
		fmt.Sprintf("table [%s] is not read", printable(name)), fmt.Sprintf("did you mean [%s]?", near)))
}
