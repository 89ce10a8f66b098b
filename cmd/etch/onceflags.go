package main

import (
	"errors"

	"github.com/spf13/pflag"
)

// A onceValue is the value of a flag that takes one: the last of several would
// silently count alone, where who gives them means that both do.
type onceValue struct {
	pflag.Value
	given bool
}

// errTwice is why a flag that takes one value is refused another.
var errTwice = errors.New("given twice")

// Set sets the value, once.
func (v *onceValue) Set(text string) error {
	if v.given {
		return errTwice
	}
	v.given = true
	return v.Value.Set(text)
}

// once lets flags be given once only. Those whose later value plainly replaces the
// one before, such as --format behind an alias, are not among them.
func once(f *pflag.FlagSet, names ...string) {
	for _, name := range names {
		flag := f.Lookup(name)
		flag.Value = &onceValue{Value: flag.Value}
	}
}
