package index

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// pairsHead is the size of what a section of pairs begins with.
const pairsHead = 4

// encodePairs returns the section of a pair of columns: for each tuple of one how
// many rows have it together with each tuple of the other.
func encodePairs(of, by *columnBuilder) []byte {
	next := make([]int, len(of.tuples)) // where the next row of a tuple goes
	at := 0
	for i, n := range of.counts {
		next[i] = at
		at += int(n)
	}
	sorted := make([]uint16, len(of.codes)) // codes of by, by those of the other
	for row, code := range of.codes {
		sorted[next[code]] = by.codes[row]
		next[code]++
	}
	var sizes, lists []byte
	counts := make([]uint32, len(by.tuples))
	for i, n := range of.counts {
		before := len(lists)
		lists = appendPairs(lists, sorted[next[i]-int(n):next[i]], counts)
		sizes = binary.AppendUvarint(sizes, uint64(len(lists)-before))
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(sizes)))
	return append(append(b, sizes...), lists...)
}

// appendPairs appends which codes there are, and how often. The counts are zeros,
// and are again.
func appendPairs(dst []byte, codes []uint16, counts []uint32) []byte {
	var found []uint16
	for _, c := range codes {
		if counts[c] == 0 {
			found = append(found, c)
		}
		counts[c]++
	}
	slices.Sort(found)
	next := 0
	for _, c := range found {
		dst = appendLength(dst, int(c)-next)
		dst = appendLength(dst, int(counts[c]))
		counts[c] = 0
		next = int(c) + 1
	}
	return dst
}

// A pairTable tells how many rows have tuples of two columns together.
type pairTable struct {
	x       *Reader
	section int
	of, by  *dictionary
	at      []int64 // where the list of each tuple begins in the section; and the end
}

// pairs returns the table of two columns. The error is [ErrNotHeld] where there
// is none.
func (x *Reader) pairs(of, by int) (*pairTable, error) {
	i := slices.Index(x.spec.Pairs, Pair{of, by})
	if i < 0 || x.size(x.spec.pairSection(i)) == 0 {
		return nil, fmt.Errorf("count: %w: rows of two columns", ErrNotHeld)
	}
	t := &pairTable{x: x, section: x.spec.pairSection(i)}
	var err error
	if t.of, err = x.dictionary(of); err != nil {
		return nil, err
	}
	if t.by, err = x.dictionary(by); err != nil {
		return nil, err
	}
	if t.of == nil || t.by == nil {
		return nil, damaged("its pairs are of columns that it does not hold")
	}
	return t, t.readSizes()
}

// readSizes reads where the lists are.
func (t *pairTable) readSizes() error {
	room := rooms.Get().(*[]byte)
	defer rooms.Put(room)
	size := t.x.size(t.section)
	b, err := t.x.readInto(room, t.section, 0, min(size, chunkSize)) // mostly all of them
	if err != nil {
		return err
	}
	if len(b) < pairsHead {
		return t.damaged()
	}
	end := pairsHead + int64(binary.LittleEndian.Uint32(b))
	if end > size {
		return t.damaged()
	}
	if end > int64(len(b)) {
		if b, err = t.x.readInto(room, t.section, 0, end); err != nil {
			return err
		}
	}
	sizes := source{text: string(b[pairsHead:end])}
	at := end
	t.at = make([]int64, 0, t.of.tuples()+1)
	for range t.of.tuples() {
		t.at = append(t.at, at)
		at += int64(sizes.uvarint())
	}
	t.at = append(t.at, at)
	if sizes.failed || sizes.at != len(sizes.text) || at != size {
		return t.damaged()
	}
	return nil
}

func (t *pairTable) damaged() error { return damaged("its pairs contradict themselves") }

// each calls f for each two tuples of which the first is hit, with the number of
// rows that have both.
func (t *pairTable) each(hit []uint8, f func(of, by, rows int)) error {
	room := rooms.Get().(*[]byte)
	defer rooms.Put(room)
	for code := 0; code < t.of.tuples(); {
		if hit[code] == 0 {
			code++
			continue
		}
		to := t.together(hit, code)
		b, err := t.x.readInto(room, t.section, t.at[code], t.at[to]-t.at[code])
		if err != nil {
			return err
		}
		for first := t.at[code]; code < to; code++ {
			if hit[code] == 1 && !t.list(b[t.at[code]-first:t.at[code+1]-first], code, f) {
				return t.damaged()
			}
		}
	}
	return nil
}

// together returns up to which tuple the lists are read at once with that of one
// that is hit: no chunk lies between two that are hit.
func (t *pairTable) together(hit []uint8, code int) int {
	start, end := t.x.start(t.section), code+1
	for next := end; next < t.of.tuples(); next++ {
		if (start+t.at[next])/chunkSize*chunkSize > t.x.chunkEnd(start+t.at[end]) {
			break
		}
		if hit[next] == 1 {
			end = next + 1
		}
	}
	return end
}

// list calls f for what a list says, and reports whether it makes sense.
func (t *pairTable) list(b []byte, code int, f func(of, by, rows int)) bool {
	next, total := uint64(0), uint64(0)
	for len(b) > 0 {
		gap, n := uvarint(b)
		count, m := uvarint(b[max(n, 0):])
		if n <= 0 || m <= 0 || gap >= uint64(t.by.tuples())-next || count > uint64(t.of.counts[code])-total {
			return false
		}
		f(code, int(next+gap), int(count))
		next, total, b = next+gap+1, total+count, b[n+m:]
	}
	return total == uint64(t.of.counts[code])
}

// uvarint is binary.Uvarint for numbers that are mostly one byte.
func uvarint(b []byte) (v uint64, n int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return binary.Uvarint(b)
}
