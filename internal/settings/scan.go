package settings

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// A scanner reads a document once, from the front.
type scanner struct {
	doc   *Document
	at    int
	depth int

	noted int // how many comments there were when the present space began
}

func (s *scanner) document() error {
	if err := s.space(); err != nil {
		return err
	}
	if s.at == len(s.doc.data) {
		return nil // blank: no value at all
	}
	root, err := s.value(nil)
	if err != nil {
		return err
	}
	s.doc.root = root
	if err := s.space(); err != nil {
		return err
	}
	if s.at < len(s.doc.data) {
		return s.unexpected("after the end of the settings")
	}
	return nil
}

// space skips white space and comments.
func (s *scanner) space() error {
	s.noted = len(s.doc.comments)
	data := s.doc.data
	for s.at < len(data) {
		switch c := data[s.at]; {
		case isSpace(c):
			s.at++
		case c == '/':
			if err := s.skipComment(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (s *scanner) skipComment() error {
	rest := s.doc.data[s.at:]
	begin := s.at
	switch {
	case bytes.HasPrefix(rest, []byte("//")):
		n := bytes.IndexByte(rest, '\n')
		if n < 0 {
			n = len(rest)
		} else if rest[n-1] == '\r' {
			n--
		}
		s.at += n
	case bytes.HasPrefix(rest, []byte("/*")):
		n := bytes.Index(rest[2:], []byte("*/"))
		if n < 0 {
			return s.doc.fault(begin, "the comment that begins here does not end")
		}
		s.at += 2 + n + 2
	default:
		return s.unexpected("where a value or a comma is expected")
	}
	s.doc.comments = append(s.doc.comments, comment{begin, s.at, rest[1] == '/'})
	return nil
}

// value reads the value that begins here.
func (s *scanner) value(parent *Node) (*Node, error) {
	if s.at == len(s.doc.data) {
		return nil, s.doc.fault(s.at, "the file ends where a value is expected")
	}
	n := &Node{start: s.at, parent: parent, comma: -1}
	var err error
	switch c := s.doc.data[s.at]; {
	case c == '{' || c == '[':
		n.kind = Kind(c)
		err = s.container(n)
	case c == '"':
		n.kind = String
		err = s.text()
	default:
		n.kind, err = s.literal()
	}
	n.end = s.at
	return n, err
}

// container reads an object or an array.
func (s *scanner) container(n *Node) error {
	if s.depth++; s.depth > maxDepth {
		return s.doc.fault(s.at, "values nest deeper than %d", maxDepth)
	}
	defer func() { s.depth-- }()
	closing := byte(n.kind) + 2 // in ASCII, of both
	s.at++
	for {
		if err := s.space(); err != nil {
			return err
		}
		if s.at == len(s.doc.data) {
			return s.doc.fault(n.start, "%q is never closed", rune(n.kind))
		}
		if s.doc.data[s.at] == closing {
			s.close(n)
			return nil
		}
		if i := len(n.children); i > 0 && n.children[i-1].comma < 0 {
			return s.unexpected("where a comma or the end of the " + map[Kind]string{Object: "object", Array: "array"}[n.kind] + " is expected")
		}
		if err := s.child(n); err != nil {
			return err
		}
	}
}

// close ends a container at its closing bracket.
func (s *scanner) close(n *Node) {
	if all := s.doc.comments; len(all) > s.noted {
		n.last, n.lastLine = all[len(all)-1].end, all[len(all)-1].line
	}
	if i := len(n.children); i > 0 && n.children[i-1].comma >= 0 && s.doc.trailing < 0 {
		s.doc.trailing = n.children[i-1].comma
	}
	s.at++
}

// child reads one element or member, and the comma behind it.
func (s *scanner) child(n *Node) error {
	var name string
	nameStart, nameEnd := s.at, s.at
	if n.kind == Object {
		var err error
		if name, nameEnd, err = s.memberName(); err != nil {
			return err
		}
	}
	child, err := s.value(n)
	if err != nil {
		return err
	}
	child.name, child.nameStart, child.nameEnd = name, nameStart, nameEnd
	n.children = append(n.children, child)
	behind, noted := s.at, len(s.doc.comments)
	if err := s.space(); err != nil {
		return err
	}
	if s.at < len(s.doc.data) && s.doc.data[s.at] == ',' {
		child.comma = s.at
		s.at++
		return nil
	}
	// The container looks at this space again: its last comment counts there.
	s.at, s.doc.comments = behind, s.doc.comments[:noted]
	return nil
}

// memberName reads a name and the colon behind it. It returns the name and
// where it ends.
func (s *scanner) memberName() (string, int, error) {
	begin := s.at
	if s.doc.data[s.at] != '"' {
		return "", 0, s.unexpected("where a name in quotes is expected")
	}
	if err := s.text(); err != nil {
		return "", 0, err
	}
	end := s.at
	if err := s.space(); err != nil {
		return "", 0, err
	}
	if s.at == len(s.doc.data) || s.doc.data[s.at] != ':' {
		return "", 0, s.unexpected("where a colon is expected")
	}
	s.at++
	return unquote(s.doc.data[begin:end]), end, s.space()
}

// text reads a string.
func (s *scanner) text() error {
	data, begin := s.doc.data, s.at
	for s.at++; s.at < len(data); s.at++ {
		switch c := data[s.at]; {
		case c == '"':
			s.at++
			return nil
		case c < ' ':
			return s.unexpected("in a string: it must be written as an escape")
		case c == '\\':
			n := escapeLength(data[s.at:])
			if n == 0 {
				return s.doc.fault(s.at, "an escape that JSON does not have")
			}
			s.at += n - 1
		}
	}
	return s.doc.fault(begin, "the string that begins here does not end")
}

// escapeLength returns the length of the escape that begins text, 0 where it is
// none.
func escapeLength(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	if text[1] != 'u' {
		if bytes.IndexByte([]byte(`"\/bfnrt`), text[1]) >= 0 {
			return 2
		}
		return 0
	}
	if len(text) < 6 {
		return 0
	}
	for _, c := range text[2:6] {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return 0
		}
	}
	return 6
}

// unquote returns the value of a string that text has found valid.
func unquote(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var value string
	if err := json.Unmarshal(quoted, &value); err != nil {
		panic("settings: bad string " + string(quoted))
	}
	return value
}

// literal reads a number, true, false or null.
func (s *scanner) literal() (Kind, error) {
	begin := s.at
	for s.at < len(s.doc.data) && isWordByte(s.doc.data[s.at]) {
		s.at++
	}
	word := s.doc.data[begin:s.at]
	switch string(word) {
	case "true":
		return True, nil
	case "false":
		return False, nil
	case "null":
		return Null, nil
	case "":
		return 0, s.unexpected("where a value is expected")
	}
	if !json.Valid(word) {
		s.at = begin
		return 0, s.doc.fault(begin, "%q is no value", abbreviate(word))
	}
	return Number, nil
}

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '-' || c == '+' || c == '.' || c == '_' || c == '$'
}

func abbreviate(word []byte) string {
	const most = 40
	if len(word) > most {
		return string(word[:most]) + "…"
	}
	return string(word)
}

// unexpected returns the error about the character that stands here.
func (s *scanner) unexpected(where string) error {
	if s.at == len(s.doc.data) {
		return s.doc.fault(s.at, "the file ends %s", where)
	}
	r, _ := utf8.DecodeRune(s.doc.data[s.at:])
	return s.doc.fault(s.at, "%q %s", r, where)
}
