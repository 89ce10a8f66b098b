package archive

import (
	"slices"
	"sync"
)

// maxBlocks is how many frames, or parts of large ones, a reader holds.
const maxBlocks = 8

// A blockKey names what is held: a frame, or one of the parts of maxFrame bytes
// of a larger one.
type blockKey struct {
	frame int
	part  int64
}

// Blocks are the plain bytes that were read lately. Whoever asks for one that
// another is reading waits for that. The zero value is empty.
type blocks struct {
	mu   sync.Mutex
	held []*block // the one used last is the last
}

type block struct {
	key  blockKey
	load sync.Once
	b    []byte
	err  error

	users int  // who have it and are not done with it
	out   bool // it is not held any more: the last user gives its room back
}

// rooms has room for plain bytes that nobody uses any more. Fresh memory for
// each frame would be cleared first, and cost a seventh of what decoding does.
var rooms = sync.Pool{New: func() any { return new([]byte) }}

// newRoom returns n bytes, whatever is in them.
func newRoom(n int64) []byte {
	room := rooms.Get().(*[]byte)
	if int64(cap(*room)) < n {
		return make([]byte, n, n+n/8) // the next frame is about as large
	}
	return (*room)[:n]
}

func (c *blocks) find(key blockKey) int {
	return slices.IndexFunc(c.held, func(b *block) bool { return b.key == key })
}

// has reports whether a block is held, or being read.
func (c *blocks) has(key blockKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.find(key) >= 0
}

// copy copies what a block has from an index on, and loads it into memory of
// newRoom where it is not held. An error is not kept: it may have been of the
// moment.
func (c *blocks) copy(p []byte, key blockKey, from int64, load func() ([]byte, error)) (int, error) {
	b := c.take(key)
	defer c.done(b)
	b.load.Do(func() { b.b, b.err = load() })
	if b.err != nil {
		c.drop(b)
		return 0, b.err
	}
	return copy(p, b.b[min(int64(len(b.b)), from):]), nil
}

// take makes a block the last, and room for it where it was not held. The
// caller is one of its users.
func (c *blocks) take(key blockKey) *block {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := &block{key: key}
	if i := c.find(key); i >= 0 {
		b = c.held[i]
		c.held = slices.Delete(c.held, i, i+1)
	} else if len(c.held) == maxBlocks {
		c.held[0].out = true
		c.held[0].giveBack()
		c.held = slices.Delete(c.held, 0, 1)
	}
	b.users++
	c.held = append(c.held, b)
	return b
}

// done ends a use of a block.
func (c *blocks) done(b *block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b.users--
	b.giveBack()
}

// release holds no block any more.
func (c *blocks) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.held {
		b.out = true
		b.giveBack()
	}
	c.held = nil
}

// giveBack gives the block's room to others, where nobody can use it any more.
func (b *block) giveBack() {
	if b.out && b.users == 0 && b.b != nil {
		rooms.Put(&b.b)
	}
}

// drop holds a block no longer. The caller is one of its users.
func (c *blocks) drop(b *block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b.out = true
	c.held = slices.DeleteFunc(c.held, func(held *block) bool { return held == b })
}

// put holds a block that came by the way.
func (c *blocks) put(key blockKey, bytes []byte) {
	if c.has(key) {
		return
	}
	b := c.take(key)
	defer c.done(b)
	b.load.Do(func() { b.b = bytes })
}
