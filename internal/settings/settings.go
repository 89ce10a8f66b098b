// Package settings edits the settings files of other programs: JSON, JSON with
// comments and trailing commas, and single values of TOML.
//
// An edit is a splice. The bytes that it does not name stay as they are:
// order, comments, indentation, line ends, a byte order mark, the end of the
// file. What is put in follows the file's own style.
//
// Nothing here opens a file, and nothing knows what a setting means.
package settings

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// MaxFile is the size in bytes up to which a file is read. Settings are a few
// KiB; whatever is larger than this was not written by hand, and to parse it
// would take memory that the caller has not asked for.
const MaxFile = 16 << 20

// maxDepth bounds how deep values nest, so that a file of brackets cannot
// exhaust the stack.
const maxDepth = 512

// An Error is a fault of a file, and where it is. Lines and columns count from
// 1, columns in characters.
type Error struct {
	Line, Column int
	Msg          string
}

// Error returns the place and the fault.
func (e *Error) Error() string { return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Msg) }

// A Dialect says what a reader of JSON takes besides strict JSON.
type Dialect struct {
	Comments       bool
	TrailingCommas bool
	BOM            bool
}

// A Document is one JSON file, parsed. It is not changed by edits, which return
// a new one.
type Document struct {
	data  []byte
	body  int // where the text begins: after the byte order mark
	root  *Node
	style style

	comments []comment
	trailing int // offset of the first trailing comma, -1 without
}

// A comment is where one stands, without the line feed that ends it.
type comment struct {
	start, end int
	line       bool // a // one
}

// Parse parses a file in the widest dialect. A file of nothing but white space
// is an empty object, as programs that read settings have it. An error is an
// *Error. The document keeps data.
func Parse(data []byte) (*Document, error) {
	d := &Document{data: data, trailing: -1}
	if len(data) > MaxFile {
		return nil, &Error{1, 1, fmt.Sprintf("the file has %d bytes: no settings are that large", len(data))}
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, &Error{1, 1, "the file is UTF-16: only UTF-8 is JSON"}
	}
	if bytes.HasPrefix(data, []byte(bom)) {
		d.body = len(bom)
	}
	if i := invalidUTF8(data); i >= 0 {
		return nil, d.fault(i, "the file is not valid UTF-8 here")
	}
	s := scanner{doc: d, at: d.body}
	if err := s.document(); err != nil {
		return nil, err
	}
	d.style = styleOf(d)
	return d, nil
}

const bom = "\xef\xbb\xbf"

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		if data[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// Bytes returns the file. It must not be changed.
func (d *Document) Bytes() []byte { return d.data }

// Root returns the outermost value, nil where the file is blank.
func (d *Document) Root() *Node { return d.root }

// Line returns the number of the line that has a byte, from 1.
func (d *Document) Line(offset int) int { return 1 + bytes.Count(d.data[:offset], []byte("\n")) }

// fault returns the error at an offset.
func (d *Document) fault(offset int, format string, args ...any) *Error {
	begin := max(bytes.LastIndexByte(d.data[:offset], '\n')+1, 0)
	if begin == 0 {
		begin = min(d.body, offset)
	}
	return &Error{d.Line(offset), 1 + utf8.RuneCount(d.data[begin:offset]), fmt.Sprintf(format, args...)}
}

// Fits returns nil where a reader of the dialect takes the file, else an
// *Error with the first thing that it does not take.
func (d *Document) Fits(dialect Dialect) error {
	switch {
	case d.body > 0 && !dialect.BOM:
		return &Error{1, 1, "the file begins with a byte order mark"}
	case len(d.comments) > 0 && !dialect.Comments:
		return d.fault(d.comments[0].start, "a comment")
	case d.trailing >= 0 && !dialect.TrailingCommas:
		return d.fault(d.trailing, "a comma after the last element")
	}
	return nil
}

// Member returns the value of an object's member by a path of names, nil where
// there is none. A name that is given twice in one object is an error: which of
// them counts is different from reader to reader. So is a value on the way that
// is no object.
func (d *Document) Member(path ...string) (*Node, error) {
	n := d.root
	for i, name := range path {
		if n == nil {
			return nil, nil
		}
		if n.kind != Object {
			return nil, d.fault(n.start, "%s where an object is expected%s", n.kind, of(path[:i]))
		}
		var found *Node
		for _, child := range n.children {
			if child.name != name {
				continue
			}
			if found != nil {
				return nil, d.fault(child.nameStart, "%q is given twice, first in line %d: remove one of them", name, d.Line(found.nameStart))
			}
			found = child
		}
		n = found
	}
	return n, nil
}

// Distinct returns an error where an object has two members of one name: which of them
// counts is not for this package to say. Nil, and what is no object, has none.
func (d *Document) Distinct(n *Node) error {
	if n == nil || n.kind != Object {
		return nil
	}
	first := map[string]*Node{}
	for _, child := range n.children {
		if found := first[child.name]; found != nil {
			return d.fault(child.nameStart, "%q is given twice, first in line %d: remove one of them", child.name, d.Line(found.nameStart))
		}
		first[child.name] = child
	}
	return nil
}

// of names a path in an error.
func of(path []string) string {
	if len(path) == 0 {
		return ""
	}
	return fmt.Sprintf(" as %q", path[len(path)-1])
}
