package etch

import "context"

// A Recorder records events. A [*Log] is one; what captures events takes a
// Recorder, so that it need not know where the log is and who writes it.
type Recorder interface {
	// Append returns nil only when the event is recorded as durably as the log
	// promises; every other outcome is one of the errors of [Log.Append].
	Append(ctx context.Context, ev *Event) (Receipt, error)
}

var _ Recorder = (*Log)(nil)
