package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"strconv"
	"sync"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
)

// blockSize is how much of a segment one worker takes at once: little enough to
// stay in a processor's own cache from reading to hashing, and enough lines
// that their tree comes down to a few hashes.
const blockSize = 512 << 10

// A block is a part of a segment, of whole lines, and what a worker made of it.
type block struct {
	index  int
	offset int64  // of the first line in the segment
	buf    []byte // one byte of room, then the lines
	n      int    // bytes of lines

	odd   bool
	parts []part
	nodes []node
}

// A part is lines of a block between two that the judge must look at.
type part struct {
	from, to uint64
	nodes    int    // where the nodes of the part end in the block's
	kind     string // of the control record that follows; "" for none
	line     []byte
	leaf     merkle.Hash
	offset   int64 // in the segment, of what follows the part
}

// A node is the root of a perfect subtree of 1<<level leaves.
type node struct {
	level int
	hash  merkle.Hash
}

// A feed hands out the blocks of a segment in turn.
type feed struct {
	mu     sync.Mutex
	r      io.Reader
	carry  []byte // of the line that the last block broke off in
	offset int64
	index  int
	done   bool
	err    error
}

// fill reads the next block, and reports whether there was one. Whoever fills a
// block also hashes it, while it is in his processor's cache.
func (f *feed) fill(b *block) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return false
	}
	n := copy(b.buf[1:], f.carry)
	m, err := io.ReadFull(f.r, b.buf[1+n:len(b.buf)-record.MaxLine-1+n])
	n += m
	if err != nil {
		f.done = true
		if !ended(err) {
			f.err = err
			return false
		}
	}
	end := bytes.LastIndexByte(b.buf[1:1+n], '\n') + 1
	f.carry = append(f.carry[:0], b.buf[1+end:1+n]...)
	b.index, b.offset, b.n = f.index, f.offset, end
	b.parts, b.nodes = b.parts[:0], b.nodes[:0]
	b.odd = end == 0 && !f.done || len(f.carry) > record.MaxLine
	f.done = f.done || b.odd
	f.index++
	f.offset += int64(end)
	return end > 0 || b.odd
}

// A worker takes blocks apart.
type worker struct {
	signed bool
	mac    *record.MAC
	cuts   [2]uint64 // sizes at which the judge wants to compare the tree
	head   head      // of the line being read
}

// take hashes the lines of a block, and looks at nothing but their form, their
// numbers and their MACs.
func (w *worker) take(b *block) {
	text := b.buf[1 : 1+b.n]
	first, err := record.Split(text[:max(0, bytes.IndexByte(text, '\n'))])
	if err != nil {
		b.odd = true
		return
	}
	w.head.reset(first.Seq)
	from, seq := first.Seq, first.Seq
	for pos := 1; pos < 1+b.n; seq++ {
		size := bytes.IndexByte(b.buf[pos:1+b.n], '\n')
		line := b.buf[pos : pos+size]
		kind, ok := w.read(line, seq)
		if !ok {
			b.odd = true
			return
		}
		if seq == w.cuts[0] || seq == w.cuts[1] {
			b.parts = append(b.parts, part{from: from, to: seq, nodes: len(b.nodes), offset: b.offset + int64(pos-1)})
			from = seq
		}
		b.buf[pos-1] = 0 // RFC 6962 wants this byte before a leaf: the line feed before has served
		leaf := merkle.Hash(sha256.Sum256(b.buf[pos-1 : pos+size]))
		if kind != "" {
			b.parts = append(b.parts, part{from, seq, len(b.nodes), kind, line, leaf, b.offset + int64(pos-1)})
			from = seq + 1
		} else {
			b.push(leaf, seq)
		}
		w.head.next()
		pos += size + 1
	}
	b.parts = append(b.parts, part{from: from, to: seq, nodes: len(b.nodes), offset: b.offset + int64(b.n)})
}

// read returns the type of the control record that the line with number seq
// is, "" for an event, and whether there is nothing odd about the line.
func (w *worker) read(line []byte, seq uint64) (kind string, ok bool) {
	// Most lines begin as the one before would have it, and need no parsing.
	rest, usual := bytes.CutPrefix(line, w.head.text)
	if w.mac != nil && w.signed || !usual || len(line) > record.MaxLine || line[len(line)-1] != '}' {
		l, err := record.Split(line)
		if err != nil || l.Seq != seq || w.signed && w.mac != nil && w.mac.Check(l) != nil {
			return "", false
		}
	}
	if w.signed && w.mac == nil && !record.HasMAC(line) {
		return "", false
	}
	if usual && (len(rest) <= timeText || !bytes.HasPrefix(rest[timeText:], typeMark)) {
		return "", true
	}
	return record.Control(line), true
}

// timeText is the length of a timestamp, after which a control record has typeMark.
const timeText = len("2006-01-02T15:04:05.000000Z")

var typeMark = []byte(`","event_type":"`)

// A head is what a line begins with up to its timestamp.
type head struct {
	text []byte
	end  int // of the number
}

const (
	headSeq  = `{"seq":`
	headTime = `,"timestamp":"`
)

func (h *head) reset(seq uint64) {
	h.text = strconv.AppendUint(append(h.text[:0], headSeq...), seq, 10)
	h.end = len(h.text)
	h.text = append(h.text, headTime...)
}

// next makes it the head of the next line, as a counter of digits does.
func (h *head) next() {
	i := h.end - 1
	for ; h.text[i] == '9'; i-- {
		h.text[i] = '0'
	}
	if i >= len(headSeq) {
		h.text[i]++
		return
	}
	h.text = slices.Insert(h.text, len(headSeq), '1')
	h.end++
}

