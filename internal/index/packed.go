package index

import "encoding/binary"

// slack is what must lie in a buffer behind packed values, so that the last of
// them can be loaded as eight bytes.
const slack = 8

// A packed is an array of values of one width, at most 32 bits each.
type packed struct {
	b     []byte // and slack
	width uint
}

// newPacked returns the values in b, whose capacity must leave room for slack.
func newPacked(b []byte, width uint) packed { return packed{b[:len(b)+slack], width} }

func (p packed) at(i int) uint32 {
	bit := uint(i) * p.width
	return uint32(binary.LittleEndian.Uint64(p.b[bit>>3:]) >> (bit & 7) & (1<<p.width - 1))
}

// sum returns the sum of the values from i to before n.
func (p packed) sum(i, n int) (total int64) {
	if p.width <= maxScan4 {
		width, mask := p.width&63, uint64(1)<<(p.width&63)-1
		for bit := uint(i) * p.width; i+4 <= n; i += 4 {
			four := binary.LittleEndian.Uint64(p.b[bit>>3:]) >> (bit & 7)
			total += int64(four&mask + four>>width&mask + four>>(2*width)&mask + four>>(3*width)&mask)
			bit += 4 * width
		}
	}
	for ; i < n; i++ {
		total += int64(p.at(i))
	}
	return total
}

// scan adds to r, which is empty, which of its rows' values are hit, by a table of
// all that the width allows, at most 16 bits of it. Of those that are not within it
// need not tell; nil are all. It returns r.
func (p packed) scan(r *Rows, hit []uint8, within *Rows) *Rows {
	n := r.n
	for i := range r.may {
		if within != nil && within.may[i] == 0 {
			continue
		}
		if n-i*64 >= 64 && p.width <= maxScan4 {
			r.may[i] = p.scan64(i, hit)
			continue
		}
		for j := range min(64, n-i*64) {
			r.may[i] |= uint64(hit[p.at(i*64+j)]) << j
		}
	}
	return r
}

// maxScan4 is the greatest width of which four values lie in eight bytes,
// wherever in the first of them they begin.
const maxScan4 = 14

// scan64 returns which of 64 values from 64 × i on are hit. They are whole
// bytes.
func (p packed) scan64(i int, hit []uint8) (word uint64) {
	width, mask := p.width&63, uint64(len(hit)-1)
	b := p.b[uint(i)*8*width:][:8*width+slack]
	bit := uint(0)
	for j := 0; j < 64; j += 4 {
		four := binary.LittleEndian.Uint64(b[bit>>3:]) >> (bit & 7)
		nibble := hit[four&mask]
		four >>= width
		nibble |= hit[four&mask] << 1
		four >>= width
		nibble |= hit[four&mask] << 2
		four >>= width
		nibble |= hit[four&mask] << 3
		word |= uint64(nibble) << (j & 63)
		bit += 4 * width
	}
	return word
}

// packedSize returns the bytes that n values of a width take.
func packedSize(n int, width uint) int { return int((uint64(n)*uint64(width) + 7) / 8) }

// appendPacked appends values, each less than 1<<width.
func appendPacked[T uint16 | uint32](dst []byte, values []T, width uint) []byte {
	var room uint64
	var bits uint
	for _, v := range values {
		room |= uint64(v) << bits
		for bits += width; bits >= 8; bits -= 8 {
			dst = append(dst, byte(room))
			room >>= 8
		}
	}
	if bits > 0 {
		dst = append(dst, byte(room))
	}
	return dst
}

// appendDeltas appends ascending numbers.
func appendDeltas(dst []byte, numbers []uint32) []byte {
	next := uint32(0)
	for _, n := range numbers {
		dst = binary.AppendUvarint(dst, uint64(n-next))
		next = n + 1
	}
	return dst
}

// deltas calls add for each of n numbers less than limit, which stand at the
// beginning of b, and returns what follows them. ok is false where they do
// not.
func deltas(b []byte, n, limit int, add func(int)) (rest []byte, ok bool) {
	next := 0
	for range n {
		var d uint64
		if len(b) > 0 && b[0] < 0x80 { // most are
			d, b = uint64(b[0]), b[1:]
		} else {
			size := 0
			if d, size = binary.Uvarint(b); size <= 0 {
				return nil, false
			}
			b = b[size:]
		}
		if d >= uint64(limit-next) {
			return nil, false
		}
		next += int(d)
		add(next)
		next++
	}
	return b, true
}
