package auditslog

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"time"
)

// textOf returns a value as text: what an error or a Stringer says of itself, times
// by RFC 3339, what has no text of its own as JSON.
func textOf(v slog.Value) string {
	switch v.Kind() {
	case slog.KindTime:
		return v.Time().Format(time.RFC3339Nano)
	case slog.KindGroup:
		return string(jsonOf(v))
	case slog.KindAny:
		return textOfAny(v.Any())
	default:
		return v.String()
	}
}

// textOfAny asks a value for its text. What it panics with is told instead, as
// package slog does: an event is worth more than one attribute of it.
func textOfAny(v any) (s string) {
	of := reflect.ValueOf(v)
	defer func() {
		cause := recover()
		switch {
		case cause == nil:
		case of.Kind() == reflect.Pointer && of.IsNil():
			s = "null"
		default:
			s = fmt.Sprintf("!PANIC: %v", cause)
		}
	}()
	switch v := v.(type) {
	case error:
		return v.Error()
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		if err != nil {
			return "!ERROR: " + err.Error()
		}
		return string(text)
	case fmt.Stringer:
		return v.String()
	case []byte:
		return string(v)
	}
	if of.Kind() == reflect.String {
		return of.String()
	}
	if text, err := marshal(v); err == nil {
		return string(text)
	}
	return fmt.Sprintf("%+v", v)
}

// jsonOf returns a value as JSON. A text that is an object or an array already stays.
func jsonOf(v slog.Value) []byte {
	v = v.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		return jsonOfGroup(v.Group())
	case slog.KindString:
		text := []byte(v.String())
		if start := bytes.TrimLeft(text, " \t\r\n"); len(start) > 0 && (start[0] == '{' || start[0] == '[') && json.Valid(text) {
			return text
		}
	case slog.KindBool, slog.KindInt64, slog.KindUint64, slog.KindFloat64:
		if text, err := marshal(v.Any()); err == nil {
			return text
		}
	case slog.KindAny:
		if text, err := marshalAny(v.Any()); err == nil {
			return text
		}
	}
	text, _ := marshal(textOf(v)) // a string has no error
	return text
}

// jsonOfGroup keeps the order of the attributes.
func jsonOfGroup(group []slog.Attr) []byte {
	out := []byte{'{'}
	for _, a := range group {
		if len(out) > 1 {
			out = append(out, ',')
		}
		name, _ := marshal(a.Key) // a string has no error
		out = append(append(append(out, name...), ':'), jsonOf(a.Value)...)
	}
	return append(out, '}')
}

// marshalAny encodes a value whose methods may panic. An error is its text.
func marshalAny(v any) (text []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	if _, ok := v.(json.Marshaler); !ok {
		if e, ok := v.(error); ok {
			v = e.Error()
		}
	}
	return marshal(v)
}

// marshal is json.Marshal that leaves <, > and & as they are: a command with them is
// looked for as it was written.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
