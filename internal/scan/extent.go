package scan

import (
	"bytes"
	"io"

	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/vfs"
)

const (
	// smallest is the size of the first block. Each is twice as large as the
	// one before, so that the first results come at once, until they are so much
	// work that handing it out does not count, and still stay in a processor's
	// cache.
	smallest = 32 << 10
	// doublings is how many blocks are smaller than the others, and everyLine
	// how many are where each line is handed out: what it gives is held until its
	// turn, and takes more memory than the line. It is scattered where a file that
	// could be mapped is read instead: a block is then copied into a buffer, which
	// shall not leave the cache of one core before it is searched.
	doublings = 5
	everyLine = 2
	scattered = 4
	// more is how much is read at once behind a block to find the end of its
	// last line.
	more = 8 << 10
)

// A mappable file can be searched in place, and tells whether it was whole
// meanwhile.
type mappable interface {
	vfs.Mapper
	Size() (int64, error)
}

// An extent is the part of a file that is scanned. It is divided into blocks,
// numbered in the order in which they are scanned.
type extent struct {
	src      io.ReaderAt
	from, to int64
	reverse  bool
	doubles  int      // how many blocks are smaller than the others
	ahead    int      // how many blocks a worker may be ahead of the consumer
	file     mappable // src, where it is mapped
	mapping  *vfs.Mapping
	given    block // of the mapping, since some was last given back
	files    *Files
}

// A block is the lines that begin at an offset from lo to below hi.
type block struct{ lo, hi int64 }

// reach returns how many bytes the first n blocks have.
func (x *extent) reach(n int) int64 {
	if n <= x.doubles {
		return smallest<<n - smallest
	}
	return smallest<<x.doubles - smallest + int64(n-x.doubles)*smallest<<x.doubles
}

// has reports whether there is an nth block.
func (x *extent) has(n int) bool { return x.reach(n) < x.to-x.from }

// block returns the nth.
func (x *extent) block(n int) block {
	near, far := x.reach(n), min(x.reach(n+1), x.to-x.from)
	if x.reverse {
		return block{x.to - far, x.to - near}
	}
	return block{x.from + near, x.from + far}
}

// openMapping maps the file where that is possible. Where it is not, for want
// of address space perhaps, the file is read.
func (x *extent) openMapping() {
	file, ok := x.src.(mappable)
	if !ok || int64(int(x.to-x.from)) != x.to-x.from {
		return
	}
	if x.files != nil && x.files.read > 0 {
		x.files.read--
		x.doubles, x.ahead = scattered, farAhead
		return
	}
	m, err := file.Map(x.from, int(x.to-x.from))
	if err != nil {
		return
	}
	x.file, x.mapping = file, m
	if file.Scattered(m) {
		x.close()
		x.file, x.mapping, x.doubles, x.ahead = nil, nil, scattered, farAhead
		if x.files != nil {
			x.files.read = readOn
		}
	}
}

// close ends the mapping. No worker is left.
func (x *extent) close() {
	if x.mapping != nil {
		_ = x.mapping.Unmap() // it fails for no mapping of ours, and nothing depends on it
	}
}

// limits returns where the bytes of a block begin, and where they end at the
// latest.
func (x *extent) limits(b block) (base, end int64) {
	return max(x.from, b.lo-1), min(x.to, b.hi+record.MaxLine)
}

// mapped returns the part of a block in the mapping.
func (x *extent) mapped(b block) part {
	base, end := x.limits(b)
	return part{block: b, base: base, data: x.mapping.Bytes()[base-x.from : end-x.from]}
}

// read reads the part of a block, into room where that is large enough.
func (x *extent) read(b block, room []byte) part {
	base, end := x.limits(b)
	p := part{block: b, base: base, room: room}
	p.data = p.begin()
	p.fill(x.src, b.hi)
	for seen := int(b.hi - 1 - base); p.err == nil && p.offset() < end && bytes.IndexByte(p.data[seen:], '\n') < 0; {
		seen = len(p.data)
		p.fill(x.src, min(end, p.offset()+more))
	}
	return p
}

// held is how much of the mapping may be in memory before it is given back. To
// do so more often would cost the workers more than it saves.
const held = 32 << 20

// release lets the system take back the memory of the blocks in the mapping
// whose lines were given away, up to the one that was given last.
func (x *extent) release(b block) {
	if x.mapping == nil {
		return
	}
	if x.given.lo == x.given.hi {
		x.given = b
	}
	x.given = block{min(x.given.lo, b.lo), max(x.given.hi, b.hi)}
	if x.given.hi-x.given.lo >= held {
		x.mapping.Release(int(x.given.lo-x.from), int(x.given.hi-x.from))
		x.given = block{}
	}
}
