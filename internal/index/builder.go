package index

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/etch-audit/etch/internal/merkle"
)

// A Phase says which record of a call a row is.
type Phase uint8

// The phases.
const (
	NoPhase Phase = iota
	Attempt
	Completion
	// Guess is a completion that another one may follow, which then counts: it
	// completes the attempt before it, and is itself completed.
	Guess
)

// Opens reports whether what has the phase is hidden where its call is ended by what
// comes next.
func (p Phase) Opens() bool { return p == Attempt || p == Guess }

// Ends reports whether what has the phase ends its call.
func (p Phase) Ends() bool { return p == Completion || p == Guess }

// A Row is what an index is told of a line. Its slices may share memory with
// the line; they are not kept.
type Row struct {
	Time    int64 // Unix microseconds, rounded down
	HasTime bool
	// Terms returns the values of a field, by its id: texts, names of levels,
	// "true" or "false" of flags. An absent field has none. What it returns is
	// needed until it is called again.
	Terms func(field int) [][]byte
	// Forms are for each column of the spec bytes that its fields' terms follow
	// from: of a form that was there before, Terms is not asked again. Nil is
	// for no form.
	Forms [][]byte
	// Text is all values of Spec.Text.
	Text [][]byte
	// Call tells the call of a row that has a phase apart: its id and more.
	Call  []byte
	Phase Phase
	// Also tells another call that a completion ends; empty where there is none.
	Also []byte
}

// A Builder makes the index of one segment, and then, after [Builder.Reset], of
// another, in the same memory. It is used by one goroutine. The same lines and rows
// give the same file, always.
//
// It takes about 20 MiB for 200,000 rows, 7 of them 8 KiB for each block.
type Builder struct {
	spec     *Spec
	segment  uint32
	firstSeq uint64

	rows   int
	bytes  int64
	span   span
	block  blockBuilder // the one that rows are added to
	blocks []byte
	packed []byte // lengths of the blocks before

	hasher   *merkle.Hasher
	leaves   [BlockRows]merkle.Hash // of the aligned group that rows are added to
	grouped  int                    // how many there are
	subtrees []byte

	calls   []call
	grams   []*gramSet // of each block; behind them those of the segment before, to be used again
	columns []columnBuilder
	made    []byte // the body, to be used again
}

// NewBuilder returns a Builder for a segment whose first line has sequence
// number firstSeq. It panics where the spec's columns hold fields that cannot
// be in one.
func NewBuilder(spec *Spec, segment uint32, firstSeq uint64) *Builder {
	spec.check()
	b := &Builder{spec: spec, hasher: merkle.NewHasher(), columns: make([]columnBuilder, len(spec.Columns))}
	for i, c := range spec.Columns {
		b.columns[i] = newColumnBuilder(c)
	}
	b.Reset(segment, firstSeq)
	return b
}

// Reset makes the Builder one that NewBuilder has returned for a segment. Memory is
// touched for the first time as slowly as all else is done with it, and what was
// touched stays.
func (b *Builder) Reset(segment uint32, firstSeq uint64) {
	b.segment, b.firstSeq = segment, firstSeq
	b.rows, b.bytes, b.span = 0, 0, noTimes
	b.block = blockBuilder{span: noTimes}
	b.blocks, b.packed, b.subtrees = b.blocks[:0], b.packed[:0], b.subtrees[:0]
	b.hasher.Flush() // what was hashed of another group must not come late
	b.grouped = 0
	b.calls, b.grams = b.calls[:0], b.grams[:0]
	for i := range b.columns {
		b.columns[i].reset()
	}
}

// Add adds the next line, which comes without its line feed and is not kept. An
// error means that the segment is too large for an index: it has no meaning to
// go on.
func (b *Builder) Add(line []byte, row *Row) error {
	if b.rows == maxRows || int64(len(line)) > math.MaxUint32 || int64(len(b.packed)) > math.MaxUint32-BlockRows*4 {
		return fmt.Errorf("index segment %d: row %d is more than an index holds", b.segment, b.rows)
	}
	if b.rows%BlockRows == 0 {
		b.endBlock()
		b.block.offset = b.bytes
		b.addGrams()
	}
	b.block.add(len(line), row)
	b.span.add(row)
	for _, text := range row.Text {
		b.grams[len(b.grams)-1].add(text)
	}
	for i := range b.columns {
		b.columns[i].add(row, i)
	}
	if row.Phase != NoPhase && len(row.Call) > 0 {
		b.calls = append(b.calls, call{CallID(row.Call), uint32(b.rows), row.Phase})
		if len(row.Also) > 0 {
			b.calls = append(b.calls, call{CallID(row.Also), uint32(b.rows), row.Phase})
		}
	}
	b.addLeaf(line)
	b.rows++
	b.bytes += int64(len(line)) + 1
	return nil
}

