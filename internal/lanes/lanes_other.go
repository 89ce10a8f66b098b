//go:build !amd64 || purego

package lanes

// available is false: there is no assembly in this build.
const available = false

func hashTwo(_, _ *state, _, _ *byte, _ int) {
	panic("lanes: bad build: two messages without assembly")
}
