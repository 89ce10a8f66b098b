package index

import (
	"encoding/binary"
	"math/bits"
)

// maxTupleBytes bounds what a Builder keeps of one column that gets out of
// hand. Part of the format: beyond it the column is not held.
const maxTupleBytes = 4 << 20

// A columnBuilder gathers one column.
type columnBuilder struct {
	Column
	full   bool // there are too many tuples: the column is not held
	forms  forms
	codes  []uint16
	number map[string]uint16 // of each tuple
	tuples []string          // encoded, by their number
	counts []uint32          // rows of each
	bytes  int
	buf    []byte
}

func newColumnBuilder(c Column) columnBuilder {
	return columnBuilder{Column: c, number: make(map[string]uint16), forms: newForms()}
}

// reset makes it a new one, with the memory that it has.
func (c *columnBuilder) reset() {
	if c.full {
		*c = newColumnBuilder(c.Column)
		return
	}
	c.forms.clear()
	clear(c.number)
	clear(c.tuples) // the texts are nobody's any more
	c.codes, c.tuples, c.counts, c.bytes = c.codes[:0], c.tuples[:0], c.counts[:0], 0
}

// add adds a row, in whose Forms the column has a number.
func (c *columnBuilder) add(row *Row, number int) {
	if c.full {
		return
	}
	var form []byte
	if row.Forms != nil {
		form = row.Forms[number]
	}
	code, ok := c.forms.find(form)
	if !ok {
		if code, ok = c.code(row); !ok {
			*c = columnBuilder{Column: c.Column, full: true}
			return
		}
		c.forms.add(form, code)
	}
	c.codes = append(c.codes, code)
	c.counts[code]++
}

// code returns the number of a row's tuple, if there is room for it.
func (c *columnBuilder) code(row *Row) (code uint16, ok bool) {
	b := c.buf[:0]
	for _, field := range c.Fields {
		values := row.Terms(field)
		b = appendLength(b, len(values))
		for _, v := range values {
			b = appendLength(b, len(v))
			b = append(b, v...)
		}
	}
	c.buf = b
	if code, ok = c.number[string(b)]; ok {
		return code, true
	}
	return c.enter(string(b))
}

// enter gives a new tuple its number, if there is room for it.
func (c *columnBuilder) enter(tuple string) (code uint16, ok bool) {
	if len(c.tuples) == maxTuples || c.bytes+len(tuple) > maxTupleBytes {
		return 0, false
	}
	code = uint16(len(c.tuples))
	c.number[tuple] = code
	c.tuples = append(c.tuples, tuple)
	c.counts = append(c.counts, 0)
	c.bytes += len(tuple)
	return code, true
}

// appendLength appends a uvarint that is mostly one byte.
func appendLength(dst []byte, n int) []byte {
	if n < 0x80 {
		return append(dst, byte(n))
	}
	return binary.AppendUvarint(dst, uint64(n))
}

// codeWidth returns the width of the codes of so many tuples.
func codeWidth(tuples int) uint { return uint(bits.Len(uint(max(tuples, 1) - 1))) }

// encode returns the column's sections and their size, and none where it is
// not held.
func (c *columnBuilder) encode() (parts [columnParts][]byte, size int) {
	if c.full {
		return parts, 0
	}
	var own []int
	if c.Postings {
		parts[partPostings], own = c.postings()
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(c.tuples)))
	for i, tuple := range c.tuples {
		b = binary.AppendUvarint(b, uint64(c.counts[i]))
		if c.Postings {
			b = binary.AppendUvarint(b, uint64(own[i]))
		}
		b = append(b, tuple...)
	}
	parts[partTuples] = b
	parts[partCodes] = appendPacked(nil, c.codes, codeWidth(len(c.tuples)))
	return parts, len(parts[partTuples]) + len(parts[partCodes]) + len(parts[partPostings])
}

// postings returns the rows of all tuples, and how many bytes each has.
func (c *columnBuilder) postings() (all []byte, own []int) {
	next := make([]uint32, len(c.tuples)) // where the next row of a tuple goes
	at := uint32(0)
	for i, n := range c.counts {
		next[i] = at
		at += n
	}
	rows := make([]uint32, len(c.codes)) // by tuple
	for row, code := range c.codes {
		rows[next[code]] = uint32(row)
		next[code]++
	}
	own = make([]int, len(c.tuples))
	all = make([]byte, 0, len(rows)*5/4)
	for i, n := range c.counts {
		before := len(all)
		all = appendDeltas(all, rows[next[i]-n:next[i]])
		own[i] = len(all) - before
	}
	return all, own
}
