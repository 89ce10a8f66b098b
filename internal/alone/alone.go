// Package alone lets a program that does one thing after the other begin with what it
// needs: one processor, as threads that look for work cost such a program more than they
// do, and a stack that does not have to grow several times, each time in fresh memory.
//
// It imports nothing but the runtime, so that it is made ready before other packages. To
// be imported for that effect; a program that has more to do than one thing after the
// other calls [Share] once it knows.
package alone

import "runtime"

// processors is how many there would be.
var processors = runtime.GOMAXPROCS(1)

// Share gives the program all its processors back. Where fixed, somebody has said how
// many they are, and they stay that; else they follow what the system allows.
func Share(fixed bool) {
	if fixed {
		runtime.GOMAXPROCS(processors)
		return
	}
	runtime.SetDefaultGOMAXPROCS()
}

func init() {
	runtime.MemProfileRate = 0
	grow(0)
}

// stack is about how much of it a hook uses.
const stack = 32 << 10

// grow makes the stack large enough for a frame that is never used.
//
//go:noinline
func grow(use int) byte {
	if use == 0 {
		return 0
	}
	var room [stack]byte
	room[use%stack] = 1
	return room[use/2%stack]
}
