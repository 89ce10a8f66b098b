// Package jsonl is the objects of an answer: chosen fields of a record, and
// numbers of records. Whoever asks for the stored lines gets those, which are
// objects already.
package jsonl

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/etch-audit/etch"
)

// TimeForm is how times stand in what programs read, in UTC.
const TimeForm = "2006-01-02T15:04:05.000000Z"

// AppendFields appends an object of these fields of a record, named as in a
// [etch.Filter] and in the order given; null where one is absent.
func AppendFields(b []byte, r *etch.Record, names []string) ([]byte, error) {
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		value, _ := r.Field(name)
		if at, ok := value.(time.Time); ok {
			value = at.UTC().Format(TimeForm)
		}
		var err error
		if b, err = appendMember(b, name, value); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

// AppendCount appends an object of the values by which records were counted, each
// of the type of its field and null where it is empty, and of their number.
func AppendCount(b []byte, names []string, group etch.Group) ([]byte, error) {
	b = append(b, '{')
	for i, text := range group.Values {
		var value any
		switch kind := etch.FieldKind(names[i]); {
		case text == "":
		case kind == "number":
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return b, fmt.Errorf("count by %s: %w", names[i], err)
			}
			value = n
		case kind == "flag":
			value = text == "true"
		default:
			value = text
		}
		var err error
		if b, err = appendMember(b, names[i], value); err != nil {
			return b, err
		}
		b = append(b, ',')
	}
	b = append(b, `"count":`...)
	return append(strconv.AppendUint(b, group.Count, 10), '}'), nil
}

// appendMember appends a member of a JSON object.
func appendMember(b []byte, name string, value any) ([]byte, error) {
	for i, part := range []any{name, value} {
		text, err := json.Marshal(part)
		if err != nil {
			return b, err
		}
		if b = append(b, text...); i == 0 {
			b = append(b, ':')
		}
	}
	return b, nil
}
