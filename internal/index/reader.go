package index

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/etch-audit/etch/internal/merkle"
)

// A Reader answers from an index. It may be used by several goroutines. What
// it reads it checks, and keeps, but for the texts' slices, the postings and
// the subtrees: in time it holds up to its file's size.
type Reader struct {
	r    io.ReaderAt
	spec *Spec

	segment  uint32
	firstSeq uint64
	rows     int
	bytes    int64
	span     span
	digest   [32]byte

	bodyAt, bodySize int64
	hashes           []byte  // of the chunks
	ends             []int64 // of the sections, in the body

	head    *[]byte // the room that hashes is in
	memory  *memory // of what it answers with
	kept    []atomic.Pointer[keptSection]
	columns []atomic.Pointer[dictionary] // by column
}

// Open reads the beginning of an index of size bytes and checks it: the digest,
// and that it is of this spec. The rest is checked as it is read. The error
// is [ErrOther], [ErrDamaged] or that of r.
func Open(r io.ReaderAt, size int64, spec *Spec) (*Reader, error) {
	x := &Reader{
		r: r, spec: spec, head: rooms.Get().(*[]byte), memory: memories.Get().(*memory),
		kept: make([]atomic.Pointer[keptSection], spec.sections()), columns: make([]atomic.Pointer[dictionary], len(spec.Columns)),
	}
	head, err := readHead(r, x.head, size, spec)
	if err == nil {
		err = x.parse(head, size)
	}
	if err != nil {
		x.Release()
		return nil, err
	}
	return x, nil
}

// readHead returns all that stands before the body, in room, its digest checked.
func readHead(r io.ReaderAt, room *[]byte, size int64, spec *Spec) ([]byte, error) {
	header := headerSize + 8*spec.sections()
	end, whole := headEnd(size, header)
	if !whole {
		end = int(min(size, headerSize))
	}
	b := slices.Grow((*room)[:0], end)[:end]
	*room = b
	if err := readFull(r, b, 0); err != nil {
		return nil, err
	}
	if len(b) < headerSize || string(b[:len(magic)]) != magic {
		return nil, damaged("it is no index")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != version {
		return nil, fmt.Errorf("%w: of version %d of the format, not %d", ErrOther, v, version)
	}
	if want := spec.hash(); string(b[56:88]) != string(want[:]) {
		return nil, fmt.Errorf("%w: of another version of its columns", ErrOther)
	}
	if !whole {
		return nil, damaged("it is too short")
	}
	if sum := sha256.Sum256(b[:end-hashSize]); string(sum[:]) != string(b[end-hashSize:]) {
		return nil, damaged("its beginning does not have its hash")
	}
	return b, nil
}

// headEnd returns where the body begins: the size of a file tells how many
// chunks there are.
func headEnd(size int64, header int) (end int, ok bool) {
	body := size - int64(header) - hashSize
	if body < 0 {
		return 0, false
	}
	chunks := (body + chunkSize + hashSize - 1) / (chunkSize + hashSize)
	return header + int(chunks)*hashSize + hashSize, body >= chunks*hashSize
}

// parse takes over what the header says, and checks that it fits the file.
func (x *Reader) parse(b []byte, size int64) error {
	le := binary.LittleEndian
	x.segment, x.firstSeq = le.Uint32(b[12:]), le.Uint64(b[16:])
	rows, bytes := le.Uint64(b[24:]), le.Uint64(b[32:])
	x.span = span{int64(le.Uint64(b[40:])), int64(le.Uint64(b[48:])), uint8(le.Uint32(b[88:]))}
	x.bodyAt, x.bodySize = int64(len(b)), size-int64(len(b))
	if int(le.Uint32(b[92:])) != x.spec.sections() {
		return damaged("it has %d sections, not %d", le.Uint32(b[92:]), x.spec.sections())
	}
	at := int64(0)
	for i := range x.spec.sections() {
		n := le.Uint64(b[headerSize+8*i:])
		if n > uint64(x.bodySize-at) {
			return damaged("section %d reaches past its end", i)
		}
		at += int64(n)
		x.ends = append(x.ends, at)
	}
	end := headerSize + 8*x.spec.sections()
	x.hashes, x.digest = b[end:len(b)-hashSize], [32]byte(b[len(b)-hashSize:])
	if at != x.bodySize || rows > maxRows || bytes > 1<<62 || x.firstSeq > merkle.MaxSize {
		return damaged("its header contradicts itself")
	}
	x.rows, x.bytes = int(rows), int64(bytes)
	return x.checkFixed()
}

// checkFixed checks the lengths of the sections that depend on nothing but the
// number of rows: what is later allocated for a row is bounded by them.
func (x *Reader) checkFixed() error {
	from, to := subtreeRange(x.firstSeq, x.rows)
	if x.size(sectionBlocks) != int64(blocks(x.rows))*blockSize || x.size(sectionSubtrees) != int64(to-from)*hashSize {
		return damaged("its sections do not fit %d rows", x.rows)
	}
	return nil
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// readFull fills b. A file that ends too early is damaged.
func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case errors.Is(err, io.EOF):
		return damaged("it ends at byte %d", at+int64(n))
	}
	return fmt.Errorf("read index: %w", err)
}

// Digest returns the hash over all that Open has checked: the header and the
// chunks' hashes. Two files of one digest give the same answers. Whether it
// is the digest of the segment's true index this package cannot know.
func (x *Reader) Digest() [32]byte { return x.digest }

