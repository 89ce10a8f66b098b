package otlp

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/etch-audit/etch/capture/hook"
)

// OTLP/JSON is the JSON of protocol buffers, but for the ids of traces and spans,
// which are in hexadecimal digits, and enumerations, which are numbers.
//
// https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding

const (
	errJSON   = fault("no JSON")
	errObject = fault("no object")
	errList   = fault("no list")
	errString = fault("no string")
	errNumber = fault("no number that it could be")
	errID     = fault("no id in hexadecimal digits")
	errBase64 = fault("no bytes in base64")
)

// A signal names the members of a request of one kind of telemetry, from the
// outermost inwards, and what the answer calls items that were rejected.
type signal struct {
	resources, scopes, items string
	rejected                 string
}

var (
	logs   = signal{"resourceLogs", "scopeLogs", "logRecords", "rejectedLogRecords"}
	traces = signal{"resourceSpans", "scopeSpans", "spans", "rejectedSpans"}
)

// jsonScopes calls item with each item of a request, and with whom it comes
// from. It fails where what is above the items is broken, or is of another
// signal: items that were sent to the wrong place must not seem received.
func (s *signal) jsonScopes(body []byte, item func(*origin, json.RawMessage)) error {
	if !json.Valid(body) {
		return errJSON
	}
	request, err := jsonObject(bytes.TrimSpace(body))
	if err != nil {
		return err
	}
	if request.Len() > 0 && request.Get(s.resources) == nil {
		return fmt.Errorf("it has no %s", s.resources)
	}
	list, err := jsonList(request, s.resources)
	if err != nil {
		return err
	}
	for _, raw := range list {
		if err := s.jsonResource(raw, item); err != nil {
			return fmt.Errorf("%s: %w", s.resources, err)
		}
	}
	return nil
}

func (s *signal) jsonResource(raw json.RawMessage, item func(*origin, json.RawMessage)) error {
	p, err := jsonObject(raw)
	if err != nil {
		return err
	}
	resource, err := jsonMember(p, "resource")
	if err != nil {
		return err
	}
	left := budget(maxValues)
	own, err := jsonAttributes(resource, "attributes", &left, 0)
	if err != nil {
		return err
	}
	scopes, err := jsonList(p, s.scopes)
	if err != nil {
		return err
	}
	from := origin{resource: own.ofResource(), digest: digestOf(p.Get("resource"))}
	for _, raw := range scopes {
		if err := s.jsonScope(raw, from, item); err != nil {
			return fmt.Errorf("%s: %w", s.scopes, err)
		}
	}
	return nil
}

func (s *signal) jsonScope(raw json.RawMessage, resource origin, item func(*origin, json.RawMessage)) error {
	p, err := jsonObject(raw)
	if err != nil {
		return err
	}
	scope, err := jsonMember(p, "scope")
	if err != nil {
		return err
	}
	from := &resource
	from.digest = digestOf(resource.digest[:], p.Get("scope"))
	if from.scope, err = jsonText(scope, "name"); err != nil {
		return err
	}
	items, err := jsonList(p, s.items)
	if err != nil {
		return err
	}
	for _, raw := range items {
		item(from, raw)
	}
	return nil
}

// A jsonReader reads members of one item, and keeps the first error.
type jsonReader struct {
	hook.Payload
	left budget
	err  error
}

func (r *jsonReader) keep(name string, err error) {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: %w", name, err)
	}
}

func (r *jsonReader) text(name string) string {
	s, err := jsonText(r.Payload, name)
	r.keep(name, err)
	return s
}

func (r *jsonReader) time(name string) uint64 {
	n, err := jsonUint(r.Get(name))
	r.keep(name, err)
	return n
}

func (r *jsonReader) number(name string) int64 {
	n, err := jsonInt(r.Get(name))
	r.keep(name, err)
	return n
}

