package otlp

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The encoders here are the tests' own: what they write, both readers must read
// as the same.

func (v value) proto() []byte {
	switch v.kind {
	case text:
		return appendBytesField(nil, 1, []byte(v.text))
	case boolean:
		return appendVarintField(nil, 2, v.bits)
	case integer:
		return appendVarintField(nil, 3, v.bits)
	case double:
		return appendFixed64(nil, 4, v.bits)
	case binary64:
		b, err := base64.StdEncoding.DecodeString(v.text)
		if err != nil {
			panic(err)
		}
		return appendBytesField(nil, 7, b)
	case list:
		var out []byte
		for _, element := range v.list {
			out = appendBytesField(out, 1, element.proto())
		}
		return appendBytesField(nil, 5, out)
	case object:
		return appendBytesField(nil, 6, v.members.proto(1))
	}
	return nil
}

func (a attributes) proto(number uint64) []byte {
	var out []byte
	for _, pair := range a {
		inner := appendBytesField(nil, 1, []byte(pair.key))
		inner = appendBytesField(inner, 2, pair.value.proto())
		out = appendBytesField(out, number, inner)
	}
	return out
}

func appendFixed64(dst []byte, number, n uint64) []byte {
	dst = binary.AppendUvarint(dst, number<<3|uint64(wireFixed64))
	return binary.LittleEndian.AppendUint64(dst, n)
}

func (v value) otlpJSON() any {
	switch v.kind {
	case text:
		return map[string]any{"stringValue": v.text}
	case boolean:
		return map[string]any{"boolValue": v.bits != 0}
	case integer:
		return map[string]any{"intValue": strconv.FormatInt(int64(v.bits), 10)}
	case double:
		return map[string]any{"doubleValue": math.Float64frombits(v.bits)}
	case binary64:
		return map[string]any{"bytesValue": v.text}
	case list:
		values := []any{}
		for _, element := range v.list {
			values = append(values, element.otlpJSON())
		}
		return map[string]any{"arrayValue": map[string]any{"values": values}}
	case object:
		return map[string]any{"kvlistValue": map[string]any{"values": v.members.otlpJSON()}}
	}
	return map[string]any{}
}

func (a attributes) otlpJSON() []any {
	out := []any{}
	for _, pair := range a {
		out = append(out, map[string]any{"key": pair.key, "value": pair.value.otlpJSON()})
	}
	return out
}

func (s *span) proto(t testing.TB) []byte {
	t.Helper()
	var out []byte
	for number, id := range map[uint64]string{1: s.trace, 2: s.id} {
		b, err := hex.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		out = appendBytesField(out, number, b)
	}
	out = appendBytesField(out, 5, []byte(s.name))
	out = appendVarintField(out, 6, uint64(s.kind))
	out = appendFixed64(out, 7, s.start)
	out = appendFixed64(out, 8, s.end)
	out = append(out, s.attributes.proto(9)...)
	out = appendVarintField(out, 10, 3) // dropped_attributes_count
	exception := attributes{{"exception.message", value{kind: text, text: s.exception}}}
	out = appendBytesField(out, 11, append(appendBytesField(nil, 2, []byte("exception")), exception.proto(3)...))
	return appendBytesField(out, 15, appendVarintField(appendBytesField(nil, 2, []byte(s.message)), 3, uint64(s.status)))
}

func (s *span) otlpJSON() any {
	return map[string]any{
		"traceId": s.trace, "spanId": s.id, "name": s.name, "kind": s.kind, "droppedAttributesCount": 3, "newField": []int{1},
		"startTimeUnixNano": strconv.FormatUint(s.start, 10), "endTimeUnixNano": strconv.FormatUint(s.end, 10),
		"attributes": s.attributes.otlpJSON(), "status": map[string]any{"message": s.message, "code": s.status},
		"events": []any{map[string]any{"name": "exception", "attributes": attributes{{"exception.message", value{kind: text, text: s.exception}}}.otlpJSON()}},
	}
}

