package etch

import "math/bits"

// Eight bytes are looked at at a time. lows and highs have the lowest and the
// highest bit of each byte set.
const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainPrefix returns how many bytes at the start of s stand for themselves in
// a JSON string: ASCII without control characters, quotation mark and
// backslash.
func plainPrefix[T string | []byte](s T) int {
	if len(s) < 8 {
		return shortPlainPrefix(s)
	}
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if m := notPlain(load8(s[i : i+8])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	// The last eight bytes; those that were looked at before were plain.
	i = len(s) - 8
	if m := notPlain(load8(s[i:])); m != 0 {
		return i + bits.TrailingZeros64(m)/8
	}
	return len(s)
}

// shortPlainPrefix is plainPrefix for less than eight bytes.
func shortPlainPrefix[T string | []byte](s T) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
			return i
		}
	}
	return len(s)
}

// load8 returns eight bytes as a little-endian word; the compiler makes one
// load of it.
func load8[T string | []byte](b T) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// notPlain returns a word whose lowest set bit is the highest bit of the first
// byte of w (little endian) that is not plain; it is 0 where all are. A
// subtraction borrows from the bytes above only where it has found one, so
// bits above the lowest mean nothing.
func notPlain(w uint64) uint64 {
	control := w - lows*' '
	quote := w ^ lows*'"' - lows
	backslash := w ^ lows*'\\' - lows
	return (control | quote | backslash | w) & highs
}
