package sqlite

import (
	"encoding/binary"
	"errors"
	"math"
)

// varint reads a number of one to nine bytes and returns how many they are, 0
// where b is too short: seven bits a byte, the highest first, and all eight of the
// ninth.
func varint(b []byte) (int64, int) {
	var v uint64
	for i := range min(len(b), 9) {
		if i == 8 {
			return int64(v<<8 | uint64(b[i])), 9
		}
		v = v<<7 | uint64(b[i]&0x7f)
		if b[i] < 0x80 {
			return int64(v), i + 1
		}
	}
	return 0, 0
}

var errRecord = errors.New("its record is damaged")

// decodeRecord reads a record, which is the size of its header, the types of its
// values, and the values. It returns as many values as asked for: those that are
// not there are nil.
func decodeRecord(b []byte, columns int) ([]any, error) {
	size, n := varint(b)
	if n == 0 || size < int64(n) || size > int64(len(b)) {
		return nil, errRecord
	}
	types, body := b[n:size], b[size:]
	values := make([]any, columns)
	for i := 0; len(types) > 0; i++ {
		kind, n := varint(types)
		if n == 0 {
			return nil, errRecord
		}
		types = types[n:]
		value, width, ok := decodeValue(kind, body)
		if !ok {
			return nil, errRecord
		}
		body = body[width:]
		if i < columns {
			values[i] = value
		}
	}
	return values, nil
}

// widths are how many bytes a value of the first types has: null, whole numbers,
// a float, and the numbers 0 and 1.
var widths = [...]int{0, 1, 2, 3, 4, 6, 8, 8, 0, 0}

// decodeValue reads a value of a type from the beginning of b.
func decodeValue(kind int64, b []byte) (value any, width int, ok bool) {
	switch {
	case kind < 0 || kind == 10 || kind == 11:
		return nil, 0, false
	case kind >= 12:
		n := (kind - 12) / 2
		if n > int64(len(b)) {
			return nil, 0, false
		}
		if kind%2 == 1 {
			return string(b[:n]), int(n), true
		}
		return append([]byte{}, b[:n]...), int(n), true
	}
	width = widths[kind]
	if len(b) < width {
		return nil, 0, false
	}
	switch kind {
	case 0:
		return nil, 0, true
	case 7:
		return math.Float64frombits(binary.BigEndian.Uint64(b)), width, true
	case 8, 9:
		return kind - 8, 0, true
	}
	n := int64(int8(b[0]))
	for _, c := range b[1:width] {
		n = n<<8 | int64(c)
	}
	return n, width, true
}
