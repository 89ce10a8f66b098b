package index

import (
	"encoding/binary"
	"unsafe"

	"github.com/etch-audit/etch/internal/filter"
)

// A dictionary is the distinct tuples of a column, by their codes.
type dictionary struct {
	memory *memory
	fields int
	text   string   // of the section, by textOf
	at     []uint32 // where each tuple's values begin in text; and the end
	counts []uint32 // rows of each tuple
	own    []uint32 // where each tuple's postings begin; and their end
}

// tuples returns the number of tuples.
func (d *dictionary) tuples() int { return len(d.counts) }

// width returns the width of the column's codes.
func (d *dictionary) width() uint { return codeWidth(d.tuples()) }

// dictionary returns a column's tuples, nil where it is not held.
func (x *Reader) dictionary(column int) (*dictionary, error) {
	section := sectionColumns + column*columnParts
	if x.size(section+partTuples) == 0 {
		return nil, nil
	}
	if d := x.columns[column].Load(); d != nil {
		return d, nil
	}
	b, err := x.keep(section + partTuples)
	if err != nil {
		return nil, err
	}
	c := x.spec.Columns[column]
	d, ok := parseDictionary(x.memory, textOf(b), len(c.Fields), c.Postings, x.rows)
	if !ok || x.size(section+partCodes) != int64(packedSize(x.rows, d.width())) ||
		c.Postings && x.size(section+partPostings) != int64(d.own[d.tuples()]) {
		return nil, damaged("column %d contradicts itself", column)
	}
	x.columns[column].Store(d)
	return d, nil
}

// textOf returns what was read as a text, without a copy of it: it is valid until the
// Reader is released, and then says something else.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// parseDictionary reads the tuples of a column of so many rows, and checks that
// each lies in the text and that the rows are as many as there are.
func parseDictionary(m *memory, text string, fields int, postings bool, rows int) (*dictionary, bool) {
	s := source{text: text, at: 4}
	if len(text) < 4 {
		return nil, false
	}
	n := binary.LittleEndian.Uint32([]byte(text[:4]))
	if n > maxTuples || int(n) > len(text)-4 {
		return nil, false
	}
	room := m.takeNumbers(3*int(n) + 2)
	d := &dictionary{memory: m, fields: fields, text: text, at: room[: 0 : n+1], counts: room[n+1 : n+1 : 2*n+1], own: room[2*n+1 : 2*n+2]}
	var all, own uint64
	for range n {
		count := s.uvarint()
		if all += count; count > uint64(rows) {
			return nil, false
		}
		if postings {
			own += s.uvarint()
		}
		if s.failed || own > 1<<32-1 {
			return nil, false
		}
		d.at = append(d.at, uint32(s.at))
		d.counts = append(d.counts, uint32(count))
		d.own = append(d.own, uint32(own))
		s.skipFields(fields)
	}
	d.at = append(d.at, uint32(s.at))
	return d, !s.failed && s.at == len(text) && all == uint64(rows)
}

// A source is read from the front. Once something is missing it stays failed.
type source struct {
	text   string
	at     int
	failed bool
}

func (s *source) uvarint() uint64 {
	var v uint64
	for shift := 0; shift < 35 && s.at < len(s.text); shift += 7 {
		c := s.text[s.at]
		s.at++
		if v |= uint64(c&0x7F) << shift; c < 0x80 {
			return v
		}
	}
	s.failed = true
	return 0
}

// value returns the next value.
func (s *source) value() string {
	n := s.uvarint()
	if s.failed || n > uint64(len(s.text)-s.at) {
		s.failed = true
		return ""
	}
	v := s.text[s.at : s.at+int(n)]
	s.at += int(n)
	return v
}

// skipFields skips so many fields. Most have one value at most, and short ones.
func (s *source) skipFields(fields int) {
	for range fields {
		text, at := s.text, s.at
		if at+1 < len(text) && text[at] == 1 && text[at+1] < 0x80 && int(text[at+1]) <= len(text)-at-2 {
			s.at = at + 2 + int(text[at+1])
			continue
		}
		if at < len(text) && text[at] == 0 {
			s.at = at + 1
			continue
		}
		for n := s.uvarint(); n > 0 && !s.failed; n-- {
			s.value()
		}
	}
}

// field returns the source at one field of a tuple.
func (d *dictionary) field(code, field int) source {
	s := source{text: d.text, at: int(d.at[code])}
	s.skipFields(field)
	return s
}

// first returns the first value of one field of a tuple, "" where it is absent.
func (d *dictionary) first(code, field int) (first string) {
	d.each(code, field, func(v string) bool {
		first = v
		return false
	})
	return first
}

