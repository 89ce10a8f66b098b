package etch

import (
	"errors"
	"fmt"
	"testing"
)

// Only what a daemon says of an event itself is its last word on it.
func TestIsFinal(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{ErrSkipped, false},
		{errors.New("broken pipe"), false},
		{fmt.Errorf("%w: event 0 %w: 5 bytes, and the daemon takes 4", ErrNotRecorded, errTooLong), true},
		{&DaemonError{Code: "invalid"}, true},
		{&DaemonError{Code: "too_large"}, true},
		{fmt.Errorf("%w: 1 of 2 events are recorded: %w", ErrUnknown, &DaemonError{Code: "invalid"}), true},
		{&DaemonError{Code: "refused"}, false},
		{&DaemonError{Code: "rate_limited"}, false},
		{&DaemonError{Code: "not_recorded"}, false},
		{&DaemonError{Code: "shutting_down"}, false},
		{&DaemonError{Code: "unknown"}, false},
		{&DaemonError{Code: "idle"}, false},
	} {
		if got := isFinal(test.err); got != test.want {
			t.Errorf("%v: got %v", test.err, got)
		}
	}
}
