package filter

import "time"

// term returns the expression of an operator and a value.
func (l leaf) term(sign, text string, now time.Time) (Expr, *ValueError) {
	switch sign {
	case "!=":
		return negated(l.term("=", text, now))
	case "!~":
		return negated(l.term("~", text, now))
	case "~":
		re, err := pattern(text)
		if err != nil {
			return nil, err
		}
		return newMatch(l, re), nil
	}
	o, err := l.operand(text, now)
	if err != nil {
		return nil, err
	}
	return l.compare(sign, o), nil
}

func negated(e Expr, err *ValueError) (Expr, *ValueError) {
	if err != nil {
		return nil, err
	}
	return Negate(e), nil
}

// compare returns the expression of an operator that is no negation.
func (l leaf) compare(sign string, o operand) Expr {
	switch {
	case l.def().Kind == Time:
		return l.compareTime(sign, o)
	case sign == "<":
		return newCompare(l, Lt, o.Value)
	case sign == "<=":
		return newCompare(l, Le, o.Value)
	case sign == ">":
		return newCompare(l, Gt, o.Value)
	case sign == ">=":
		return newCompare(l, Ge, o.Value)
	}
	return newCompare(l, Eq, o.Value)
}

// is returns the expression of a flag.
func (l leaf) is(value bool) Expr { return newCompare(l, Eq, Value{Flag: value}) }

// among returns the expression of "in" or "not in". What is no list of single
// values, days, becomes an or.
func (l leaf) among(sign string, values []operand) Expr {
	var e Expr
	if l.def().Kind == Time {
		var terms []Expr
		for _, v := range values {
			terms = append(terms, l.compare("=", v))
		}
		e = Any(terms...)
	} else {
		var plain []Value
		for _, v := range values {
			plain = append(plain, v.Value)
		}
		e = newIn(l, plain)
	}
	if sign == "not in" {
		return Negate(e)
	}
	return e
}

// daysDepth is how much deeper a comparison with days may be than it is
// written: "day in (a, b)" below a "not" is "not (… and … or … and …)".
const daysDepth = 2

// compareTime compares with a moment or a day: a day is over at its end, and
// has begun at its beginning. Of a time that a clock showed twice either counts.
func (l leaf) compareTime(sign string, o operand) Expr {
	from, isDay := newCompareTime(o.Time), !o.twice && !o.until.Equal(o.Time)
	switch {
	case sign == "<" && o.twice:
		return l.before(o.until)
	case sign == "<=" && o.twice:
		return newCompare(l, Le, newCompareTime(o.until))
	case sign == "=" && o.twice:
		return Any(newCompare(l, Eq, from), newCompare(l, Eq, newCompareTime(o.until)))
	case sign == "<":
		return newCompare(l, Lt, from)
	case sign == ">=":
		return l.since(o.Time)
	case sign == "<=" && isDay:
		return l.before(o.until)
	case sign == ">" && isDay:
		return l.since(o.until)
	case sign == "<=":
		return newCompare(l, Le, from)
	case sign == ">":
		return newCompare(l, Gt, from)
	case isDay:
		return All(l.since(o.Time), l.before(o.until))
	}
	return newCompare(l, Eq, from)
}

// The records' times lie between these two, and so does what they are compared
// with: the year 10000 has no form that could be read again.
func firstTime() time.Time { return time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) }
func lastTime() time.Time  { return time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC) }

// newCompareTime returns a time as a value.
func newCompareTime(t time.Time) Value {
	if t.Before(firstTime()) {
		t = firstTime()
	}
	return Value{Time: t.UTC()} // without the reading of the monotonic clock
}

// since returns field >= t.
func (l leaf) since(t time.Time) Expr {
	if t.After(lastTime()) {
		return newCompare(l, Gt, newCompareTime(lastTime()))
	}
	return newCompare(l, Ge, newCompareTime(t))
}

// before returns field < t.
func (l leaf) before(t time.Time) Expr {
	if t.After(lastTime()) {
		return newCompare(l, Le, newCompareTime(lastTime()))
	}
	return newCompare(l, Lt, newCompareTime(t))
}
