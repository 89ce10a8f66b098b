package merkle

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
)

// A digest is SHA-256 for many short messages. It is not safe for concurrent use.
//
// Of a message as short as a node, [sha256.Sum256] spends half its time beside
// the hash function: it pads the message in a copy of its state. So a digest
// hands over messages that are padded, and takes the hash out of the state, in
// the form that crypto/sha256 has given it since it can be marshaled:
// "sha\x03", the hash, and what is nothing here. Where that form is found to be
// another, a digest is Sum.
type digest struct {
	hash  hash.Hash
	state encoding.BinaryAppender // nil: its form is not known
	out   [108]byte               // the state
	tail  [2 * sha256.BlockSize]byte
	node  [2 * sha256.BlockSize]byte
}

const (
	stateMagic = "sha\x03"
	nodeSize   = 1 + 2*sha256.Size
)

func newDigest() *digest {
	d := &digest{hash: sha256.New()}
	d.node[0] = 1
	pad(d.node[:], nodeSize, nodeSize)
	d.state, _ = d.hash.(encoding.BinaryAppender)
	const known = "a message that is longer than one block of the function, and not as long as two"
	var got Hash
	if d.sum(&got, []byte(known)); got != sha256.Sum256([]byte(known)) {
		d.state = nil
	}
	return d
}

// join sets dst to SHA-256(0x01 ‖ left ‖ right), RFC 6962 section 2.1.
func (d *digest) join(dst, left, right *Hash) {
	copy(d.node[1:], left[:])
	copy(d.node[1+sha256.Size:], right[:])
	d.hash.Reset()
	if d.state == nil {
		d.hash.Write(d.node[:nodeSize])
		d.hash.Sum(dst[:0])
		return
	}
	d.hash.Write(d.node[:])
	d.take(dst)
}

// sum sets dst to the SHA-256 of a message.
func (d *digest) sum(dst *Hash, message []byte) {
	d.hash.Reset()
	if d.state == nil {
		d.hash.Write(message)
		d.hash.Sum(dst[:0])
		return
	}
	whole := len(message) &^ (sha256.BlockSize - 1)
	d.hash.Write(message[:whole])
	n := copy(d.tail[:], message[whole:])
	d.hash.Write(pad(d.tail[:], n, len(message)))
	d.take(dst)
}

// take sets dst to the hash of what was written, whole blocks with their padding.
func (d *digest) take(dst *Hash) {
	// There is nothing about a hash that could fail; what is not written where
	// it is expected, newDigest has found.
	_, _ = d.state.AppendBinary(d.out[:0])
	copy(dst[:], d.out[len(stateMagic):])
}

// pad ends a message of size bytes, of which buf begins with the last n, as
// FIPS 180-4 section 5.1.1 has it: a bit that is set, zeros, and its length in
// bits as the end of a block. It returns that last block, or two.
func pad(buf []byte, n, size int) []byte {
	buf[n] = 0x80
	end := (n + 1 + 8 + sha256.BlockSize - 1) &^ (sha256.BlockSize - 1)
	clear(buf[n+1 : end-8])
	binary.BigEndian.PutUint64(buf[end-8:], uint64(size)*8)
	return buf[:end]
}
