package etch

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"
)

// A Call is something an agent does that is recorded twice: its attempt by [Begin],
// its completion by [Call.End]. An agent that is killed in between leaves the
// attempt. It is safe for concurrent use but for what Completion returns.
type Call struct {
	to         Recorder
	began      time.Time
	completion Event

	end sync.Once
	err error // of the end
}

// Begin records that what ev tells is about to be done. A zero Timestamp is now, an
// empty CallID a new one, and what else ev leaves empty of the scope of ctx is as
// there. The event is neither kept nor changed.
//
// The error is one of [Log.Append]: the attempt is not on record, so whoever lets
// nothing pass unrecorded does not act. Whoever goes on all the same uses the Call,
// which is never nil: its completion alone tells the whole event. Where the
// configuration skips the event, nothing is recorded and there is no error.
func Begin(ctx context.Context, to Recorder, ev *Event) (*Call, error) {
	c := &Call{to: to, began: time.Now()}
	attempt := *ev
	ScopeOf(ctx).Fill(&attempt)
	if attempt.Timestamp.IsZero() {
		attempt.Timestamp = c.began
	}
	if attempt.CallID == "" {
		attempt.CallID = "call_" + strings.ToLower(rand.Text())
	}
	attempt.Phase = Attempt
	c.completion = *copied(&attempt)
	c.completion.Phase, c.completion.ID = Completion, ""
	return c, c.append(ctx, &attempt)
}

// Completion returns the event that End is going to record: that of the attempt,
// with another phase. Until then the caller may add to it what has become known
// meanwhile: egress, labels, security, who approved it. Actor and action must stay,
// but for an action that turns out not to be allowed, as they and the session
// tell calls apart: see [Record.SameCall].
func (c *Call) Completion() *Event { return &c.completion }

// End records how the call ended, also where ctx has ended. A Duration of zero
// is the time since Begin, and a result of nil is left out. The result is neither
// kept nor changed.
//
// Only the first End records; others return what it returned.
func (c *Call) End(ctx context.Context, result *Result) error {
	c.end.Do(func() {
		if result != nil {
			own := *result
			if own.Duration == 0 {
				own.Duration = time.Since(c.began)
			}
			c.completion.Result = &own
		}
		c.err = c.append(context.WithoutCancel(ctx), &c.completion)
	})
	return c.err
}

// append records an event. That the configuration skips it is no failure.
func (c *Call) append(ctx context.Context, ev *Event) error {
	_, err := c.to.Append(ctx, ev)
	if errors.Is(err, ErrSkipped) {
		return nil
	}
	return err
}

// copied returns an event of its own, but for what is never changed in place.
func copied(ev *Event) *Event {
	own := *ev
	if ev.Actor != nil {
		own.Actor = new(*ev.Actor)
	}
	if ev.Action != nil {
		own.Action = new(*ev.Action)
	}
	if ev.Security != nil {
		own.Security = new(*ev.Security)
	}
	if ev.Egress != nil {
		own.Egress = new(*ev.Egress)
	}
	own.Labels = maps.Clone(ev.Labels)
	return &own
}

// ResultOf returns the result of what ended with err: [Success] for nil, [Timeout]
// for a deadline or whatever else says that it is one, else [Error] with its message.
func ResultOf(err error) *Result {
	if err == nil {
		return &Result{Type: Success}
	}
	type timeout interface {
		error
		Timeout() bool
	}
	if t, ok := errors.AsType[timeout](err); ok && t.Timeout() {
		return &Result{Type: Timeout, ErrorCategory: "timeout"}
	}
	r := &Result{Type: Error, Message: err.Error()}
	if errors.Is(err, context.Canceled) {
		r.ErrorCategory = "cancelled"
	}
	return r
}
