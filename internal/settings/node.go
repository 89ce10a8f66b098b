package settings

import "encoding/json"

// A Kind is what a JSON value is.
type Kind byte

// The kinds of values.
const (
	Object Kind = '{'
	Array  Kind = '['
	String Kind = '"'
	Number Kind = '0'
	True   Kind = 't'
	False  Kind = 'f'
	Null   Kind = 'n'
)

// String names the kind with its article.
func (k Kind) String() string {
	switch k {
	case Object:
		return "an object"
	case Array:
		return "an array"
	case String:
		return "a string"
	case Number:
		return "a number"
	case True, False:
		return "a boolean"
	}
	return "null"
}

// A Node is a value in a file. It belongs to the document that it was found in.
type Node struct {
	kind       Kind
	start, end int
	parent     *Node
	children   []*Node // of an object, its members' values

	name      string // of a member
	nameStart int    // of a member: where the name begins
	nameEnd   int    // of a member: where it ends

	comma    int // where the comma behind it is, -1 without
	lastLine bool
	last     int // end of the last comment before the closing bracket, 0 without; lastLine: it is a // one
}

// Kind returns what the value is.
func (n *Node) Kind() Kind { return n.kind }

// Start returns the offset of its first byte.
func (n *Node) Start() int { return n.start }

// Name returns the member's name, empty for an element of an array.
func (n *Node) Name() string { return n.name }

// Parent returns the object or array that it is in, nil for the outermost.
func (n *Node) Parent() *Node { return n.parent }

// Children returns the elements of an array or the members' values of an object,
// in the order of the file.
func (n *Node) Children() []*Node { return n.children }

// begin is where the value begins, or the name of the member that it is.
func (n *Node) begin() int {
	if n.parent != nil && n.parent.kind == Object {
		return n.nameStart
	}
	return n.start
}

// Text returns the value as it stands in the file.
func (d *Document) Text(n *Node) []byte { return d.data[n.start:n.end] }

// Str returns the value of a string, "" of any other value.
func (d *Document) Str(n *Node) string {
	if n == nil || n.kind != String {
		return ""
	}
	return unquote(d.data[n.start:n.end])
}

// Value decodes a value: comments and trailing commas aside, as encoding/json
// does with UseNumber. Of a member given twice it takes the last.
func (d *Document) Value(n *Node) any {
	switch {
	case n == nil:
		return nil
	case n.kind == Object:
		object := make(map[string]any, len(n.children))
		for _, child := range n.children {
			object[child.name] = d.Value(child)
		}
		return object
	case n.kind == Array:
		array := make([]any, 0, len(n.children))
		for _, child := range n.children {
			array = append(array, d.Value(child))
		}
		return array
	case n.kind == String:
		return d.Str(n)
	case n.kind == Number:
		return json.Number(d.Text(n))
	case n.kind == Null:
		return nil
	}
	return n.kind == True
}