// push adds the leaf with number seq to the nodes of the part. Two nodes that
// are children of one become it: the part comes down to the perfect subtrees
// that lie wholly in it.
func (b *block) push(h merkle.Hash, seq uint64) {
	first := 0
	if n := len(b.parts); n > 0 {
		first = b.parts[n-1].nodes
	}
	level := 0
	for ; seq&1 == 1 && len(b.nodes) > first && b.nodes[len(b.nodes)-1].level == level; level++ {
		h = merkle.Node(b.nodes[len(b.nodes)-1].hash, h)
		b.nodes = b.nodes[:len(b.nodes)-1]
		seq >>= 1
	}
	b.nodes = append(b.nodes, node{level, h})
}

// quick judges a segment with all cores, and reports whether nothing was odd.
// If something was, the judge must go back to where it was.
func (v *verifier) quick(ctx context.Context, j *judge, f *file) (clean bool, err error) {
	r, err := v.open(f)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	limit, voided := v.limit(f)
	var in io.Reader = r
	if voided {
		in = io.LimitReader(r, limit)
	}
	j.quick, j.odd = true, false
	j.eager = v.opts.AllSignatures
	defer func() { j.quick = false }()
	s := sequence{v: v, j: j, file: f, fed: &feed{r: in}, tail: v.tailOf(f), best: j.chain}
	if err := s.run(ctx); err != nil || j.odd {
		return false, err
	}
	return s.finish(), nil
}

// A sequence puts the blocks of a segment in their order, for the judge.
type sequence struct {
	v    *verifier
	j    *judge
	file *file
	fed  *feed

	tail   tail
	best   chain // at the end of what is known to be committed
	bestAt int64
	at     int64 // end of what was judged
}

// run passes the segment's blocks from the workers to the judge.
func (s *sequence) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	size := blockSize
	if !s.file.archived {
		size = int(min(blockSize, s.file.size+1)) // one more, to see the end
	}
	n := min(s.v.opts.Workers, int(s.file.size/blockSize)+1)
	free := make(chan *block, n+2)
	done := make(chan *block, n+2)
	for range n + 2 {
		free <- &block{buf: make([]byte, 1+size+record.MaxLine+1)}
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	defer stop()
	for range n {
		w := &worker{signed: s.file.signed, mac: s.v.lineMAC(s.j.origin), cuts: s.v.cuts()}
		workers.Go(func() { w.work(ctx, s.fed, free, done) })
	}
	go func() { workers.Wait(); close(done) }()
	return s.collect(free, done)
}

// work hashes one block after the other until there is none.
func (w *worker) work(ctx context.Context, fed *feed, free <-chan *block, done chan<- *block) {
	for {
		var b *block
		select {
		case b = <-free:
		case <-ctx.Done():
			return
		}
		if !fed.fill(b) {
			return
		}
		if !b.odd {
			w.take(b)
		}
		select {
		case done <- b:
		case <-ctx.Done():
			return
		}
	}
}

// collect judges the blocks in their order. There are as many blocks as the
// channels hold, so that nobody waits for ever.
func (s *sequence) collect(free chan<- *block, done <-chan *block) error {
	early := make(map[int]*block)
	next := 0
	for b := range done {
		early[b.index] = b
		for {
			b, ok := early[next]
			if !ok {
				break
			}
			delete(early, next)
			next++
			if !s.judge(b) {
				s.j.odd = true
				return nil
			}
			free <- b
		}
	}
	s.fed.mu.Lock()
	defer s.fed.mu.Unlock()
	return s.fed.err
}

// judge judges a block, and reports whether all is well with it.
func (s *sequence) judge(b *block) bool {
	j := s.j
	if b.odd {
		return false
	}
	done := 0
	for i := range b.parts {
		p := &b.parts[i]
		if p.from != j.seq && (j.inside || p.kind != control.Opened) {
			return false
		}
		if p.to > p.from {
			j.events(p.to-p.from, b.nodes[done:p.nodes])
		}
		done = p.nodes
		if p.kind != "" {
			s.control(p)
		} else if j.inside {
			j.reached()
			s.commit(false, p.offset)
		}
		if j.odd {
			return false
		}
	}
	s.at = b.offset + int64(b.n)
	s.v.progress(j.sum.Bytes + s.at)
	return true
}

// events adds lines that are no control records.
func (j *judge) events(n uint64, nodes []node) {
	if !j.inside {
		j.odd = true
		return
	}
	for i := range nodes {
		j.tree.AppendSubtree(nodes[i].level, nodes[i].hash)
	}
	j.seq += n
	j.since += n
	j.sum.Events += n
	j.announced, j.ended = nil, false
}

// control judges a control record.
func (s *sequence) control(p *part) {
	j := s.j
	if j.inside {
		j.reached()
		s.commit(false, p.offset)
	}
	if j.control(p.kind, p.line, p.offset); j.odd {
		return
	}
	j.add(p.leaf)
	s.commit(p.kind == control.Sealed, p.offset+int64(len(p.line))+1)
}

// commit remembers the chain where what was read is known to be committed.
func (s *sequence) commit(sealed bool, at int64) {
	if s.tail.committed(s.j.seq, sealed) {
		s.best, s.bestAt = s.j.chain, at
	}
}

// finish ends the segment, and reports whether all was well to its end.
func (s *sequence) finish() bool {
	j := s.j
	if !j.inside {
		return false
	}
	end := s.at
	if s.tail.all || j.seq < s.tail.size {
		if len(s.fed.carry) > 0 {
			return false
		}
	} else {
		seen := j.headSeen
		j.chain, end = s.best, s.bestAt
		j.headSeen = seen
		j.sum.NotYetCommitted = s.file.size - end
	}
	j.settle()
	s.v.leave(j, end)
	return !j.odd
}
