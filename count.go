package etch

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/filter"
	"github.com/etch-audit/etch/internal/index"
	"github.com/etch-audit/etch/internal/instant"
)

// A Group is the records that have the same values of some fields.
type Group struct {
	Values []string // one a field; "" where the records lack it
	Count  uint64
}

// CountBy returns how many records a query asks for, in all or by the values of
// fields, which are named as in a [Filter]: the most first. Of a field with
// several values the first one counts. Order and Limit of the query do not
// matter. Where an index knows the answer no record is read.
//
// A [*DamagesError] tells how many places could not be read, and of the first; the
// groups are then of all others.
func (r *Reader) CountBy(ctx context.Context, q Query, fields ...string) ([]Group, error) {
	ids, keys := make([]int, len(fields)), make([]string, len(fields))
	for i, name := range fields {
		var ok bool
		if ids[i], keys[i], ok = schema.Lookup(name); !ok {
			return nil, fmt.Errorf("no field %q to count by", name)
		}
	}
	counts, err := r.count(ctx, &q, &tally{fields: ids, keys: keys, most: MostGroups})
	return groupsOf(counts, len(fields)), err
}

// A Bar is the records of a span of time.
type Bar struct {
	From  time.Time
	Count uint64
}

// Histogram returns how many records a query asks for in each step of time, the
// oldest first, those without any left out. Steps are counted from midnight in
// the zone; one of whole days begins with the day, whatever the clock did, and one
// of weeks on a Monday. A step over a day is of whole days. Errors are as those
// of [Reader.CountBy].
func (r *Reader) Histogram(ctx context.Context, q Query, step time.Duration, zone *time.Location) ([]Bar, error) {
	if step < time.Second {
		return nil, fmt.Errorf("a histogram's step is a second at least, not %v", step)
	}
	if step > day && step%day != 0 {
		return nil, fmt.Errorf("a histogram's step over a day is of whole days, not %v", step)
	}
	counts, err := r.count(ctx, &q, &tally{step: step, zone: zone, most: MostBars})
	bars := make([]Bar, 0, len(counts))
	for key, n := range counts {
		from, parseErr := strconv.ParseInt(key, 10, 64)
		if parseErr != nil {
			return nil, fmt.Errorf("histogram: %w", parseErr)
		}
		bars = append(bars, Bar{time.UnixMicro(from).In(zone), n})
	}
	slices.SortFunc(bars, func(a, b Bar) int { return a.From.Compare(b.From) })
	return bars, err
}

// count runs a query that counts. From the newest record to the oldest each
// attempt's completion is known when it is met.
func (r *Reader) count(ctx context.Context, q *Query, t *tally) (map[string]uint64, error) {
	v, err := r.viewFor(ctx, q)
	if err != nil {
		return nil, err
	}
	q.Reverse, q.Limit = true, 0
	t.counts = map[string]uint64{}
	var damages DamagesError
	var failure error
	r.search(ctx, v, q, t, func(_ Record, err error) bool {
		if damage, ok := errors.AsType[*CorruptionError](err); ok {
			damages.add(damage)
			return true
		}
		failure = errors.Join(failure, err)
		return true
	})
	if failure = errors.Join(failure, v.close()); failure != nil {
		return nil, failure
	}
	if damages.Count > 0 {
		return t.counts, &damages
	}
	return t.counts, nil
}

// A DamagesError says that places of a log could not be read where records were
// counted. It unwraps to the first in the log.
type DamagesError struct {
	Count int
	First *CorruptionError
}

// Error says how many places there are, and what is wrong with the first.
func (e *DamagesError) Error() string {
	if e.Count == 1 {
		return e.First.Error()
	}
	return fmt.Sprintf("%v; and %d places more", e.First, e.Count-1)
}

// Unwrap returns the first.
func (e *DamagesError) Unwrap() error { return e.First }

func (e *DamagesError) add(d *CorruptionError) {
	if e.Count++; e.First == nil || cmp.Or(cmp.Compare(d.Segment, e.First.Segment), cmp.Compare(d.Offset, e.First.Offset)) < 0 {
		e.First = d
	}
}

// A tally counts the records of a search instead of giving them.
type tally struct {
	fields []int
	keys   []string      // of keyed fields; else ""
	step   time.Duration // of a histogram; else 0
	zone   *time.Location
	counts map[string]uint64 // by key
	most   int               // of these

	// Of the records that are asked for: those that no completion hides, nil for
	// all of them, and the others, nil for none.
	settled, open filter.Expr
}

// ErrTooMany is returned where records come to more groups than are held: a
// million of them would take half a gigabyte.
var ErrTooMany = errors.New("too many to count by")

// MostGroups and MostBars are how many groups [Reader.CountBy] returns at most, and
// bars [Reader.Histogram]. Where there are more the error is [ErrTooMany].
const (
	MostGroups = 250_000
	MostBars   = 100_000
)

// countUp counts records under a key.
func (s *search) countUp(key string, n uint64) {
	t := s.tally
	before, known := t.counts[key]
	if !known && len(t.counts) >= t.most {
		s.fail(fmt.Errorf("%w: there are more than %d of them", ErrTooMany, t.most))
		return
	}
	t.counts[key] = before + n
}

// key returns what a record is counted under: its values, or the beginning of
// its step.
func (t *tally) key(r row) string {
	if t.step > 0 {
		at, _ := r.Time(fieldTime)
		return strconv.FormatInt(t.begin(at.In(t.zone)).UnixMicro(), 10)
	}
	var room [64]byte
	key := room[:0]
	for i, id := range t.fields {
		key = appendValue(key, firstValue(r, id, t.keys[i]))
	}
	return string(key)
}