func (r *jsonReader) id(name string, size int) string {
	s, err := jsonID(r.Payload, name, size)
	r.keep(name, err)
	return s
}

func (r *jsonReader) attributes(name string) attributes {
	a, err := jsonAttributes(r.Payload, name, &r.left, 0)
	r.keep(name, err)
	return a
}

func newJSONReader(raw json.RawMessage) *jsonReader {
	r := &jsonReader{left: maxValues}
	r.Payload, r.err = jsonObject(raw)
	return r
}

// jsonLog reads a LogRecord.
func jsonLog(from *origin, raw json.RawMessage) (*logRecord, error) {
	r := newJSONReader(raw)
	l := &logRecord{
		origin: from, time: r.time("timeUnixNano"), observed: r.time("observedTimeUnixNano"), name: r.text("eventName"),
		attributes: r.attributes("attributes"), trace: r.id("traceId", 16), span: r.id("spanId", 8),
	}
	if body := r.Get("body"); body != nil {
		var err error
		l.body, err = jsonValue(body, &r.left, 0)
		r.keep("body", err)
	}
	return l, r.err
}

// jsonSpan reads a Span.
func jsonSpan(from *origin, raw json.RawMessage) (*span, error) {
	r := newJSONReader(raw)
	s := &span{
		origin: from, trace: r.id("traceId", 16), id: r.id("spanId", 8), name: r.text("name"), kind: r.number("kind"),
		start: r.time("startTimeUnixNano"), end: r.time("endTimeUnixNano"), attributes: r.attributes("attributes"),
	}
	events, err := jsonList(r.Payload, "events")
	r.keep("events", err)
	for _, raw := range events {
		r.keep("events", jsonSpanEvent(s, raw, &r.left))
	}
	status, err := jsonMember(r.Payload, "status")
	r.keep("status", err)
	s.message, err = jsonText(status, "message")
	r.keep("status", err)
	s.status, err = jsonInt(status.Get("code"))
	r.keep("status", err)
	return s, r.err
}

func jsonSpanEvent(s *span, raw json.RawMessage, left *budget) error {
	p, err := jsonObject(raw)
	if err != nil {
		return err
	}
	own, err := jsonAttributes(p, "attributes", left, 0)
	if err != nil {
		return err
	}
	name, err := jsonText(p, "name")
	s.excepted(name, own)
	return err
}

// jsonAttributes reads a list of KeyValue.
func jsonAttributes(p hook.Payload, name string, left *budget, depth int) (attributes, error) {
	list, err := jsonList(p, name)
	if err != nil {
		return nil, err
	}
	var out attributes
	for _, raw := range list {
		if err := left.spend(); err != nil {
			return nil, err
		}
		pair, err := jsonObject(raw)
		if err != nil {
			return nil, err
		}
		var a attribute
		if a.key, err = jsonText(pair, "key"); err != nil {
			return nil, err
		}
		if inner := pair.Get("value"); inner != nil {
			if a.value, err = jsonValue(inner, left, depth); err != nil {
				return nil, err
			}
		}
		out = append(out, a)
	}
	return out, nil
}

// jsonValue reads an AnyValue.
func jsonValue(raw json.RawMessage, left *budget, depth int) (v value, err error) {
	if depth > maxDepth {
		return v, errDepth
	}
	if err := left.spend(); err != nil {
		return v, err
	}
	p, err := jsonObject(raw)
	if err != nil {
		return v, err
	}
	switch {
	case p.Get("stringValue") != nil:
		v.kind = text
		v.text, err = jsonText(p, "stringValue")
	case p.Get("boolValue") != nil:
		v.kind = boolean
		if p.True("boolValue") {
			v.bits = 1
		}
	case p.Get("intValue") != nil:
		v.kind = integer
		var n int64
		n, err = jsonInt(p.Get("intValue"))
		v.bits = uint64(n)
	case p.Get("doubleValue") != nil:
		v.kind = double
		var n float64
		n, err = jsonFloat(p.Get("doubleValue"))
		v.bits = math.Float64bits(n)
	case p.Get("bytesValue") != nil:
		return jsonBinary(p)
	default:
		return jsonValues(p, left, depth)
	}
	return v, err
}

