// Package lanes is SHA-256 of many short messages, two at a time.
//
// The processors' SHA instructions wait for each other: two messages side by
// side take hardly longer than one. crypto/sha256 takes one message at a time, so
// where there is such a processor (amd64 with SHA-NI), two messages share one
// stream of instructions, written in assembly. Everywhere else, and in a build
// with the tag purego, every message is hashed by crypto/sha256.
package lanes

import (
	"crypto/fips140"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
	"sync"
)

// Size is the size of a hash in bytes.
const Size = sha256.Size

// A Prefix is bytes that many messages begin with, and what SHA-256 has made of
// them, once it was asked for. It does not change and is safe for concurrent use.
type Prefix struct {
	text []byte

	saving sync.Once
	saved  []byte // the state after all of it, as crypto/sha256 puts it down

	running sync.Once
	state   state                  // after its whole blocks
	rest    [sha256.BlockSize]byte // what follows them, and zeros
}

// NewPrefix returns the prefix text, which is kept.
func NewPrefix(text []byte) *Prefix { return &Prefix{text: text} }

// after returns the state after all of the prefix, for crypto/sha256.
func (p *Prefix) after() []byte {
	p.saving.Do(func() {
		h := sha256.New()
		h.Write(p.text)
		p.saved, _ = h.(encoding.BinaryAppender).AppendBinary(nil) // documented, and without a way to fail
	})
	return p.saved
}

// run hashes the whole blocks, for a lane.
func (p *Prefix) run() {
	p.running.Do(func() {
		blocks := len(p.text) / sha256.BlockSize
		p.state = initial
		copy(p.rest[:], p.text[blocks*sha256.BlockSize:])
		if blocks > 0 {
			var idle state
			hashTwo(&p.state, &idle, &p.text[0], &p.text[0], blocks)
		}
	})
}

// A state is SHA-256's between two blocks: H of FIPS 180-4.
type state [8]uint32

// initial is the state before the first block, FIPS 180-4 section 5.3.3.
var initial = state{
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}

// A Hasher hashes messages. It allocates nothing once it has grown to the
// longest, and is not safe for concurrent use.
type Hasher struct {
	lanes [2]lane

	alone bool // each message is hashed by crypto/sha256
	first int  // so are that many before it is found out whether two can be at a time
	std   hash.Hash
	back  encoding.BinaryUnmarshaler // of std
}

// few is how many messages are hashed before the processor is asked what it can: who
// signs or checks one line need not know.
const few = 8

// New returns a Hasher.
func New() *Hasher {
	h := newHasher(false)
	h.first = few
	return h
}

func newHasher(paired bool) *Hasher {
	std := sha256.New()
	return &Hasher{alone: !paired, std: std, back: std.(encoding.BinaryUnmarshaler)}
}

// Hash sets *dst to the SHA-256 of the prefix with the message behind it, now or
// by the next call of [Hasher.Flush]. The message is not kept.
func (h *Hasher) Hash(dst *[Size]byte, prefix *Prefix, message []byte) {
	if h.alone {
		h.sum(dst, prefix, message)
		if h.first > 0 {
			h.first--
			h.alone = h.first > 0 || !paired()
		}
		return
	}
	// Both lanes run only when the next message is here: what was copied has
	// reached the cache by then, and is read without waiting for its writes.
	a, b := &h.lanes[0], &h.lanes[1]
	if a.blocks > 0 && b.blocks > 0 {
		h.run()
	}
	if a.blocks > 0 {
		a = b
	}
	a.load(dst, prefix, message)
}

// Flush makes every hash asked for stand where it is wanted.
func (h *Hasher) Flush() {
	a, b := &h.lanes[0], &h.lanes[1]
	if a.blocks > 0 && b.blocks > 0 {
		h.run()
	}
	if a.blocks == 0 {
		a = b
	}
	if a.blocks > 0 {
		var idle state // the other lane runs empty
		hashTwo(&a.state, &idle, &a.text[a.at], &a.text[a.at], a.blocks)
		a.pass(a.blocks)
	}
}

// run hashes both lanes to the end of the message that ends first.
func (h *Hasher) run() {
	a, b := &h.lanes[0], &h.lanes[1]
	n := min(a.blocks, b.blocks)
	hashTwo(&a.state, &b.state, &a.text[a.at], &b.text[b.at], n)
	a.pass(n)
	b.pass(n)
}

// sum hashes a message by crypto/sha256.
func (h *Hasher) sum(dst *[Size]byte, prefix *Prefix, message []byte) {
	if err := h.back.UnmarshalBinary(prefix.after()); err != nil {
		panic("lanes: bad prefix: crypto/sha256 does not take its own state back: " + err.Error())
	}
	h.std.Write(message)
	h.std.Sum(dst[:0])
}

// A lane is a message on its way through the hash function.
type lane struct {
	dst    *[Size]byte
	state  state
	text   []byte // the message from the first block on that is not in the prefix's state, and its padding
	at     int    // where the next block begins
	blocks int    // how many are left; 0: the lane is free
}

// load takes a message in, padded as FIPS 180-4 section 5.1.1 has it: a bit that
// is set, zeros, and the length in bits as the end of a block.
func (l *lane) load(dst *[Size]byte, prefix *Prefix, message []byte) {
	const block = sha256.BlockSize
	prefix.run()
	begin := len(prefix.text) % block
	size := begin + len(message)
	end := (size + 1 + 8 + block - 1) &^ (block - 1)
	if len(l.text) < end {
		l.text = make([]byte, 2*end)
	}
	text := l.text[:end]
	*(*[block]byte)(text[end-block:]) = [block]byte{}
	*(*[block]byte)(text) = prefix.rest
	copy(text[begin:], message)
	text[size] = 0x80
	for i := size + 1; i < end-block; i++ { // where the length did not fit behind the message
		text[i] = 0
	}
	binary.BigEndian.PutUint64(text[end-8:], 8*uint64(len(prefix.text)+len(message)))
	l.dst, l.state, l.at, l.blocks = dst, prefix.state, 0, end/block
}

// pass moves on by n blocks that were hashed, and behind the last hands the
// hash over.
func (l *lane) pass(n int) {
	l.at += n * sha256.BlockSize
	if l.blocks -= n; l.blocks > 0 {
		return
	}
	for i := 0; i < len(l.state); i += 2 {
		binary.BigEndian.PutUint64(l.dst[4*i:], uint64(l.state[i])<<32|uint64(l.state[i+1]))
	}
	l.dst = nil
}

// paired tells whether messages are hashed two at a time. Where FIPS 140-3 is
// asked for they are not: the assembly here is no validated module. It is found
// out when a hasher has hashed some messages: most short commands hash few.
func paired() bool {
	asking.Do(func() { answer = available() && !fips140.Enabled() && agrees() })
	return answer
}

var (
	asking sync.Once
	answer bool
)

// agrees compares both ways for messages that share their blocks in several
// manners. A processor, or what emulates one, that does not do what its manual
// says is not used.
func agrees() bool {
	var text [3 * sha256.BlockSize]byte
	for i := range text {
		text[i] = byte(i*7 + 1)
	}
	sizes := [...]int{len(text), 3, 2*sha256.BlockSize - 9, 0, sha256.BlockSize}
	h, got := newHasher(true), [len(sizes)][Size]byte{}
	for i, n := range sizes {
		h.Hash(&got[i], NewPrefix(text[:n/2]), text[n/2:n])
	}
	h.Flush()
	for i, n := range sizes {
		if got[i] != sha256.Sum256(text[:n]) {
			return false
		}
	}
	return true
}
