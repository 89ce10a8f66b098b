package filter

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxLength is the most bytes of an expression: what somebody writes is far
	// shorter, and who generates one has other ways.
	maxLength = 1 << 16
	// maxDepth is the most parentheses and nots within each other, so that no
	// text makes the stack grow without end.
	maxDepth = 100
)

// Parse returns the expression that a text is. Times are seen from now, and in
// its zone. The error is a [*SyntaxError].
func Parse(s *Schema, text string, now time.Time) (Expr, error) {
	p := parser{schema: s, text: text, now: now}
	if len(text) > maxLength {
		return nil, p.fault(0, fmt.Sprintf("the expression has %d bytes, at most %d", len(text), maxLength), "")
	}
	p.advance()
	e, err := p.or(0)
	if err == nil && p.tok.kind != tokenEnd {
		err = p.unexpected(`"and", "or" or the end`)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// A parser reads an expression by recursive descent. Each method begins at the
// token that its part begins with, and leaves the one behind it.
type parser struct {
	schema *Schema
	text   string
	now    time.Time
	tok    token
	before tokenKind // of the token before
}

func (p *parser) advance() {
	p.before = p.tok.kind
	p.tok = lex(p.text, p.tok.end)
}

// fault returns the error about a byte of the text.
func (p *parser) fault(at int, problem, hint string) error {
	return &SyntaxError{Column: utf8.RuneCountInString(p.text[:at]) + 1, Problem: problem, Hint: hint}
}

// unexpected returns the error about the token, where something else should be.
func (p *parser) unexpected(wanted string) error {
	if p.tok.kind == tokenBad {
		return p.fault(p.tok.start, p.tok.problem, p.tok.hint)
	}
	found := shortened(p.text[p.tok.start:p.tok.end])
	switch {
	case p.tok.kind == tokenEnd:
		found = "the end"
	case p.tok.kind != tokenText || !isPrintable(found):
		found = fmt.Sprintf("%q", found)
	}
	return p.fault(p.tok.start, "expected "+wanted+", found "+found, p.tok.hint)
}

// shortened returns a text that fits in a message.
func shortened(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// or reads terms with "or" between them.
func (p *parser) or(depth int) (Expr, error) {
	return p.list("or", Any, func() (Expr, error) { return p.list("and", All, func() (Expr, error) { return p.unary(depth) }) })
}

// list reads one or more parts with a keyword between them.
func (p *parser) list(keyword string, join func(...Expr) Expr, part func() (Expr, error)) (Expr, error) {
	var terms []Expr
	for {
		e, err := part()
		if err != nil {
			return nil, err
		}
		terms = append(terms, e)
		if !p.tok.is(keyword) {
			return join(terms...), nil
		}
		p.advance()
	}
}

// unary reads a negation, an expression in parentheses, or a term.
func (p *parser) unary(depth int) (Expr, error) {
	if depth > maxDepth {
		return nil, p.tooDeep(p.tok.start)
	}
	switch {
	case p.tok.is("not"):
		p.advance()
		e, err := p.unary(depth + 1)
		if err != nil {
			return nil, err
		}
		return Negate(e), nil
	case p.tok.is("("):
		p.advance()
		e, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		return e, p.pass(")", `"and", "or" or ")"`)
	}
	return p.term(depth)
}

func (p *parser) tooDeep(at int) error {
	return p.fault(at, fmt.Sprintf("more than %d parentheses and nots within each other", maxDepth), "")
}

// pass goes past a sign or keyword.
func (p *parser) pass(text, wanted string) error {
	if !p.tok.is(text) {
		return p.unexpected(wanted)
	}
	p.advance()
	return nil
}

// term reads a field, and what is asked of it.
func (p *parser) term(depth int) (Expr, error) {
	l, err := p.field()
	if err != nil {
		return nil, err
	}
	sign, at, err := p.sign(l)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(l.def().signs(), sign) {
		return nil, p.fault(at, fmt.Sprintf("%s does not take %q", l.def().Name, sign), l.def().takes())
	}
	e, err := p.operation(l, sign)
	if err == nil && depth+daysDepth > maxDepth && !isSimple(e) {
		return nil, p.tooDeep(at)
	}
	return e, err
}

// operation reads what stands behind an operator.
func (p *parser) operation(l leaf, sign string) (Expr, error) {
	switch sign {
	case "":
		return l.is(true), nil
	case "in", "not in":
		values, err := p.values(l)
		if err != nil {
			return nil, err
		}
		return l.among(sign, values), nil
	}
	return p.comparison(l, sign)
}

// isSimple reports whether a term became a leaf, or the negation of one.
func isSimple(e Expr) bool {
	if not, ok := e.(*Not); ok {
		e = not.Term
	}
	_, ok := e.(Leaf)
	return ok
}

// field reads the name of a field, and the key of a keyed one.
func (p *parser) field() (leaf, error) {
	const wanted = `a field, "not" or "("`
	name := p.tok
	if name.kind == tokenText {
		p.tok.hint = "a field has no quotation marks"
	}
	if name.kind != tokenWord || isKeyword(name.text) {
		return leaf{}, p.unexpected(wanted)
	}
	p.advance()
	if strings.HasSuffix(name.text, ".") && p.tok.start == name.end {
		if p.tok.kind == tokenBad {
			return leaf{}, p.unexpected(wanted)
		}
		if p.tok.kind == tokenText {
			name.text += p.tok.text
			p.advance()
		}
	}
	l, err := p.schema.leaf(name.text)
	if err != nil {
		return leaf{}, p.fault(name.start, err.Problem, err.Hint)
	}
	return l, nil
}

// sign reads an operator, and tells where it stands; "" where a flag stands
// alone.
func (p *parser) sign(l leaf) (sign string, at int, err error) {
	at = p.tok.start
	switch {
	case p.tok.kind == tokenSign && !strings.Contains("(),", p.tok.text):
		sign = p.tok.text
	case p.tok.is("in"):
		sign = "in"
	case l.def().Kind == Flag:
		return "", at, nil
	case p.tok.is("not"):
		p.advance()
		return "not in", at, p.pass("in", `"in"`)
	default:
		if p.tok.hint == "" {
			p.tok.hint = l.def().takes()
		}
		return "", at, p.unexpected("an operator behind " + l.def().Name)
	}
	p.advance()
	return sign, at, nil
}

// comparison reads the value that a field is compared with.
func (p *parser) comparison(l leaf, sign string) (Expr, error) {
	at := p.tok.start
	if edge := p.backspace(); edge > 0 && (sign == "~" || sign == "!~") {
		return nil, p.fault(edge, `\b in "…" is a backspace, as in JSON`, `for the edge of a word write \\b, or the whole text in '…'; for a backspace \u0008`)
	}
	text, err := p.value()
	if err != nil {
		return nil, err
	}
	e, wrong := l.term(sign, text, p.now)
	if wrong != nil {
		return nil, p.fault(at, wrong.Problem, wrong.Hint)
	}
	switch {
	case p.before == tokenWord && p.tok.kind == tokenWord && !isKeyword(p.tok.text):
		p.tok.hint = "a value with a blank needs quotation marks"
	case p.tok.is(","):
		p.tok.hint = "write in for several values: in (a, b)"
	}
	return e, nil
}

// backspace returns where the text in "…" that is the token has the escape \b,
// 0 where it has none. Of all escapes of JSON it alone means something else in a
// pattern, the edge of a word, and who writes it there means that: the pattern
// would be looked for with a backspace in it, and nothing found.
func (p *parser) backspace() int {
	if p.tok.kind != tokenText || p.text[p.tok.start] != '"' {
		return 0
	}
	for i := p.tok.start + 1; i < p.tok.end-1; i++ {
		if p.text[i] != '\\' {
			continue
		}
		if p.text[i+1] == 'b' {
			return i
		}
		i++ // what is escaped begins no escape
	}
	return 0
}

// values reads the values in parentheses behind "in".
func (p *parser) values(l leaf) ([]operand, error) {
	if err := p.pass("(", `"("`); err != nil {
		return nil, err
	}
	var values []operand
	for {
		at := p.tok.start
		text, err := p.value()
		if err != nil {
			return nil, err
		}
		v, wrong := l.operand(text, p.now)
		if wrong != nil {
			return nil, p.fault(at, wrong.Problem, wrong.Hint)
		}
		values = append(values, v)
		if p.tok.is(",") {
			p.advance()
			continue
		}
		return values, p.pass(")", `"," or ")"`)
	}
}

// value reads one value.
func (p *parser) value() (string, error) {
	text := p.tok.text
	switch {
	case p.tok.kind == tokenText:
	case p.tok.kind == tokenWord && !isKeyword(text):
	case p.tok.kind == tokenWord:
		p.tok.hint = fmt.Sprintf("as a value it needs quotation marks: %q", text)
		return "", p.unexpected("a value")
	default:
		return "", p.unexpected("a value")
	}
	p.advance()
	return text, nil
}