func randomValue(rng *rand.Rand, depth int) value {
	kinds := 8
	if depth == 0 {
		kinds = 6
	}
	switch k := kind(rng.IntN(kinds)); k {
	case text:
		return value{kind: text, text: randomText(rng)}
	case boolean:
		return value{kind: boolean, bits: rng.Uint64N(2)}
	case integer:
		return value{kind: integer, bits: rng.Uint64()}
	case double:
		return value{kind: double, bits: math.Float64bits(rng.NormFloat64())}
	case binary64:
		return encodeBinary([]byte(randomText(rng)))
	case list:
		v := value{kind: list}
		for range rng.IntN(4) {
			v.list = append(v.list, randomValue(rng, depth-1))
		}
		return v
	case object:
		return value{kind: object, members: randomAttributes(rng, depth-1)}
	}
	return value{}
}

func randomAttributes(rng *rand.Rand, depth int) attributes {
	var out attributes
	for range rng.IntN(4) {
		out = append(out, attribute{randomText(rng), randomValue(rng, depth)})
	}
	return out
}

func randomText(rng *rand.Rand) string {
	letters := []rune("ab\"\\\n\x00<é\u2028😀")
	var out []rune
	for range rng.IntN(6) {
		out = append(out, letters[rng.IntN(len(letters))])
	}
	return string(out)
}

func TestBothEncodingsReadTheSame(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	opt := cmp.AllowUnexported(span{}, origin{}, value{}, attribute{})
	for range 500 {
		want := &span{
			origin: &origin{}, trace: fmt.Sprintf("%032x", 1+rng.Uint64N(1<<60)), id: fmt.Sprintf("%016x", 1+rng.Uint64N(1<<60)), name: randomText(rng),
			kind: rng.Int64N(6), start: rng.Uint64(), end: rng.Uint64(), attributes: randomAttributes(rng, 5), exception: randomText(rng),
			status: rng.Int64N(3), message: randomText(rng),
		}
		fromProto, err := protoSpan(want.origin, want.proto(t))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, fromProto, opt); d != "" {
			t.Errorf("protobuf (-want +got):\n%s", d)
		}
		raw, err := json.Marshal(want.otlpJSON())
		if err != nil {
			t.Fatal(err)
		}
		fromJSON, err := jsonSpan(want.origin, raw)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, fromJSON, opt); d != "" {
			t.Errorf("JSON (-want +got):\n%s\n%s", d, raw)
		}
		for _, a := range fromJSON.attributes {
			if out := a.value.appendJSON(nil); !json.Valid(out) {
				t.Errorf("%+v is written as %s", a.value, out)
			}
		}
	}
}

// nested returns a list in a list, so deep.
func nested(depth int) value {
	v := value{kind: text, text: "x"}
	for range depth {
		v = value{kind: list, list: []value{v}}
	}
	return v
}

func TestLimitsOfAnItem(t *testing.T) {
	wide := func(n int) value { return value{kind: list, list: make([]value, n)} }
	for name, c := range map[string]struct {
		value value
		want  error
	}{
		"deep":      {nested(maxDepth), nil},
		"too deep":  {nested(maxDepth + 1), errDepth},
		"abyss":     {nested(2000), errDepth},
		"wide":      {wide(maxValues - 4), nil},
		"too wide":  {wide(maxValues - 3), errValues},
		"wide deep": {value{kind: list, list: []value{wide(maxValues / 2), wide(maxValues / 2)}}, errValues},
	} {
		s := &span{trace: "01", id: "02", attributes: attributes{{"a", c.value}}}
		if _, err := protoSpan(&origin{}, s.proto(t)); !errors.Is(err, c.want) {
			t.Errorf("%s as protobuf: got %v, want %v", name, err, c.want)
		}
		raw, err := json.Marshal(s.otlpJSON())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jsonSpan(&origin{}, raw); !errors.Is(err, c.want) {
			t.Errorf("%s as JSON: got %v, want %v", name, err, c.want)
		}
	}
}

