package filter

import (
	"time"
)

// An Op is how a [Compare] compares: the value of the row stands on its left.
type Op uint8

// The operators. "!=" is [Not] of Eq.
const (
	Eq Op = iota
	Lt
	Le
	Gt
	Ge
)

// String returns the operator's sign.
func (op Op) String() string { return [...]string{"=", "<", "<=", ">", ">="}[op] }

// holds reports whether the operator is true of a value that is less than the
// one asked for (order below 0), equal to it, or greater.
func (op Op) holds(order int) bool {
	switch op {
	case Lt:
		return order < 0
	case Le:
		return order <= 0
	case Gt:
		return order > 0
	case Ge:
		return order >= 0
	}
	return order == 0
}

// A Value is what a field is compared with. Only the member for the field's
// kind is set.
type Value struct {
	Text   string    // as it was written: Field.Fold is not applied
	Number int64     // in the field's unit
	Time   time.Time // in UTC
	Flag   bool
	Level  int // position in the field's Values
}
