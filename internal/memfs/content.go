package memfs

import "maps"

// PageSize is the number of bytes that survive a crash together or not at
// all.
const PageSize = 4096

// A page is one piece of a file. Pages are shared between the present and the
// stable image of a file and between clones; a shared page never changes, it
// is copied to be written.
type page struct {
	data   [PageSize]byte
	shared bool
}

// share marks a page. It writes only once, while a single file system knows
// the page: clones read the mark under locks of their own.
func (p *page) share() *page {
	if !p.shared {
		p.shared = true
	}
	return p
}

// An image is a file's size and its pages by number. A missing page is zero,
// and so is what lies behind the size in the last one.
type image struct {
	size  int64
	pages map[int64]*page
}

func (im image) clone() image {
	for _, p := range im.pages {
		p.share()
	}
	return image{size: im.size, pages: maps.Clone(im.pages)}
}

// writable returns a page that may be changed.
func (im image) writable(number int64) *page {
	p := im.pages[number]
	switch {
	case p == nil:
		p = new(page)
	case p.shared:
		p = &page{data: p.data}
	}
	im.pages[number] = p
	return p
}

// cut removes what lies behind the size and reports the pages it changed.
func (im image) cut() []int64 {
	var changed []int64
	for number := range im.pages {
		switch start := number * PageSize; {
		case start >= im.size:
			delete(im.pages, number)
			changed = append(changed, number)
		case start+PageSize > im.size:
			clear(im.writable(number).data[im.size-start:])
			changed = append(changed, number)
		}
	}
	return changed
}

func (im image) readAt(p []byte, off int64) int {
	if off >= im.size {
		return 0
	}
	p = p[:min(int64(len(p)), im.size-off)]
	for rest := p; len(rest) > 0; {
		within := off % PageSize
		n := min(len(rest), int(PageSize-within))
		if pg := im.pages[off/PageSize]; pg != nil {
			copy(rest[:n], pg.data[within:])
		} else {
			clear(rest[:n])
		}
		rest, off = rest[n:], off+int64(n)
	}
	return len(p)
}

// A content is what a file holds: now, and on stable storage. Pages and size
// that differ between the two are unsynced. The dirty ones among them will be
// made durable by the next sync; the others were lost by a failed one.
type content struct {
	now, stable image
	dirty       map[int64]bool
	sizeDirty   bool
}

func newContent() *content {
	return &content{
		now:    image{pages: map[int64]*page{}},
		stable: image{pages: map[int64]*page{}},
		dirty:  map[int64]bool{},
	}
}

func (c *content) clone() *content {
	return &content{
		now: c.now.clone(), stable: c.stable.clone(),
		dirty: maps.Clone(c.dirty), sizeDirty: c.sizeDirty,
	}
}

func (c *content) writeAt(p []byte, off int64) {
	for len(p) > 0 {
		number := off / PageSize
		n := copy(c.now.writable(number).data[off%PageSize:], p)
		c.dirty[number] = true
		p, off = p[n:], off+int64(n)
	}
	switch {
	case off > c.now.size:
		c.now.size, c.sizeDirty = off, true
	case off == c.now.size && off != c.stable.size:
		// Written again, the last page brings the size along that a failed
		// sync has lost: file systems store it when its page is written back.
		c.sizeDirty = true
	}
}

func (c *content) truncate(size int64) {
	if size == c.now.size {
		return
	}
	smaller := size < c.now.size
	c.now.size, c.sizeDirty = size, true
	if !smaller {
		return
	}
	for _, number := range c.now.cut() {
		c.dirty[number] = true
	}
}

// sync makes durable what is dirty, and nothing else.
func (c *content) sync() {
	for number := range c.dirty {
		if p := c.now.pages[number]; p != nil {
			c.stable.pages[number] = p.share()
		} else {
			delete(c.stable.pages, number)
		}
	}
	if c.sizeDirty {
		c.stable.size = c.now.size
	}
	c.failSync()
}

// failSync makes everything pass for clean.
func (c *content) failSync() {
	clear(c.dirty)
	c.sizeDirty = false
}
