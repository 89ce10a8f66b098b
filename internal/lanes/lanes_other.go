//go:build !amd64 || purego

package lanes

// available reports false: there is no assembly in this build.
func available() bool { return false }

func hashTwo(_, _ *state, _, _ *byte, _ int) {
	panic("lanes: bad build: two messages without assembly")
}
