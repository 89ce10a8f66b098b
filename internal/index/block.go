package index

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"time"
)

// blockSize is the size of a block's entry. Part of the format.
const blockSize = 36

// A span is the times of some rows: all that have one lie in it.
type span struct {
	earliest, latest int64 // Unix microseconds, rounded down
	flags            uint8
}

// noTimes is the span of no rows.
var noTimes = span{earliest: math.MaxInt64, latest: math.MinInt64}

func (s *span) add(row *Row) {
	if !row.HasTime {
		s.flags |= someTimeless
		return
	}
	s.flags |= someTimes
	s.earliest, s.latest = min(s.earliest, row.Time), max(s.latest, row.Time)
}

// bounds returns the times between which the rows' own lie. Rounded down, they
// may be up to a microsecond later.
func (s *span) bounds() (from, to time.Time) {
	return time.UnixMicro(s.earliest), time.UnixMicro(s.latest).Add(time.Microsecond - 1)
}

// A blockBuilder gathers a block: 256 rows, or the last ones.
type blockBuilder struct {
	span
	offset  int64 // of the first line
	rows    int
	lengths [BlockRows]uint32
}

func (b *blockBuilder) add(length int, row *Row) {
	b.lengths[b.rows] = uint32(length)
	b.rows++
	b.span.add(row)
}

// appendTo appends the block's entry, and its lengths to those of all blocks.
func (b *blockBuilder) appendTo(blocks, lengths []byte) (moreBlocks, moreLengths []byte) {
	rest := b.lengths[:b.rows]
	shortest := slices.Min(rest)
	for i := range rest {
		rest[i] -= shortest
	}
	width := bits.Len32(slices.Max(rest))
	le := binary.LittleEndian
	blocks = le.AppendUint64(blocks, uint64(b.earliest))
	blocks = le.AppendUint64(blocks, uint64(b.latest))
	blocks = le.AppendUint64(blocks, uint64(b.offset))
	blocks = le.AppendUint32(blocks, uint32(len(lengths)))
	blocks = le.AppendUint32(blocks, shortest)
	blocks = append(blocks, byte(width), b.flags, 0, 0)
	return blocks, appendPacked(lengths, rest, uint(width))
}

// A block is where the lines of a block stand.
type block struct {
	rows     int
	offset   int64 // of the first line
	shortest uint32
	from, to int64 // where its lengths stand in their section
	width    uint  // of what each line is longer
}

// parseSpan reads the times of a block's entry.
func parseSpan(entry []byte) span {
	le := binary.LittleEndian
	return span{int64(le.Uint64(entry)), int64(le.Uint64(entry[8:])), entry[33]}
}

// parseBlock reads the entry of a block of so many rows, and checks that its
// lengths lie in their section, which has size bytes.
func parseBlock(entry []byte, size int64, rows int) (b block, ok bool) {
	le := binary.LittleEndian
	b = block{
		rows: rows, offset: int64(le.Uint64(entry[16:])), shortest: le.Uint32(entry[28:]),
		from: int64(le.Uint32(entry[24:])), width: uint(entry[32]),
	}
	if b.width > 32 {
		return b, false
	}
	b.to = b.from + int64(packedSize(rows, b.width))
	return b, b.to <= size
}

// A linePlace is where a line stands in the plain segment, and its length.
type linePlace struct {
	offset int64
	length int64
}

// places appends where the lines of some rows of the block stand: of those whose
// bits are set in words. Rest is what each of the block's lines is longer.
func (b *block) places(dst []linePlace, words []uint64, rest packed) []linePlace {
	at, before := b.offset, 0 // where row number before begins
	for i, w := range words {
		for ; w != 0; w &= w - 1 {
			row := i<<6 + bits.TrailingZeros64(w)
			at += rest.sum(before, row) + int64(row-before)*(int64(b.shortest)+1)
			before = row
			dst = append(dst, linePlace{at, int64(rest.at(row)) + int64(b.shortest)})
		}
	}
	return dst
}
