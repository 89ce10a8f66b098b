//go:build !etch_broken

package broken

import "testing"

// The tagged build is shown by the gate's own test, in internal/invariants.
func TestNormalBuildObeysNoSwitch(t *testing.T) {
	t.Setenv("ETCH_BROKEN", "some-check")
	if Is("some-check") {
		t.Error(`Is("some-check") = true, want false in a normal build`)
	}
	if n := testing.AllocsPerRun(100, func() { Is("some-check") }); n != 0 {
		t.Errorf("Is allocates %v times, want 0: it stands in hot paths", n)
	}
}
