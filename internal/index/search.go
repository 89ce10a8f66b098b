package index

import (
	"cmp"
	"slices"
	"time"

	"github.com/etch-audit/etch/internal/filter"
)

// Search returns the rows that an expression may be true of, and which of them
// it surely is; nil asks for all. Of what the index does not hold it answers
// with all rows, none of them sure. The error is [ErrDamaged] or the file's.
func (x *Reader) Search(e filter.Expr) (*Rows, error) {
	q := question{Reader: x}
	f, err := q.find(e)
	if err != nil {
		return nil, err
	}
	return q.rowsOf(f)
}

// Candidates returns the rows that an expression may be true of, for lines that
// are looked at anyway: it leaves out what excludes less of them than it costs.
// It returns nil where they are more than most.
func (x *Reader) Candidates(e filter.Expr, most int) (*Rows, error) {
	q := question{Reader: x, rough: true}
	f, err := q.find(e)
	if err != nil || f.pick != nil && f.pick.count() > most {
		return nil, err
	}
	rows, err := q.rowsOf(f)
	if err != nil || rows.Len() > most {
		return nil, err
	}
	return rows, nil
}

// Excludes reports whether the times of the rows alone say that an expression is
// true of none of them. It reads nothing and takes no memory.
func (x *Reader) Excludes(e filter.Expr) bool {
	switch e := e.(type) {
	case *filter.And:
		return slices.ContainsFunc(e.Terms, x.Excludes)
	case *filter.Or:
		return len(e.Terms) > 0 && !slices.ContainsFunc(e.Terms, func(t filter.Expr) bool { return !x.Excludes(t) })
	case *filter.Compare:
		field, key := e.On()
		return field == x.spec.Time && key == "" && x.span.holds(e.Op, e.Value.Time) == noRow
	}
	return false
}

// A question is one that is put to an index.
type question struct {
	*Reader
	rough bool // more rows than need be are no harm
}

// A finding is the answer to an expression: a pick, while all that was asked
// lies in one column, or rows.
type finding struct {
	pick *pick
	rows *Rows
}

func (x question) rowsOf(f finding) (*Rows, error) {
	if f.pick != nil {
		return x.pickRows(f.pick, nil)
	}
	return f.rows, nil
}

func (x question) find(e filter.Expr) (finding, error) {
	switch e := e.(type) {
	case nil:
		return finding{rows: x.memory.allRows(x.rows)}, nil
	case *filter.And:
		return x.and(e.Terms)
	case *filter.Or:
		return x.or(e.Terms)
	case *filter.Not:
		f, err := x.find(e.Term)
		if err != nil {
			return f, err
		}
		if f.pick != nil {
			return finding{pick: f.pick.not()}, nil
		}
		return finding{rows: f.rows.not()}, nil
	case filter.Leaf:
		return x.leaf(e)
	}
	return finding{rows: x.memory.unknown(x.rows)}, nil
}

func (x *Reader) leaf(leaf filter.Leaf) (finding, error) {
	field, key := leaf.On()
	if column, place, ok := x.spec.column(field); ok && key == "" {
		d, err := x.dictionary(column)
		if err != nil {
			return finding{}, err
		}
		if d != nil {
			return finding{pick: d.pick(column, place, leaf)}, nil
		}
	}
	var rows *Rows
	var err error
	switch c, compares := leaf.(*filter.Compare); {
	case field == x.spec.Time && compares:
		rows, err = x.times(c.Op, c.Value.Time)
	case key == "" && (field == x.spec.Text || slices.Contains(x.spec.Subsets, field)):
		rows, err = x.texts(x.required(leaf))
	default:
		rows = x.memory.unknown(x.rows)
	}
	return finding{rows: rows}, err
}

// cost says in which order terms are looked at: what is cheap first, because
// it may leave nothing to look for.
func (x *Reader) cost(e filter.Expr) int {
	var terms []filter.Expr
	switch e := e.(type) {
	case *filter.And:
		terms = e.Terms
	case *filter.Or:
		terms = e.Terms
	case *filter.Not:
		terms = []filter.Expr{e.Term}
	case filter.Leaf:
		field, _ := e.On()
		if _, _, ok := x.spec.column(field); ok {
			return 1
		}
		if field == x.spec.Time {
			return 0
		}
		return 3
	}
	most := 0
	for _, t := range terms {
		most = max(most, x.cost(t))
	}
	return most
}

// parts are the findings of several terms, as few as can be: one pick for each
// column, and one set of rows.
type parts struct {
	picks []*pick
	rows  *Rows // nil: there are none yet
}

// merge adds a finding to those there are.
func (p *parts) merge(f finding, picks func(a, b *pick) *pick, rows func(a, b *Rows) *Rows) {
	if f.pick == nil {
		if p.rows != nil {
			f.rows = rows(p.rows, f.rows)
		}
		p.rows = f.rows
		return
	}
	i := slices.IndexFunc(p.picks, func(q *pick) bool { return q.column == f.pick.column })
	if i < 0 {
		p.picks = append(p.picks, f.pick)
		return
	}
	p.picks[i] = picks(p.picks[i], f.pick)
}

