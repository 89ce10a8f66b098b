package mcp

import (
	"strings"
	"time"
)

// An sse reads a stream of server-sent events, in pieces of any size, and hands on the
// messages that they say (HTML, sections 9.2.5 and 9.2.6). It needs the same memory for
// lines of any length.
type sse struct {
	take     func(m *message, at time.Time)
	endpoint func(address string, at time.Time) // takes what an event of that name says
	st       *stream                            // finds the messages in the data

	mark  int    // how many bytes of a byte order mark the stream has begun with; all of them: it is past
	line  []byte // the beginning of the line at hand, as far as it may be looked at
	field sseField
	cr    bool // the last byte was a carriage return, and a line feed after it is none of its own

	begun bool       // the event has data
	kind  string     // its type, so far: the last line that names it counts
	data  []byte     // the beginning of it
	held  []*message // of it: whether they are any its type says, at its end
	size  int64      // of those
	open  bool       // there are too many to be held: they are handed on, whatever its type
}

// mostOfEvent bounds the messages of an event that are held until its type is known, and
// mostOfEventSize their bytes.
const (
	mostOfEvent     = 1024
	mostOfEventSize = 8 << 20
)

// newSSE returns an sse whose messages are handed to take.
func newSSE(take func(*message, time.Time), endpoint func(string, time.Time)) *sse {
	r := &sse{take: take, endpoint: endpoint}
	r.st = newStream(false, r.hold)
	return r
}

// hold keeps a message until the type of its event is known.
func (r *sse) hold(m *message, _ time.Time) {
	r.held = append(r.held, m)
	r.size += m.size
	if r.open = r.open || len(r.held) >= mostOfEvent || r.size >= mostOfEventSize; r.open {
		r.handOn()
	}
}

// handOn hands on what was held.
func (r *sse) handOn() {
	for _, m := range r.held {
		r.take(m, r.st.at)
	}
	r.drop()
}

func (r *sse) drop() {
	clear(r.held)
	r.held, r.size = r.held[:0], 0
}

// byteOrderMark may stand before a stream, and is none of it.
const byteOrderMark = "\ufeff"

// A sseField is what a line of an event says.
type sseField uint8

const (
	sseUnknown sseField = iota // not all of its name has come
	sseData
	sseEvent
	sseIgnored
)

// longestField bounds what is remembered of a line that is no data.
const longestField = 64

// feed takes bytes that the server has sent.
func (r *sse) feed(data []byte, at time.Time) {
	r.st.at = at
	for r.mark < len(byteOrderMark) && len(data) > 0 {
		if data[0] == byteOrderMark[r.mark] {
			r.mark++
			data = data[1:]
			continue
		}
		begun := byteOrderMark[:r.mark]
		r.mark = len(byteOrderMark)
		r.scan([]byte(begun))
	}
	r.scan(data)
}

// scan takes bytes that are no byte order mark.
func (r *sse) scan(data []byte) {
	for i := 0; i < len(data); {
		c := data[i]
		if c == '\n' && r.cr {
			r.cr = false
			i++
			continue
		}
		r.cr = false
		if c == '\r' || c == '\n' {
			r.endLine()
			r.cr = c == '\r'
			i++
			continue
		}
		i = r.read(data, i)
	}
}

// read reads on in a line.
func (r *sse) read(data []byte, i int) int {
	end := i
	for end < len(data) && data[end] != '\r' && data[end] != '\n' {
		end++
	}
	for i < end && r.field == sseUnknown {
		r.line = append(r.line, data[i])
		i++
		r.field = fieldOf(r.line)
		if r.field == sseData {
			r.line = r.line[:0]
			r.beginData()
		}
	}
	part := data[i:end]
	switch r.field {
	case sseData:
		if len(r.line) == 0 && len(part) > 0 { // one space after the colon is none of the data
			r.line = append(r.line, ' ')
			if part[0] == ' ' {
				part = part[1:]
			}
		}
		r.add(part)
	case sseEvent:
		r.line = append(r.line, part[:min(len(part), longestField-min(longestField, len(r.line)))]...)
	}
	return end
}

// fieldOf returns what a line is that begins so.
func fieldOf(line []byte) sseField {
	switch s := string(line); {
	case s == "data:":
		return sseData
	case s == "event:":
		return sseEvent
	case len(s) <= len("data:") && s == "data:"[:len(s)], len(s) <= len("event:") && s == "event:"[:len(s)]:
		return sseUnknown
	}
	return sseIgnored
}

// beginData begins a line of data: the lines of one event are one text.
func (r *sse) beginData() {
	if r.begun {
		r.add([]byte{'\n'})
	}
	r.begun = true
}

// add adds to the data of the event.
func (r *sse) add(part []byte) {
	r.st.o.feed(part)
	r.data = append(r.data, part[:min(len(part), longestEndpoint-len(r.data))]...)
}

// endLine ends a line; an empty one ends the event.
func (r *sse) endLine() {
	switch name := string(r.line); {
	case r.field == sseEvent:
		r.kind = strings.TrimPrefix(name[len("event:"):], " ")
	case r.field == sseUnknown && name == "":
		r.endEvent()
	case r.field == sseUnknown && name == "data": // a line of the name alone has an empty value
		r.beginData()
	case r.field == sseUnknown && name == "event":
		r.kind = ""
	}
	r.line, r.field = r.line[:0], sseUnknown
}

// endEvent ends an event, which is what its type says.
func (r *sse) endEvent() {
	r.st.o.end()
	switch {
	case r.isMessage():
		r.handOn()
	case r.kind == "endpoint" && r.begun:
		r.endpoint(string(r.data), r.st.at)
	}
	r.drop()
	r.begun, r.kind, r.data, r.open = false, "", r.data[:0], false
}

// isMessage reports whether the event is one of MCP's messages.
func (r *sse) isMessage() bool { return r.kind == "" || r.kind == "message" }

// end says that no more follows. An event that has not ended is none to a browser, and
// one to some other readers: what it says is handed on as that.
func (r *sse) end(at time.Time) {
	r.st.at = at
	r.st.o.end()
	if r.isMessage() {
		for _, m := range r.held {
			m.cutOff = !m.broken
		}
		r.handOn()
	}
	r.drop()
}
