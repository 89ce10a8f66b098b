package etch

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"

	"github.com/etch-audit/etch/internal/index"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// An answer is what the index of a segment says to a query.
type answer struct {
	part  part
	rows  []place      // the lines that may match, in the order of the search
	end   int64        // of the segment's records
	first uint64       // sequence number of the first of them
	calls *index.Calls // nil where they do not matter
	scan  bool         // it says nothing of use: the segment is to be read

	counted []countedKey // records that are counted already, where they are counted
	next    uint64       // the number behind the last of the segment's; 0 where it surely ends as it must
}

// A place is where a line stands in its segment.
type place struct {
	offset int64
	length int
}

// A batch is lines of one segment that are read together.
type batch struct {
	answer
	first bool // of the segment
}

// firstBatch and mostBatch are how many lines a batch has: few at first, so that
// the first records come at once, and never so many that several batches take much
// memory, or that at the end one core waits long for another's. Of an archived
// segment they are more: each worker that opens one reads its table and decodes
// frames for itself.
const (
	firstBatch   = 16
	mostBatch    = 128
	mostArchived = 512
)

// lookUp asks the indexes of segments, and reads what they point to. A segment
// without one that can be trusted is read.
func (s *search) lookUp(parts []part) {
	ask := func(_ int, p part) answer { return s.answer(p, s.ask) }
	lookers := make([]looker, workers())
	for i := range lookers {
		lookers[i].s = s
	}
	defer func() {
		for i := range lookers {
			lookers[i].close()
		}
	}()
	look := func(worker int, b batch) looked { return lookers[worker].look(b) }
	answers := inOrder(s.ctx, workers(), slices.Values(parts), ask)
	for l := range inOrder(s.ctx, workers(), s.batches(answers), look) {
		s.giveAll(l)
		if s.stopped {
			return
		}
	}
	if err := s.ctx.Err(); err != nil {
		s.fail(err)
	}
}

// batches divides the lines of answers.
func (s *search) batches(answers iter.Seq[answer]) iter.Seq[batch] {
	return func(yield func(batch) bool) {
		size := firstBatch
		for a := range answers {
			rows, most := a.rows, mostBatch
			if a.part.Archived {
				most = mostArchived
			}
			for first := true; first || len(rows) > 0; first = false {
				n := min(size, most, len(rows))
				b := batch{answer: a, first: first}
				b.rows, rows = rows[:n], rows[n:]
				if !yield(b) {
					return
				}
				size = min(2*size, mostArchived)
			}
		}
	}
}

// A looked is a batch that was read.
type looked struct {
	batch
	hits []hit
	list *[]hit // what holds them; nil: there are none
	err  error
}

// hitLists are lists of hits, to be used again.
var hitLists = sync.Pool{New: func() any { return new([]hit) }}

// take makes room for so many hits, and release gives it back once they were given.
func (l *looked) take(n int) {
	l.list = hitLists.Get().(*[]hit)
	l.hits = slices.Grow((*l.list)[:0], n)
}

func (l *looked) release() {
	if l.list != nil {
		clear(l.hits) // what they point to is the consumer's
		*l.list = l.hits[:0]
		hitLists.Put(l.list)
	}
}

// giveAll gives the hits of a batch, or reads the segment that has no index.
func (s *search) giveAll(l looked) {
	switch {
	case l.err != nil:
		s.fail(l.err)
	case l.scan:
		s.scan(l.part)
	default:
		if l.first {
			s.beginAnswer(&l.answer)
		}
		if s.stopped {
			return
		}
		for i := range l.hits {
			s.give(l.part, &l.hits[i])
			if l.hits[i].room.leave(); s.stopped {
				return
			}
		}
		l.release()
	}
}

