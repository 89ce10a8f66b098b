package otlp

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/etch-audit/etch/capture/hook"
)

// Bounds of one item. A span or a log record of an agent has some thirty
// attributes, and arguments of tools are some four levels deep.
const (
	maxDepth  = 32    // of a value in values
	maxValues = 10000 // in one item, inside others too: a byte of the body can be a value of a hundred
)

const (
	errDepth  = fault("values nested more than 32 deep")
	errValues = fault("more than 10000 values in one item")
)

// A kind says what a value is.
type kind uint8

const (
	absent kind = iota
	text
	boolean
	integer
	double
	binary64 // bytes, in base64
	list
	object
)

// A value is what an attribute says: AnyValue of OTLP. The zero value is absent.
type value struct {
	kind    kind
	text    string // of text and binary64
	bits    uint64 // of boolean, integer and double
	list    []value
	members attributes
}

// attributes are names and what they say, in their order.
type attributes []attribute

type attribute struct {
	key   string
	value value
}

// A budget is how many more values an item may have.
type budget int

func (b *budget) spend() error {
	if *b--; *b < 0 {
		return errValues
	}
	return nil
}

// valid returns a text with U+FFFD in place of what is no character.
func valid(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// get returns the value of the first of the keys that there is.
func (a attributes) get(keys ...string) value {
	for _, key := range keys {
		for i := range a {
			if a[i].key == key && a[i].value.kind != absent {
				return a[i].value
			}
		}
	}
	return value{}
}

// ofResource returns the attributes of resourceKeys, one of each: a resource is
// asked for every item, and may have thousands.
func (a attributes) ofResource() attributes {
	var out attributes
	for _, keys := range resourceKeys {
		for _, key := range keys {
			if v := a.get(key); v.kind != absent {
				out = append(out, attribute{key, v})
			}
		}
	}
	return out
}

// has reports whether there is a key.
func (a attributes) has(key string) bool { return a.get(key).kind != absent }

// text returns what the first of the keys says that there is and is not empty;
// "" where it is a list or an object.
func (a attributes) text(keys ...string) string {
	for _, key := range keys {
		if s := a.get(key).String(); s != "" {
			return s
		}
	}
	return ""
}

// String returns a text as it is and a number or a boolean as it is written;
// "" for everything else.
func (v value) String() string {
	switch v.kind {
	case text, binary64:
		return v.text
	case boolean:
		return strconv.FormatBool(v.bits != 0)
	case integer:
		return strconv.FormatInt(int64(v.bits), 10)
	case double:
		return strconv.FormatFloat(math.Float64frombits(v.bits), 'g', -1, 64)
	}
	return ""
}

// number returns a number, also one that stands in a text, as agents write most
// of theirs.
func (v value) number() (float64, bool) {
	switch v.kind {
	case integer:
		return float64(int64(v.bits)), true
	case double:
		n := math.Float64frombits(v.bits)
		return n, !math.IsNaN(n) && !math.IsInf(n, 0)
	case text:
		n, err := strconv.ParseFloat(v.text, 64)
		return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
	}
	return 0, false
}

// count returns a whole number that is not negative.
func (v value) count() (uint64, bool) {
	n, ok := v.number()
	if !ok || n < 0 || n >= 1<<53 || n != math.Trunc(n) {
		return 0, false
	}
	return uint64(n), true
}

// json returns a value as JSON; a text that holds an object or a list of JSON
// as that: attributes could hold no others for a long time.
func (v value) json() json.RawMessage {
	if v.kind == text {
		inner := strings.TrimSpace(v.text)
		if len(inner) > 1 && (inner[0] == '{' || inner[0] == '[') && shallow(inner) && json.Valid([]byte(inner)) {
			return json.RawMessage(inner)
		}
	}
	if v.kind == absent {
		return nil
	}
	return v.appendJSON(nil)
}

// shallow reports whether JSON is nested no deeper than values may be. What is
// deeper stays a text: to put it in order costs its length for every level.
func shallow(s string) bool {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

func (v value) appendJSON(dst []byte) []byte {
	switch v.kind {
	case text, binary64:
		return append(dst, hook.Quote(v.text)...)
	case double:
		if n := math.Float64frombits(v.bits); math.IsNaN(n) || math.IsInf(n, 0) {
			return append(dst, hook.Quote(v.String())...)
		}
		return append(dst, v.String()...)
	case boolean, integer:
		return append(dst, v.String()...)
	case list:
		dst = append(dst, '[')
		for i := range v.list {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = v.list[i].appendJSON(dst)
		}
		return append(dst, ']')
	case object:
		dst = append(dst, '{')
		for i := range v.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, hook.Quote(v.members[i].key)...)
			dst = append(dst, ':')
			dst = v.members[i].value.appendJSON(dst)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

// encodeBinary writes bytes as OTLP/JSON does.
func encodeBinary(b []byte) value {
	return value{kind: binary64, text: base64.StdEncoding.EncodeToString(b)}
}
