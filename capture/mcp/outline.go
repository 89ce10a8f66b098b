package mcp

import (
	"bytes"
	"crypto/sha256"
	"hash"

	"github.com/etch-audit/etch/internal/surrogate"
)

// deepest is how many brackets may be open at once, as in encoding/json: a
// message of nothing but brackets shall not take memory for each.
const deepest = 10000

// An outline reads a stream of messages, in pieces of any size, and hands on
// each when its last byte has come. It keeps of each what the slots name, and so
// needs the same memory for a message of any length.
//
// It is no judge of JSON. Readers differ in what they take beside it (NaN, a
// comma too many, a raw tab in a text), and what some server acts on must not
// be missed: only what has no structure is broken.
type outline struct {
	emit func(*message)

	state  state
	stack  []byte   // the brackets that are open, as they were opened
	base   int      // how many of them are so between the message's own braces
	m      *message // nil between messages
	from   int      // where the message goes on in the bytes at hand
	digest hash.Hash
	utf8   utf8Check
	halves surrogate.Check

	escaped bool
	isName  bool
	name    []byte // what is known of a name, without its quotes
	next    slot   // of the value that follows
	exact   bool
	outer   capture // a member of the message
	inner   capture // a member of that
}

// A state is what is expected next, or what the reader is in.
type state uint8

const (
	between state = iota // messages
	element              // of a batch
	behind               // an element
	name
	colon
	val
	after // a value
	text
	bare   // a number or a word
	broken // until the end of the line, or of everything
)

// A capture copies a value to its slot while it is read.
type capture struct {
	slot   slot // slotNone: it is idle
	depth  int  // how many brackets are open around the value
	from   int  // where it goes on in the bytes at hand
	all    bool // as much is kept of it as there is, and not only the beginning
	whole  bool // what is kept of it is a part of the bytes at hand
	digest hash.Hash
}

func newOutline(emit func(*message)) *outline {
	return &outline{
		emit: emit, digest: sha256.New(),
		outer: capture{digest: sha256.New()}, inner: capture{digest: sha256.New()},
	}
}

// end says that nothing more belongs to what is open: at the end of a line, or
// of everything.
func (o *outline) end() {
	if o.m != nil {
		o.m.broken = true
		o.complete()
	}
	o.reset()
}

// reset forgets what is open.
func (o *outline) reset() {
	o.m, o.next = nil, slotNone
	o.outer.slot, o.inner.slot = slotNone, slotNone
	o.state, o.stack, o.escaped = between, o.stack[:0], false
}

// keepAll keeps all of what is looked at, up to mostHeld.
func (o *outline) keepAll() { o.outer.all, o.inner.all = true, true }

// keepParts keeps all of what is looked at as parts of the bytes that it is fed, at
// once, and which nobody changes.
func (o *outline) keepParts() {
	o.keepAll()
	o.outer.whole, o.inner.whole = true, true
}

// feed takes the next bytes.
func (o *outline) feed(data []byte) {
	o.from, o.outer.from, o.inner.from = 0, 0, 0
	for i := 0; i < len(data); {
		switch o.state {
		case text:
			i = o.inText(data, i)
		case bare:
			i = o.inBare(data, i)
		case broken:
			i = len(data)
		default:
			if c := data[i]; c == ' ' || c == '\t' || c == '\r' || c == '\n' {
				i++
				continue
			}
			i = o.token(data, i)
		}
	}
	o.inner.take(o.m, data, len(data))
	o.outer.take(o.m, data, len(data))
	o.take(data, len(data))
}

// take adds what was read of a message to its digest.
func (o *outline) take(data []byte, end int) {
	if o.m == nil {
		return
	}
	o.m.size += int64(end - o.from)
	_, _ = o.digest.Write(data[o.from:end]) // a hash never fails
	o.utf8.write(data[o.from:end])
	o.halves.Write(data[o.from:end])
	o.from = end
}

// begin begins a message at an offset.
func (o *outline) begin(at int) {
	o.m = new(message)
	o.digest.Reset()
	o.utf8, o.halves = utf8Check{}, surrogate.Check{}
	o.from = at
}

// complete hands the message on.
func (o *outline) complete() {
	m := o.m
	o.digest.Sum(m.sum[:0])
	m.garbled, m.halved = !o.utf8.ok(), o.halves.Lone()
	o.m, o.next = nil, slotNone
	o.outer.slot, o.inner.slot = slotNone, slotNone
	o.emit(m)
}

// wrong says that the bytes from an offset on have no structure.
func (o *outline) wrong(data []byte, at int) int {
	if o.m == nil {
		o.begin(at)
	}
	o.inner.close(o.m, data, at)
	o.outer.close(o.m, data, at)
	o.m.broken = true
	o.state = broken
	return at
}

// token reads one character that is no white space, outside of texts and words.
func (o *outline) token(data []byte, i int) int {
	c := data[i]
	switch o.state {
	case between, element:
		return o.opening(data, i)
	case behind:
		if c == ',' {
			o.state = element
			return i + 1
		}
		if c == ']' {
			o.state, o.stack = between, o.stack[:0]
			return i + 1
		}
	case name:
		if c == '"' {
			o.state, o.isName, o.name = text, true, o.name[:0]
			return i + 1
		}
		if c == '}' {
			return o.pop(data, i)
		}
	case colon:
		if c == ':' {
			o.state = val
			return i + 1
		}
	case val:
		return o.value(data, i)
	case after:
		if c == ',' {
			o.state = val
			if o.stack[len(o.stack)-1] == '{' {
				o.state = name
			}
			return i + 1
		}
		if c == '}' || c == ']' {
			return o.pop(data, i)
		}
	}
	return o.wrong(data, i)
}