// beginAnswer takes what an answer says of the segment as a whole.
func (s *search) beginAnswer(a *answer) {
	if a.next > 0 {
		s.endsBefore(a.part, a.end, s.behind(a.part), func() (uint64, bool) { return a.next - 1, true })
	}
	if s.stopped {
		return
	}
	if a.calls != nil && s.q.Reverse {
		s.calls.meetIndexed(a.part, a.first, a.calls)
	}
	for _, c := range a.counted {
		if s.countUp(c.key, c.n); s.stopped {
			return
		}
	}
}

// dense is the part of a segment's lines from which on reading all of it is
// faster than reading one after another: a quarter.
const dense = 4

// answer asks the index of a segment.
func (s *search) answer(p part, ask func(*index.Reader, *answer) error) answer {
	a := answer{part: p, scan: true}
	if s.q.NoIndex || s.from(p) > 0 || p.Number == 0 || p.file != nil || s.q.ends(p) < whole {
		return a
	}
	x, file, err := s.r.openIndex(s.v, p)
	if err == nil {
		defer func() { _ = file.Close() }() // it was only read
		defer x.Release()
		if before, ok := s.q.Before.Get(); ok && x.FirstSeq()+uint64(x.Lines()) > before {
			return a // it tells of calls what the query must not know
		}
		a.end = x.Bytes()
		err = ask(x, &a)
	}
	if err != nil {
		s.q.tell(p, err)
		return answer{part: p, scan: true}
	}
	return a
}

// ask fills in an answer.
func (s *search) ask(x *index.Reader, a *answer) (err error) {
	if !s.isWhole(a.part, x) {
		a.next = x.FirstSeq() + uint64(x.Lines())
	}
	if s.calls != nil && s.q.Reverse {
		if err := askCalls(x, a); err != nil {
			return err
		}
	}
	if s.isBefore(x) || x.Excludes(s.expr) {
		a.scan = false
		return nil
	}
	rows, err := s.candidates(x, a)
	if rows == nil || err != nil {
		return err
	}
	a.scan = false
	a.rows = make([]place, 0, rows.Len())
	return x.Places(rows, s.q.Reverse, func(offset int64, length int) { a.rows = append(a.rows, place{offset, length}) })
}

// isBefore reports whether all lines of an index are before those that are asked for.
// What its segment holds is known by it, which is vouched for. What the first lines
// of other segments say is not: one digit there would take others out of sight.
func (s *search) isBefore(x *index.Reader) bool {
	return x.FirstSeq()+uint64(x.Lines()) <= s.least
}

// candidates returns the rows that are to be looked at, nil where they are so many
// that reading all is faster. What can be counted without a look is counted.
func (s *search) candidates(x *index.Reader, a *answer) (*index.Rows, error) {
	most := x.Lines() / dense
	if s.tally == nil || s.q.Match != nil {
		return x.Candidates(s.expr, most)
	}
	rows, counted, err := s.tally.ask(s, x, a.calls)
	if err != nil || rows.Len() > most {
		return nil, err
	}
	a.counted = counted
	return rows, nil
}

// askCalls fills in what an index says of calls.
func askCalls(x *index.Reader, a *answer) (err error) {
	a.first = x.FirstSeq()
	a.calls, err = x.Calls()
	return err
}

// A looker looks at the lines of batches. It is used by one goroutine at a time.
type looker struct {
	matcher
	file vfs.File // the segment that was read last; nil: none
	of   segment.File
	read []byte // room for what a lineReader has read
}

// open returns the file of a part, which stays open until that of another is
// wanted: the batches of one segment follow one another.
func (l *looker) open(p part) (vfs.File, error) {
	if l.file != nil && l.of == p.File {
		return l.file, nil
	}
	l.close()
	f, err := l.s.r.openSegment(p.File)
	if err == nil {
		l.file, l.of = f, p.File
	}
	return f, err
}

func (l *looker) close() {
	if l.file != nil {
		_ = l.file.Close() // it was only read
	}
	l.file = nil
}

