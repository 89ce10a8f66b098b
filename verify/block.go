package verify

import (
	"bytes"
	"io"
	"sync"

	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
)

// blockSize is how much of a segment a worker reads at once: little enough to
// stay in a processor's own cache from reading to hashing, and enough lines
// that their tree comes down to a few hashes.
const blockSize = 512 << 10

// A block is what a worker made of whole lines of a segment that follow each
// other.
type block struct {
	index  int
	offset int64 // in the segment, of the first line
	end    int64 // likewise, behind the last

	odd   bool // something must be looked at with care
	parts []part
	roots []merkle.Root
	text  []byte // the control records that parts name
}

// A part is lines of a block between two that the judge must look at.
type part struct {
	from, to uint64
	roots    int    // where the roots of the part end in the block's
	kind     string // of the control record that follows; "" for none
	line     []byte
	leaf     merkle.Hash
	offset   int64 // in the segment, of what follows the part
}

// size returns how many bytes of the segment the part's control record takes.
func (p *part) size() int64 {
	if p.kind == "" {
		return 0
	}
	return int64(len(p.line)) + 1
}

// A feed hands out the lines of a segment in turn.
type feed struct {
	mu     sync.Mutex
	r      io.Reader
	carry  []byte // of the line that the last block broke off in
	offset int64
	index  int
	done   bool
	err    error
}

// fill reads the next whole lines into buf, and gives b their place. It returns
// where they end in buf, and whether there were any.
// Whoever reads a block also hashes it, while it is in his processor's cache.
func (f *feed) fill(b *block, buf []byte) (end int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return 0, false
	}
	n := copy(buf, f.carry)
	m, err := io.ReadFull(f.r, buf[n:n+len(buf)-record.MaxLine])
	n += m
	if err != nil {
		f.done = true
		if !ended(err) {
			f.err = err
			return 0, false
		}
	}
	end = bytes.LastIndexByte(buf[:n], '\n') + 1
	f.carry = append(f.carry[:0], buf[end:n]...)
	*b = block{index: f.index, offset: f.offset, parts: b.parts[:0], roots: b.roots[:0], text: b.text[:0]}
	b.odd = end == 0 && !f.done || len(f.carry) > record.MaxLine
	f.done = f.done || b.odd
	f.index++
	f.offset += int64(end)
	b.end = f.offset
	return end, end > 0 || b.odd
}
