// Package record is one line of a log: its envelope, its limits and its MAC
// suffix. It moves bytes and knows nothing of what an event means.
//
//	{"seq":17,BODY,"signature":"SHA256:<43 characters>"}
//
// BODY is the JSON members of the record, from its timestamp on, without the
// braces. The signature is there only in a signed log. Format: docs/spec/log-format.md,
// section "One line".
package record

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// MaxLine is the most bytes a line may have, without its line feed. Part of
// the format: C2SP tlog-tiles entry bundles carry a 16 bit length.
const MaxLine = 65535

const (
	seqMark = `{"seq":`
	// macMark begins the suffix that carries the MAC. It cannot occur inside a
	// JSON string, whose quotes are escaped, and nested objects cannot put it
	// at the fixed distance from the line's end where it is looked for.
	macMark = `,"signature":"SHA256:`
	macText = 43 // unpadded base64 of 32 bytes
	macEnd  = `"}`

	suffixLen = len(macMark) + macText + len(macEnd)

	// MaxBody is the most bytes a body may have so that its line fits whatever
	// its sequence number, signed or not.
	MaxBody = MaxLine - len(seqMark) - len("18446744073709551615,") - suffixLen
)

// typeMark begins the type of a control record: no event has its type there,
// because an event's id comes first.
const (
	timeMark    = `,"timestamp":"`
	timeText    = 27 // 2006-01-02T15:04:05.000000Z
	controlMark = `","event_type":"log_`
)

// ErrNoSignature is returned where a line of a signed log carries no MAC.
var ErrNoSignature = errors.New("line has no signature")

// AppendOpen appends the line's beginning, up to its body.
func AppendOpen(dst []byte, seq uint64) []byte {
	dst = append(dst, seqMark...)
	dst = strconv.AppendUint(dst, seq, 10)
	return append(dst, ',')
}

// LineLen returns the length of the line, without its line feed, of a body of
// so many bytes.
func LineLen(seq uint64, body int, signed bool) int {
	n := len(seqMark) + 1 + len(",") + body
	for ; seq >= 10; seq /= 10 {
		n++
	}
	if signed {
		return n + suffixLen
	}
	return n + len("}")
}

// A Line is the envelope of one stored line. Its slices are parts of the line.
type Line struct {
	Seq    uint64
	Signed []byte // the bytes that a MAC covers: the line before its suffix
	MAC    []byte // the suffix's base64 text; nil where there is none
}

// Split takes a line, without its line feed, apart. It checks the envelope
// only: that the line begins with a sequence number in its one form, is not too
// long, and ends like an object.
func Split(line []byte) (Line, error) {
	var l Line
	if len(line) > MaxLine {
		return l, fmt.Errorf("line of %d bytes is over the limit of %d", len(line), MaxLine)
	}
	rest, ok := bytes.CutPrefix(line, []byte(seqMark))
	if !ok {
		return l, errors.New("line does not begin with its sequence number")
	}
	n, rest, ok := cutUint(rest)
	if !ok || len(rest) < 2 || rest[0] != ',' {
		return l, errors.New("line has no sequence number")
	}
	if line[len(line)-1] != '}' {
		return l, errors.New("line does not end as an object")
	}
	l.Seq = n
	l.Signed = line[:len(line)-1]
	if HasMAC(line) {
		at := len(line) - suffixLen
		l.Signed = line[:at]
		l.MAC = line[at+len(macMark) : len(line)-len(macEnd)]
	}
	return l, nil
}

// HasMAC reports whether a line ends in the suffix that carries a MAC, whatever
// it is.
func HasMAC(line []byte) bool {
	at := len(line) - suffixLen
	return at > 0 && bytes.HasPrefix(line[at:], []byte(macMark)) && bytes.HasSuffix(line, []byte(macEnd))
}

// cutUint reads a decimal number in its shortest form.
func cutUint(b []byte) (n uint64, rest []byte, ok bool) {
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		d := uint64(b[i] - '0')
		if n > (1<<64-1-d)/10 {
			return 0, b, false
		}
		n = n*10 + d
	}
	if i == 0 || (i > 1 && b[0] == '0') {
		return 0, b, false
	}
	return n, b[i:], true
}

// Control returns the type of a control record, "log_sealed" for instance, or
// "" for a line that is an event.
func Control(line []byte) string {
	rest, ok := bytes.CutPrefix(line, []byte(seqMark))
	if !ok {
		return ""
	}
	if _, rest, ok = cutUint(rest); !ok {
		return ""
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(timeMark)); !ok || len(rest) < timeText {
		return ""
	}
	if rest, ok = bytes.CutPrefix(rest[timeText:], []byte(controlMark)); !ok {
		return ""
	}
	name, _, ok := bytes.Cut(rest, []byte{'"'})
	if !ok {
		return ""
	}
	return "log_" + string(name)
}
