// Package wire is the form of what the daemon answers on its socket: one line a
// request. Both sides of the protocol use it: docs/spec/socket-protocol.md.
package wire

import (
	"encoding/base64"
	"strconv"
	"time"
	"unicode/utf8"
)

// A Code says which kind of error an answer is.
type Code string

// The codes.
const (
	Invalid      Code = "invalid"       // it is no event
	TooLarge     Code = "too_large"     // it is longer than the daemon takes
	Refused      Code = "refused"       // the sender may not send
	RateLimited  Code = "rate_limited"  // the sender has sent more than it may
	NotRecorded  Code = "not_recorded"  // the log could not take it, and will not have it
	Unknown      Code = "unknown"       // whether the log has it is not known
	ShuttingDown Code = "shutting_down" // nothing was taken from here on
	Idle         Code = "idle"          // likewise: nothing came for too long
)

// A Kind is what an answer says.
type Kind int

// The kinds of answers.
const (
	Receipt Kind = iota
	Skipped
	Known // the log has the event already
	Failed
	Hello
	Status
)

// HelloLine is the request of a client that asks whom it speaks to, without its line
// feed.
const HelloLine = `{"hello":1}`

// StatusLine is the request of a client that asks how the daemon is.
const StatusLine = `{"status":1}`

// An About is what a daemon says of itself.
type About struct {
	Log     string `json:"log,omitempty"`     // the path of its log
	UID     string `json:"uid,omitempty"`     // whom it runs as
	User    string `json:"user,omitempty"`    // that user's name
	Version string `json:"version,omitempty"` // of the program
	Problem string `json:"problem,omitempty"` // why the next event cannot be recorded; "" where it can
}

// OnceStart and OnceEnd stand around an event that is to be recorded only where the
// log does not have it yet.
const (
	OnceStart = `{"once":`
	OnceEnd   = `}`
)

// LostStart and LostEnd stand around a Lost.
const (
	LostStart = `{"lost":`
	LostEnd   = `}`
)

// A Lost says that a client has events that it could not hand over and not keep. It is
// answered as Known once it is on record.
type Lost struct {
	ID    string    `json:"id"` // of the client's own: it is recorded once
	Count uint64    `json:"count"`
	From  time.Time `json:"from"` // of the first of them
	To    time.Time `json:"to"`   // of the last
	Cause string    `json:"cause"`
}

// HashSize is the length of a leaf and of a root.
const HashSize = 32

// An Answer is one line of the daemon's.
type Answer struct {
	Kind Kind
	Line uint64 // the number of the request's line, from 1; 0: of none

	// Of a receipt.
	Seq     uint64
	EventID []byte
	Leaf    [HashSize]byte
	Size    uint64 // of the checkpoint
	Root    [HashSize]byte
	Durable bool

	// Of a failure.
	Code  Code
	Error string
	Hint  string // "" where there is none

	// Of a hello, and Origin of a status.
	Origin   string
	MaxEvent uint64

	About *About // of a status
}

// Append appends the line of an answer, with its line feed.
func (a *Answer) Append(dst []byte) []byte {
	dst = append(dst, `{"line":`...)
	dst = strconv.AppendUint(dst, a.Line, 10)
	switch a.Kind {
	case Receipt:
		dst = a.appendReceipt(dst)
	case Skipped:
		dst = append(dst, `,"skipped":true`...)
	case Known:
		dst = append(dst, `,"known":true`...)
	case Failed:
		dst = append(dst, `,"error":"`...)
		dst = appendText(dst, a.Error)
		dst = append(dst, `","code":"`...)
		dst = append(dst, a.Code...)
		if a.Hint != "" {
			dst = append(dst, `","hint":"`...)
			dst = appendText(dst, a.Hint)
		}
		dst = append(dst, '"')
	case Hello:
		dst = append(dst, `,"hello":1,"origin":"`...)
		dst = appendText(dst, a.Origin)
		dst = append(dst, `","max_event":`...)
		dst = strconv.AppendUint(dst, a.MaxEvent, 10)
	case Status:
		dst = append(dst, `,"status":1,"origin":"`...)
		dst = append(appendText(dst, a.Origin), '"')
		dst = a.About.append(dst)
	}
	return append(dst, '}', '\n')
}

// append appends the members that say something.
func (a *About) append(dst []byte) []byte {
	for _, m := range [...]struct{ name, text string }{
		{"log", a.Log}, {"uid", a.UID}, {"user", a.User}, {"version", a.Version}, {"problem", a.Problem},
	} {
		if m.text != "" {
			dst = append(append(append(dst, `,"`...), m.name...), `":"`...)
			dst = append(appendText(dst, m.text), '"')
		}
	}
	return dst
}

func (a *Answer) appendReceipt(dst []byte) []byte {
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendUint(dst, a.Seq, 10)
	dst = append(dst, `,"event_id":"`...)
	dst = appendText(dst, a.EventID)
	dst = append(dst, `","leaf":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, a.Leaf[:])
	dst = append(dst, `","checkpoint_size":`...)
	dst = strconv.AppendUint(dst, a.Size, 10)
	dst = append(dst, `,"checkpoint_root":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, a.Root[:])
	dst = append(dst, `","sealed":`...)
	dst = strconv.AppendBool(dst, a.Durable && a.Size > a.Seq)
	dst = append(dst, `,"durable":`...)
	return strconv.AppendBool(dst, a.Durable)
}

// appendText appends the inside of a JSON string. Bytes that are no UTF-8 become
// U+FFFD, as encoding/json makes them.
func appendText[T string | []byte](dst []byte, s T) []byte {
	const digits = "0123456789abcdef"
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		switch {
		case c >= utf8.RuneSelf:
			dst = append(dst, "\ufffd"...)
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		i++
		start = i
	}
	return append(dst, s[start:]...)
}
