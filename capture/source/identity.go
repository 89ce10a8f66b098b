package source

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// An Identity is what a second import knows an entry by: the program, the
// host that the user said it is of, the entry's bytes, and how many times these
// had come in their file by then. What
// the file is called, where in it they stand and how long it has become is not
// part of it: files are rotated, grow, and lose their beginning.
type Identity [16]byte

// NewIdentity returns the identity of the n-th entry of those bytes in its file.
// The host may be empty.
func NewIdentity(program, host string, sum [sha256.Size]byte, n int) Identity {
	b := make([]byte, 0, 128)
	b = append(b, "etch import identity\x00"...)
	b = append(b, program...)
	b = append(b, 0)
	b = append(b, host...)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(n))
	b = append(b, sum[:]...)
	whole := sha256.Sum256(b)
	return Identity(whole[:16])
}

// IdentityOf returns the identity of an imported event by its labels, and
// whether it has those.
func IdentityOf(labels map[string]string) (Identity, bool) {
	text, ok := labels[LabelSHA256]
	if !ok || len(text) != 2*sha256.Size {
		return Identity{}, false
	}
	var sum [sha256.Size]byte
	if _, err := hex.Decode(sum[:], []byte(text)); err != nil {
		return Identity{}, false
	}
	n := 1
	if text, again := labels[LabelOccurrence]; again {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			return Identity{}, false
		}
	}
	return NewIdentity(labels[LabelSource], labels[LabelHost], sum, n), true
}

// Occurrences counts how many times the same bytes come in one file. Its zero
// value is ready to use.
//
// Memory is bounded: of the last half million different entries at least, all
// are known. Programs that repeat a line do so within the same second.
type Occurrences struct {
	recent, before map[[16]byte]int
}

// maxRecent is how many different entries one generation holds.
const maxRecent = 1 << 19

// Next returns the number of the entry with these bytes, from 1.
func (o *Occurrences) Next(sum [sha256.Size]byte) int {
	key := [16]byte(sum[:16])
	n, ok := o.recent[key]
	if !ok {
		n = o.before[key]
	}
	if len(o.recent) >= maxRecent {
		o.before, o.recent = o.recent, nil
	}
	if o.recent == nil {
		o.recent = make(map[[16]byte]int)
	}
	o.recent[key] = n + 1
	return n + 1
}