// opening reads what a message, or a batch of them, begins with.
func (o *outline) opening(data []byte, i int) int {
	switch c := data[i]; {
	case c == '{':
		o.begin(i)
		o.base = len(o.stack) + 1
		return o.push(data, i, name)
	case c == '[' && o.state == between:
		o.stack, o.state = append(o.stack, c), element
		return i + 1
	case c == ']' && o.state == element:
		o.state, o.stack = between, o.stack[:0]
		return i + 1
	}
	return o.wrong(data, i)
}

// push opens a bracket.
func (o *outline) push(data []byte, i int, then state) int {
	if len(o.stack) == deepest {
		return o.wrong(data, i)
	}
	o.stack = append(o.stack, data[i])
	o.state = then
	return i + 1
}

// pop closes a bracket, and with the outermost of a message the message.
func (o *outline) pop(data []byte, i int) int {
	open := o.stack[len(o.stack)-1]
	if open+2 != data[i] { // the two of a pair are two apart, both of them
		return o.wrong(data, i)
	}
	i++
	o.stack = o.stack[:len(o.stack)-1]
	if len(o.stack) >= o.base {
		o.ended(data, i)
		return i
	}
	o.take(data, i)
	o.state = between
	if len(o.stack) > 0 {
		o.m.batch = true
		o.state = behind
	}
	o.complete()
	return i
}

// value reads the first character of a value, or the end of an array.
func (o *outline) value(data []byte, i int) int {
	c := data[i]
	if c == ']' && o.stack[len(o.stack)-1] == '[' {
		return o.pop(data, i)
	}
	if o.next != slotNone {
		o.capture(i)
	}
	switch c {
	case '{':
		return o.push(data, i, name)
	case '[':
		return o.push(data, i, val)
	case '"':
		o.state, o.isName = text, false
		return i + 1
	case ',', ':', '}', ']':
		return o.wrong(data, i)
	}
	o.state = bare
	return i
}

// inText reads on in a text.
func (o *outline) inText(data []byte, i int) int {
	start, quote := i, -1
	for i < len(data) {
		if o.escaped {
			o.escaped = false
			i++
			continue
		}
		if quote < i {
			quote = len(data)
			if n := bytes.IndexByte(data[i:], '"'); n >= 0 {
				quote = i + n
			}
		}
		if n := bytes.IndexByte(data[i:quote], '\\'); n >= 0 {
			o.escaped = true
			i += n + 1
			continue
		}
		if quote == len(data) {
			break
		}
		o.keepName(data[start:quote])
		if o.isName {
			o.named()
		} else {
			o.ended(data, quote+1)
		}
		return quote + 1
	}
	o.keepName(data[start:])
	return len(data)
}

// keepName keeps a part of a name that may be one to look at.
func (o *outline) keepName(part []byte) {
	if o.isName && len(o.stack) <= o.base+1 {
		o.name = append(o.name, part[:min(len(part), longestName-len(o.name))]...)
	}
}

// named looks at a name that has been read.
func (o *outline) named() {
	o.state, o.next = colon, slotNone
	switch {
	case len(o.stack) == o.base:
		o.next, o.exact = slotOf(slotNone, o.name)
	case len(o.stack) == o.base+1 && o.outer.slot != slotNone:
		o.next, o.exact = slotOf(o.outer.slot, o.name)
	}
}

// inBare reads on in a number or a word, up to what cannot be one.
func (o *outline) inBare(data []byte, i int) int {
	end := bytes.IndexAny(data[i:], " \t\r\n,:\"{}[]")
	if end < 0 {
		return len(data)
	}
	o.ended(data, i+end)
	return i + end
}

// ended says that a value ends at an offset.
func (o *outline) ended(data []byte, at int) {
	o.state = after
	for _, c := range []*capture{&o.inner, &o.outer} {
		if c.slot != slotNone && c.depth == len(o.stack) {
			c.close(o.m, data, at)
		}
	}
}

// capture begins to copy the value that begins at an offset.
func (o *outline) capture(at int) {
	s, exact := o.next, o.exact
	o.next = slotNone
	v := &o.m.values[s]
	if v.given || !exact {
		o.m.ambiguous = true
	}
	if v.given && v.exact && !exact {
		return // most readers go by the one that is written as it should be
	}
	for _, of := range known.Get()[s] {
		o.m.values[of] = value{}
	}
	*v = value{given: true, exact: exact}
	c := &o.outer
	if len(o.stack) > o.base {
		c = &o.inner
	}
	c.slot, c.depth, c.from = s, len(o.stack), at
	c.digest.Reset()
}

// take copies what was read of the value.
func (c *capture) take(m *message, data []byte, end int) {
	if c.slot == slotNone {
		return
	}
	part := data[c.from:end]
	v := &m.values[c.slot]
	v.size += int64(len(part))
	if c.slot.hashed() {
		_, _ = c.digest.Write(part) // a hash never fails
	}
	most := c.slot.keeps()
	if c.all {
		most = mostHeld
	}
	c.from = end
	if part = part[:min(len(part), most-len(v.kept))]; c.whole && len(v.kept) == 0 {
		v.kept = part[:len(part):len(part)]
		return
	}
	v.kept = append(v.kept, part...)
}

// close ends the value.
func (c *capture) close(m *message, data []byte, end int) {
	if c.slot == slotNone {
		return
	}
	c.take(m, data, end)
	if c.slot.hashed() {
		c.digest.Sum(m.values[c.slot].sum[:0])
	}
	c.slot = slotNone
}
