// Package alone lets a program that does one thing after the other run on one processor
// from its start: threads that look for work cost such a program more than they do.
//
// It imports nothing but the runtime, so that it is made ready before other packages,
// which then begin with what one processor needs. To be imported for that effect.
package alone

import "runtime"

func init() { runtime.GOMAXPROCS(1) }
