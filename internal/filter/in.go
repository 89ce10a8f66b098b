package filter

import "slices"

// An In is true where a value of its field is one of several:
// "type in (file_access, network_egress)". It is about a Text, a Level or a
// Number, and has at least two values, all of them different.
type In struct {
	leaf
	Values []Value

	texts []string            // names of levels, folded texts
	many  map[string]struct{} // the same, where they are more than are quickly compared
	holds func(string) bool   // i.Holds: made once, so that a row costs no allocation
}

// fewTexts is how many texts are compared one by one before a map is faster.
const fewTexts = 8

// newIn returns the expression of one or more values.
func newIn(l leaf, values []Value) Expr {
	i := &In{leaf: l}
	i.holds = i.Holds
	seen := make(map[Value]struct{})
	for _, v := range values {
		text := l.fold(v.Text)
		if l.def().Kind == Level {
			text = l.def().Values[v.Level]
		}
		same := Value{Text: text, Number: v.Number}
		if _, ok := seen[same]; ok {
			continue
		}
		seen[same] = struct{}{}
		i.Values = append(i.Values, v)
		i.texts = append(i.texts, text)
	}
	switch n := len(i.Values); {
	case n == 1:
		return newCompare(l, Eq, i.Values[0])
	case n > fewTexts:
		i.many = make(map[string]struct{}, n)
		for _, text := range i.texts {
			i.many[text] = struct{}{}
		}
	}
	return i
}

// Match implements [Expr].
func (i *In) Match(row Row) bool {
	if i.def().Kind != Number {
		return row.Texts(i.Field, i.Key, i.holds)
	}
	n, ok := row.Number(i.Field)
	return ok && slices.ContainsFunc(i.Values, func(v Value) bool { return v.Number == n })
}

// Holds implements [Leaf].
func (i *In) Holds(value string) bool {
	if i.def().Kind == Number {
		return false
	}
	value = i.fold(value)
	if i.many == nil {
		return slices.Contains(i.texts, value)
	}
	_, ok := i.many[value]
	return ok
}

// String implements [Expr].
func (i *In) String() string { return string(i.print(nil, bindsOr)) }

func (i *In) print(dst []byte, _ binding) []byte { return i.printWith(dst, "in") }

func (i *In) printWith(dst []byte, sign string) []byte {
	dst = i.printName(dst)
	dst = append(dst, ' ')
	dst = append(dst, sign...)
	dst = append(dst, " ("...)
	for n := range i.Values {
		if n > 0 {
			dst = append(dst, ", "...)
		}
		dst = i.Values[n].print(dst, i.def())
	}
	return append(dst, ')')
}
