package verify

import (
	"bytes"
	"context"
	"slices"
	"strconv"

	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
)

// A worker takes blocks apart. It keeps its memory from one segment to the
// next, so that a log's lines all pass through the same cache.
type worker struct {
	buf []byte // the lines of a block
	run *merkle.Run

	signed bool
	mac    *record.MAC // nil: MACs are not checked
	blocks bool        // parts end with blocks of lines, for [Sealed]
	cuts   [2]uint64   // sizes at which the judge wants to compare the tree

	head head   // of the line being read
	from uint64 // first line of the part being read
}

// worker returns a worker for the lines of a segment, the same one for the same i.
func (v *verifier) worker(i int, f *file, origin string) *worker {
	for i >= len(v.workers) {
		v.workers = append(v.workers, &worker{run: merkle.NewRun()})
	}
	w := v.workers[i]
	size := int64(blockSize)
	if !f.archived {
		size = min(size, f.size+1) // one more, to see the end
	}
	if size += record.MaxLine; int64(len(w.buf)) < size {
		w.buf = make([]byte, size)
	}
	w.signed, w.mac, w.cuts = f.signed, nil, v.cuts()
	w.blocks = v.opts.Sealed != nil
	if f.signed {
		w.mac = v.lineMAC(origin)
	}
	return w
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
		end, ok := fed.fill(b, w.buf)
		if !ok {
			return
		}
		b.odd = b.odd || !w.take(b, w.buf[:end])
		select {
		case done <- b:
		case <-ctx.Done():
			return
		}
	}
}

// take hashes the lines in buf, and looks at nothing but their form, their
// numbers and their MACs. It reports whether nothing is odd about them.
func (w *worker) take(b *block, buf []byte) bool {
	first, err := record.Split(buf[:max(0, bytes.IndexByte(buf, '\n'))])
	if err != nil {
		return false
	}
	seq := first.Seq
	w.begin(seq)
	w.head.reset(seq)
	for pos := 0; pos < len(buf); seq++ {
		line := buf[pos : pos+bytes.IndexByte(buf[pos:], '\n')]
		kind, ok := w.read(line, seq)
		if !ok {
			return false
		}
		if seq == w.cuts[0] || seq == w.cuts[1] || w.blocks && seq%blockLines == 0 {
			w.end(b, part{to: seq, offset: b.offset + int64(pos)})
			w.begin(seq)
		}
		if kind == "" {
			w.run.Append(line)
		} else {
			b.text = append(b.text, line...)
			kept := b.text[len(b.text)-len(line):]
			w.end(b, part{to: seq, kind: kind, line: kept, leaf: w.run.Leaf(line), offset: b.offset + int64(pos)})
			w.begin(seq + 1)
		}
		w.head.next()
		pos += len(line) + 1
	}
	w.end(b, part{to: seq, offset: b.end})
	return true
}

// begin begins a part.
func (w *worker) begin(seq uint64) {
	w.from = seq
	w.run.Begin(seq)
}

// end ends the part that was begun.
func (w *worker) end(b *block, p part) {
	b.roots = w.run.AppendRoots(b.roots)
	p.from, p.roots = w.from, len(b.roots)
	b.parts = append(b.parts, p)
}

// read returns the type of the control record that the line with number seq
// is, "" for an event, and whether there is nothing odd about the line.
func (w *worker) read(line []byte, seq uint64) (kind string, ok bool) {
	// Most lines begin as the one before would have it, and need no parsing.
	rest, usual := bytes.CutPrefix(line, w.head.text)
	if w.mac != nil || !usual || len(line) > record.MaxLine || line[len(line)-1] != '}' {
		l, err := record.Split(line)
		if err != nil || l.Seq != seq || w.mac != nil && w.mac.Check(l) != nil {
			return "", false
		}
	}
	if w.signed && w.mac == nil && !record.HasMAC(line) {
		return "", false
	}
	if usual && (len(rest) <= typeAt || rest[typeAt] != 't') {
		return "", true
	}
	return record.Control(line), true
}

// typeAt is where, behind its head, a control record has the first letter that
// tells it from an event, whose id stands before its type.
const typeAt = len(`2006-01-02T15:04:05.000000Z","event_`)

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