// look reads the lines of a batch.
func (l *looker) look(b batch) looked {
	out := looked{batch: b}
	if b.scan || len(b.rows) == 0 {
		return out
	}
	f, err := l.open(b.part)
	if err != nil {
		out.err = err
		return out
	}
	readIn(f, b.rows)
	r := lineReader{r: f, end: b.end, buf: l.read, lone: l.free}
	defer func() { l.read = r.buf[:0] }()
	out.take(len(b.rows))
	moved := false
	for i, at := range b.rows {
		line, err := r.line(at, b.rows[i+1:])
		var damaged bool
		if out.hits, damaged = addDamage(out.hits, err); damaged {
			continue
		}
		if errors.Is(err, errNotIndexed) { // nor are others, most likely
			if !moved {
				out.hits = append(out.hits, hit{offset: at.offset, damage: err})
			}
			moved = true
			continue
		}
		if err != nil {
			out.err = &CorruptionError{int(b.part.Number), b.part.Name, at.offset, err}
			return out
		}
		if h, ok := l.line(b.part, line, at.offset); ok {
			h.looked = true
			out.hits = append(out.hits, h)
		}
	}
	return out
}

// A lineReader reads lines whose places are known. Those that are near each
// other are read together.
type lineReader struct {
	r   io.ReaderAt
	end int64
	at  int64 // offset of buf[0]
	buf []byte

	lone func(size int) []byte // memory for a line that is read alone; nil: there is none
}

// near is how far two lines may be apart to be read together: what lies between
// them costs less than a system call. mostTogether bounds what is read at once.
const (
	near         = 2 << 10
	mostTogether = 64 << 10
)

// errNotIndexed is returned where a segment was changed in place after its index was
// made. What is left of it is still read.
var errNotIndexed = errors.New("the segment is not what its index was made of")

// line returns a line; next are the ones that are going to be asked for, forward
// or backward.
func (l *lineReader) line(p place, next []place) ([]byte, error) {
	from, to := p.offset, p.offset+int64(p.length)+1
	if to > l.end {
		return nil, fmt.Errorf("%w: it ends before the line that its index has here", errNotIndexed)
	}
	line, err := l.read(from, to, next)
	if err != nil {
		return nil, err
	}
	if line[len(line)-1] != '\n' {
		return nil, fmt.Errorf("%w: no line ends where its index says", errNotIndexed)
	}
	return line[:len(line)-1], nil
}

// read returns what lies between two places.
func (l *lineReader) read(from, to int64, next []place) ([]byte, error) {
	if from >= l.at && to <= l.at+int64(len(l.buf)) {
		return l.buf[from-l.at : to-l.at], nil
	}
	first, last := l.together(from, to, next)
	if l.lone != nil && first == from && last == to {
		if room := l.lone(int(to - from)); room != nil {
			return room, readWhole(l.r, room, from)
		}
	}
	err := l.fill(first, last)
	if err != nil {
		err = l.fill(from, to) // what is wrong may be with another line
	}
	if err != nil {
		return nil, err
	}
	return l.buf[from-l.at : to-l.at], nil
}

// together widens what is to be read by the lines that follow, as far as they are
// near.
func (l *lineReader) together(from, to int64, next []place) (int64, int64) {
	for _, p := range next {
		start, end := min(from, p.offset), max(to, p.offset+int64(p.length)+1)
		gap := max(p.offset-to, from-(p.offset+int64(p.length)+1))
		if gap > near || end-start > mostTogether || end > l.end {
			break
		}
		from, to = start, end
	}
	return from, to
}

// fill reads what lies between two places.
func (l *lineReader) fill(from, to int64) error {
	l.at = from
	size := int(to - from)
	l.buf = slices.Grow(l.buf[:0], size)[:size]
	err := readWhole(l.r, l.buf, l.at)
	if err != nil {
		l.buf = l.buf[:0]
	}
	return err
}

// readWhole fills b.
func readWhole(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	return err
}
