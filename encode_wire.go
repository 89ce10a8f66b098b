package etch

import "math"

// How an event is sent to a daemon: as a line that ParseInput reads as the event
// that it was, whatever bytes it holds. It is the line's body as it would be stored
// but for what depends on the log: nothing is masked, judged or cut yet, and what
// Append would fill in is left out. See docs/spec/socket-protocol.md.

// appendWire appends the line of an event, with its line feed. The event is valid.
func appendWire(dst []byte, ev *Event) []byte {
	b := body{end: math.MaxInt, wire: true}
	dst = append(dst, '{')
	dst = b.event(dst, ev)
	return append(dst, '}', '\n')
}

// wireTime writes the timestamp to the nanosecond: who stores it cuts it off, and a
// time that is zero but for its nanoseconds is not an absent one.
func wireTime(dst []byte, ev *Event) []byte {
	if ev.Timestamp.IsZero() {
		return dst
	}
	dst = append(dst, `"timestamp":"`...)
	start := len(dst)
	dst = appendTime(dst, ev.Timestamp)
	if text := string(dst[start:]); text != minTime && text != maxTime {
		nano := ev.Timestamp.Nanosecond() % 1000
		dst = append(dst[:len(dst)-1], byte('0'+nano/100), byte('0'+nano/10%10), byte('0'+nano%10), 'Z')
	}
	return append(dst, `",`...)
}

// wireArguments writes arguments. Where they would not come back as the bytes that
// they are they are sent as a text: what is no strict JSON, null, which is absent in
// input, and white space between tokens, for it may be line feeds.
func (b *body) wireArguments(dst []byte, args []byte) []byte {
	if len(args) == 0 {
		return dst
	}
	spaced, err := checkArguments(args)
	if err == nil && !spaced && string(args) != "null" {
		return b.embed(dst, args, false)
	}
	dst = b.text(dst, `"arguments":"`, string(args))
	return appendMark(dst, "arguments", "_raw")
}

// wireIdentity writes what is known of id and type.
func (b *body) wireIdentity(dst []byte, ev *Event) []byte {
	dst = b.text(dst, `"event_id":"`, ev.ID)
	return b.text(dst, `"event_type":"`, string(ev.Type))
}
