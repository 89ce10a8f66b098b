package index

import (
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"

	"github.com/etch-audit/etch/internal/filter"
)

const (
	// maxCounters bounds the groups that are counted in an array, of 8 MiB.
	// Where more are possible, only those that occur get a counter.
	maxCounters = 1 << 20
	// maxGroups leaves room for sums of the groups' numbers.
	maxGroups = math.MaxInt >> 8
)

// CountBy counts rows by the values of fields, which must be in columns. The
// rows must be exact. It calls add with the values, one for each field in the
// order of fields and "" for an absent one, and the number of rows that have
// them; of a field with several values the first one counts. The slice is valid
// until add returns, the values until the Reader is released. The same values may
// come more than once.
//
// The error is [ErrNotHeld] where the index cannot count: by a field that it
// does not hold, or rows that are not exact. Nothing was counted then.
func (x *Reader) CountBy(rows *Rows, fields []int, add func(values []string, n int)) error {
	if !rows.Exact() {
		return fmt.Errorf("count: %w: which of the rows match", ErrNotHeld)
	}
	if rows.empty() {
		return nil
	}
	g, err := x.grouping(fields)
	if err != nil {
		return err
	}
	counts, err := g.count(rows)
	if err != nil {
		return err
	}
	g.tell(counts, add)
	return nil
}

// Count is [Reader.CountBy] for the rows that an expression is true of, by what is
// known of tuples: it looks at no row. It can do so where all that is asked for is
// in one column, and the fields are in that one, or in one that makes a pair with
// it; else the error is [ErrNotHeld], and nothing was counted.
func (x *Reader) Count(e filter.Expr, fields []int, add func(values []string, n int)) error {
	f, err := question{Reader: x}.find(e)
	if err != nil {
		return err
	}
	if f.rows != nil && f.rows.Exact() && f.rows.empty() {
		return nil
	}
	if f.pick == nil {
		return fmt.Errorf("count: %w: what is asked for in one column", ErrNotHeld)
	}
	g, err := x.grouping(fields)
	if err != nil {
		return err
	}
	counts, err := g.countPick(f.pick)
	if err != nil {
		return err
	}
	g.tell(counts, add)
	return nil
}

// tell calls add for each group.
func (g *grouping) tell(counts []groupCount, add func(values []string, n int)) {
	values := make([]string, len(g.places))
	for _, c := range counts {
		for i, p := range g.places {
			values[i] = p.column.dict.first(g.code(c.group, p.column), p.field)
		}
		add(values, c.rows)
	}
}

// countPick counts the rows of each group that are picked and are some.
func (g *grouping) countPick(p *pick) ([]groupCount, error) {
	if g.n > maxCounters {
		return nil, fmt.Errorf("count: %w: numbers of so many groups", ErrNotHeld)
	}
	var own, other *columnGroups
	for _, c := range g.columns {
		switch {
		case c.column == p.column:
			own = c
		case other == nil:
			other = c
		default:
			return nil, fmt.Errorf("count: %w: rows of three columns", ErrNotHeld)
		}
	}
	counts := make([]int, g.n)
	if other == nil {
		for code, n := range p.dict.counts {
			if p.hit[code] == 1 {
				counts[own.part(code)] += int(n)
			}
		}
		return some(counts), nil
	}
	t, err := g.x.pairs(p.column, other.column)
	if err != nil {
		return nil, err
	}
	err = t.each(p.hit, func(of, by, n int) { counts[own.part(of)+other.part(by)] += n })
	return some(counts), err
}

// part returns the part of a group's number that a tuple makes; nil are the
// groups of a column that nothing is grouped by.
func (c *columnGroups) part(code int) int {
	if c == nil {
		return 0
	}
	return c.group[code] * c.stride
}

// some returns the groups that have rows.
func some(counts []int) []groupCount {
	found := make([]groupCount, 0, len(counts))
	for group, n := range counts {
		if n > 0 {
			found = append(found, groupCount{group, n})
		}
	}
	return found
}

// A grouping tells in which group a row is: rows of one have the same values
// of some fields.
type grouping struct {
	x       *Reader
	columns []*columnGroups
	places  []place // of the fields
	n       int     // groups that are possible
}

// A place is where the values of a field are found.
type place struct {
	column *columnGroups
	field  int // in its tuples
}