// one returns the finding, where there is but one.
func (p *parts) one() (finding, bool) {
	switch {
	case len(p.picks) == 0:
		return finding{rows: p.rows}, true
	case len(p.picks) == 1 && p.rows == nil:
		return finding{pick: p.picks[0]}, true
	}
	return finding{}, false
}

func (x question) and(terms []filter.Expr) (finding, error) {
	terms = slices.Clone(terms)
	slices.SortStableFunc(terms, func(a, b filter.Expr) int { return x.cost(a) - x.cost(b) })
	var all parts
	for _, t := range terms {
		f, err := x.find(t)
		if err != nil {
			return f, err
		}
		if f.rows != nil && len(terms) > 1 && f.rows.Exact() && f.rows.Len() == x.rows {
			continue // true of all: what is asked for may lie in one column without it
		}
		all.merge(f, (*pick).and, (*Rows).And)
		if all.rows != nil && all.rows.empty() || slices.ContainsFunc(all.picks, func(p *pick) bool { return p.count() == 0 }) {
			return finding{rows: x.memory.newRows(x.rows)}, nil
		}
	}
	if len(all.picks) == 0 && all.rows == nil {
		return finding{rows: x.memory.allRows(x.rows)}, nil
	}
	if f, ok := all.one(); ok {
		return f, nil
	}
	slices.SortStableFunc(all.picks, func(a, b *pick) int { return cmp.Compare(a.count(), b.count()) })
	for _, p := range all.picks {
		if x.rough && all.rows != nil && x.dear(p, all.rows.Len()) {
			all.rows = all.rows.unsure()
			continue
		}
		rows, err := x.pickRows(p, all.rows)
		if err != nil {
			return finding{}, err
		}
		if all.merge(finding{rows: rows}, nil, (*Rows).And); all.rows.empty() {
			break
		}
	}
	return finding{rows: all.rows}, nil
}

// lineCost is what looking at a line costs, in bytes of codes that are read,
// checked and gone through in the same time.
const lineCost = 2000

// dear reports whether it costs less to look at the lines of so many rows than
// to find out which of them are picked.
func (x *Reader) dear(p *pick, rows int) bool {
	n := p.count()
	if x.few(p.column, n) {
		return false
	}
	codes := int64(packedSize(x.rows, p.dict.width()))
	return int64(rows)*int64(x.rows-n)/int64(x.rows)*lineCost < codes
}

func (x question) or(terms []filter.Expr) (finding, error) {
	var all parts
	for _, t := range terms {
		f, err := x.find(t)
		if err != nil {
			return f, err
		}
		all.merge(f, (*pick).or, (*Rows).Or)
	}
	if f, ok := all.one(); ok {
		return f, nil
	}
	for _, p := range all.picks {
		rows, err := x.pickRows(p, nil)
		if err != nil {
			return finding{}, err
		}
		all.merge(finding{rows: rows}, nil, (*Rows).Or)
	}
	return finding{rows: all.rows}, nil
}

// A certainty is what a span says of its rows.
type certainty int

const (
	noRow certainty = iota
	someRows
	allOfThem
)

// holds says of how many of the span's rows a comparison with t is true.
func (s *span) holds(op filter.Op, t time.Time) certainty {
	if s.flags&someTimes == 0 {
		return noRow
	}
	from, to := s.bounds()
	var all, none bool
	switch op {
	case filter.Lt:
		all, none = to.Before(t), !from.Before(t)
	case filter.Le:
		all, none = !to.After(t), from.After(t)
	case filter.Gt:
		all, none = from.After(t), !to.After(t)
	case filter.Ge:
		all, none = !from.Before(t), to.Before(t)
	default:
		none = t.Before(from) || t.After(to)
	}
	switch {
	case none:
		return noRow
	case all && s.flags&someTimeless == 0:
		return allOfThem
	}
	return someRows
}

// times returns the rows whose time compares with t as asked, by their blocks.
func (x *Reader) times(op filter.Op, t time.Time) (*Rows, error) {
	switch x.span.holds(op, t) {
	case noRow:
		return x.memory.newRows(x.rows), nil
	case allOfThem:
		return x.memory.allRows(x.rows), nil
	}
	entries, err := x.keep(sectionBlocks)
	if err != nil {
		return nil, err
	}
	r := x.memory.newUnsure(x.rows)
	for i := range blocks(x.rows) {
		s := parseSpan(entries[i*blockSize:])
		from, to := i*BlockRows, min((i+1)*BlockRows, x.rows)
		switch s.holds(op, t) {
		case allOfThem:
			r.fill(r.sure, from, to)
			r.fill(r.may, from, to)
		case someRows:
			r.fill(r.may, from, to)
		}
	}
	return r.settle(), nil
}
