package etch

import (
	"bytes"
	"encoding/json"
)

// A Record is an event, or a control record, as it is stored.
type Record struct {
	// Seq is the record's number in the log, from 0, over all segments.
	Seq uint64
	// Event is the event. Of a control record it holds Timestamp and Type only.
	Event Event
	// Control is what the log wrote about itself; nil where the record is an
	// event.
	Control *Control
	// Cuts are the members of the event that were too long to be stored whole.
	Cuts []Cut
	// Raw is the stored line, without the line feed. It is what the hashes and
	// the signature are of.
	Raw []byte
	// Segment and Offset say where the line is: the number of its segment, and
	// its first byte there.
	Segment int
	Offset  int64
	// Signature is the line's MAC, "SHA256:" and base64; "" where there is none.
	// Decoding does not check it.
	Signature string
}

// ParseRecord reads a line of a log, with or without its line feed, as [Reader.Records]
// gives it, but for its place. It checks the line's form and no signature: the record is
// as true as whoever the line is from. The line belongs to the record then.
func ParseRecord(line []byte) (Record, error) {
	var r Record
	err := decodeLine(bytes.TrimSuffix(line, []byte{'\n'}), &r)
	return r, err
}

// A Control is what a control record carries.
type Control struct {
	Type EventType // "log_sealed", for instance
	Log  json.RawMessage
}

// IsControl reports whether the log wrote the record about itself.
func (r *Record) IsControl() bool { return r.Control != nil }
