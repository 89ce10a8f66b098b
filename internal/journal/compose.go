package journal

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
)

// The lines of a large batch are composed by several goroutines: their
// sequence numbers are known before, and so are their lengths, so that no line
// depends on another. What depends on all of them, the frontier, is fed by
// subtrees that were hashed on the way.

// A composer hashes and authenticates the lines of a block, all of them in one
// step before any of them in the next: hashes that do not depend on each other
// are made two at a time. It is used by one goroutine at a time.
type composer struct {
	mac    *record.MAC
	hasher *merkle.Hasher

	texts [blockLines][]byte // lines as far as they are composed
	sums  [blockLines]record.Sum
	nodes [blockLines]merkle.Hash
}

// A planned is a line that is going to stand at out[start:end] of the draft,
// with its line feed.
type planned struct {
	entry      int // in the batch
	start, end int
}

const (
	// blockLevel is the level of the subtrees that composers hash. A block is
	// about 30 µs of work, a few times what waking a goroutine costs.
	blockLevel = 5
	blockLines = 1 << blockLevel
)

// plan makes room in the draft for the lines of as many entries, from i on, as
// can stand together: until the draft is long, the segment full or the
// promised number of lines between seals reached. The first is wanted, and
// [Journal.room] has made room for it. It returns the entry that the plan stops at.
func (j *Journal) plan(i int) int {
	d := &j.draft
	d.plan = d.plan[:0]
	at, seq := len(d.out), d.next.Size()
	for ; i < len(d.b.entries); i = d.b.wanted(i + 1) {
		e := &d.b.entries[i]
		body := e.end - e.start
		if len(d.plan) > 0 && (at >= maxDraft || j.isFull(at, body) || j.sealAt(seq)) {
			break
		}
		end := at + record.LineLen(seq, body, d.next.Signed) + 1
		d.plan = append(d.plan, planned{i, at, end})
		at = end
		seq++
	}
	d.out = slices.Grow(d.out, at-len(d.out))[:at]
	return i
}

// events adds the lines of entries to the draft, from i on, and returns the
// entry after the last.
func (j *Journal) events(now time.Time, i int) int {
	d := &j.draft
	stop := j.plan(i)
	if d.next.Fresh {
		d.next.Fresh, d.next.SegmentBegun = false, now
	}
	first := d.next.Size()
	told := len(d.told)
	d.told = slices.Grow(d.told, len(d.plan))[:told+len(d.plan)]
	c := &d.work
	c.begin(d, first, d.told[told:])
	j.compose(c)
	c.grow()
	return stop
}

// A composition is the planned lines of a draft on their way to be composed.
// It is reused.
type composition struct {
	d     *draft
	first uint64        // sequence number of the first
	told  []receiptOf   // one a line
	roots []merkle.Hash // one a block, of those that are full
	next  atomic.Int64  // block to be composed
}

func (c *composition) begin(d *draft, first uint64, told []receiptOf) {
	c.d, c.first, c.told = d, first, told
	c.roots = slices.Grow(c.roots[:0], c.blocks())[:c.blocks()]
	c.next.Store(0)
}

// blocks returns how many blocks the lines lie in. Blocks are aligned as the
// tree's subtrees are; the first and the last may not be full.
func (c *composition) blocks() int {
	last := c.first + uint64(len(c.told)) - 1
	return int(last>>blockLevel-c.first>>blockLevel) + 1
}

// block returns the lines of a block, from one to before another.
func (c *composition) block(n int) (from, to int) {
	begin := int64(n)<<blockLevel - int64(c.first&(blockLines-1))
	return int(max(begin, 0)), int(min(begin+blockLines, int64(len(c.told))))
}

// compose composes all blocks, with the help of as many goroutines as there
// are processors for. Callers of an interval do not wait meanwhile, unless they
// wait for room: one processor at least is left to them.
func (j *Journal) compose(c *composition) {
	free := runtime.GOMAXPROCS(0) - 1
	if j.queue.lazy && !j.queue.full() {
		free--
	}
	helpers := min(free, c.blocks()-1)
	if helpers <= 0 {
		c.work(j.composer(0))
		return
	}
	var wg sync.WaitGroup
	for i := range helpers {
		with := j.composer(i + 1)
		wg.Go(func() { c.work(with) })
	}
	c.work(j.composer(0))
	wg.Wait()
}

// composer returns the i-th composer.
func (j *Journal) composer(i int) *composer {
	for len(j.workers) <= i {
		j.workers = append(j.workers, &composer{mac: j.line.Clone(), hasher: merkle.NewHasher()})
	}
	return j.workers[i]
}

// work composes blocks until there are none left.
func (c *composition) work(with *composer) {
	for {
		n := int(c.next.Add(1)) - 1
		if n >= len(c.roots) {
			return
		}
		from, to := c.block(n)
		c.lines(from, to, with)
		if to-from == blockLines {
			c.roots[n] = c.root(from, with)
		}
	}
}

// lines composes the lines of a block.
func (c *composition) lines(from, to int, with *composer) {
	d := c.d
	texts, sums := with.texts[:to-from], with.sums[:to-from]
	for i := range texts {
		p := d.plan[from+i]
		line := record.AppendOpen(d.out[p.start:p.start:p.end], c.first+uint64(from+i))
		texts[i] = append(line, d.b.body(&d.b.entries[p.entry])...)
	}
	if d.next.Signed {
		with.mac.Sums(sums, texts)
	}
	for i, line := range texts {
		if d.next.Signed {
			line = record.AppendSum(line, &sums[i])
		} else {
			line = append(line, '}')
		}
		p := d.plan[from+i]
		if len(line)+1 != p.end-p.start {
			panic("journal: bad plan: a line is not as long as its parts")
		}
		told := &c.told[from+i]
		told.entry, told.seq = p.entry, c.first+uint64(from+i)
		with.hasher.Leaf(&told.leaf, line)
		d.out[p.end-1] = '\n'
	}
	with.hasher.Flush()
}

// root returns the root of the full block that begins at line from.
func (c *composition) root(from int, with *composer) merkle.Hash {
	for i := range with.nodes {
		with.nodes[i] = c.told[from+i].leaf
	}
	return with.hasher.Subtree(with.nodes[:])
}

// grow adds the composed lines to the frontier.
func (c *composition) grow() {
	f := &c.d.next.Frontier
	for n, root := range c.roots {
		from, to := c.block(n)
		if to-from == blockLines {
			f.AppendSubtree(blockLevel, root)
			continue
		}
		for i := from; i < to; i++ {
			f.Append(c.told[i].leaf)
		}
	}
}
