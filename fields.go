package etch

import (
	"strings"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/filter"
)

// A field is what a query can ask for: a member, several of them, or what
// follows from some. Its number is its place in fields, where those come first that
// are not just a member, and those that the flags name.

// schema is what an expression can ask for.
var schema = filter.Schema{Fields: fields}

// fieldOf returns the number of the field of that name, which is its first.
func fieldOf(name string) int {
	for id := range fields {
		if fields[id].Name == name {
			return id
		}
	}
	panic("etch: no field " + name)
}

// handle takes away what a handle has before its name.
func handle(name string) string { return strings.TrimPrefix(name, "@") }

func namesOf[T ~string](known []T) []string {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	return names
}

// controlTypes are the types of the log's records about itself.
var controlTypes = []string{control.Opened, control.Sealed, control.Epoch, control.EpochBroken, control.Recovered, control.Gap, control.Indexed}