// each calls f for each value of one field of a tuple, as long as it returns
// true.
func (d *dictionary) each(code, field int, f func(string) bool) {
	s := d.field(code, field)
	for n := s.uvarint(); n > 0; n-- {
		if !f(s.value()) {
			return
		}
	}
}

// raw returns all values of one field of a tuple as they are stored.
func (d *dictionary) raw(code, field int) string {
	s := d.field(code, field)
	from := s.at
	s.skipFields(1)
	return d.text[from:s.at]
}

// A pick is the tuples of one column that match: it says of each row for
// certain whether it does.
type pick struct {
	column int
	dict   *dictionary
	hit    []uint8 // 1 for each code that matches; for all codes that the width allows
}

// pick returns the tuples that have a value of a field of which the leaf holds.
func (d *dictionary) pick(column, place int, leaf filter.Leaf) *pick {
	p := &pick{column, d, d.memory.takeMarks(1 << d.width())}
	for code := range d.tuples() {
		d.each(code, place, func(v string) bool {
			if leaf.Holds(v) {
				p.hit[code] = 1
			}
			return p.hit[code] == 0
		})
	}
	return p
}

// count returns how many rows are picked.
func (p *pick) count() int {
	n := 0
	for code, count := range p.dict.counts {
		if p.hit[code] == 1 {
			n += int(count)
		}
	}
	return n
}

func (p *pick) and(o *pick) *pick {
	return p.combine(o, func(a, b uint8) uint8 { return a & b })
}

func (p *pick) or(o *pick) *pick {
	return p.combine(o, func(a, b uint8) uint8 { return a | b })
}

func (p *pick) not() *pick {
	return p.combine(p, func(a, _ uint8) uint8 { return 1 - a })
}

func (p *pick) combine(o *pick, f func(a, b uint8) uint8) *pick {
	out := &pick{p.column, p.dict, p.dict.memory.takeMarks(len(p.hit))}
	for i := range p.hit {
		out.hit[i] = f(p.hit[i], o.hit[i])
	}
	return out
}

// few is how much less than all rows must be wanted for postings to be read
// instead of the codes: a posting costs about as much as ten codes.
const few = 16

// pickRows returns the rows that are picked; of those that are not within, it
// need not tell. Nil are all.
func (x *Reader) pickRows(p *pick, within *Rows) (*Rows, error) {
	n := p.count()
	switch {
	case n == 0:
		return x.memory.newRows(x.rows), nil
	case n == x.rows:
		return x.memory.allRows(x.rows), nil
	case x.few(p.column, n):
		return x.postings(p)
	case x.few(p.column, x.rows-n):
		r, err := x.postings(p.not())
		if err != nil {
			return nil, err
		}
		return r.not(), nil
	}
	return x.scanCodes(p, within)
}

// scannedRows is how many rows' codes are read at once: memory that was touched is
// gone through for all of them.
const scannedRows = 32 << 10

// scanCodes finds the rows by their codes.
func (x *Reader) scanCodes(p *pick, within *Rows) (*Rows, error) {
	section, width := sectionColumns+p.column*columnParts+partCodes, p.dict.width()
	found := x.memory.newRows(x.rows)
	room := rooms.Get().(*[]byte)
	defer rooms.Put(room)
	for row := 0; row < x.rows; row += scannedRows {
		n := min(scannedRows, x.rows-row)
		b, err := x.readInto(room, section, int64(packedSize(row, width)), int64(packedSize(n, width)))
		if err != nil {
			return nil, err
		}
		part := found.part(row, n)
		newPacked(b, width).scan(&part, p.hit, within.partOrAll(row, n))
	}
	return found, nil
}

// few reports whether so many rows are to be had from a column's postings.
func (x *Reader) few(column, rows int) bool {
	return x.spec.Columns[column].Postings && rows <= x.rows/few
}

// postings gathers the rows from those of each tuple.
func (x *Reader) postings(p *pick) (*Rows, error) {
	r := x.memory.newRows(x.rows)
	section := sectionColumns + p.column*columnParts + partPostings
	room := rooms.Get().(*[]byte)
	defer rooms.Put(room)
	for code, count := range p.dict.counts {
		if p.hit[code] == 0 {
			continue
		}
		from, to := p.dict.own[code], p.dict.own[code+1]
		b, err := x.readInto(room, section, int64(from), int64(to-from))
		if err != nil {
			return nil, err
		}
		if rest, ok := deltas(b, int(count), x.rows, r.set); !ok || len(rest) > 0 {
			return nil, damaged("postings of column %d contradict themselves", p.column)
		}
	}
	return r, nil
}

// codes returns a column's codes.
func (x *Reader) codes(column int, d *dictionary) (packed, error) {
	b, err := x.keep(sectionColumns + column*columnParts + partCodes)
	if err != nil {
		return packed{}, err
	}
	return newPacked(b, d.width()), nil
}
