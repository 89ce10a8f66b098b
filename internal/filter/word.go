package filter

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Word returns the expression that one word of a command line is: FIELD=VALUE,
// or another operator, with the value as it stands, whatever its characters; or
// a flag's name alone. A key may have quotation marks. Times are seen from now, and
// in its zone. The error is a [*SyntaxError].
func Word(s *Schema, word string, now time.Time) (Expr, error) {
	p := parser{schema: s, text: word, now: now}
	if len(word) > maxLength {
		return nil, p.fault(0, fmt.Sprintf("the expression has %d bytes, at most %d", len(word), maxLength), "")
	}
	at := strings.IndexAny(word, "=!<>~")
	if at < 0 {
		at = len(word)
	}
	name := word[:at]
	switch key, whole := quotedKey(word); key.kind {
	case tokenBad:
		return nil, p.fault(key.start, key.problem, key.hint)
	case tokenText:
		name, at = whole, key.end
	}
	l, wrong := s.leaf(name)
	if wrong != nil {
		return nil, p.fault(0, wrong.Problem, wrong.Hint)
	}
	sign := operator(word[at:])
	switch {
	case at == len(word) && l.def().Kind == Flag:
		return l.is(true), nil
	case sign == "":
		return nil, p.fault(at, "expected an operator behind "+l.def().Name, l.def().takes())
	case !slices.Contains(l.def().signs(), sign):
		return nil, p.fault(at, fmt.Sprintf("%s does not take %q", l.def().Name, sign), l.def().takes())
	}
	at += len(sign)
	if at == len(word) {
		return nil, p.fault(at, "expected a value, found the end", "")
	}
	e, wrong := l.term(sign, word[at:], now)
	if wrong != nil {
		return nil, p.fault(at, wrong.Problem, wrong.Hint)
	}
	return e, nil
}
