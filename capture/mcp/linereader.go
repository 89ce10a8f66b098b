package mcp

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// A lineReader reads messages each of which is a line, as on stdio. The protocol
// forbids to write one over several, and some servers take it all the same: lines
// that are none by themselves and together are one message, are that message.
//
// A line that is a message by itself counts as one in any case. Where it also
// stands inside of a longer one readers differ about what was said: both are
// handed on, the longer one as ambiguous.
//
// Of a message over many lines it keeps no more than of one on a single line.
type lineReader struct {
	emit func(*message)
	line *outline   // reads each line by itself
	held []*message // what it has found in the line at hand, while long is open
	long *outline   // reads on over ends of lines; nil where no message is open
	rest *outline   // for the next long

	closed bool // long has found its message
	within bool // the last line was a message by itself inside of long
	// What long has read by the end of the last line.
	lines int
	size  int64
	sum   [sha256.Size]byte
}

func newLineReader(emit func(*message)) *lineReader {
	return &lineReader{emit: emit, line: newOutline(emit), rest: newOutline(emit)}
}

// keepAll keeps all of what is looked at, up to mostHeld.
func (r *lineReader) keepAll() {
	r.line.keepAll()
	r.rest.keepAll()
}

// feed takes the next bytes.
func (r *lineReader) feed(data []byte) {
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			break
		}
		r.run(data[:i])
		r.endLine()
		data = data[i+1:]
	}
	r.run(data)
}

// run reads bytes of one line.
func (r *lineReader) run(data []byte) {
	r.line.feed(data)
	if r.long == nil {
		return
	}
	r.long.feed(data)
	switch {
	case r.closed:
		// It has read on behind its message, in a line that is broken to line.
		r.line.reset()
		r.held = nil
		r.line, r.rest, r.long = r.long, r.line, nil
		r.line.emit, r.rest.emit = r.emit, r.emit
	case r.long.state == broken:
		r.giveUp()
	}
}

// endLine ends a line.
func (r *lineReader) endLine() {
	switch {
	case r.long != nil:
		if r.heldMessage() {
			r.tellHeld()
		}
		r.held = nil
		r.line.reset()
	case r.line.isOpen():
		r.long, r.line = r.line, r.rest
		r.line.emit, r.long.emit = r.hold, r.complete
		r.closed, r.lines = false, 0
	default:
		r.line.end()
		return
	}
	r.lines++
	r.size = r.long.m.size
	r.long.digest.Sum(r.sum[:0])
	r.long.feed([]byte{'\n'})
}

// goesOn reports whether a message has begun that may go on in the next line.
func (r *lineReader) goesOn() bool { return r.long != nil }

// outer gives up the message over several lines that the last line stood inside of
// and was one by itself, and returns what is known of it, as broken; nil where there
// is none. The reader is not to be fed any more.
func (r *lineReader) outer() *message {
	if r.long == nil || !r.within {
		return nil
	}
	m := r.long.m
	r.long.reset()
	m.broken, m.lines = true, r.lines-1
	return m
}

// isOpen reports whether a message has begun that may go on in the next line.
func (o *outline) isOpen() bool {
	return o.m != nil && !o.m.batch && o.base == 1 && o.state != broken && o.state != text
}

// hold keeps a message of the line at hand.
func (r *lineReader) hold(m *message) { r.held = append(r.held, m) }

// heldMessage reports whether the line at hand is a message by itself.
func (r *lineReader) heldMessage() bool {
	for _, m := range r.held {
		if m.broken {
			return false
		}
	}
	return r.line.state == between && slices.ContainsFunc(r.held, (*message).isRPC)
}

// isRPC reports whether a message is one of JSON-RPC by its members.
func (m *message) isRPC() bool { return m.has(slotMethod) || m.has(slotID) }

// tellHeld hands on what the line at hand is, inside of a longer message.
func (r *lineReader) tellHeld() {
	r.long.m.ambiguous, r.within = true, true
	for _, m := range r.held {
		r.emit(m)
	}
}

// complete hands on the message that long has found, or what follows it in its
// last line.
func (r *lineReader) complete(m *message) {
	if !r.closed {
		r.closed = true
		m.lines = r.lines + 1
		for _, inside := range r.held {
			if !inside.broken && inside.isRPC() {
				m.ambiguous = true
				r.emit(inside)
			}
		}
	}
	r.emit(m)
}

// giveUp says that the lines before the one at hand are none of a message.
func (r *lineReader) giveUp() {
	m := r.long.m
	r.long.reset()
	m.broken, m.lines, m.size, m.sum = true, r.lines, r.size, r.sum
	r.emit(m)
	for _, m := range r.held {
		r.emit(m)
	}
	r.held = nil
	r.line.emit, r.long.emit = r.emit, r.emit
	r.rest, r.long = r.long, nil
}

// end says that no more follow.
func (r *lineReader) end() {
	if r.long != nil {
		r.giveUp()
	}
	r.line.end()
}
