package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A splice puts text in the place of some bytes.
type splice struct {
	start, end int
	text       string
}

// apply returns the document after some splices, which do not overlap.
func (d *Document) apply(splices ...splice) (*Document, error) {
	slices.SortStableFunc(splices, func(a, b splice) int { return a.start - b.start })
	var b bytes.Buffer
	at := 0
	for _, s := range splices {
		b.Write(d.data[at:s.start])
		b.WriteString(s.text)
		at = s.end
	}
	b.Write(d.data[at:])
	next, err := Parse(b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("the edited file would be wrong: %w", err)
	}
	return next, nil
}

// Append returns the document with a value, which is JSON, added at the end of
// the array that a path of names leads to. Objects on the way that are missing,
// and the array, are made.
func (d *Document) Append(value []byte, path ...string) (*Document, error) {
	d, array, err := d.reach(path, "[]")
	if err != nil {
		return nil, err
	}
	if array.kind != Array {
		return nil, d.fault(array.start, "%s where an array is expected%s", array.kind, of(path))
	}
	text, err := d.rendered(value)
	if err != nil {
		return nil, err
	}
	return d.insert(array, text)
}

// Set returns the document with a member, whose value is JSON, added where the
// path leads to none, and with its value replaced where it does.
func (d *Document) Set(value []byte, path ...string) (*Document, error) {
	text, err := d.rendered(value)
	if err != nil {
		return nil, err
	}
	if n, err := d.Member(path...); err != nil {
		return nil, err
	} else if n != nil {
		return d.apply(splice{n.start, n.end, text})
	}
	d, _, err = d.reach(path, text)
	return d, err
}

// Replace returns the document with a value, which is JSON, in the place of
// another.
func (d *Document) Replace(n *Node, value []byte) (*Document, error) {
	text, err := d.rendered(value)
	if err != nil {
		return nil, err
	}
	return d.apply(splice{n.start, n.end, text})
}

// rendered writes JSON in the file's style.
func (d *Document) rendered(value []byte) (string, error) {
	v, err := Parse(value)
	if err != nil || v.root == nil {
		return "", fmt.Errorf("settings: bad value %q: %w", value, err)
	}
	return d.style.render(v, v.root), nil
}

// reach returns what a path of names leads to, and a document that has it: the
// last is made as the text says, those before it as objects.
func (d *Document) reach(path []string, made string) (*Document, *Node, error) {
	if d.root == nil {
		// White space, and comments perhaps, are all there is: they stay in
		// front. A comment of the last line is ended.
		text := "{}" + d.style.newline
		if n := len(d.data); n > d.body && d.data[n-1] != '\n' && len(d.comments) > 0 {
			text = d.style.newline + text
		}
		var err error
		if d, err = d.apply(splice{len(d.data), len(d.data), text}); err != nil {
			return nil, nil, err
		}
	}
	for i := range path {
		n, err := d.Member(path[:i+1]...)
		if err != nil {
			return nil, nil, err
		}
		if n != nil {
			continue
		}
		parent, err := d.Member(path[:i]...)
		if err != nil {
			return nil, nil, err
		}
		text := "{}"
		if i == len(path)-1 {
			text = made
		}
		if d, err = d.insert(parent, quote(path[i])+d.style.colon+text); err != nil {
			return nil, nil, err
		}
	}
	n, err := d.Member(path...)
	return d, n, err
}

// quote writes a string as JSON, with no more escapes than it needs.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("settings: bad name " + s)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// insert puts text, an element or a member, behind the last child of a
// container.
func (d *Document) insert(n *Node, text string) (*Document, error) {
	if len(n.children) == 0 {
		return d.insertFirst(n, text)
	}
	last := n.children[len(n.children)-1]
	lead := strings.TrimPrefix(d.style.comma, ",")
	if d.opensLine(n) || n.lastLine {
		lead = d.style.newline + d.indent(n.children[0].begin())
	}
	if last.comma >= 0 {
		at := max(last.comma+1, n.last)
		return d.apply(splice{at, at, lead + text + ","})
	}
	at := max(last.end, n.last)
	if at == last.end {
		return d.apply(splice{at, at, "," + lead + text})
	}
	return d.apply(splice{last.end, last.end, ","}, splice{at, at, lead + text})
}

