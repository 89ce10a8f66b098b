// Package zephlog is the line of Zeph's audit log, as an event and back.
//
// A line is one object: an entry, which is one step of a tool call, or an
// egress record, which is one hop of an HTTP request and has the member "kind".
// The order of the members and which of them are left out are those of Zeph's
// serializer (serde_json over its structs AuditEntry and EgressEvent, versions
// 0.18 to 0.22). Reading goes by name alone: the order has changed before.
//
// [Parse] and [Append] go by one table, so that what the first reads the second
// writes. A member that an event has no place for, or none for its value, is
// kept in the label of its name behind [LabelPrefix]: as its text where Zeph has
// a string, as its JSON otherwise.
package zephlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/etch-audit/etch"
)

// LabelPrefix begins the labels that hold members without a place.
const LabelPrefix = "zeph_"

// Agent is what events of Zeph have as their agent.
const Agent = "zeph"

// A kind is what a member's value is in Zeph.
type kind int

const (
	text     kind = iota // a string
	verbatim             // anything else
)

// A member is one member of a record and its place in an event.
type member struct {
	name     string
	kind     kind
	required bool
	// take puts the value into the event and reports whether it has a place
	// there. The value is JSON.
	take func(e *etch.Event, value []byte) bool
	// give appends the value as JSON; nothing where it is to be left out. Where
	// there is a label for the member, that is written instead.
	give func(dst []byte, e *etch.Event) []byte
}

// Parse returns what one line tells. The line must be exactly one object, as
// Zeph has written them: with the members that it always writes, of their types,
// and none of them twice. The event is new and passes Validate; where the time
// is none that an event can have, Timestamp is zero.
func Parse(line []byte) (*etch.Event, error) {
	found, err := split(line)
	if err != nil {
		return nil, err
	}
	e := &etch.Event{Actor: &etch.Actor{Agent: Agent}, Action: &etch.Action{}, Result: &etch.Result{}, Security: &etch.Security{}}
	table := entryMembers.Get()
	if _, egress := find(found, "kind"); egress {
		table = egressMembers.Get()
		e.Type, e.Egress = etch.NetworkEgress, &etch.Egress{}
	}
	if err := takeAll(e, table, found); err != nil {
		return nil, err
	}
	if e.Egress != nil {
		settleEgress(e)
	} else {
		settleEntry(e)
	}
	return e, nil
}

// takeAll puts the members where they belong.
func takeAll(e *etch.Event, table []member, found []pair) error {
	for i := range table {
		m := &table[i]
		value, ok := find(found, m.name)
		switch {
		case !ok && m.required:
			return fmt.Errorf("%q is missing", m.name)
		case !ok || !m.required && string(value) == "null" || m.take(e, value):
		case m.required && m.kind == text && value[0] != '"':
			return fmt.Errorf("%q is not a string", m.name)
		default:
			label(e, m, value)
		}
	}
	for _, p := range found {
		if !known(table, p.name) {
			setLabel(e, p.name, string(p.value))
		}
	}
	return checkRequired(e)
}

// errResult, errDuration say what makes a line no record of Zeph's.
var (
	errResult   = errors.New(`"result" is not an object with a "type"`)
	errDuration = errors.New(`"duration_ms" is not a whole number`)
)

// checkRequired returns an error where a member that Zeph always writes had to
// go into a label and is not even of the type that Zeph writes.
func checkRequired(e *etch.Event) error {
	if value, ok := e.Labels[LabelPrefix+"result"]; ok && e.Egress == nil {
		found, err := split([]byte(value))
		if kind, ok := find(found, "type"); err != nil || !ok || kind[0] != '"' {
			return errResult
		}
	}
	if value, ok := e.Labels[LabelPrefix+"duration_ms"]; ok && !isCount(value) {
		return errDuration
	}
	return nil
}

func isCount(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func known(table []member, name string) bool {
	for i := range table {
		if table[i].name == name {
			return true
		}
	}
	return false
}

// label keeps a member that has no place.
func label(e *etch.Event, m *member, value []byte) {
	if s, ok := unquote(value); ok && m.kind == text {
		setLabel(e, m.name, s)
		return
	}
	setLabel(e, m.name, string(value))
}

func setLabel(e *etch.Event, name, value string) {
	if e.Labels == nil {
		e.Labels = map[string]string{}
	}
	e.Labels[LabelPrefix+name] = value
}

// Append appends the line of an event, without a line feed, and reports whether
// Zeph has one for it: it has for what has an action or an egress.
func Append(dst []byte, e *etch.Event) ([]byte, bool) {
	table := entryMembers.Get()
	switch {
	case e.Egress != nil:
		table = egressMembers.Get()
	case e.Action == nil:
		return dst, false
	}
	dst = append(dst, '{')
	start := len(dst)
	labelled := hasOwn(e.Labels)
	for i := range table {
		dst = appendMember(dst, start, &table[i], e, labelled)
	}
	if !labelled {
		return append(dst, '}'), true
	}
	for _, name := range extra(e.Labels, table) {
		dst = appendName(dst, start, name)
		dst = appendRaw(dst, e.Labels[LabelPrefix+name])
	}
	return append(dst, '}'), true
}

// hasOwn reports whether any label holds a member.
func hasOwn(labels map[string]string) bool {
	for name := range labels {
		if strings.HasPrefix(name, LabelPrefix) {
			return true
		}
	}
	return false
}

// appendMember appends a member, with its comma, unless it is left out. labelled
// says whether labels are to be looked at.
func appendMember(dst []byte, start int, m *member, e *etch.Event, labelled bool) []byte {
	before := len(dst)
	dst = appendName(dst, start, m.name)
	value := len(dst)
	kept, ok := "", false
	if labelled {
		kept, ok = e.Labels[LabelPrefix+m.name]
	}
	switch {
	case !ok:
		dst = m.give(dst, e)
	case m.kind == text:
		dst = appendString(dst, kept)
	default:
		dst = appendRaw(dst, kept)
	}
	if len(dst) == value {
		return dst[:before]
	}
	return dst
}

func appendName(dst []byte, start int, name string) []byte {
	if len(dst) > start {
		dst = append(dst, ',')
	}
	return append(appendString(dst, name), ':')
}

// appendRaw appends the JSON of a label. What is none, since a secret in it was
// masked, or it is somebody else's label, becomes a string.
func appendRaw(dst []byte, value string) []byte {
	if !json.Valid([]byte(value)) || strings.ContainsAny(value, "\r\n") {
		return appendString(dst, value)
	}
	return append(dst, value...)
}

// beginning is what all of Zeph's records begin with. Inside of a string it
// cannot stand: its quotation marks would be escaped.
const beginning = `{"timestamp":"`

// Begins returns the first place of a line where a record may begin, -1 for none.
func Begins(line []byte) int { return bytes.Index(line, []byte(beginning)) }

// LastBegins returns the last such place, -1 for none.
func LastBegins(line []byte) int { return bytes.LastIndex(line, []byte(beginning)) }
