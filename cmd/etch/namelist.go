package main

import (
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/question"
)

// A nameList is the value of a flag that takes names of fields, separated by
// commas or given one each.
type nameList []string

// Set adds names.
func (l *nameList) Set(text string) error {
	*l = append(*l, question.Names(text)...)
	return nil
}

// Append adds a name.
func (l *nameList) Append(name string) error {
	*l = append(*l, name)
	return nil
}

// Replace takes names in place of those that are there.
func (l *nameList) Replace(names []string) error {
	*l = slices.Clone(names)
	return nil
}

// GetSlice returns the names.
func (l *nameList) GetSlice() []string { return *l }

// String returns the list.
func (l *nameList) String() string { return strings.Join(*l, ",") }

// Type names what the flag takes.
func (l *nameList) Type() string { return "names" }
