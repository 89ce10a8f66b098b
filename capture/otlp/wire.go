package otlp

import "encoding/binary"

// The wire format of protocol buffers, as far as OTLP needs it. The library's
// own reader of it opens and hashes the program's file whenever a process
// starts, which every hook of an agent would pay for.
//
// https://protobuf.dev/programming-guides/encoding/

// A wireType says how a field's value stands in the bytes.
type wireType uint8

const (
	wireVarint  wireType = 0
	wireFixed64 wireType = 1
	wireBytes   wireType = 2
	wireFixed32 wireType = 5
)

// A fault is an error that is made when the program is built: a package of a
// program that hooks start must cost nothing when it starts.
type fault string

// Error returns the fault's words.
func (f fault) Error() string { return string(f) }

const (
	errTruncated = fault("a field goes past the end of its message")
	errVarint    = fault("a number of more than 64 bits")
	errField     = fault("a field number or wire type that there is not")
	errType      = fault("a field of another type than its number says")
)

// A field is one field of a message: its bytes, or its number where the wire
// type is none of bytes.
type field struct {
	number uint64
	wire   wireType
	bytes  []byte
	bits   uint64
}

// nextField reads the field at the start of a message, and returns what follows it.
func nextField(b []byte) (f field, rest []byte, err error) {
	tag, b, err := nextVarint(b)
	if err != nil {
		return f, nil, err
	}
	f.number, f.wire = tag>>3, wireType(tag&7)
	if f.number == 0 || f.number >= 1<<29 {
		return f, nil, errField
	}
	switch f.wire {
	case wireVarint:
		f.bits, b, err = nextVarint(b)
		return f, b, err
	case wireFixed64:
		if len(b) < 8 {
			return f, nil, errTruncated
		}
		f.bits = binary.LittleEndian.Uint64(b)
		return f, b[8:], nil
	case wireFixed32:
		if len(b) < 4 {
			return f, nil, errTruncated
		}
		f.bits = uint64(binary.LittleEndian.Uint32(b))
		return f, b[4:], nil
	case wireBytes:
		n, b, err := nextVarint(b)
		if err != nil {
			return f, nil, err
		}
		if n > uint64(len(b)) {
			return f, nil, errTruncated
		}
		f.bytes = b[:n:n]
		return f, b[n:], nil
	}
	return f, nil, errField // groups are not of proto3
}

func nextVarint(b []byte) (uint64, []byte, error) {
	n, size := binary.Uvarint(b)
	switch {
	case size == 0:
		return 0, nil, errTruncated
	case size < 0:
		return 0, nil, errVarint
	}
	return n, b[size:], nil
}

// eachField calls f with the fields of a message, in their order, until it fails.
func eachField(message []byte, f func(field) error) error {
	for len(message) > 0 {
		next, rest, err := nextField(message)
		if err != nil {
			return err
		}
		if err := f(next); err != nil {
			return err
		}
		message = rest
	}
	return nil
}

// text returns the value of a string field.
func (f field) text() (string, error) {
	if f.wire != wireBytes {
		return "", errType
	}
	return valid(f.bytes), nil
}

// message returns the bytes of a field that is a message, or of bytes.
func (f field) message() ([]byte, error) {
	if f.wire != wireBytes {
		return nil, errType
	}
	return f.bytes, nil
}

// word returns the number of a field of a wire type.
func (f field) word(wire wireType) (uint64, error) {
	if f.wire != wire {
		return 0, errType
	}
	return f.bits, nil
}

func appendVarintField(dst []byte, number, n uint64) []byte {
	dst = binary.AppendUvarint(dst, number<<3|uint64(wireVarint))
	return binary.AppendUvarint(dst, n)
}

func appendBytesField(dst []byte, number uint64, b []byte) []byte {
	dst = binary.AppendUvarint(dst, number<<3|uint64(wireBytes))
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}
