package question

import (
	"fmt"
	"strconv"

	"github.com/etch-audit/etch/internal/nearest"
)

// An Error says what is wrong with one word of a question.
type Error struct {
	Name    string // of the flag or parameter; "" for a FIELD=VALUE
	Value   string // what it was given
	Column  int    // of the character of Value where it is wrong, from 1; 0: the whole
	Problem string // what is wrong
	Hint    string // what may be meant, or could be written; "" for none
}

// Error names the parameter, and the place where there is one.
func (e *Error) Error() string {
	switch {
	case e.Name == "":
		return strconv.Quote(e.Value) + ": " + e.Problem
	case e.Column > 0:
		return fmt.Sprintf("%s: column %d: %s", e.Name, e.Column, e.Problem)
	}
	return e.Name + ": " + e.Problem
}

// unknown is the error about a word that is none of those known.
func unknown(name, word string, all []string, hint string) error {
	if near, ok := nearest.Word(word, all); ok {
		hint = didYouMean(near)
	}
	return &Error{Name: name, Value: word, Problem: fmt.Sprintf("unknown %s %q", name, word), Hint: hint}
}

func didYouMean(word string) string { return fmt.Sprintf("did you mean %q?", word) }
