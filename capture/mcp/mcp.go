// Package mcp stands between an MCP client and a server, and records what they
// do: calls of tools and how they ended, resources read, prompts fetched, what
// the server asks of the client, and what is none of the protocol.
//
// Bytes pass through as they came, both ways, whatever they are and in whatever
// pieces, before anybody has looked at them; what passes is looked at beside, in
// order, and recorded. Nothing is held back, put in or left out, unless
// [Options.Deny] refuses a call. Only how far
// the record may fall behind is bounded: then who sends waits. So a request may
// reach the server some milliseconds before its attempt is on record, and who
// ends the recorder in that time, or a machine that dies, loses the attempt.
// [Options.Strict] has a client's requests wait for their attempts to be on record.
//
// Where something cannot be recorded, the session ends, unless Options.GoOn says
// otherwise: nothing more is passed on, as nothing may happen that is not on
// record. What was passed on before is told as not recorded.
//
// [Run] does so for a server that is a command and speaks on its standard input
// and output; [NewProxy] for one that speaks HTTP.
package mcp

import (
	"crypto/rand"
	"strings"
	"time"
)

// newID returns the id of a session in the records.
func newID() string { return "mcp_" + strings.ToLower(rand.Text()) }

// A stream is one direction of what passes. It is of the witness's goroutine.
type stream struct {
	o  reader
	at time.Time // when the bytes came that are looked at
}

// A reader finds the messages in bytes that come in pieces of any size.
type reader interface {
	feed(data []byte)
	end() // no more follow
}

// newStream returns a stream whose messages are handed to take; with lines, each
// is one.
func newStream(lines bool, take func(m *message, at time.Time)) *stream {
	st := new(stream)
	found := func(m *message) { take(m, st.at) }
	if st.o = newOutline(found); lines {
		st.o = newLineReader(found)
	}
	return st
}

// of returns what takes the messages that one side of a session sends.
func (s *session) of(from side) func(m *message, at time.Time) {
	return func(m *message, at time.Time) { s.take(from, m, nil, at) }
}

// feed takes bytes that one side has sent.
func (st *stream) feed(data []byte, at time.Time) {
	st.at = at
	st.o.feed(data)
}

// end says that no more follow.
func (st *stream) end(at time.Time) {
	st.at = at
	st.o.end()
}
