// Package index is one rebuildable file beside a rotated segment: what a query
// needs to know of each line without reading it. Whoever has the segment can
// make it again, byte for byte; nothing is lost with it.
//
// A row is a line of the segment, numbered from 0, control records included. A
// block is 256 rows, the last one often fewer. Every answer is either exact or
// a superset that says so, and every byte an answer rests on has been checked
// against the file's chunk hashes. Those, in turn, are only as good as the
// file's digest: see [Reader.Digest].
//
// The file, numbers little-endian:
//
//	 0  8  magic "etchidx\x00"
//	 8  4  version of the format: 2
//	12  4  number of the segment
//	16  8  sequence number of row 0
//	24  8  rows
//	32  8  bytes of the plain segment: its lines and their line feeds
//	40  8  earliest time of a row, Unix microseconds, rounded down
//	48  8  latest time of a row
//	56 32  SHA-256 of the [Spec]
//	88  4  flags: bit 0, some rows have a time; bit 1, some have none
//	92  4  number of sections: 5 + 3 × columns + pairs
//	96  8  length of each section
//	 … 32  SHA-256 of each chunk of the body: 4,096 bytes, the last one often fewer
//	 … 32  digest: SHA-256 of all before
//	 …     body: the sections, one directly after another
//
// Sections, in this order; one of length 0 is not held, and what it would
// answer is not known:
//
//	blocks    36 for each block:
//	           0 8 earliest time, 8 8 latest time, of the rows that have one
//	          16 8 offset of its first line in the plain segment
//	          24 4 where its lengths begin in their section
//	          28 4 length of its shortest line, without the line feed
//	          32 1 width of its lengths in bits
//	          33 1 flags as above, 34 2 zero
//	lengths   for each block, what each line is longer than the shortest: packed
//	subtrees  32 for each 256 leaves i … i+255 of the log, i a multiple of 256, that
//	          lie wholly in the segment: the root of their perfect subtree
//	calls     0 4 completed, 4 4 dangling, 8 4 orphans, 12 4 guesses: how many;
//	          then the rows of the completed attempts and guesses, as a bitmap of all rows where 8 ×
//	          completed is at least the rows, else as deltas; for each dangling
//	          attempt 16 id and 4 row; for each orphan 16 id; both in the order
//	          of the ids: see [Calls]. An id is the first half of the SHA-256
//	          of what tells a call apart
//	text      0 4 number of slices, 4 4 bytes of what follows: 8,192, or 0 in
//	          an index of less than 16 blocks; a bitmap of the hashes that
//	          more than half of the blocks have; then each slice, a bitmap of
//	          all blocks
//
// and for each column of the spec:
//
//	tuples    4 how many; then for each: its rows; if the column has postings,
//	          the bytes of its own; for each field the number of values, and of
//	          each value the length and the bytes. Numbers as uvarints. In the
//	          order in which they first appear
//	codes     for each row the number of its tuple: packed, of the least width
//	          that holds the greatest number
//	postings  for each tuple the rows that have it, as deltas
//
// and for each pair of the spec:
//
//	pairs     4 bytes of what follows; for each tuple of the first column the
//	          bytes of its own; then for each tuple of the first column, for
//	          each tuple of the second that rows have with it: its number, as
//	          deltas, and the number of rows. Numbers as uvarints
//
// Packed: value i of width w stands in bits i×w to i×w+w−1, where bit j is bit
// j mod 8 of byte j div 8; the last byte is filled with zeros. Bitmaps are
// packed values of width 1. Deltas: each number as a uvarint of what lies
// between it and the one before, the first from −1: 3, 4, 9 is 3 0 4.
//
// The text's slices: each text is folded (A to Z to lower case, U+212A to k,
// U+017F to s; all else as it is) and each three bytes b0 b1 b2 of it are
// hashed: h = ((b0<<16 | b1<<8 | b2) × 0x9E3779B1 mod 2^32) >> 16. In slice
// h × slices >> 16 the bit of the block is set, but not for the hashes that more
// than half of the blocks have. So a literal's blocks are among those in all
// slices of its own hashes, these left out.
//
// An index is at most 3 % of its segment, or 64 KiB where that is more: columns
// that would take too much of it are not held, and the slices get what the
// rest leaves, at most as many as set an eighth of a block's bits. The rule is
// in docs/spec/index-format.md.
package index

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/etch-audit/etch/internal/filter"
)

// BlockRows is the number of rows of a block. Part of the format.
const BlockRows = 256

const (
	magic      = "etchidx\x00"
	version    = 2
	headerSize = 96 // without the sections' lengths
	hashSize   = sha256.Size
	chunkSize  = 4096

	// maxRows keeps row numbers in 32 bits with room.
	maxRows = 1 << 30
	// maxTuples keeps codes in 16 bits.
	maxTuples = 1 << 16
)