func TestBrokenWire(t *testing.T) {
	huge := binary.AppendUvarint([]byte{9<<3 | 2}, math.MaxUint64)
	for name, c := range map[string]struct {
		message []byte
		want    error
	}{
		"cut tag":          {[]byte{0x80}, errTruncated},
		"cut length":       {[]byte{9<<3 | 2}, errTruncated},
		"length one past":  {[]byte{9<<3 | 2, 2, 1}, errTruncated},
		"field 2^29":       {binary.AppendUvarint(nil, 1<<32), errField},
		"length past end":  {[]byte{9<<3 | 2, 5, 1}, errTruncated},
		"length of 2^64":   {huge, errTruncated},
		"cut fixed64":      {[]byte{7<<3 | 1, 1, 2}, errTruncated},
		"cut fixed32":      {[]byte{16<<3 | 5, 1, 2}, errTruncated},
		"field 0":          {[]byte{2, 0}, errField},
		"group":            {[]byte{9<<3 | 3}, errField},
		"varint of 11":     {[]byte{6 << 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}, errVarint},
		"name as number":   {[]byte{5 << 3, 1}, errType},
		"time as bytes":    {[]byte{7<<3 | 2, 1, 1}, errType},
		"kind as fixed":    {[]byte{6<<3 | 1, 1, 2, 3, 4, 5, 6, 7, 8}, errType},
		"id as number":     {[]byte{1 << 3, 1}, errType},
		"attribute as one": {[]byte{9 << 3, 1}, errType},
		"unknown field":    {[]byte{14 << 3, 1, 8<<3 | 1, 1, 0, 0, 0, 0, 0, 0, 0}, nil},
	} {
		if _, err := protoSpan(&origin{}, c.message); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestJSONForms(t *testing.T) {
	read := func(raw string) (value, error) {
		left := budget(maxValues)
		return jsonValue(json.RawMessage(raw), &left, 0)
	}
	for raw, want := range map[string]value{
		`{"intValue":5}`:                         {kind: integer, bits: 5},
		`{"intValue":"-9223372036854775808"}`:    {kind: integer, bits: 1 << 63},
		`{"doubleValue":"NaN"}`:                  {kind: double, bits: math.Float64bits(math.NaN())},
		`{"doubleValue":"-Infinity"}`:            {kind: double, bits: math.Float64bits(math.Inf(-1))},
		`{"bytesValue":"-_8"}`:                   {kind: binary64, text: "+/8="},
		`{"bytesValue":"+/8="}`:                  {kind: binary64, text: "+/8="},
		`{"stringValue":""}`:                     {kind: text},
		`{"stringValue":null}`:                   {},
		`{"futureValue":{"a":1}}`:                {},
		`{"arrayValue":{}}`:                      {kind: list},
		`{"stringValue":"\ud800 half a letter"}`: {kind: text, text: "\uFFFD half a letter"},
	} {
		if got, err := read(raw); err != nil || !cmp.Equal(got, want, cmp.AllowUnexported(value{}, attribute{})) {
			t.Errorf("%s: got %+v, %v, want %+v", raw, got, err, want)
		}
	}
	for raw, want := range map[string]error{
		`{"intValue":1.5}`: errNumber, `{"intValue":"9223372036854775808"}`: errNumber, `{"intValue":true}`: errNumber, `{"doubleValue":"x"}`: errNumber,
		`{"bytesValue":"!"}`: errBase64, `{"stringValue":1}`: errString, `{"arrayValue":[]}`: errObject, `{"kvlistValue":{"values":{}}}`: errList, `7`: errObject,
	} {
		if _, err := read(raw); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", raw, err, want)
		}
	}
}

// TestDeepText wants JSON in a text to be taken for JSON as deep as values may
// be, and brackets inside its strings not to count.
func TestDeepText(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for s, want := range map[string]bool{
		deep(maxDepth): true, deep(maxDepth + 1): false, `{"a":"` + strings.Repeat("[", 99) + `"}`: true, `{"a":"\"` + strings.Repeat("[", 99) + `"}`: true,
		`{"a":"\\"` + strings.Repeat(`,"b":[`, maxDepth) + strings.Repeat("]", maxDepth) + "}": false, `[` + strings.Repeat("[],", 99) + `[]]`: true,
	} {
		if got := shallow(s); got != want {
			t.Errorf("%s: got %v, want %v", s, got, want)
		}
	}
	if got := input(value{kind: text, text: deep(maxDepth + 1)}); !strings.HasPrefix(string(got), `{"input":"{\"a\":`) {
		t.Errorf("got %s, want it as a text", got)
	}
}
