package filter

// An Or is true where one of its terms is: "a or b". It has at least two, and
// none of them is an Or.
type Or struct{ Terms []Expr }

// Any returns the expression that is true where one of exprs is, nil where one
// of them is nil. It panics where there are none: nothing would match.
func Any(exprs ...Expr) Expr {
	if len(exprs) == 0 {
		panic("filter: bad alternatives: there are none")
	}
	var terms []Expr
	for _, e := range exprs {
		switch e := e.(type) {
		case nil:
			return nil
		case *Or:
			terms = append(terms, e.Terms...)
		default:
			terms = append(terms, e)
		}
	}
	if len(terms) == 1 {
		return terms[0]
	}
	return &Or{terms}
}

// Match implements [Expr].
func (o *Or) Match(row Row) bool {
	for _, t := range o.Terms {
		if t.Match(row) {
			return true
		}
	}
	return false
}

// String implements [Expr].
func (o *Or) String() string { return string(o.print(nil, bindsOr)) }

func (o *Or) print(dst []byte, around binding) []byte {
	return printTerms(dst, o.Terms, " or ", bindsOr, around)
}