// jsonValues reads an ArrayValue or a KeyValueList; what is neither is absent.
func jsonValues(p hook.Payload, left *budget, depth int) (v value, err error) {
	if p.Get("kvlistValue") != nil {
		inner, err := jsonMember(p, "kvlistValue")
		if err != nil {
			return v, err
		}
		v.kind = object
		v.members, err = jsonAttributes(inner, "values", left, depth+1)
		return v, err
	}
	if p.Get("arrayValue") == nil {
		return v, nil
	}
	inner, err := jsonMember(p, "arrayValue")
	if err != nil {
		return v, err
	}
	elements, err := jsonList(inner, "values")
	v.kind = list
	for _, raw := range elements {
		element, err := jsonValue(raw, left, depth+1)
		if err != nil {
			return v, err
		}
		v.list = append(v.list, element)
	}
	return v, err
}

// jsonBinary reads bytes: with or without padding, of either alphabet.
func jsonBinary(p hook.Payload) (value, error) {
	s, err := jsonText(p, "bytesValue")
	if err != nil {
		return value{}, err
	}
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return value{}, errBase64
	}
	return encodeBinary(b), nil
}

func jsonObject(raw json.RawMessage) (hook.Payload, error) {
	if len(raw) == 0 || raw[0] != '{' {
		return hook.Payload{}, errObject
	}
	p, ok := hook.ParsePayload(raw)
	if !ok {
		return p, errObject
	}
	return p, nil
}

// jsonMember returns a member that is an object; an empty one where there is none.
func jsonMember(p hook.Payload, name string) (hook.Payload, error) {
	raw := p.Get(name)
	if raw == nil {
		return hook.Payload{}, nil
	}
	return jsonObject(raw)
}

// jsonList returns the elements of a member that is a list; none where there is none.
func jsonList(p hook.Payload, name string) ([]json.RawMessage, error) {
	raw := p.Get(name)
	if raw == nil {
		return nil, nil
	}
	if raw[0] != '[' {
		return nil, errList
	}
	return hook.Elements(raw), nil
}

func jsonText(p hook.Payload, name string) (string, error) {
	raw := p.Get(name)
	if raw == nil {
		return "", nil
	}
	s, ok := hook.Text(raw)
	if !ok {
		return "", errString
	}
	return s, nil
}

// jsonID returns an id in small letters, and "" for one that is invalid: of
// another length, or all zeros.
func jsonID(p hook.Payload, name string, size int) (string, error) {
	s, err := jsonText(p, name)
	if err != nil {
		return "", err
	}
	if _, err := hex.DecodeString(s); err != nil {
		return "", errID
	}
	if len(s) != 2*size || strings.Trim(s, "0") == "" {
		return "", nil
	}
	return strings.ToLower(s), nil
}

// digits returns how a number is written, which may stand in a string.
func digits(raw json.RawMessage) string {
	if s, ok := hook.Text(raw); ok {
		return s
	}
	return string(raw)
}

func jsonUint(raw json.RawMessage) (uint64, error) {
	if raw == nil {
		return 0, nil
	}
	n, err := strconv.ParseUint(digits(raw), 10, 64)
	if err != nil {
		return 0, errNumber
	}
	return n, nil
}

func jsonInt(raw json.RawMessage) (int64, error) {
	if raw == nil {
		return 0, nil
	}
	n, err := strconv.ParseInt(digits(raw), 10, 64)
	if err != nil {
		return 0, errNumber
	}
	return n, nil
}

func jsonFloat(raw json.RawMessage) (float64, error) {
	n, err := strconv.ParseFloat(digits(raw), 64)
	if err != nil {
		return 0, errNumber
	}
	return n, nil
}
