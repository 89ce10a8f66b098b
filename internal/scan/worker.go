package scan

import (
	"bytes"
	"fmt"
	"runtime/debug"
	"sync"
)

// A worker does one task after another, on one goroutine at a time.
type worker[R any] struct {
	scan   *scan[R]
	number int
	room   *[]byte // of buffers
	buf    []byte  // of blocks that are read
	copies []byte  // lines found in the mapping
	found  []place
}

// A place is a line that the Finder chose.
type place struct {
	offset     int64
	start, end int // in the bytes that it is in
}

// buffers are for blocks that are read, one segment after another.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func newWorker[R any](s *scan[R], number int) *worker[R] {
	room := buffers.Get().(*[]byte)
	return &worker[R]{scan: s, number: number, room: room, buf: *room}
}

// end gives back the worker's buffer: results hold no memory of it.
func (w *worker[R]) end() {
	*w.room = w.buf
	buffers.Put(w.room)
}

func (w *worker[R]) serve(jobs <-chan *task[R]) {
	for t := range jobs {
		w.do(t)
		t.done <- struct{}{}
	}
}

// do fills in a task. What it leaves undone once the scan is halted nobody
// looks at.
func (w *worker[R]) do(t *task[R]) {
	clear(t.results) // what the consumer has got is not kept alive
	t.results = t.results[:0]
	if w.scan.halted.Load() {
		return
	}
	if w.scan.mapping != nil && w.search(t) {
		w.matchFound(t, w.copies)
		return
	}
	p := w.scan.read(t.block, w.buf)
	w.buf = p.room
	body, start := p.body(&w.scan.extent)
	from, to, found := p.whole(body, start, w.scan.opt.Reverse)
	t.found = found
	body, start = body[from:to], start+int64(from)
	switch {
	case w.scan.opt.Finder != nil:
		w.choose(body, start)
		w.matchFound(t, body)
	case w.scan.opt.Reverse:
		w.matchBackward(t, body, start)
	default:
		w.matchForward(t, body, start)
	}
}

// search finds and copies the lines of a block in the mapping. It reports
// whether the mapping was good all the while.
func (w *worker[R]) search(t *task[R]) (good bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch v := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // a fault; reading tells why
			good = false
		default:
			panic(fmt.Sprintf("scan: bad block: %v", v))
		}
	}()
	p := w.scan.mapped(t.block)
	body, start := p.body(&w.scan.extent)
	searched := w.choose(body, start)
	// After the search, when the bytes are in the processor's cache.
	from, to, found := p.whole(body, start, w.scan.opt.Reverse)
	t.found = found
	w.copyFound(body, from, to)
	// In its last page a file that was cut goes on with zeros, without a fault.
	size, err := w.scan.file.Size()
	return searched >= to && err == nil && size >= p.offset()
}

// choose finds the lines of body that the Finder finds something in. It returns
// how far: to the end, or to a line that has none.
func (w *worker[R]) choose(body []byte, start int64) int {
	w.found = w.found[:0]
	for at := 0; ; {
		i := w.scan.opt.Finder.Next(body, at)
		if i < 0 {
			return len(body)
		}
		begin := at + bytes.LastIndexByte(body[at:i], '\n') + 1
		n := bytes.IndexByte(body[i:], '\n')
		if n < 0 {
			return begin
		}
		at = i + n + 1
		w.found = append(w.found, place{start + int64(begin), begin, at - 1})
	}
}

// copyFound copies the lines found between two places of body, and forgets the
// others.
func (w *worker[R]) copyFound(body []byte, from, to int) {
	w.copies = w.copies[:0]
	kept := w.found[:0]
	for _, f := range w.found {
		if f.start < from || f.end >= to {
			continue
		}
		start := len(w.copies)
		w.copies = append(w.copies, body[f.start:f.end]...)
		kept = append(kept, place{f.offset, start, len(w.copies)})
	}
	w.found = kept
}

// matchFound matches the lines that were chosen, which are in text.
func (w *worker[R]) matchFound(t *task[R], text []byte) {
	for i := range w.found {
		f := &w.found[i]
		if w.scan.opt.Reverse {
			f = &w.found[len(w.found)-1-i]
		}
		if !w.matchLine(t, text[f.start:f.end:f.end], f.offset) {
			return
		}
	}
}

func (w *worker[R]) matchForward(t *task[R], body []byte, start int64) {
	for at := 0; at < len(body); {
		n := bytes.IndexByte(body[at:], '\n')
		if !w.matchLine(t, body[at:at+n:at+n], start+int64(at)) {
			return
		}
		at += n + 1
	}
}

func (w *worker[R]) matchBackward(t *task[R], body []byte, start int64) {
	for end := len(body) - 1; end >= 0; {
		at := bytes.LastIndexByte(body[:end], '\n') + 1
		if !w.matchLine(t, body[at:end:end], start+int64(at)) {
			return
		}
		end = at - 1
	}
}

// matchLine reports whether the scan goes on.
func (w *worker[R]) matchLine(t *task[R], line []byte, offset int64) bool {
	value, ok, err := w.scan.match(w.number, line, offset)
	if ok || err != nil {
		t.results = append(t.results, result[R]{value, err})
	}
	return !w.scan.halted.Load()
}
