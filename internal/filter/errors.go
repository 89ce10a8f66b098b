package filter

import (
	"fmt"
	"strings"

	"github.com/etch-audit/etch/internal/nearest"
)

// A SyntaxError says what is wrong with an expression, and where.
type SyntaxError struct {
	Column  int    // of the character where it is wrong, from 1
	Problem string // what is wrong
	Hint    string // what may be meant, or could be written; "" for none
}

// Error says where and what, and gives the hint.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("column %d: %s", e.Column, withHint(e.Problem, e.Hint))
}

// A ValueError says why a field cannot be compared with a value.
type ValueError struct {
	Problem string // what is wrong
	Hint    string // what may be meant, or could be written; "" for none
}

// Error says what is wrong, and gives the hint.
func (e *ValueError) Error() string { return withHint(e.Problem, e.Hint) }

func withHint(problem, hint string) string {
	if hint == "" {
		return problem
	}
	return problem + "; " + hint
}

// suggest returns the hint for a word that is none of those known, or another
// where none of them is near.
func suggest(word string, words []string, otherwise string) string {
	if near, ok := nearest.Word(word, words); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return otherwise
}

// known is the hint that lists what there is.
func known(words []string) string { return "known are " + strings.Join(words, ", ") }
