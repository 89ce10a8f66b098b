package mcp

import "time"

// An sse reads a stream of server-sent events, in pieces of any size, and hands
// what they say to a stream of messages (HTML, section 9.2.6). It needs the same
// memory for lines of any length.
type sse struct {
	st       *stream
	endpoint func(address string, at time.Time) // takes what an event of that name says

	line  []byte // the beginning of the line at hand, as far as it may be looked at
	field sseField
	begun bool // the event has data
	other bool // it is none of MCP's messages
	to    bool // but an endpoint
	data  []byte
	cr    bool // the last byte was a carriage return, and a line feed after it is none of its own
}

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
		if !r.other {
			r.st.o.feed(part)
		} else if r.to {
			r.data = append(r.data, part[:min(len(part), longestEndpoint-len(r.data))]...)
		}
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
	if r.begun && !r.other {
		r.st.o.feed([]byte{'\n'})
	}
	r.begun = true
}

// endLine ends a line; an empty one ends the event.
func (r *sse) endLine() {
	switch name := string(r.line); {
	case r.field == sseEvent:
		name = name[len("event:"):]
		r.other = name != "" && name != " " && name != "message" && name != " message"
		r.to = name == "endpoint" || name == " endpoint"
	case r.field == sseUnknown && name == "":
		r.st.o.end()
		if r.to && r.begun {
			r.endpoint(string(r.data), r.st.at)
		}
		r.begun, r.other, r.to, r.data = false, false, false, nil
	case r.field == sseUnknown && name == "data":
		r.beginData() // a line of the name alone has an empty value
	}
	r.line, r.field = r.line[:0], sseUnknown
}

// end says that no more follows: an event that has not ended is none, but what
// was said of it was seen by whoever reads it as it comes.
func (r *sse) end(_ []byte, at time.Time) {
	r.st.at = at
	r.st.o.end()
}
