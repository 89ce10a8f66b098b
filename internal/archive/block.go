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

// get returns a block, which is not to be changed, and loads it where it is not
// held. An error is not kept: it may have been of the moment.
func (c *blocks) get(key blockKey, load func() ([]byte, error)) ([]byte, error) {
	b := c.take(key)
	b.load.Do(func() { b.b, b.err = load() })
	if b.err != nil {
		c.drop(b)
		return nil, b.err
	}
	return b.b, nil
}

// take makes a block the last, and room for it where it was not held.
func (c *blocks) take(key blockKey) *block {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := &block{key: key}
	if i := c.find(key); i >= 0 {
		b = c.held[i]
		c.held = slices.Delete(c.held, i, i+1)
	} else if len(c.held) == maxBlocks {
		c.held = slices.Delete(c.held, 0, 1)
	}
	c.held = append(c.held, b)
	return b
}

func (c *blocks) drop(b *block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = slices.DeleteFunc(c.held, func(held *block) bool { return held == b })
}

// put holds a block that came by the way.
func (c *blocks) put(key blockKey, bytes []byte) {
	if c.has(key) {
		return
	}
	b := c.take(key)
	b.load.Do(func() { b.b = bytes })
}
