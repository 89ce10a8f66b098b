package settings

import (
	"bytes"
	"strings"
)

// A style is how a file is written, as far as what is put in depends on it.
type style struct {
	newline string // "\n" or "\r\n"
	unit    string // one step of indentation
	lines   bool   // members of the outermost object stand on lines of their own
	colon   string // ": " or ":"
	comma   string // ", " or ","
}

// styleOf looks at the first places that tell; the rest is as most programs
// write settings: two spaces, a line a member.
func styleOf(d *Document) style {
	s := style{newline: "\n", unit: "  ", lines: true, colon: ": ", comma: ", "}
	if i := bytes.IndexByte(d.data, '\n'); i > 0 && d.data[i-1] == '\r' {
		s.newline = "\r\n"
	}
	if d.root == nil || len(d.root.children) == 0 {
		return s
	}
	s.lines = d.opensLine(d.root)
	if unit, ok := d.firstUnit(d.root); ok {
		s.unit = unit
	}
	if c := d.root.children[0]; d.root.kind == Object && d.data[c.start-1] == ':' {
		s.colon, s.comma = ":", ","
	}
	return s
}

// opensLine reports whether a container's first child begins a line.
func (d *Document) opensLine(n *Node) bool {
	return len(n.children) > 0 && bytes.IndexByte(d.data[n.start:n.children[0].begin()], '\n') >= 0
}

// firstUnit returns how much deeper the children of the first container are
// indented that has them on lines of their own.
func (d *Document) firstUnit(n *Node) (string, bool) {
	if d.opensLine(n) {
		outer, inner := d.indent(n.start), d.indent(n.children[0].begin())
		if unit, ok := strings.CutPrefix(inner, outer); ok && unit != "" {
			return unit, true
		}
	}
	for _, child := range n.children {
		if unit, ok := d.firstUnit(child); ok {
			return unit, true
		}
	}
	return "", false
}

// indent returns the white space that begins the line of an offset.
func (d *Document) indent(offset int) string {
	begin := bytes.LastIndexByte(d.data[:offset], '\n') + 1
	if begin == 0 {
		begin = d.body
	}
	end := begin
	for end < offset && (d.data[end] == ' ' || d.data[end] == '\t') {
		end++
	}
	return string(d.data[begin:end])
}

// render writes a value on one line in the file's style.
func (s style) render(d *Document, n *Node) string {
	var b strings.Builder
	s.write(&b, d, n)
	return b.String()
}

func (s style) write(b *strings.Builder, d *Document, n *Node) {
	if n.kind != Object && n.kind != Array {
		b.Write(d.Text(n))
		return
	}
	b.WriteByte(byte(n.kind))
	for i, child := range n.children {
		if i > 0 {
			b.WriteString(s.comma)
		}
		if n.kind == Object {
			b.WriteString(quote(child.name))
			b.WriteString(s.colon)
		}
		s.write(b, d, child)
	}
	b.WriteByte(byte(n.kind) + 2)
}