// insertFirst puts text into a container without children. Its comments stay,
// in front.
func (d *Document) insertFirst(n *Node, text string) (*Document, error) {
	outer := d.indent(n.start)
	open := d.style.newline + outer + d.style.unit
	begin, end := n.start+1, n.end-1
	switch {
	case n.last > 0:
		rest := string(d.data[n.last:end])
		if !strings.Contains(rest, "\n") {
			rest = d.style.newline + outer
		}
		return d.apply(splice{n.last, end, open + text + rest})
	case n.kind == Array || !d.style.lines:
		return d.apply(splice{begin, end, text})
	}
	return d.apply(splice{begin, end, open + text + d.style.newline + outer})
}

// Remove returns the document without a value, or the member that it is. What
// holds it goes too where nothing is left in it, no comment either, but for the
// outermost value and what stays, which is asked about objects and arrays; nil: nothing
// does.
func (d *Document) Remove(n *Node, stays func(*Node) bool) (*Document, error) {
	for n.parent != nil && n.parent.parent != nil && d.alone(n) && (stays == nil || !stays(n.parent)) {
		n = n.parent
	}
	if n.parent == nil {
		return nil, errors.New("settings: the outermost value stays")
	}
	return d.apply(d.removal(n)...)
}

// alone reports whether a value is all that stands in its container, and no
// comment stands at the container's name.
func (d *Document) alone(n *Node) bool {
	p := n.parent
	if len(p.children) != 1 || !d.blank(p.start+1, n.begin()) {
		return false
	}
	if n.comma >= 0 && !d.blank(n.end, n.comma) || !d.blank(max(n.comma+1, n.end), p.end-1) {
		return false
	}
	between := d.data[p.nameEnd:p.start]
	return p.parent == nil || p.parent.kind != Object || bytes.IndexByte(between, '/') < 0
}

// removal returns the splices that take a child out of its container, comments
// aside. It undoes what insert does.
func (d *Document) removal(n *Node) []splice {
	siblings := n.parent.children
	i := slices.Index(siblings, n)
	begin, end := d.spaceBefore(n.begin()), n.end
	inLine := bytes.IndexByte(d.data[begin:n.begin()], '\n') < 0
	if d.alone(n) {
		return []splice{{n.parent.start + 1, n.parent.end - 1, ""}}
	}
	noted := n.comma >= 0 && !d.blank(n.end, n.comma) // a comment stands there, and stays
	if d.endsLineComment(begin) && (noted || !d.startsLine(max(end, n.comma+1))) {
		begin = n.begin() // what follows must not become part of the comment
	}
	var cuts []splice
	switch {
	case n.comma >= 0 && i == 0 && inLine:
		after := n.comma + 1
		for after < len(d.data) && (d.data[after] == ' ' || d.data[after] == '\t') {
			after++
		}
		cuts = append(cuts, splice{n.comma, after, ""})
		begin = n.begin()
	case n.comma >= 0:
		cuts = append(cuts, splice{n.comma, n.comma + 1, ""})
	case i > 0:
		before := siblings[i-1].comma
		cuts = append(cuts, splice{before, before + 1, ""})
		begin = max(begin, before+1)
	}
	return append(cuts, splice{begin, end, ""})
}

// spaceBefore returns where the white space begins that ends at an offset.
func (d *Document) spaceBefore(at int) int {
	begin := d.body
	if c, ok := d.commentBefore(at); ok {
		begin = c.end
	}
	for at > begin && isSpace(d.data[at-1]) {
		at--
	}
	return at
}

// commentBefore returns the last comment that ends at or before an offset.
func (d *Document) commentBefore(at int) (comment, bool) {
	i, _ := slices.BinarySearchFunc(d.comments, at+1, func(c comment, at int) int { return c.end - at })
	if i == 0 {
		return comment{}, false
	}
	return d.comments[i-1], true
}

// blank reports whether there is only white space between two offsets.
func (d *Document) blank(begin, end int) bool {
	return len(bytes.TrimLeft(d.data[begin:end], " \t\r\n")) == 0
}

// endsLineComment reports whether a // comment ends at an offset.
func (d *Document) endsLineComment(at int) bool {
	c, ok := d.commentBefore(at)
	return ok && c.line && c.end == at
}

// startsLine reports whether only white space stands between an offset and the
// end of its line.
func (d *Document) startsLine(at int) bool {
	for ; at < len(d.data) && isSpace(d.data[at]); at++ {
		if d.data[at] == '\n' {
			return true
		}
	}
	return at == len(d.data)
}