// columnGroups are the groups of the tuples of one column.
type columnGroups struct {
	column int
	dict   *dictionary
	fields []int // the ones grouped by
	group  []int // by code
	member []int // a code of each group
	stride int   // how far the numbers of two groups are apart
}

// grouping makes the groups of the rows by some fields.
func (x *Reader) grouping(fields []int) (*grouping, error) {
	g := &grouping{x: x, n: 1}
	for _, field := range fields {
		p, err := g.place(field)
		if err != nil {
			return nil, err
		}
		g.places = append(g.places, p)
	}
	for _, c := range g.columns {
		c.groups(len(g.columns) > 1)
		c.stride = g.n
		if len(c.member) > 0 && g.n > maxGroups/len(c.member) {
			return nil, fmt.Errorf("count: %w: numbers of so many groups", ErrNotHeld)
		}
		g.n *= len(c.member)
	}
	return g, nil
}

// place returns where a field is found, with its column among the grouping's.
func (g *grouping) place(field int) (place, error) {
	column, at, ok := g.x.spec.column(field)
	if !ok {
		return place{}, g.notHeld(field)
	}
	i := slices.IndexFunc(g.columns, func(c *columnGroups) bool { return c.column == column })
	if i < 0 {
		d, err := g.x.dictionary(column)
		if err != nil {
			return place{}, err
		}
		if d == nil {
			return place{}, g.notHeld(field)
		}
		i = len(g.columns)
		g.columns = append(g.columns, &columnGroups{column: column, dict: d})
	}
	c := g.columns[i]
	c.fields = append(c.fields, at)
	return place{c, at}, nil
}

func (g *grouping) notHeld(field int) error {
	return fmt.Errorf("count by %s: %w", g.x.spec.Schema.Field(field).Name, ErrNotHeld)
}

// groups numbers the tuples by the values of their fields. Where there is one
// column only, each tuple may as well be a group of its own.
func (c *columnGroups) groups(few bool) {
	number := make(map[string]int)
	c.group = make([]int, 0, c.dict.tuples())
	c.member = make([]int, 0, c.dict.tuples())
	var key []byte
	for code := range c.dict.tuples() {
		n := len(c.member)
		if few {
			key = key[:0]
			for _, field := range c.fields {
				key = append(key, c.dict.raw(code, field)...)
			}
			if known, ok := number[string(key)]; ok {
				c.group = append(c.group, known)
				continue
			}
			number[string(key)] = n
		}
		c.group = append(c.group, n)
		c.member = append(c.member, code)
	}
}

// A groupCount is how many rows are in a group.
type groupCount struct{ group, rows int }

// count counts the rows of each group that has some.
func (g *grouping) count(rows *Rows) ([]groupCount, error) {
	if g.n > maxCounters {
		counts := make(map[int]int)
		err := g.each(rows, func(group int) { counts[group]++ })
		var found []groupCount
		for _, group := range slices.Sorted(maps.Keys(counts)) {
			found = append(found, groupCount{group, counts[group]})
		}
		return found, err
	}
	counts := make([]int, g.n)
	var err error
	if len(g.columns) == 1 && rows.Len() == g.x.rows { // the column knows
		for code, n := range g.columns[0].dict.counts {
			counts[g.columns[0].group[code]] += int(n)
		}
	} else {
		err = g.each(rows, func(group int) { counts[group]++ })
	}
	return some(counts), err
}

// each calls f with the group of each row.
func (g *grouping) each(rows *Rows, f func(group int)) error {
	weights := make([][]int, len(g.columns)) // of each code, its part of the group's number
	codes := make([]packed, len(g.columns))
	for i, c := range g.columns {
		var err error
		if codes[i], err = g.x.codes(c.column, c.dict); err != nil {
			return err
		}
		weights[i] = slices.Repeat([]int{g.n}, 1<<c.dict.width()) // too much, where no tuple has the code
		for code, group := range c.group {
			weights[i][code] = group * c.stride
		}
	}
	for i, w := range rows.may {
		for ; w != 0; w &= w - 1 {
			row := i<<6 + bits.TrailingZeros64(w)
			group := 0
			for i := range codes {
				group += weights[i][codes[i].at(row)]
			}
			if group >= g.n {
				return damaged("row %d has a code that no tuple has", row)
			}
			f(group)
		}
	}
	return nil
}

// code returns a tuple of the group in a column.
func (g *grouping) code(group int, c *columnGroups) int {
	return c.member[group/c.stride%len(c.member)]
}
