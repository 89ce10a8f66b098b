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

	end     place  // behind the lines that are proved
	ahead   bool   // of the state, with some of them
	atFault *proof // what was proved when the first fault of a line or of a seal was met
	none    bool   // a fault was met that may concern any line
}

// A sealedBlock is 1<<blockLevel lines, of which the first has a multiple of that
// as its number.
type sealedBlock struct {
	root    merkle.Hash
	segment uint32
	offset  int64 // in the segment, of the first line
}

// A proof is how far good seals prove the lines, the root of those that are in no
// whole block, and where the next one stands.
type proof struct {
	size uint64
	tail merkle.Hash
	end  place
}

// A place is where a line begins.
type place struct {
	segment uint32
	offset  int64
}

const (
	blockLevel = 8
	blockLines = 1 << blockLevel
)

// Size returns how many lines are proved: those with smaller numbers.
func (s *Sealed) Size() uint64 { return s.size }

// End returns where the lines end that are proved: the number of the segment and
// the offset in it of the first line that is not. Before that every line of the
// files is proved, and no other was there. Where no line is proved both are zero.
func (s *Sealed) End() (segment uint32, offset int64) { return s.end.segment, s.end.offset }

// Ahead reports whether lines are proved that the log's state is not behind, so that
// readers who go by it do not show them: those of a copy made while a writer was at
// work, or that only the commit file has until the next writer comes. Without a state
// all lines are.
func (s *Sealed) Ahead() bool { return s.ahead }

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
	if s.atFault != nil || n > uint64(len(s.blocks)) {
		return // what lies behind a fault counts as proved by nothing
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

// proved says that a good seal, at an offset of the segment being read, covers the
// judge's tree.
func (j *judge) proved(offset int64) {
	j.proven, j.provenEnd = new(j.seq), place{j.segment.number, offset}
	if j.sealing != nil {
		j.provenTail = j.tree.Last(blockLevel)
	}
}

// proof returns how far good seals prove the lines that were read so far.
func (j *judge) proof() proof { return proof{j.provenTo(), j.provenTail, j.provenEnd} }

// faulty says that a fault was met: nothing behind the last good seal before it
// counts as proved.
func (j *judge) faulty() {
	if j.sealing != nil && j.sealing.atFault == nil {
		j.sealing.atFault = new(j.proof())
	}
}

// faultAnywhere reports a fault that may concern any line: nothing counts as proved.
func (j *judge) faultAnywhere(f Fault) {
	j.fault(f)
	if j.quick {
		return
	}
	if j.last >= 0 {
		j.report.Faults[j.last].LastGoodSeal = nil
	}
	if j.sealing != nil {
		j.sealing.none = true
	}
}

// fileFault reports a fault that concerns all of a segment's file, before it is
// that segment's turn to be judged: nothing behind the last good seal before the
// segment counts as proved.
func (v *verifier) fileFault(f Fault) {
	v.placed = append(v.placed, v.report.add(f))
	if n := f.SegmentNumber; v.firstFile == 0 || n < v.firstFile {
		v.firstFile = n
	}
}

// besides reports a fault of what lies beside the segments and takes nothing from
// what is proved of them.
func (v *verifier) besides(f Fault) { v.beside = append(v.beside, v.report.add(f)) }

// before returns what good seals had proved when a segment's turn came, or all that
// they do where that did not come.
func (v *verifier) before(number uint32) proof {
	i := slices.IndexFunc(v.segments, func(f *file) bool { return f.number >= number })
	if i < 0 {
		return v.proved
	}
	return v.segments[i].before
}

// placeFaults says of the faults of files, and of what lies beside them, which seal
// is the last good one before them.
func (v *verifier) placeFaults() {
	sealed := func(i int, p proof) {
		if i >= 0 && p.end != (place{}) {
			v.report.Faults[i].LastGoodSeal = &p.size
		}
	}
	for _, i := range v.placed {
		if i >= 0 {
			sealed(i, v.before(v.report.Faults[i].SegmentNumber))
		}
	}
	for _, i := range v.beside {
		sealed(i, v.proved)
	}
}

// conclude settles what is proved, once all was judged: last, or less where there
// are faults.
func (s *Sealed) conclude(v *verifier) {
	last := v.proved
	if s.atFault != nil {
		last = *s.atFault
	}
	if v.firstFile != 0 {
		if before := v.before(v.firstFile); before.size < last.size {
			last = before
		}
	}
	if s.none || v.report.Verdict == Undecided || uint64(len(s.blocks)) < last.size>>blockLevel {
		last = proof{}
	}
	s.size, s.tail, s.end = last.size, last.tail, last.end
	s.ahead = s.size > 0 // where nothing else says where readers are to stop
	if v.state != nil {
		s.ahead = v.state.Size() < s.size
	}
}

var (
	// ErrUnsealed says that no good seal covers a line.
	ErrUnsealed = errors.New("no good seal covers it")
	// ErrChanged says that a line is not the one that was verified.
	ErrChanged = errors.New("it is not what was verified")
)

// A RegionError says that lines which are proved together are not what was
// verified, one of them at least, or cannot be read: which one is not known.
type RegionError struct {
	From, To    uint64 // From ≤ seq < To
	First, Last uint32 // numbers of the segments that they were in
	Err         error
}

// Error says which lines, and what is wrong.
func (e *RegionError) Error() string {
	where := fmt.Sprintf("segment %d", e.First)
	if e.Last > e.First {
		where = fmt.Sprintf("segments %d to %d", e.First, e.Last)
	}
	if errors.Is(e.Err, ErrChanged) {
		return fmt.Sprintf("at least one of the records %d to %d, in %s, is not what was verified", e.From, e.To-1, where)
	}
	return fmt.Sprintf("the records %d to %d, in %s, cannot be read again: %v", e.From, e.To-1, where, e.Err)
}

// Unwrap returns what is wrong, which is [ErrChanged] where they could be read.
func (e *RegionError) Unwrap() error { return e.Err }

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
	in     []uint32 // the segment of each of them
	err    error    // why it is not as it was
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

// Line returns nil where a line of a segment, without its line feed, is the one that
// a good seal proves to have the number seq. Else it returns [ErrUnsealed], or
// [ErrChanged] where it is another one or comes from another segment, or a
// [*RegionError] where the lines around it are not what was verified. It goes by the
// line's bytes and not by what stands in the files now, except for the other lines
// of its block, without which nothing would be known of this one.
func (c *Check) Line(segment uint32, seq uint64, line []byte) error {
	if seq >= c.sealed.size {
		return ErrUnsealed
	}
	if n := seq>>blockLevel + 1; c.block != n {
		c.block = n
		if c.err = c.read(n - 1); c.err != nil {
			c.err = c.sealed.region(n-1, c.err)
		}
	}
	if c.err != nil {
		return c.err
	}
	c.hasher.Leaf(&c.leaf, line)
	c.hasher.Flush()
	if i := seq % blockLines; c.leaves[i] != c.leaf || c.in[i] != segment {
		return ErrChanged
	}
	return nil
}

// block returns where a block begins, how many of its lines are proved, and their
// root.
func (s *Sealed) block(n uint64) (at sealedBlock, lines uint64, root merkle.Hash) {
	lines = min(s.size-n<<blockLevel, blockLines)
	at, root = s.begun, s.tail
	if n < uint64(len(s.blocks)) {
		at = s.blocks[n]
		if lines == blockLines {
			root = at.root
		}
	}
	return at, lines, root
}

// region returns an error about the lines of a block that are proved.
func (s *Sealed) region(n uint64, err error) *RegionError {
	at, lines, _ := s.block(n)
	end := s.end
	if next := n + 1; next<<blockLevel < s.size { // the proof has a place for what follows
		at, _, _ := s.block(next)
		end = place{at.segment, at.offset}
	}
	if end.offset == 0 && end.segment > at.segment { // it ended with the segment before
		end.segment--
	}
	return &RegionError{From: n << blockLevel, To: n<<blockLevel + lines, First: at.segment, Last: end.segment, Err: err}
}

// read reads the lines of a block, and compares them with what was verified.
func (c *Check) read(n uint64) error {
	at, want, root := c.sealed.block(n)
	c.leaves, c.in = c.leaves[:0], c.in[:0]
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
		c.leaves, c.in = c.leaves[:len(c.leaves)+1], append(c.in, number)
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
