package etch

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
)

// A mark is what the members say that stand behind another and belong to it:
// how its value is stored, and what it was before it was cut.
type mark struct {
	object  *object
	member  *member
	pos     int
	escaped bool
	raw     bool
	bytes   Optional[uint64]
	sum     Optional[[sha256.Size]byte]
}

// The suffixes of these members' names. Input may have the first two: with
// them any bytes can be given in JSON.
var (
	inputSuffixes = []string{"_escaped", "_raw"}
	markSuffixes  = []string{"_escaped", "_raw", "_bytes", "_sha256"}
)

// mark reads a member that belongs to another one of the same object, and
// reports whether it is such a member.
func (d *decoder) mark(o *object, name string) (bool, error) {
	suffixes := markSuffixes
	if d.input {
		suffixes = inputSuffixes
	}
	for _, suffix := range suffixes {
		base, ok := strings.CutSuffix(name, suffix)
		if !ok {
			continue
		}
		m := marked(o, base, suffix)
		if m == nil {
			return false, nil
		}
		return true, d.readMark(d.markOf(o, m), suffix)
	}
	return false, nil
}

// marked returns the member of that name if it can have the mark: whatever can
// be cut can have all but "_raw".
func marked(o *object, name, suffix string) *member {
	path := o.name + name
	if suffix == "_raw" && path != "action.arguments" {
		return nil
	}
	for _, c := range cutOrder.Get() {
		if c.path == path {
			return c.member
		}
	}
	return nil
}

// markOf returns the mark of a member, a new one if it has none yet.
func (d *decoder) markOf(o *object, m *member) *mark {
	for i := range d.marks {
		if d.marks[i].member == m {
			return &d.marks[i]
		}
	}
	d.marks = append(d.marks, mark{object: o, member: m, pos: d.pos})
	return &d.marks[len(d.marks)-1]
}

func (d *decoder) readMark(m *mark, suffix string) (err error) {
	switch suffix {
	case "_escaped":
		m.escaped, err = d.boolean()
	case "_raw":
		m.raw, err = d.boolean()
	case "_bytes":
		var n uint64
		n, err = d.unsigned()
		m.bytes = Some(n)
	case "_sha256":
		var sum [sha256.Size]byte
		sum, err = d.hash()
		m.sum = Some(sum)
	}
	return err
}

// applyMarks undoes the escapes and collects the cuts.
func (d *decoder) applyMarks() error {
	for i := range d.marks {
		m := &d.marks[i]
		if err := d.applyMark(m); err != nil {
			return d.failAt(m.pos, m.object.name+m.member.name, err.Error())
		}
	}
	return nil
}

func (d *decoder) applyMark(m *mark) error {
	at := m.member.at(&d.event)
	if m.raw {
		if err := d.unquoteRaw(at.(*json.RawMessage)); err != nil {
			return err
		}
	}
	if m.escaped {
		if _, ok := at.(*json.RawMessage); ok && !m.raw {
			return errors.New("escaped, but not marked as raw")
		}
		if err := unescapeField(at); err != nil {
			return err
		}
	}
	n, hasBytes := m.bytes.Get()
	sum, hasSum := m.sum.Get()
	if hasBytes != hasSum {
		return errors.New("length and hash of a cut member must stand together")
	}
	if hasBytes {
		d.cuts = append(d.cuts, Cut{Member: m.object.name + m.member.name, Bytes: n, SHA256: sum})
	}
	return nil
}

// unquoteRaw turns arguments that are stored as a text into its bytes.
func (d *decoder) unquoteRaw(args *json.RawMessage) error {
	a := *args
	if len(a) == 0 || a[0] != '"' {
		return errors.New("marked as raw, but not a string")
	}
	*args = appendUnquoted(make([]byte, 0, len(a)), a[1:len(a)-1])
	return nil
}

// unescapeField undoes the reversible escape in a field.
func unescapeField(at any) error {
	switch p := at.(type) {
	case *json.RawMessage:
		b, err := unescape(string(*p))
		*p = json.RawMessage(b)
		return err
	case *[]string:
		return unescapeList(*p)
	case *map[string]string:
		m, err := unescapeMap(*p)
		*p = m
		return err
	}
	text := textAt(at)
	s, err := unescape(*text)
	*text = s
	return err
}

func unescapeList(list []string) (err error) {
	for i := range list {
		if list[i], err = unescape(list[i]); err != nil {
			return err
		}
	}
	return nil
}

// unescapeMap refuses names that stand for the same bytes, which only a writer
// that escapes more than it must can make.
func unescapeMap(m map[string]string) (map[string]string, error) {
	plain := make(map[string]string, len(m))
	for name, value := range m {
		name, err := unescape(name)
		if err != nil {
			return nil, err
		}
		if _, ok := plain[name]; ok {
			return nil, errors.New("two escaped names stand for the same bytes")
		}
		if plain[name], err = unescape(value); err != nil {
			return nil, err
		}
	}
	return plain, nil
}

// unescape undoes the reversible escape of a text.
func unescape(s string) (string, error) {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for ; i >= 0; i = strings.IndexByte(s, '\\') {
		b = append(b, s[:i]...)
		s = s[i+1:]
		if strings.HasPrefix(s, `\`) {
			b = append(b, '\\')
			s = s[1:]
			continue
		}
		c, ok := escapedByte(s)
		if !ok {
			return "", errors.New(`expected \\ or \x and two hexadecimal digits in an escaped text`)
		}
		b = append(b, c)
		s = s[len("xHH"):]
	}
	return string(append(b, s...)), nil
}

// escapedByte reads xHH, which stands for a byte outside ASCII.
func escapedByte(s string) (c byte, ok bool) {
	if len(s) < 3 || s[0] != 'x' {
		return 0, false
	}
	high, low := strings.IndexByte(hexDigits, s[1]), strings.IndexByte(hexDigits, s[2])
	return byte(high<<4 | low), high >= 8 && low >= 0
}
