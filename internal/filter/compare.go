package filter

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// A Compare is true where a value of its field is equal to another, or less or
// greater: "risk >= high". A flag alone is one, too: "denied" is "denied = true".
type Compare struct {
	leaf
	Op    Op // only Eq for a Text and a Flag
	Value Value

	text  string            // Value.Text, folded
	holds func(string) bool // made once, so that a row costs no allocation
}

func newCompare(l leaf, op Op, v Value) *Compare {
	c := &Compare{Op: op, Value: v, leaf: l, text: l.fold(v.Text)}
	c.holds = c.test()
	return c
}

// test returns what Holds asks of a value.
func (c *Compare) test() func(string) bool {
	f, text := c.def(), c.text
	switch {
	case f.Kind == Text && f.Fold == nil:
		return func(value string) bool { return value == text }
	case f.Kind == Text:
		return func(value string) bool { return f.Fold(value) == text }
	case f.Kind == Level:
		return func(value string) bool {
			level := slices.Index(f.Values, value)
			return level >= 0 && c.Op.holds(cmp.Compare(level, c.Value.Level))
		}
	case f.Kind == Flag:
		text = strconv.FormatBool(c.Value.Flag)
		return func(value string) bool { return value == text }
	}
	return func(string) bool { return false }
}

// Match implements [Expr].
func (c *Compare) Match(row Row) bool {
	switch c.def().Kind {
	case Number:
		n, ok := row.Number(c.Field)
		return ok && c.Op.holds(cmp.Compare(n, c.Value.Number))
	case Time:
		t, ok := row.Time(c.Field)
		return ok && c.Op.holds(t.Compare(c.Value.Time))
	case Flag:
		on, ok := row.Flag(c.Field)
		return ok && on == c.Value.Flag
	}
	return row.Texts(c.Field, c.Key, c.holds)
}

// Holds implements [Leaf].
func (c *Compare) Holds(value string) bool { return c.holds(value) }

// String implements [Expr].
func (c *Compare) String() string { return string(c.print(nil, bindsOr)) }

func (c *Compare) print(dst []byte, _ binding) []byte {
	if c.def().Kind == Flag && c.Value.Flag {
		return c.printName(dst)
	}
	return c.printWith(dst, c.Op.String())
}

// negatable reports whether the negation has a sign of its own and is not
// better written with "not".
func (c *Compare) negatable() bool {
	return c.Op == Eq && (c.def().Kind != Flag || !c.Value.Flag)
}

func (c *Compare) printWith(dst []byte, sign string) []byte {
	dst = c.printName(dst)
	dst = append(dst, ' ')
	dst = append(dst, sign...)
	return c.Value.print(append(dst, ' '), c.def())
}

// print prints a value of a field.
func (v *Value) print(dst []byte, f *Field) []byte {
	switch f.Kind {
	case Level:
		return printText(dst, f.Values[v.Level])
	case Number:
		return strconv.AppendInt(dst, v.Number, 10)
	case Time:
		return v.Time.AppendFormat(dst, time.RFC3339Nano)
	case Flag:
		return strconv.AppendBool(dst, v.Flag)
	}
	return printText(dst, v.Text)
}
