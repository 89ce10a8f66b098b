// Package broken breaks the checks behind the promises of docs/invariants.md,
// one at a time and on purpose, to show that their tests would notice.
//
// The code at a check asks [Is] with the name of its break:
//
//	if !broken.Is("ack-before-sync") {
//		err = file.Sync()
//	}
//
// Nothing of it is in a normal build: there Is is constantly false, the
// compiler drops the branch, and the gate shows that the program does not even
// contain the switch's name. Under the build tag etch_broken, Is obeys the
// environment; the gate is its only user (internal/invariants).
package broken

// Is reports whether the named check is to be broken in this run. It is always
// false without the build tag etch_broken.
//
// The name is a string literal, so that the gate can find it.
func Is(name string) bool { return enabled && chosen(name) }
