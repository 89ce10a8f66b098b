package filter

// A Not is true where its term is not: "not a", and "a != b" for "not a = b".
// Its term is no Not.
type Not struct{ Term Expr }

// Negate returns the expression that is true where e is not. It panics where e
// is nil: nothing would match.
func Negate(e Expr) Expr {
	switch e := e.(type) {
	case nil:
		panic("filter: bad negation of what asks for nothing")
	case *Not:
		return e.Term
	}
	return &Not{e}
}

// Match implements [Expr].
func (n *Not) Match(row Row) bool { return !n.Term.Match(row) }

// String implements [Expr].
func (n *Not) String() string { return string(n.print(nil, bindsOr)) }

func (n *Not) print(dst []byte, around binding) []byte {
	switch t := n.Term.(type) {
	case *Compare:
		if t.negatable() {
			return t.printWith(dst, "!=")
		}
	case *In:
		return t.printWith(dst, "not in")
	case *Match:
		return t.printWith(dst, "!~")
	}
	return n.Term.print(append(dst, "not "...), bindsNot)
}
