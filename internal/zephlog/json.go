package zephlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// A pair is one member as it stands in the line.
type pair struct {
	name  string
	value []byte // its JSON, without white space around it
}

// split returns the members of an object, or why the text is none. Names are
// compared exactly, and one that comes twice is an error: package encoding/json
// would take either for the other.
func split(object []byte) ([]pair, error) {
	object = bytes.TrimSpace(object)
	if len(object) == 0 || object[0] != '{' {
		return nil, errors.New("not an object")
	}
	if !json.Valid(object) {
		return nil, errors.New("not valid JSON")
	}
	found := make([]pair, 0, 8)
	rest := bytes.TrimLeft(object[1:], space)
	for rest[0] != '}' {
		quoted := rest[:stringEnd(rest)]
		rest = bytes.TrimLeft(rest[len(quoted):], space+":")
		value := rest[:valueEnd(rest)]
		rest = bytes.TrimLeft(rest[len(value):], space+",")
		name, _ := unquote(quoted)
		if _, twice := find(found, name); twice {
			return nil, fmt.Errorf("%q comes twice", name)
		}
		found = append(found, pair{name, bytes.TrimRight(value, space)})
	}
	return found, nil
}

const space = " \t\r\n"

// stringEnd returns the length of the string that valid JSON begins with.
func stringEnd(s []byte) int {
	for i := 1; ; i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// valueEnd returns the length of the value that valid JSON begins with, up to
// the comma or bracket behind it.
func valueEnd(s []byte) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			i += stringEnd(s[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(s)
}

func find(found []pair, name string) ([]byte, bool) {
	for i := range found {
		if found[i].name == name {
			return found[i].value, true
		}
	}
	return nil, false
}

// unquote returns the text of a string, and whether the value is one. Bytes
// that are not UTF-8 stay as they are.
func unquote(value []byte) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), true
	}
	var s string
	if err := json.Unmarshal(value, &s); err != nil {
		return "", false
	}
	return s, true
}

// extra returns the names of the members that Zeph does not have, in the order
// of their bytes.
func extra(labels map[string]string, table []member) []string {
	var names []string
	for name := range maps.Keys(labels) {
		if name, ok := strings.CutPrefix(name, LabelPrefix); ok && !known(table, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// appendString appends a string as serde_json writes it: it escapes quotation
// marks, backslashes and what is below a space, and nothing else. A Rust string
// is UTF-8; what is not becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	dst = append(dst, '"')
	plain := 0
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			dst = append(dst, s[plain:i]...)
			dst = appendEscape(dst, c)
			plain = i + 1
		}
	}
	return append(append(dst, s[plain:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	const short = "\"\"\\\\\bb\tt\nn\ff\rr"
	for i := 0; i < len(short); i += 2 {
		if short[i] == c {
			return append(dst, '\\', short[i+1])
		}
	}
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}
