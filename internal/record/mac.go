package record

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/etch-audit/etch/internal/lanes"
)

// KeySize is the size of a MAC key in bytes.
const KeySize = sha256.Size

// DeriveKey returns the key of one purpose for one origin, so that a key file
// shared by several logs never lets a line of one pass in another. It is
// HKDF-Expand of RFC 5869 with the purpose and the origin as its info.
func DeriveKey(secret []byte, purpose, origin string) ([KeySize]byte, error) {
	var key [KeySize]byte
	b, err := hkdf.Expand(sha256.New, secret, "etch v0 "+purpose+" "+origin, KeySize)
	if err != nil {
		return key, fmt.Errorf("derive %s key: %w", purpose, err)
	}
	copy(key[:], b)
	return key, nil
}

// A MAC computes HMAC-SHA256 (RFC 2104) with one key, again and again, without
// allocating:
//
//	H(key ⊕ opad ‖ H(key ⊕ ipad ‖ text))
//
// It is not safe for concurrent use.
type MAC struct {
	inner, outer *lanes.Prefix // key ⊕ ipad, key ⊕ opad
	hasher       *lanes.Hasher
	sum          Sum
}

// A Sum is the MAC of a text.
type Sum = [sha256.Size]byte

// NewMAC returns a MAC that uses key.
func NewMAC(key [KeySize]byte) *MAC {
	return &MAC{inner: padded(key, 0x36), outer: padded(key, 0x5c), hasher: lanes.New()}
}

// padded returns a key, filled with zeros to a block of the hash function, with
// all of its bytes changed by pad.
func padded(key [KeySize]byte, pad byte) *lanes.Prefix {
	var block [sha256.BlockSize]byte
	copy(block[:], key[:])
	for i := range block {
		block[i] ^= pad
	}
	return lanes.NewPrefix(block[:])
}

// Clone returns a MAC of the same key, for another goroutine.
func (m *MAC) Clone() *MAC { return &MAC{inner: m.inner, outer: m.outer, hasher: lanes.New()} }

// Sum returns the MAC of b. The result is valid until the next call.
func (m *MAC) Sum(b []byte) []byte {
	m.hasher.Hash(&m.sum, m.inner, b)
	m.hasher.Flush()
	m.hasher.Hash(&m.sum, m.outer, m.sum[:])
	m.hasher.Flush()
	return m.sum[:]
}

// Sums sets each of sums to the MAC of the text that has its place, several
// texts at a time where the processor can.
func (m *MAC) Sums(sums []Sum, texts [][]byte) {
	for i, text := range texts {
		m.hasher.Hash(&sums[i], m.inner, text)
	}
	m.hasher.Flush()
	for i := range texts {
		m.hasher.Hash(&sums[i], m.outer, sums[i][:])
	}
	m.hasher.Flush()
}

// AppendClose ends the line that began at dst[start:] with its MAC, or, where
// the receiver is nil, with a brace only.
func (m *MAC) AppendClose(dst []byte, start int) []byte {
	if m == nil {
		return append(dst, '}')
	}
	m.Sum(dst[start:])
	return AppendSum(dst, &m.sum)
}

// AppendSum ends a line with the MAC of what it has so far.
func AppendSum(dst []byte, sum *Sum) []byte {
	dst = append(dst, macMark...)
	dst = base64.RawStdEncoding.AppendEncode(dst, sum[:])
	return append(dst, macEnd...)
}

// Check returns nil where l carries the MAC of its bytes, [ErrNoSignature]
// where it carries none. The comparison takes constant time.
func (m *MAC) Check(l Line) error {
	if l.MAC == nil {
		return ErrNoSignature
	}
	var text [macText]byte
	base64.RawStdEncoding.Encode(text[:], m.Sum(l.Signed))
	if !hmac.Equal(text[:], l.MAC) {
		return fmt.Errorf("signature of seq %d does not match its line", l.Seq)
	}
	return nil
}

// The purposes that keys are derived for.
const (
	LinePurpose   = "line"
	StatePurpose  = "state"
	RedactPurpose = "redact" // tags of masked secrets
	SpoolPurpose  = "spool"  // the key of a log's spool
	FilePurpose   = "file"   // one file of a spool, of that key
)
