package etch

import "encoding/json"

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

// A Control is what a control record carries.
type Control struct {
	Type EventType // "log_sealed", for instance
	Log  json.RawMessage
}

// IsControl reports whether the log wrote the record about itself.
func (r *Record) IsControl() bool { return r.Control != nil }