// addGrams adds the empty set of the next block.
func (b *Builder) addGrams() {
	n := len(b.grams)
	if n == cap(b.grams) || b.grams[:n+1][n] == nil {
		b.grams = append(b.grams, new(gramSet))
		return
	}
	b.grams = b.grams[:n+1]
	*b.grams[n] = gramSet{}
}

// addLeaf hashes the leaves of the group at hand, and leaves out those of a
// group that began before the segment.
func (b *Builder) addLeaf(line []byte) {
	seq := b.firstSeq + uint64(b.rows)
	place := int(seq % BlockRows)
	if place != b.grouped {
		return
	}
	b.hasher.Leaf(&b.leaves[place], line)
	if b.grouped++; b.grouped == BlockRows {
		root := b.hasher.Subtree(b.leaves[:])
		b.subtrees = append(b.subtrees, root[:]...)
		b.grouped = 0
	}
}

// endBlock writes the block at hand, if it has rows.
func (b *Builder) endBlock() {
	if b.block.rows == 0 {
		return
	}
	b.blocks, b.packed = b.block.appendTo(b.blocks, b.packed)
	b.block = blockBuilder{span: noTimes}
}

// Finish writes the index of all rows added, and returns its digest, the one
// that [Reader.Digest] returns. The Builder is then done with, until it is reset.
func (b *Builder) Finish(w io.Writer) (digest [32]byte, err error) {
	b.endBlock()
	body, lengths := b.body()
	head := b.header(lengths)
	for at := 0; at < len(body); at += chunkSize {
		sum := sha256.Sum256(body[at:min(at+chunkSize, len(body))])
		head = append(head, sum[:]...)
	}
	digest = sha256.Sum256(head)
	head = append(head, digest[:]...)
	for _, part := range [][]byte{head, body} {
		if _, err := w.Write(part); err != nil {
			return digest, fmt.Errorf("write index: %w", err)
		}
	}
	return digest, nil
}

// header returns the file's beginning, up to the chunks' hashes.
func (b *Builder) header(lengths []int) []byte {
	le := binary.LittleEndian
	spec := b.spec.hash()
	h := append(make([]byte, 0, chunkSize), magic...)
	h = le.AppendUint32(h, version)
	h = le.AppendUint32(h, b.segment)
	h = le.AppendUint64(h, b.firstSeq)
	h = le.AppendUint64(h, uint64(b.rows))
	h = le.AppendUint64(h, uint64(b.bytes))
	h = le.AppendUint64(h, uint64(b.span.earliest))
	h = le.AppendUint64(h, uint64(b.span.latest))
	h = append(h, spec[:]...)
	h = le.AppendUint32(h, uint32(b.span.flags))
	h = le.AppendUint32(h, uint32(len(lengths)))
	for _, n := range lengths {
		h = le.AppendUint64(h, uint64(n))
	}
	return h
}

const (
	// share is the part of a segment that its index may take: 3 %.
	share = 3
	// minBudget is what an index may take of a small segment.
	minBudget = 64 << 10
)

// body returns the sections and their lengths. Part of the format: what is left
// out where there is no room.
func (b *Builder) body() (body []byte, lengths []int) {
	budget := max(int(b.bytes/100*share), minBudget)
	budget -= budget/chunkSize*hashSize + headerSize + 8*b.spec.sections() + 2*hashSize
	lengths = make([]int, b.spec.sections())
	add := func(section int, part []byte) {
		body = append(body, part...)
		lengths[section] = len(part)
	}
	body = slices.Grow(b.made[:0], budget)
	defer func() { b.made = body }()
	add(sectionBlocks, b.blocks)
	add(sectionLengths, b.packed)
	add(sectionSubtrees, b.subtrees)
	if calls := appendCalls(nil, b.calls, b.rows); len(calls) <= budget/8 {
		add(sectionCalls, calls)
	}
	fixed := len(body)
	var columns [][columnParts][]byte // in their order; the text stands before them
	taken := fixed
	for i := range b.columns {
		parts, size := b.columns[i].encode()
		if len(parts[partTuples]) > budget/4 || taken+size > fixed+(budget-fixed)/8*7 {
			parts, size = [columnParts][]byte{}, 0
		}
		columns = append(columns, parts)
		taken += size
	}
	var pairs [][]byte
	for _, p := range b.spec.Pairs {
		var part []byte
		if len(columns[p.Of][partTuples]) > 0 && len(columns[p.By][partTuples]) > 0 {
			part = encodePairs(&b.columns[p.Of], &b.columns[p.By])
		}
		if len(part) > budget/8 || taken+len(part) > fixed+(budget-fixed)/8*7 {
			part = nil
		}
		pairs = append(pairs, part)
		taken += len(part)
	}
	add(sectionText, encodeGrams(b.grams, budget-taken))
	for i, parts := range columns {
		for part := range parts {
			add(sectionColumns+i*columnParts+part, parts[part])
		}
	}
	for i, part := range pairs {
		add(b.spec.pairSection(i), part)
	}
	return body, lengths
}
