package index

// Of returns the exact set of the given rows of the segment.
func (x *Reader) Of(rows ...int) *Rows {
	r := x.memory.newRows(x.rows)
	for _, row := range rows {
		r.set(row)
	}
	return r
}
