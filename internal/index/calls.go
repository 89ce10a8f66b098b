package index

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// An ID stands for a call: the first half of the SHA-256 of what tells it apart, so
// that nobody can make two that have the same.
type ID [16]byte

// CallID returns the ID of the call that is told apart by call.
func CallID(call []byte) ID {
	sum := sha256.Sum256(call)
	return ID(sum[:16])
}

// Calls is which attempts and guesses of a segment were completed. One that an
// attempt of the same call follows was made again: it is in none of these.
type Calls struct {
	// Completed are those that a completion or a guess follows, as the next record
	// of the same call in the segment.
	Completed *Rows
	// Dangling are those that are the last records of their calls in the
	// segment, in the order of their ids.
	Dangling []Dangling
	// Orphans are the calls whose first record in the segment is a completion or a
	// guess, in the order of their ids.
	Orphans []ID
	// Guesses is how many guesses there are.
	Guesses int
}

// A Dangling is an attempt or a guess that its own segment leaves open.
type Dangling struct {
	ID  ID
	Row int
}

// A call is a row that has a phase and a call id.
type call struct {
	id    ID
	row   uint32
	phase Phase
}

const (
	callsHead    = 16
	danglingSize = 16 + 4
	orphanSize   = 16
)

// appendCalls appends the section of the calls, which it sorts.
func appendCalls(dst []byte, calls []call, rows int) []byte {
	slices.SortFunc(calls, func(a, b call) int {
		return cmp.Or(bytes.Compare(a.id[:], b.id[:]), cmp.Compare(a.row, b.row))
	})
	var completed, guesses []uint32
	var dangling, orphans []byte
	for i, c := range calls {
		first := i == 0 || calls[i-1].id != c.id
		last := i+1 == len(calls) || calls[i+1].id != c.id
		if c.phase.Ends() && first {
			orphans = append(orphans, c.id[:]...)
		}
		switch {
		case !c.phase.Opens():
		case last:
			dangling = append(dangling, c.id[:]...)
			dangling = binary.LittleEndian.AppendUint32(dangling, c.row)
		case calls[i+1].phase.Ends():
			completed = append(completed, c.row)
		}
		if c.phase == Guess {
			guesses = append(guesses, c.row)
		}
	}
	completed, guesses = eachOnce(completed), eachOnce(guesses)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(completed)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(dangling)/danglingSize))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(orphans)/orphanSize))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(guesses)))
	dst = appendRowList(dst, completed, rows)
	dst = append(dst, dangling...)
	return append(dst, orphans...)
}

// eachOnce sorts rows: one may be of two calls.
func eachOnce(rows []uint32) []uint32 {
	slices.Sort(rows)
	return slices.Compact(rows)
}

// appendRowList appends rows, which are sorted, as a bitmap or, where they are few, as deltas.
func appendRowList(dst []byte, list []uint32, rows int) []byte {
	if 8*len(list) < rows {
		return appendDeltas(dst, list)
	}
	at := len(dst)
	dst = append(dst, make([]byte, (rows+7)/8)...)
	for _, row := range list {
		dst[at+int(row/8)] |= 1 << (row % 8)
	}
	return dst
}

// parseRowList reads n rows and returns what follows them.
func parseRowList(b []byte, n int, into *Rows) (rest []byte, ok bool) {
	if 8*n < into.n {
		return deltas(b, n, into.n, into.set)
	}
	size := (into.n + 7) / 8
	if len(b) < size {
		return nil, false
	}
	for i, c := range b[:size] {
		into.may[i/8] |= uint64(c) << (i % 8 * 8)
	}
	if tail := into.n % 64; tail > 0 && into.may[len(into.may)-1]>>tail != 0 {
		return nil, false
	}
	return b[size:], into.Len() == n
}

// parseCalls reads the section of the calls of a segment of so many rows.
func parseCalls(b []byte, rows int) (*Calls, bool) {
	if len(b) < callsHead {
		return nil, false
	}
	le := binary.LittleEndian
	completed, dangling, orphans := int64(le.Uint32(b)), int64(le.Uint32(b[4:])), int64(le.Uint32(b[8:]))
	guesses := int64(le.Uint32(b[12:]))
	// A row may be of two calls, and a guess alone is dangling and makes an orphan.
	if completed > int64(rows) || guesses > int64(rows) || dangling+orphans > 4*int64(rows) {
		return nil, false
	}
	c := &Calls{Completed: (*memory)(nil).newRows(rows), Guesses: int(guesses)}
	b, ok := parseRowList(b[callsHead:], int(completed), c.Completed)
	if !ok || int64(len(b)) != dangling*danglingSize+orphans*orphanSize {
		return nil, false
	}
	for range dangling {
		d := Dangling{ID(b[:16]), int(le.Uint32(b[16:]))}
		if d.Row >= rows {
			return nil, false
		}
		c.Dangling = append(c.Dangling, d)
		b = b[danglingSize:]
	}
	for range orphans {
		c.Orphans = append(c.Orphans, ID(b[:orphanSize]))
		b = b[orphanSize:]
	}
	return c, true
}
