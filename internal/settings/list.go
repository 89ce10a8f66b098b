package settings

import (
	"fmt"
	"strings"
)

// Prepend returns the document with elements, each of them JSON as it shall
// stand in the file, put before those of an array.
func (d *Document) Prepend(n *Node, elements []string) (*Document, error) {
	if n.kind != Array {
		return nil, d.fault(n.start, "%s where an array is expected", n.kind)
	}
	text := strings.Join(elements, d.style.comma)
	if len(n.children) == 0 {
		return d.apply(splice{n.start + 1, n.start + 1, text})
	}
	first := n.children[0].start
	lead := strings.TrimPrefix(d.style.comma, ",")
	if d.opensLine(n) {
		lead = d.style.newline + d.indent(first)
	}
	return d.apply(splice{first, first, text + "," + lead})
}

// RemoveFirst returns the document without the first elements of an array. It
// undoes Prepend.
func (d *Document) RemoveFirst(n *Node, count int) (*Document, error) {
	if n.kind != Array || len(n.children) < count || count == 0 {
		return nil, d.fault(n.start, "no array of %d elements", count)
	}
	end := n.children[count-1].end
	if len(n.children) > count {
		end = n.children[count].start
	} else if last := n.children[count-1]; last.comma >= 0 {
		end = last.comma + 1
	}
	return d.apply(splice{n.children[0].start, end, ""})
}

// Literal returns a value as it stands in the file, and whether there is one that
// can be replaced.
func (t *TOML) Literal(path ...string) (string, bool) {
	i := t.find(path...)
	if i < 0 || t.lines[i].header || !t.lines[i].value {
		return "", false
	}
	return string(t.data[t.lines[i].start:t.lines[i].end]), true
}

// Replace returns the file with another literal as a value that is there.
func (t *TOML) Replace(literal string, path ...string) (*TOML, error) {
	if _, ok := t.Literal(path...); !ok {
		return nil, t.noValue(path)
	}
	l := t.lines[t.find(path...)]
	return t.splice(l.start, l.end, literal)
}

func (t *TOML) noValue(path []string) error {
	return fmt.Errorf("%s in line %d cannot be edited: change it by hand", strings.Join(path, "."), t.Line(path...))
}

// Prepend returns the file with elements, each of them a literal, put before those
// of an array.
func (t *TOML) Prepend(literals []string, path ...string) (*TOML, error) {
	i := t.find(path...)
	if i < 0 || !t.lines[i].array {
		return nil, t.noValue(path)
	}
	l := t.lines[i]
	text := strings.Join(literals, ", ")
	if len(l.elements) == 0 {
		return t.splice(l.start+1, l.start+1, text)
	}
	at := l.elements[0].start
	between := string(t.data[l.start+1 : at])
	lead := " "
	if n := strings.LastIndexByte(between, '\n'); n >= 0 && strings.TrimSpace(between[n:]) == "" {
		lead = t.newline() + between[n+1:]
	}
	return t.splice(at, at, text+","+lead)
}

// RemoveFirst returns the file without the first elements of an array. It undoes
// Prepend.
func (t *TOML) RemoveFirst(count int, path ...string) (*TOML, error) {
	i := t.find(path...)
	if i < 0 || !t.lines[i].array || len(t.lines[i].elements) < count || count == 0 {
		return nil, t.noValue(path)
	}
	elements := t.lines[i].elements
	end := elements[count-1].end
	if len(elements) > count {
		end = elements[count].start
	}
	return t.splice(elements[0].start, end, "")
}

// AddBehind returns the file with a key and a literal put behind another key,
// which a path leads to, in the same table.
func (t *TOML) AddBehind(key, literal string, path ...string) (*TOML, error) {
	if _, ok := t.Literal(path...); !ok {
		return nil, t.noValue(path)
	}
	l := t.lines[t.find(path...)]
	if l.inline {
		return t.splice(l.end, l.end, ", "+key+" = "+literal)
	}
	begin := strings.LastIndexByte(string(t.data[:l.start]), '\n') + 1
	indent := string(t.data[begin:l.start])
	indent = indent[:len(indent)-len(strings.TrimLeft(indent, " \t"))]
	at := t.lineEnd(l.end)
	return t.splice(at, at, t.newline()+indent+key+" = "+literal)
}

// newline returns how lines end.
func (t *TOML) newline() string {
	if strings.Contains(string(t.data), "\r\n") {
		return "\r\n"
	}
	return "\n"
}
