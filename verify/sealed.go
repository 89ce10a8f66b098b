package verify

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
)

// A Sealed is what the good seals of a log prove of its lines, as [Log] fills it
// in: for each 256 lines the root of their subtree, and where they begin. That
// takes 2 MB for ten million lines. It lets somebody who reads the log later show
// only what was proved ([Sealed.Check]), whatever became of the files meanwhile.
// The zero Sealed proves nothing.
type Sealed struct {
	size   uint64        // of the last good seal before any fault
	blocks []sealedBlock // by their number, as far as they are whole
	begun  sealedBlock   // the next one, which has a place and no root yet
	tail   merkle.Hash   // of the lines behind the last whole block, up to size

	atFault *proof // what was proved when the first fault was met
}

// A sealedBlock is 1<<blockLevel lines, of which the first has a multiple of that
// as its number.
type sealedBlock struct {
	root    merkle.Hash
	segment uint32
	offset  int64 // in the segment, of the first line
}

// A proof is how far good seals prove the lines, and the root of those that are
// in no whole block.
type proof struct {
	size uint64
	tail merkle.Hash
}

const (
	blockLevel = 8
	blockLines = 1 << blockLevel
)

// Size returns how many lines are proved: those with smaller numbers.
func (s *Sealed) Size() uint64 { return s.size }

// grow adds a subtree to the judge's tree, and keeps the root of each block that
// it completes.
func (j *judge) grow(level int, h merkle.Hash) {
	if j.sealing != nil {
		j.sealing.grow(&j.tree, level, h, sealedBlock{segment: j.segment.number, offset: j.place})
	}
	j.tree.AppendSubtree(level, h)
}

// grow takes note of a subtree that is about to be added to a tree, and begins at
// a place. What was read before, and is read again, it forgets.
func (s *Sealed) grow(tree *merkle.Frontier, level int, h merkle.Hash, place sealedBlock) {
	n := tree.Size() >> blockLevel
	if n > uint64(len(s.blocks)) {
		return // lines before it are missing, and no seal proves what is behind
	}
	if n < uint64(len(s.blocks)) {
		s.begun, s.blocks = s.blocks[n], s.blocks[:n]
	}
	if tree.Size()%blockLines == 0 {
		s.begun = place
	}
	if root, ok := tree.Completed(blockLevel, level, h); ok {
		s.begun.root = root
		s.blocks = append(s.blocks, s.begun)
	}
}

// proved says that a good seal covers the judge's tree.
func (j *judge) proved() {
	j.proven = new(j.seq)
	if j.sealing != nil {
		j.provenTail = j.tree.Last(blockLevel)
	}
}

// faulty says that a fault was met: nothing behind the last good seal before it
// counts as proved.
func (j *judge) faulty() {
	if j.sealing != nil && j.sealing.atFault == nil {
		j.sealing.atFault = &proof{j.provenTo(), j.provenTail}
	}
}

// conclude settles what is proved, once all was judged: last, or less where there
// are faults. One that cannot be placed may be anywhere.
func (s *Sealed) conclude(r *Report, last proof) {
	if s.atFault != nil {
		last = *s.atFault
	}
	unplaced := slices.ContainsFunc(r.Faults, func(f Fault) bool { return f.LastGoodSeal == nil })
	if unplaced || r.Verdict == Undecided || uint64(len(s.blocks)) < last.size>>blockLevel {
		last = proof{}
	}
	s.size, s.tail = last.size, last.tail
}

var (
	// ErrUnsealed says that no good seal covers a line.
	ErrUnsealed = errors.New("no good seal covers it")
	// ErrChanged says that a line is not the one that was verified.
	ErrChanged = errors.New("it is not what was verified")
)

// A Segments opens the segment of a number, as it is now: its bytes, uncompressed,
// up to the end of its records, and what closes it. A segment that is not there
// any more is an [fs.ErrNotExist].
type Segments func(number uint32) (*io.SectionReader, io.Closer, error)

// A Check compares lines that are about to be shown with what was verified. It is
// not safe for concurrent use.
type Check struct {
	sealed *Sealed
	open   Segments

	block  uint64 // whose leaves are held; from 1
	leaves []merkle.Hash
	err    error // why it is not as it was
	hasher *merkle.Hasher
	leaf   merkle.Hash

	segment uint32 // that is open; 0: none
	lines   *io.SectionReader
	closer  io.Closer
}

// Check returns what compares lines with those that were proved. The caller closes
// it.
func (s *Sealed) Check(open Segments) *Check {
	return &Check{sealed: s, open: open, hasher: merkle.NewHasher(), leaves: make([]merkle.Hash, 0, blockLines)}
}

// Line returns nil where a line, without its line feed, is the one that a good
// seal proves to have the number seq. Else it returns [ErrUnsealed] or
// [ErrChanged], or why the lines around it cannot be read. It goes by the line's
// bytes and not by what stands in the files now, except for the other lines of its
// block, without which nothing would be known of this one.
func (c *Check) Line(seq uint64, line []byte) error {
	if seq >= c.sealed.size {
		return ErrUnsealed
	}
	if n := seq>>blockLevel + 1; c.block != n {
		c.block = n
		c.err = c.read(n - 1)
	}
	if c.err != nil {
		return c.err
	}
	c.hasher.Leaf(&c.leaf, line)
	c.hasher.Flush()
	if c.leaves[seq%blockLines] != c.leaf {
		return ErrChanged
	}
	return nil
}

// read reads the lines of a block, and compares them with what was verified.
func (c *Check) read(n uint64) error {
	want := min(c.sealed.size-n<<blockLevel, blockLines)
	at, root := c.sealed.begun, c.sealed.tail
	if n < uint64(len(c.sealed.blocks)) {
		at = c.sealed.blocks[n]
		if want == blockLines {
			root = at.root
		}
	}
	c.leaves = c.leaves[:0]
	for number, offset := at.segment, at.offset; uint64(len(c.leaves)) < want; number, offset = number+1, 0 {
		if err := c.readSegment(number, offset, int(want)); err != nil {
			return err
		}
	}
	c.hasher.Flush()
	var tree merkle.Frontier
	for _, leaf := range c.leaves {
		tree.Append(leaf)
	}
	if tree.Root() != root {
		return ErrChanged
	}
	return nil
}

// readSegment hashes lines of a segment until there are so many, or it ends.
func (c *Check) readSegment(number uint32, offset int64, want int) error {
	if err := c.enter(number); err != nil {
		return err
	}
	if offset >= c.lines.Size() {
		return ErrChanged // it was longer
	}
	in := bufio.NewReaderSize(io.NewSectionReader(c.lines, offset, c.lines.Size()-offset), record.MaxLine+1)
	for len(c.leaves) < want {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrBufferFull) {
			return ErrChanged
		}
		if err != nil {
			return err
		}
		c.leaves = c.leaves[:len(c.leaves)+1]
		c.hasher.Leaf(&c.leaves[len(c.leaves)-1], line[:len(line)-1])
	}
	return nil
}

// enter opens a segment, where another is open.
func (c *Check) enter(number uint32) error {
	if c.segment == number {
		return nil
	}
	if err := c.Close(); err != nil {
		return err
	}
	lines, closer, err := c.open(number)
	if err != nil {
		return fmt.Errorf("segment %d: %w", number, err)
	}
	c.segment, c.lines, c.closer = number, lines, closer
	return nil
}

// Close closes what is open.
func (c *Check) Close() error {
	if c.segment == 0 {
		return nil
	}
	c.segment = 0
	return c.closer.Close()
}