// appendValue appends a value to a key. Its length stands before it: a value may
// have any bytes.
func appendValue(key []byte, v string) []byte {
	return append(binary.AppendUvarint(key, uint64(len(v))), v...)
}

// valuesOf returns the values that a key is made of.
func valuesOf(key string, n int) []string {
	values := make([]string, n)
	rest := []byte(key)
	for i := range values {
		size, width := binary.Uvarint(rest)
		values[i] = string(rest[width:][:size])
		rest = rest[width:][size:]
	}
	return values
}

const day = 24 * time.Hour

// fromMonday is how many days the Monday before 1970-01-01 lies before it.
const fromMonday = 3

// begin returns when the step begins that a moment lies in.
func (t *tally) begin(at time.Time) time.Time {
	year, month, d := at.Date()
	midnight := instant.Midnight(year, month, d, t.zone)
	if t.step < day {
		return midnight.Add(at.Sub(midnight) / t.step * t.step)
	}
	days := int(t.step / day)
	since := int(time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Unix()/int64(day/time.Second)) + fromMonday
	return instant.Midnight(year, month, d-(since%days+days)%days, t.zone)
}

// firstValue returns the first value of a field as a text, "" where it is absent.
func firstValue(r row, id int, key string) string {
	switch fields[id].Kind {
	case filter.Number:
		if n, ok := r.Number(id); ok {
			return strconv.FormatInt(n, 10)
		}
		return ""
	case filter.Time:
		at, _ := r.Time(id)
		return at.UTC().Format("2006-01-02T15:04:05.000000Z")
	case filter.Flag:
		if set, ok := r.Flag(id); ok {
			return strconv.FormatBool(set)
		}
		return ""
	}
	var first string
	r.Texts(id, key, func(s string) bool {
		first = strings.Clone(s)
		return true
	})
	return first
}

// A countedKey is how many records are counted under a key.
type countedKey struct {
	key string
	n   uint64
}

// ask asks the index of a segment for what it can count by itself, and returns the
// rows that are left.
func (t *tally) ask(s *search, x *index.Reader, of *index.Calls) (others *index.Rows, counted []countedKey, err error) {
	expr, list := s.expr, new(countedKeys)
	if t.step == 0 && (of == nil || of.Guesses == 0) { // no column tells which completions are hidden
		err = x.Count(filter.All(s.expr, t.settled), t.fields, list.add)
		switch {
		case errors.Is(err, index.ErrNotHeld):
		case err != nil:
			return nil, nil, err
		case t.open == nil:
			return x.Of(), list.all(), nil
		default:
			expr = filter.All(s.expr, t.open)
		}
	}
	rows, err := x.Search(expr)
	if err != nil {
		return nil, nil, err
	}
	rows, err = t.known(x, rows, of, list.add)
	return rows, list.all(), err
}

// byPhase returns attempts, the only records that a completion hides where nothing was
// inferred, and the others.
func byPhase() (attempts, settled filter.Expr) {
	e, err := schema.Equal(fieldPhase, string(Attempt))
	if err != nil {
		panic("etch: " + err.Error())
	}
	return e, filter.Negate(e)
}

// countedKeys is what was counted of a segment.
type countedKeys struct {
	list  []countedKey
	keys  []byte // one after another
	sizes []int
}

func (c *countedKeys) add(values []string, n int) {
	if c.list == nil {
		const some = 1 << 10
		c.list, c.sizes, c.keys = make([]countedKey, 0, some), make([]int, 0, some), make([]byte, 0, 16*some)
	}
	before := len(c.keys)
	for _, v := range values {
		c.keys = appendValue(c.keys, v)
	}
	c.list = append(c.list, countedKey{n: uint64(n)})
	c.sizes = append(c.sizes, len(c.keys)-before)
}

// all returns the counts, under keys that are parts of one string.
func (c *countedKeys) all() []countedKey {
	keys := string(c.keys)
	for i := range c.list {
		c.list[i].key, keys = keys[:c.sizes[i]], keys[c.sizes[i]:]
	}
	return c.list
}

// known counts those rows of a segment that its index can count by itself, and
// returns the others: those that may not match, and attempts whose completion
// may stand in a newer segment.
func (t *tally) known(x *index.Reader, rows *index.Rows, of *index.Calls, add func(values []string, n int)) (others *index.Rows, err error) {
	if t.step > 0 || rows.Len() == 0 {
		return rows, nil
	}
	open := x.Of()
	if of != nil {
		rows = rows.AndNot(of.Completed)
		dangling := make([]int, len(of.Dangling))
		for i, d := range of.Dangling {
			dangling[i] = d.Row
		}
		open = x.Of(dangling...)
	}
	sure := rows.Sure().AndNot(open)
	err = x.CountBy(sure, t.fields, add)
	if errors.Is(err, index.ErrNotHeld) {
		return rows, nil
	}
	return rows.AndNot(sure), err
}

// groupsOf returns the groups of so many values, the largest first.
func groupsOf(counts map[string]uint64, values int) []Group {
	groups := make([]Group, 0, len(counts))
	for key, n := range counts {
		groups = append(groups, Group{valuesOf(key, values), n})
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), slices.Compare(a.Values, b.Values))
	})
	return groups
}