// Segment returns the segment's number.
func (x *Reader) Segment() uint32 { return x.segment }

// FirstSeq returns the sequence number of row 0.
func (x *Reader) FirstSeq() uint64 { return x.firstSeq }

// Lines returns the number of rows.
func (x *Reader) Lines() int { return x.rows }

// Bytes returns the size of the plain segment, as far as it is indexed.
func (x *Reader) Bytes() int64 { return x.bytes }

// size returns the length of a section.
func (x *Reader) size(section int) int64 { return x.ends[section] - x.start(section) }

// start returns where a section begins in the body.
func (x *Reader) start(section int) int64 {
	if section == 0 {
		return 0
	}
	return x.ends[section-1]
}

// read returns n bytes of a section from at, checked; they must lie in it. Its
// capacity leaves room for slack.
func (x *Reader) read(section int, at, n int64) ([]byte, error) {
	return x.readInto(new([]byte), section, at, n)
}

// rooms are for what is read and not kept.
var rooms = sync.Pool{New: func() any { return new([]byte) }}

// readInto is read into room, which it makes larger where it has to.
func (x *Reader) readInto(room *[]byte, section int, at, n int64) ([]byte, error) {
	if n == 0 {
		return make([]byte, 0, slack), nil
	}
	at += x.start(section)
	from, to := at/chunkSize*chunkSize, x.chunkEnd(at+n)
	b := slices.Grow((*room)[:0], int(to-from)+slack)[:int(to-from)+slack]
	*room = b
	if err := readFull(x.r, b[:to-from], x.bodyAt+from); err != nil {
		return nil, err
	}
	for i := from; i < to; i += chunkSize {
		sum := sha256.Sum256(b[i-from : min(i+chunkSize, to)-from])
		want := x.hashes[i/chunkSize*hashSize:]
		if string(sum[:]) != string(want[:hashSize]) {
			return nil, damaged("chunk %d does not have its hash", i/chunkSize)
		}
	}
	return b[at-from : at-from+n], nil
}

// chunkEnd returns where the chunk ends that the byte before another is in.
func (x *Reader) chunkEnd(at int64) int64 {
	return min((at+chunkSize-1)/chunkSize*chunkSize, x.bodySize)
}

// keep returns a whole section, and reads it only once.
func (x *Reader) keep(section int) ([]byte, error) {
	if k := x.kept[section].Load(); k != nil {
		return k.bytes, nil
	}
	k := &keptSection{room: rooms.Get().(*[]byte)}
	var err error
	if k.bytes, err = x.readInto(k.room, section, 0, x.size(section)); err != nil {
		return nil, err
	}
	x.kept[section].Store(k)
	return k.bytes, nil
}

// A keptSection is a section that was read, and the room that it is in.
type keptSection struct {
	bytes []byte
	room  *[]byte
}

// Release gives back the memory of what was read and answered, for other indexes.
// Neither x nor a [Rows] that it gave must be used any more; [Calls] may be.
func (x *Reader) Release() {
	rooms.Put(x.head)
	x.memory.release()
	x.head, x.memory, x.hashes = nil, nil, nil
	for i := range x.kept {
		if k := x.kept[i].Swap(nil); k != nil {
			rooms.Put(k.room)
		}
	}
}

// Subtrees returns which of the log's aligned groups of 256 leaves lie wholly
// in the segment: group n is the leaves 256 × n to 256 × n + 255, from ≤ n < to.
func (x *Reader) Subtrees() (from, to uint64) { return subtreeRange(x.firstSeq, x.rows) }

// Subtree returns the root of group n's perfect subtree: a node of the log's
// tree, and of tiles of height 8 the one that stands over a whole tile.
func (x *Reader) Subtree(n uint64) (merkle.Hash, error) {
	from, to := x.Subtrees()
	if n < from || n >= to {
		return merkle.Hash{}, fmt.Errorf("%w: subtree %d, not one of %d to %d", ErrNotHeld, n, from, to)
	}
	b, err := x.read(sectionSubtrees, int64(n-from)*hashSize, hashSize)
	if err != nil {
		return merkle.Hash{}, err
	}
	return merkle.Hash(b), nil
}

// Calls returns which of the segment's attempts were completed. The error is
// [ErrNotHeld] where there are so many that were not that they are left out.
func (x *Reader) Calls() (*Calls, error) {
	if x.size(sectionCalls) == 0 {
		return nil, fmt.Errorf("calls: %w", ErrNotHeld)
	}
	room := rooms.Get().(*[]byte)
	defer rooms.Put(room)
	b, err := x.readInto(room, sectionCalls, 0, x.size(sectionCalls))
	if err != nil {
		return nil, err
	}
	c, ok := parseCalls(b, x.rows)
	if !ok {
		return nil, damaged("its calls contradict themselves")
	}
	return c, nil
}

// verified is how much Verify reads at once.
const verified = 32 << 10

// Verify checks every byte of the file. What it says of the segment is checked
// by building the index again: the digests are then the same.
func (x *Reader) Verify() error {
	var room []byte
	for at := int64(0); at < x.bodySize; at += verified {
		if _, err := x.readInto(&room, 0, at, min(verified, x.bodySize-at)); err != nil {
			return err
		}
	}
	return nil
}