// The sections before those of the columns.
const (
	sectionBlocks = iota
	sectionLengths
	sectionSubtrees
	sectionCalls
	sectionText
	sectionColumns
)

// The sections of a column.
const (
	partTuples = iota
	partCodes
	partPostings
	columnParts
)

// The flags of a block, and of all.
const (
	someTimes = 1 << iota
	someTimeless
)

// Errors of an index.
var (
	// ErrOther is returned for a file that may be a good index, but not of
	// this format's version or not of the spec it is opened with.
	ErrOther = errors.New("index is of another kind")
	// ErrDamaged is returned where a file is not what its own hashes say, or
	// contradicts itself.
	ErrDamaged = errors.New("index is damaged")
	// ErrNotHeld is returned where an index does not hold what is asked for.
	ErrNotHeld = errors.New("not held by the index")
)

// A Spec says what an index holds. It is not changed once it is used.
type Spec struct {
	// Version changes with what the rows tell of a line under the same fields.
	Version uint32
	Schema  *filter.Schema
	// Columns hold Text, Level and Flag fields that are asked for without a key.
	Columns []Column
	// Pairs are columns of which is held how many rows each two of their tuples
	// have together, in the order of the sections.
	Pairs []Pair
	// Text is the Text field whose texts are looked up by what they contain.
	Text int
	// Subsets are Text fields whose values are all among those of Text.
	Subsets []int
	// Time is the Time field that Row.Time is the value of.
	Time int

	hashed atomic.Pointer[[hashSize]byte] // nil until it is asked for
}

// A Column is fields that are stored together as one tuple, a code a row:
// those whose values go together take no more room than one of them alone.
type Column struct {
	Fields []int
	// Postings says to store each tuple's rows too: for columns of many
	// tuples, of which a query wants few.
	Postings bool
}

// A Pair is two columns, by their places: rows that are picked by one are counted
// by the other.
type Pair struct{ Of, By int }

func (s *Spec) sections() int { return s.pairSection(len(s.Pairs)) }

// pairSection returns the section of a pair.
func (s *Spec) pairSection(n int) int { return sectionColumns + columnParts*len(s.Columns) + n }

// check panics where the spec asks for what an index cannot hold.
func (s *Spec) check() {
	for _, p := range s.Pairs {
		if min(p.Of, p.By) < 0 || max(p.Of, p.By) >= len(s.Columns) || p.Of == p.By {
			panic("index: bad spec: a pair that is not of two of its columns")
		}
	}
	for _, c := range s.Columns {
		for _, id := range c.Fields {
			f := s.Schema.Field(id)
			if f.Keyed || f.Kind != filter.Text && f.Kind != filter.Level && f.Kind != filter.Flag {
				panic("index: bad spec: " + f.Name + " cannot be in a column")
			}
		}
	}
}

// column returns which column holds a field, and where in its tuples.
func (s *Spec) column(field int) (column, place int, ok bool) {
	for i, c := range s.Columns {
		if j := slices.Index(c.Fields, field); j >= 0 {
			return i, j, true
		}
	}
	return 0, 0, false
}

// hash returns the SHA-256 of all that an index depends on: the version, the
// columns' fields by name and kind, the text's and the time's.
func (s *Spec) hash() [hashSize]byte {
	if known := s.hashed.Load(); known != nil {
		return *known
	}
	b := binary.LittleEndian.AppendUint32([]byte("etch index spec\x00"), s.Version)
	for _, c := range s.Columns {
		b = append(b, "column\n"...)
		if c.Postings {
			b = append(b, "postings\n"...)
		}
		b = s.appendFields(b, c.Fields...)
	}
	for _, p := range s.Pairs {
		b = fmt.Appendf(b, "pair %d %d\n", p.Of, p.By)
	}
	b = s.appendFields(append(b, "text\n"...), s.Text)
	b = s.appendFields(append(b, "subsets\n"...), s.Subsets...)
	b = s.appendFields(append(b, "time\n"...), s.Time)
	sum := sha256.Sum256(b)
	s.hashed.Store(&sum)
	return sum
}

// appendFields appends the name and kind of each field: no name has a space.
func (s *Spec) appendFields(dst []byte, ids ...int) []byte {
	for _, id := range ids {
		f := s.Schema.Field(id)
		dst = append(dst, f.Name...)
		dst = append(dst, ' ', '0'+byte(f.Kind), '\n')
	}
	return dst
}

// blocks returns the number of blocks of so many rows.
func blocks(rows int) int { return (rows + BlockRows - 1) / BlockRows }

// subtreeRange returns the numbers of the aligned groups of 256 leaves that lie
// wholly in a segment, from ≤ n < to.
func subtreeRange(firstSeq uint64, rows int) (from, to uint64) {
	from, to = (firstSeq+BlockRows-1)/BlockRows, (firstSeq+uint64(rows))/BlockRows
	return from, max(from, to)
}
