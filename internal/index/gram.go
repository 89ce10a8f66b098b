package index

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// gramBits is the number of different hashes of three bytes. Part of the format.
const gramBits = 1 << 16

// A gramSet is the hashes of all three bytes that stand together in some texts.
type gramSet [gramBits / 64]uint64

// folds maps each ASCII letter to its lower case. Part of the format, as is
// what next does.
const folds = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f" +
	" !\"#$%&'()*+,-./0123456789:;<=>?" +
	"@abcdefghijklmnopqrstuvwxyz[\\]^_" +
	"`abcdefghijklmnopqrstuvwxyz{|}~\x7f" +
	"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f" +
	"\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf\xb0\xb1\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xbb\xbc\xbd\xbe\xbf" +
	"\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xcb\xcc\xcd\xce\xcf\xd0\xd1\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xdb\xdc\xdd\xde\xdf" +
	"\xe0\xe1\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xeb\xec\xed\xee\xef\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff"

// next returns the folded byte that stands first in s, and how long it is there.
//
// Both characters beyond ASCII that are letters of it where case does not
// count begin with a byte that stands nowhere inside of a character, so that a
// text's folded bytes hold those of each part that is whole characters.
func next[T string | []byte](s T) (c byte, size int) {
	c = s[0]
	switch {
	case c == 0xC5 && len(s) > 1 && s[1] == 0xBF: // U+017F
		return 's', 2
	case c == 0xE2 && len(s) > 2 && s[1] == 0x84 && s[2] == 0xAA: // U+212A
		return 'k', 3
	}
	return folds[c], 1
}

// gramHash hashes the three low bytes.
func gramHash(three uint32) uint32 { return (three & 0xFFFFFF) * 0x9E3779B1 >> 16 }

// add adds what stands in a text.
func (g *gramSet) add(text []byte) {
	var three uint32
	for n := 0; len(text) > 0; n++ {
		if n >= 2 && text[0] < utf8.RuneSelf {
			three, text = g.addASCII(three, text)
			continue
		}
		c, size := next(text)
		text = text[size:]
		if three = three<<8 | uint32(c); n >= 2 {
			g.set(three)
		}
	}
}

// addASCII adds what ends in the ASCII characters that a text begins with, behind
// two bytes. It returns the last three bytes and the rest of the text.
func (g *gramSet) addASCII(three uint32, text []byte) (last uint32, rest []byte) {
	for len(text) >= 8 {
		eight := binary.LittleEndian.Uint64(text)
		if eight&highs != 0 {
			break
		}
		eight = bits.ReverseBytes64(lower(eight))
		first := uint64(three)<<16 | eight>>48 // two bytes from before, and two
		g.set(uint32(first >> 8))
		g.set(uint32(first))
		g.set(uint32(eight >> 40))
		g.set(uint32(eight >> 32))
		g.set(uint32(eight >> 24))
		g.set(uint32(eight >> 16))
		g.set(uint32(eight >> 8))
		g.set(uint32(eight))
		three, text = uint32(eight), text[8:]
	}
	for i, c := range text {
		if c >= utf8.RuneSelf {
			return three, text[i:]
		}
		three = three<<8 | uint32(folds[c])
		g.set(three)
	}
	return three, nil
}

// The lowest and the highest bit of each of eight bytes.
const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// lower returns eight ASCII characters, upper case letters as lower case: it is folds
// of each.
func lower(eight uint64) uint64 {
	fromA := eight + lows*(0x80-'A') // the highest bit is set from A on
	behindZ := eight + lows*(0x80-'Z'-1)
	return eight | (fromA&^behindZ&highs)>>2
}

func (g *gramSet) set(three uint32) {
	h := uint16(gramHash(three))
	g[h>>6] |= 1 << (h & 63)
}

// each calls f for each hash.
func (g *gramSet) each(f func(hash int)) {
	for i, w := range g {
		for ; w != 0; w &= w - 1 {
			f(i<<6 + bits.TrailingZeros64(w))
		}
	}
}

// minForCommon is the number of blocks from which on the hashes of most of them
// are told apart. Part of the format.
const minForCommon = 16

// splitCommon returns the hashes that more than half of the blocks have, nil
// where there are too few blocks to tell, and how many others there are in all
// blocks. Most texts are made of the same few thousand: let into the slices,
// they would fill for every block the places of rare ones.
func splitCommon(sets []*gramSet) (common *gramSet, others int) {
	var blocks [gramBits]uint32
	for _, s := range sets {
		s.each(func(h int) { blocks[h]++ })
	}
	common = new(gramSet)
	for h, n := range blocks {
		if len(sets) >= minForCommon && int(n)*2 > len(sets) {
			common[h>>6] |= 1 << (h & 63)
			continue
		}
		others += int(n)
	}
	if len(sets) < minForCommon {
		return nil, others
	}
	return common, others
}

const (
	// perGram is the number of slices for each hash that a block has in the
	// mean: with eight, an eighth of a block's bits is set.
	perGram   = 8
	minSlices = 64

	textHead = 8
)

// encodeGrams returns the section of the texts, of at most size bytes, and nil
// where that is too little to be of use.
func encodeGrams(sets []*gramSet, size int) []byte {
	if len(sets) == 0 {
		return nil
	}
	common, others := splitCommon(sets)
	stride := (len(sets) + 7) / 8
	head := textHead
	if common != nil {
		head += gramBits / 8
	}
	wanted := min(max(others*perGram/len(sets), minSlices), gramBits)
	m := min(wanted, (size-head)/stride)
	if m < wanted/perGram {
		return nil
	}
	b := make([]byte, textHead, head+m*stride)
	binary.LittleEndian.PutUint32(b, uint32(m))
	if common != nil {
		binary.LittleEndian.PutUint32(b[4:], gramBits/8)
		for _, w := range common {
			b = binary.LittleEndian.AppendUint64(b, w)
		}
	}
	b = b[:head+m*stride]
	for i, s := range sets {
		if common != nil {
			s.remove(common)
		}
		s.setIn(b[head+i/8:], 1<<(i%8), m, stride)
	}
	return b
}

func (g *gramSet) remove(o *gramSet) {
	for i := range g {
		g[i] &^= o[i]
	}
}

// setIn sets a block's bit in each slice of one of its hashes.
func (g *gramSet) setIn(column []byte, bit byte, m, stride int) {
	g.each(func(h int) { column[h*m>>16*stride] |= bit })
}

// gramsOf returns the hashes that the block of every text has in which literal
// stands. What is not whole characters requires nothing.
func gramsOf(literal string) []uint32 {
	var found []uint32
	for piece := range strings.SplitSeq(strings.ToValidUTF8(literal, "\uFFFD"), "\uFFFD") {
		var three uint32
		for n := 0; piece != ""; n++ {
			c, size := next(piece)
			piece = piece[size:]
			if three = three<<8 | uint32(c); n >= 2 {
				found = append(found, gramHash(three))
			}
		}
	}
	return found
}
