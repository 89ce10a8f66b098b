package otlp

import (
	"bytes"
	"encoding/hex"
	"fmt"
)

// The messages of opentelemetry-proto 1.x, by their field numbers. A field of
// an unknown number is skipped; one of another type than its number says makes
// the message that it is in a broken one.

// protoScopes calls item with each item of a request, and with whom it comes
// from. It fails where the bytes above the items are broken: then nobody knows
// what is an item.
func protoScopes(body []byte, item func(*origin, []byte)) error {
	return eachField(body, func(f field) error {
		if f.number != 1 { // resource_logs, resource_spans
			return nil
		}
		message, err := f.message()
		if err != nil {
			return err
		}
		return protoResource(message, item)
	})
}

// protoResource reads ResourceLogs or ResourceSpans. The resource may stand
// behind what it is the resource of.
func protoResource(message []byte, item func(*origin, []byte)) error {
	var resource attributes
	var sent [][]byte
	left := budget(maxValues)
	err := eachField(message, func(f field) error {
		if f.number != 1 { // resource
			return nil
		}
		inner, err := f.message()
		if err != nil {
			return err
		}
		sent = append(sent, inner)
		return eachField(inner, func(f field) error {
			if f.number != 1 { // attributes
				return nil
			}
			return protoAttribute(&resource, f, &left, 0)
		})
	})
	if err != nil {
		return fmt.Errorf("resource: %w", err)
	}
	from := origin{resource: resource.ofResource(), digest: digestOf(sent...)}
	return eachField(message, func(f field) error {
		if f.number != 2 { // scope_logs, scope_spans
			return nil
		}
		inner, err := f.message()
		if err != nil {
			return err
		}
		return protoScope(inner, from, item)
	})
}

