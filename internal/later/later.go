// Package later has values that are made when they are first asked for. Unlike what
// sync.OnceValue returns, a [Value] that is a variable of a package is laid out by the
// linker: a program that never asks for it does nothing for it, not even when it starts.
package later

import "sync"

// A Value is made once, when it is first asked for. It must not be copied.
type Value[T any] struct {
	// Make makes it. It is called once.
	Make func() T

	once  sync.Once
	made  bool
	value T
}

// Get returns the value. It is safe for concurrent use. Where Make panics so does Get,
// this time and every other.
func (v *Value[T]) Get() T {
	v.once.Do(func() {
		v.value = v.Make()
		v.made = true
	})
	if !v.made {
		panic("later: the value could not be made when it was first asked for")
	}
	return v.value
}
