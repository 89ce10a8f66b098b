package etch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/record"
)

// maxLevels is how deep a line may be nested: what the writer allows inside
// arguments, and as much again for members that a later version may add.
const maxLevels = 2 * maxArgumentLevels

// decodeLine reads a stored line, without its line feed, into r, and leaves r
// alone when there is an error, a [*SyntaxError]. Segment and Offset stay what
// they are.
//
// The line is read strictly: valid UTF-8, no member twice, nothing behind the
// object, every known member of its type, the signature last. Unknown members
// are skipped. r.Raw and the raw values of r are parts of line, which then
// belongs to r.
func decodeLine(line []byte, r *Record) error {
	envelope, err := record.Split(line)
	if err != nil {
		return &SyntaxError{Reason: err.Error()}
	}
	d := newDecoder(line)
	d.pos = bytes.IndexByte(line, ',')
	d.levels--
	if err := d.members(&eventObject, false); err != nil {
		return err
	}
	if err := d.finish(); err != nil {
		return err
	}
	if err := d.checkSignature(envelope); err != nil {
		return err
	}
	control, err := d.control(line)
	if err != nil {
		return err
	}
	*r = Record{
		Seq: envelope.Seq, Event: d.event, Control: control, Cuts: d.cuts, Raw: line,
		Segment: r.Segment, Offset: r.Offset, Signature: d.signature,
	}
	return nil
}

// A decoder reads one event.
type decoder struct {
	scanner
	text  string // the line; strings of the event are parts of it
	input bool   // the line is input of a user, not a stored one
	*parts
	marks []mark
	cuts  []Cut

	success, hasSuccess bool
	successPos          int

	signature string
	log       json.RawMessage
	signedAt  int // where the signature is, 0 where there is none
}

// parts are an event and the objects that most events have, in one piece of
// memory.
type parts struct {
	event    Event
	actor    Actor
	action   Action
	result   Result
	security Security
}

func newDecoder(line []byte) decoder {
	return decoder{
		scanner: scanner{data: line, levels: maxLevels},
		text:    string(line),
		parts:   new(parts),
	}
}

func (d *decoder) failAt(pos int, path, reason string) error {
	return &SyntaxError{Offset: pos, Member: path, Reason: reason}
}

// in names the member in an error that has none yet.
func in(err error, path string) error {
	if e, ok := errors.AsType[*SyntaxError](err); ok && e.Member == "" {
		e.Member = path
	}
	return err
}

// members reads the members of an object that is open, to its end. first says
// that none was read yet.
func (d *decoder) members(o *object, first bool) error {
	var seen uint32
	var others nameSet
	for next := 0; ; first = false {
		start := d.pos
		name, ok, err := d.member(first)
		if err != nil {
			return in(err, strings.TrimSuffix(o.name, "."))
		}
		if !ok {
			return nil
		}
		i := o.find(name, next)
		if i < 0 {
			if !others.add(name) {
				return d.failAt(start, o.name+string(name), "duplicate member")
			}
			if err := d.other(o, name, start); err != nil {
				return in(err, o.name+string(name))
			}
			continue
		}
		next = i + 1
		if seen&(1<<i) != 0 {
			return d.failAt(start, o.name+string(name), "duplicate member")
		}
		seen |= 1 << i
		if err := d.assign(&o.members[i]); err != nil {
			return in(err, o.name+o.members[i].name)
		}
	}
}

// other reads a member that is no field of the event.
func (d *decoder) other(o *object, name []byte, start int) error {
	known, err := d.mark(o, string(name))
	if known || err != nil {
		return err
	}
	if d.input {
		return d.unknown(o, name, start)
	}
	if o != &eventObject {
		return d.value()
	}
	switch string(name) {
	case "seq":
		d.pos = start
		return d.fail("duplicate member")
	case "signature":
		d.signedAt = start
		d.signature, err = d.textValue()
		return err
	case "truncated":
		_, err := d.boolean()
		return err
	case "log":
		d.space()
		from := d.pos
		err := d.value()
		d.log = d.data[from:d.pos:d.pos]
		return err
	}
	return d.value()
}

// checkSignature checks that a signature stands where its MAC is looked for, at
// the end of the line.
func (d *decoder) checkSignature(l record.Line) error {
	if d.signedAt > 0 && l.MAC == nil {
		return d.failAt(d.signedAt, "signature", `expected "SHA256:" and 43 base64 characters as the end of the line`)
	}
	return nil
}

// control returns what the line carries as a control record, nil where it is
// an event.
func (d *decoder) control(line []byte) (*Control, error) {
	if !d.event.Type.IsControl() {
		return nil, nil
	}
	if record.Control(line) != string(d.event.Type) {
		return nil, d.failAt(0, "event_type", "an event cannot have a type that is reserved to the log")
	}
	if len(d.log) == 0 || d.log[0] != '{' {
		return nil, d.failAt(0, "log", "expected an object in a control record")
	}
	c := &Control{Type: d.event.Type, Log: d.log}
	d.event = Event{Timestamp: d.event.Timestamp, Type: d.event.Type}
	return c, nil
}

// finish does what can be done only when the whole line was read.
func (d *decoder) finish() error {
	if err := d.end(); err != nil {
		return err
	}
	if err := d.settleSuccess(); err != nil {
		return err
	}
	return d.applyMarks()
}

// settleSuccess compares success with the type of the result. Where there is
// only a success, as in the seed's format, it is the type.
func (d *decoder) settleSuccess() error {
	if !d.hasSuccess {
		return nil
	}
	r := d.event.Result
	if d.success && r.Type == "" {
		r.Type = Success
	}
	if d.success != (r.Type == Success) {
		return d.failAt(d.successPos, "result.success", `expected true exactly when the type is "success"`)
	}
	return nil
}

// boolean reads a boolean.
func (d *decoder) boolean() (bool, error) {
	switch d.space() {
	case 't':
		return true, d.literal("true")
	case 'f':
		return false, d.literal("false")
	}
	return false, d.fail("expected true or false")
}

// textValue reads a string.
func (d *decoder) textValue() (string, error) {
	if d.space() != '"' {
		return "", d.fail("expected a string")
	}
	start := d.pos + 1
	end, escapes, err := d.str()
	if err != nil {
		return "", err
	}
	if escapes {
		return string(appendUnquoted(make([]byte, 0, end-start), d.data[start:end])), nil
	}
	return d.text[start:end], nil
}

// hash reads a SHA-256 in hexadecimal.
func (d *decoder) hash() (sum [sha256.Size]byte, err error) {
	d.space()
	start := d.pos
	s, err := d.textValue()
	if err != nil {
		return sum, err
	}
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(sum) || strings.ToLower(s) != s {
		d.pos = start
		return sum, d.fail("expected 64 hexadecimal digits in lower case")
	}
	return [sha256.Size]byte(b), nil
}

// timestamp reads the time of a stored line, in its one form.
func (d *decoder) timestamp() (time.Time, error) {
	d.space()
	start := d.pos
	s, err := d.textValue()
	if err != nil {
		return time.Time{}, err
	}
	t, ok := parseTime(s)
	if !ok {
		d.pos = start
		return time.Time{}, d.fail("expected a time like " + minTime)
	}
	return t, nil
}