// protoScope reads ScopeLogs or ScopeSpans.
func protoScope(message []byte, resource origin, item func(*origin, []byte)) error {
	from := &resource
	sent := [][]byte{resource.digest[:]}
	err := eachField(message, func(f field) error {
		if f.number != 1 { // scope
			return nil
		}
		inner, err := f.message()
		if err != nil {
			return err
		}
		sent = append(sent, inner)
		return eachField(inner, func(f field) (err error) {
			if f.number == 1 { // name
				from.scope, err = f.text()
			}
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("scope: %w", err)
	}
	from.digest = digestOf(sent...)
	return eachField(message, func(f field) error {
		if f.number != 2 { // log_records, spans
			return nil
		}
		inner, err := f.message()
		if err != nil {
			return err
		}
		item(from, inner)
		return nil
	})
}

// protoLog reads a LogRecord.
func protoLog(from *origin, message []byte) (*logRecord, error) {
	r := &logRecord{origin: from}
	left := budget(maxValues)
	err := eachField(message, func(f field) (err error) {
		switch f.number {
		case 1:
			r.time, err = f.word(wireFixed64)
		case 11:
			r.observed, err = f.word(wireFixed64)
		case 5:
			r.body, err = protoValueField(f, &left, 0)
		case 6:
			err = protoAttribute(&r.attributes, f, &left, 0)
		case 9:
			r.trace, err = protoID(f, 16)
		case 10:
			r.span, err = protoID(f, 8)
		case 12:
			r.name, err = f.text()
		}
		return err
	})
	return r, err
}

// protoSpan reads a Span.
func protoSpan(from *origin, message []byte) (*span, error) {
	s := &span{origin: from}
	left := budget(maxValues)
	err := eachField(message, func(f field) (err error) {
		switch f.number {
		case 1:
			s.trace, err = protoID(f, 16)
		case 2:
			s.id, err = protoID(f, 8)
		case 5:
			s.name, err = f.text()
		case 6:
			var n uint64
			n, err = f.word(wireVarint)
			s.kind = int64(n)
		case 7:
			s.start, err = f.word(wireFixed64)
		case 8:
			s.end, err = f.word(wireFixed64)
		case 9:
			err = protoAttribute(&s.attributes, f, &left, 0)
		case 11:
			err = protoSpanEvent(s, f, &left)
		case 15:
			err = protoStatus(s, f)
		}
		return err
	})
	return s, err
}

// protoSpanEvent reads an Event of a span: the message of an exception is all
// that is wanted of it.
func protoSpanEvent(s *span, f field, left *budget) error {
	message, err := f.message()
	if err != nil {
		return err
	}
	var name string
	var own attributes
	err = eachField(message, func(f field) (err error) {
		switch f.number {
		case 2:
			name, err = f.text()
		case 3:
			err = protoAttribute(&own, f, left, 0)
		}
		return err
	})
	s.excepted(name, own)
	return err
}

func protoStatus(s *span, f field) error {
	message, err := f.message()
	if err != nil {
		return err
	}
	return eachField(message, func(f field) (err error) {
		switch f.number {
		case 2:
			s.message, err = f.text()
		case 3:
			var n uint64
			n, err = f.word(wireVarint)
			s.status = int64(n)
		}
		return err
	})
}

// protoID reads an id, and returns "" for one that is invalid: of another
// length, or all zeros.
func protoID(f field, size int) (string, error) {
	id, err := f.message()
	if err != nil || len(id) != size || len(bytes.TrimLeft(id, "\x00")) == 0 {
		return "", err
	}
	return hex.EncodeToString(id), nil
}

// protoAttribute appends a KeyValue.
func protoAttribute(to *attributes, f field, left *budget, depth int) error {
	message, err := f.message()
	if err != nil {
		return err
	}
	if err := left.spend(); err != nil {
		return err
	}
	var a attribute
	err = eachField(message, func(f field) (err error) {
		switch f.number {
		case 1:
			a.key, err = f.text()
		case 2:
			a.value, err = protoValueField(f, left, depth)
		}
		return err
	})
	*to = append(*to, a)
	return err
}

func protoValueField(f field, left *budget, depth int) (value, error) {
	message, err := f.message()
	if err != nil {
		return value{}, err
	}
	return protoValue(message, left, depth)
}

// protoValue reads an AnyValue. Of several kinds of value in it the last counts.
func protoValue(message []byte, left *budget, depth int) (v value, err error) {
	if depth > maxDepth {
		return v, errDepth
	}
	if err := left.spend(); err != nil {
		return v, err
	}
	err = eachField(message, func(f field) error {
		read, err := protoOneOf(f, left, depth)
		if read.kind != absent {
			v = read
		}
		return err
	})
	return v, err
}

// protoOneOf reads one field of an AnyValue; an unknown one is absent.
func protoOneOf(f field, left *budget, depth int) (v value, err error) {
	switch f.number {
	case 1:
		v.kind = text
		v.text, err = f.text()
	case 2:
		v.kind = boolean
		v.bits, err = f.word(wireVarint)
		v.bits = min(v.bits, 1)
	case 3:
		v.kind = integer
		v.bits, err = f.word(wireVarint)
	case 4:
		v.kind = double
		v.bits, err = f.word(wireFixed64)
	case 5, 6:
		return protoValues(f, left, depth)
	case 7:
		var b []byte
		b, err = f.message()
		v = encodeBinary(b)
	}
	return v, err
}

// protoValues reads an ArrayValue or a KeyValueList.
func protoValues(f field, left *budget, depth int) (value, error) {
	v := value{kind: list}
	if f.number == 6 {
		v.kind = object
	}
	message, err := f.message()
	if err != nil {
		return v, err
	}
	err = eachField(message, func(f field) error {
		if f.number != 1 { // values
			return nil
		}
		if v.kind == object {
			return protoAttribute(&v.members, f, left, depth+1)
		}
		element, err := protoValueField(f, left, depth+1)
		v.list = append(v.list, element)
		return err
	})
	return v, err
}
