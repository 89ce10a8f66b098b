package filter

import (
	"time"
)

// The constructors below are for what has a form of its own on a command line.
// They panic where the field is of another kind, or is keyed: the caller names
// it, not a user.

// Equal returns field = value, of a Text or a Level. The error is a
// [*ValueError]: the field has no such value.
func (s *Schema) Equal(field int, value string) (Expr, error) {
	return s.OneOf(field, value)
}

// OneOf returns field in (values), of a Text or a Level, and nil where there
// are no values. The error is a [*ValueError]: the field has no such value.
func (s *Schema) OneOf(field int, values ...string) (Expr, error) {
	l := s.of(field, Text, Level)
	var operands []operand
	for _, text := range values {
		v, err := l.operand(text, time.Time{})
		if err != nil {
			return nil, err
		}
		operands = append(operands, v)
	}
	if operands == nil {
		return nil, nil
	}
	return l.among("in", operands), nil
}

// AtLeast returns field >= level. The error is a [*ValueError]: there is no
// such level.
func (s *Schema) AtLeast(field int, level string) (Expr, error) {
	l := s.of(field, Level)
	e, err := l.term(">=", level, time.Time{})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Between returns field >= from and field < until, of a Time. The zero time is
// no bound; where there is none, the expression is nil.
func (s *Schema) Between(field int, from, until time.Time) Expr {
	l := s.of(field, Time)
	var first, last Expr
	if !from.IsZero() {
		first = l.since(from)
	}
	if !until.IsZero() {
		last = l.before(until)
	}
	return All(first, last)
}

// Is returns field = value, of a Flag.
func (s *Schema) Is(field int, value bool) Expr {
	l := s.of(field, Flag)
	return l.is(value)
}

// Matches returns field ~ pattern, of a Text. The error is a [*ValueError]: the
// pattern is no regular expression.
func (s *Schema) Matches(field int, pattern string) (Expr, error) {
	l := s.of(field, Text)
	e, err := l.term("~", pattern, time.Time{})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// of returns what a leaf about a field begins with.
func (s *Schema) of(field int, kinds ...Kind) leaf {
	f := s.Field(field)
	for _, k := range kinds {
		if f.Kind == k && !f.Keyed {
			return leaf{schema: s, Field: field}
		}
	}
	panic("filter: bad kind of field " + f.Name + " for this expression")
}
