package index

import (
	"iter"
	"math/bits"
	"slices"
)

// Rows is a set of rows of one segment, and how much of it is certain: each of
// its rows may match, those of [Rows.Sure] do, and no other does. It is not
// changed once it is made; it may be used by several goroutines.
type Rows struct {
	n    int      // rows of the segment
	from *memory  // what its words are of; nil: its own
	may  []uint64 // bit i%64 of word i/64; none beyond n
	sure []uint64 // a subset of may; the same slice where the set is exact
}

// wordsFor returns the words of a set out of n rows.
func wordsFor(n int) int { return (n + 63) / 64 }

// newRows returns the exact empty set out of n rows, to be filled.
func (m *memory) newRows(n int) *Rows {
	words := m.takeWords(wordsFor(n))
	return &Rows{n, m, words, words}
}

// allRows returns the exact set of n rows.
func (m *memory) allRows(n int) *Rows {
	r := m.newRows(n)
	r.fill(r.may, 0, n)
	return r
}

// unknown returns all n rows, none of them sure.
func (m *memory) unknown(n int) *Rows { return m.allRows(n).unsure() }

// newUnsure returns the empty set out of n rows, to be filled, both halves.
func (m *memory) newUnsure(n int) *Rows {
	return &Rows{n, m, m.takeWords(wordsFor(n)), m.takeWords(wordsFor(n))}
}

// set adds a row to an exact set that is being made.
func (r *Rows) set(row int) { r.may[row>>6] |= 1 << (row & 63) }

// fill sets the bits from ≤ i < to, which begin at a word.
func (r *Rows) fill(words []uint64, from, to int) {
	i := from >> 6
	for ; from+64 <= to; from += 64 {
		words[i] = ^uint64(0)
		i++
	}
	if from < to {
		words[i] |= 1<<(to-from) - 1
	}
}

// Exact reports whether every row of the set is known to match.
func (r *Rows) Exact() bool {
	return len(r.may) == 0 || &r.may[0] == &r.sure[0]
}

// settle makes the set exact where its two halves are equal.
func (r *Rows) settle() *Rows {
	if slices.Equal(r.may, r.sure) {
		r.sure = r.may
	}
	return r
}

// unsure returns the set with none of its rows known to match.
func (r *Rows) unsure() *Rows {
	return &Rows{r.n, r.from, r.may, r.from.takeWords(len(r.may))}
}

// Sure returns the rows that are known to match: an exact set.
func (r *Rows) Sure() *Rows { return &Rows{r.n, r.from, r.sure, r.sure} }

// Len returns the number of rows in the set.
func (r *Rows) Len() int {
	n := 0
	for _, w := range r.may {
		n += bits.OnesCount64(w)
	}
	return n
}

// Contains reports whether a row of the segment is in the set.
func (r *Rows) Contains(row int) bool {
	return row >= 0 && row < r.n && r.may[row>>6]>>(row&63)&1 == 1
}

// part returns n rows of the set from one on that a word begins with, as a set of its
// own that shares their memory.
func (r *Rows) part(row, n int) Rows {
	from, to := row>>6, row>>6+wordsFor(n)
	return Rows{n, r.from, r.may[from:to:to], r.sure[from:to:to]}
}

// partOrAll is part of a set that may be nil, which is all rows.
func (r *Rows) partOrAll(row, n int) *Rows {
	if r == nil {
		return nil
	}
	p := r.part(row, n)
	return &p
}

// ofBlock returns the words of a block's rows.
func (r *Rows) ofBlock(n int) []uint64 {
	const words = BlockRows / 64
	return r.may[n*words : min((n+1)*words, len(r.may))]
}

// All returns the rows, the first first.
func (r *Rows) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range r.may {
			for ; w != 0; w &= w - 1 {
				if !yield(i<<6 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// Backward returns the rows, the last first.
func (r *Rows) Backward() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range slices.Backward(r.may) {
			for w != 0 {
				top := bits.Len64(w) - 1
				if !yield(i<<6 + top) {
					return
				}
				w &^= 1 << top
			}
		}
	}
}

// And returns the rows that are in both sets, which must be of one segment.
func (r *Rows) And(o *Rows) *Rows {
	return r.combine(o, o, func(dst, a, b []uint64) {
		for i := range dst {
			dst[i] = a[i] & b[i]
		}
	})
}

// Or returns the rows that are in either set, which must be of one segment.
func (r *Rows) Or(o *Rows) *Rows {
	return r.combine(o, o, func(dst, a, b []uint64) {
		for i := range dst {
			dst[i] = a[i] | b[i]
		}
	})
}

// AndNot returns the rows that are in r and not in o, of one segment.
func (r *Rows) AndNot(o *Rows) *Rows {
	// What may be in o is not surely outside of it, and the other way round.
	return r.combine(o, &Rows{o.n, o.from, o.sure, o.may}, func(dst, a, b []uint64) {
		for i := range dst {
			dst[i] = a[i] &^ b[i]
		}
	})
}

// combine applies f to what may match and to what is sure to, of r and of
// other, which holds the halves of o in the order that f needs.
func (r *Rows) combine(o, other *Rows, f func(dst, a, b []uint64)) *Rows {
	if r.n != o.n {
		panic("index: bad rows: of two segments")
	}
	out := r.from.newRows(r.n)
	f(out.may, r.may, other.may)
	if r.Exact() && o.Exact() {
		return out
	}
	out.sure = r.from.takeWords(len(out.may))
	f(out.sure, r.sure, other.sure)
	return out.settle()
}

// not returns the rows that are not in the set.
func (r *Rows) not() *Rows { return r.from.allRows(r.n).AndNot(r) }

// empty reports whether no row can match.
func (r *Rows) empty() bool {
	return !slices.ContainsFunc(r.may, func(w uint64) bool { return w != 0 })
}

// Range returns the rows from ≤ row < to of the set.
func (r *Rows) Range(from, to int) *Rows {
	from, to = max(from, 0), min(to, r.n)
	within := r.from.newRows(r.n)
	if from < to {
		within.fill(within.may, from&^63, to)
		within.may[from>>6] &^= 1<<(from&63) - 1
	}
	return r.And(within)
}
