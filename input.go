package etch

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/nearest"
)

// ParseInput reads an event as a user or a program gives it: one JSON object
// with the member names of the format, of which only event_type must be there.
// Null is absent. The error is a [*SyntaxError] that names the member, what
// was expected and, for an unknown name, the nearest known one.
//
// It is strict, so that nothing that somebody meant to record is dropped in
// silence: an unknown member, a wrong type, an unknown name, a member twice and
// a result's member without its type are errors. Members that the log writes
// itself cannot be given. timestamp may be RFC 3339 with any offset and
// precision, or Unix seconds in a string. Where result has success and no
// type, true stands for the type success, and false leaves the type absent.
func ParseInput(line []byte) (*Event, error) {
	d := newDecoder(bytes.Clone(line))
	d.input = true
	if d.space() != '{' {
		return nil, d.fail("expected an object")
	}
	if err := d.open(); err != nil {
		return nil, err
	}
	if err := d.members(&eventObject, true); err != nil {
		return nil, err
	}
	if err := d.finish(); err != nil {
		return nil, err
	}
	if err := d.checkInput(); err != nil {
		return nil, err
	}
	return &d.event, nil
}

// checkInput checks what only the whole event shows.
func (d *decoder) checkInput() error {
	if d.event.Type == "" {
		return d.failAt(0, "event_type", "is missing")
	}
	r := d.event.Result
	if r == nil {
		return nil
	}
	_, restored := r.Restored.Get()
	_, deleted := r.Deleted.Get()
	switch {
	case r.Reason != "" && r.Type != Blocked:
		return d.failAt(0, "result.reason", `expected only with the type "blocked"`)
	case r.Message != "" && r.Type != Error:
		return d.failAt(0, "result.message", `expected only with the type "error"`)
	case restored && r.Type != Rollback:
		return d.failAt(0, "result.restored", `expected only with the type "rollback"`)
	case deleted && r.Type != Rollback:
		return d.failAt(0, "result.deleted", `expected only with the type "rollback"`)
	}
	return nil
}

// unknown returns the error for a member that input cannot have.
func (d *decoder) unknown(o *object, name []byte, start int) error {
	path := o.name + string(name)
	switch path {
	case "seq", "signature", "truncated", "log":
		return d.failAt(start, path, "is written by the log and cannot be given")
	}
	return &SyntaxError{Offset: start, Member: path, Reason: "unknown member", Nearest: nearestMember(o, string(name))}
}

// nearestMember returns the path of the known member that name was probably
// meant for: the same name in another object, or a near one in the same.
func nearestMember(o *object, name string) string {
	for _, other := range objects {
		if other.find([]byte(name), 0) >= 0 {
			return other.name + name
		}
	}
	names := make([]string, len(o.members))
	for i, m := range o.members {
		names[i] = m.name
	}
	if near, ok := nearest.Word(name, names); ok {
		return o.name + near
	}
	return ""
}

// checkName checks a text that was just read, at start.
func (d *decoder) checkName(at any, start int) error {
	if t, ok := at.(*EventType); ok && t.IsControl() {
		return d.failAt(start, "event_type", "types that begin with log_ are reserved to the log")
	}
	err := checkName(at)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*NameError](err); ok {
		return &SyntaxError{Offset: start, Reason: e.reason(), Nearest: e.Nearest}
	}
	return err
}

// inputTime reads a time in one of the forms that input may have.
func (d *decoder) inputTime() (time.Time, error) {
	d.space()
	start := d.pos
	s, err := d.textValue()
	if err != nil {
		return time.Time{}, err
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return given(t.UTC()), nil
	}
	if t, ok := unixTime(s); ok {
		return t, nil
	}
	d.pos = start
	return time.Time{}, d.fail("expected a time like 2026-02-16T12:34:56Z, or Unix seconds in a string")
}

// given returns a time that somebody has given, as one that is not absent: the zero
// time is a nanosecond later, which is stored as the same.
func given(t time.Time) time.Time {
	if t.IsZero() {
		return t.Add(time.Nanosecond)
	}
	return t
}

// unixTime reads Unix seconds, as Zeph writes them, to the end of year 9999.
func unixTime(s string) (time.Time, bool) {
	const last = 253402300799
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > last || strings.HasPrefix(s, "+") {
		return time.Time{}, false
	}
	return time.Unix(n, 0).UTC(), true
}
