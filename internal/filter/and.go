package filter

// An And is true where all of its terms are: "a and b". It has at least two,
// and none of them is an And.
type And struct{ Terms []Expr }

// All returns the expression that is true where all of exprs are; nil ones are
// left out, and where none is left it is nil.
func All(exprs ...Expr) Expr {
	var terms []Expr
	for _, e := range exprs {
		switch e := e.(type) {
		case nil:
		case *And:
			terms = append(terms, e.Terms...)
		default:
			terms = append(terms, e)
		}
	}
	switch len(terms) {
	case 0:
		return nil
	case 1:
		return terms[0]
	}
	return &And{terms}
}

// Match implements [Expr].
func (a *And) Match(row Row) bool {
	for _, t := range a.Terms {
		if !t.Match(row) {
			return false
		}
	}
	return true
}

// String implements [Expr].
func (a *And) String() string { return string(a.print(nil, bindsOr)) }

func (a *And) print(dst []byte, around binding) []byte {
	return printTerms(dst, a.Terms, " and ", bindsAnd, around)
}
