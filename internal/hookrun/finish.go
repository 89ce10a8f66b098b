package hookrun

import (
	"context"
	"errors"
	"fmt"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

// finish sees to it that what is not in the log is in the spool, and returns the
// answer.
func (r *run) finish(cause error) hook.Answer {
	answer := r.goOn()
	r.fails(r.survive(func() error {
		err := cause
		if cause != nil {
			r.fails(fmt.Errorf("not recorded at once: %w", cause))
			err = r.keep(cause)
		}
		r.mu.Lock()
		r.kept = err == nil
		r.mu.Unlock()
		answer = r.answer(cause)
		return errors.Join(err, r.remember(err == nil), r.reconcileLater())
	}))
	r.tell()
	return answer
}

// unfinished returns the events where time was up before they were known: those of the
// payload, if all of it comes, without what the session knows. There are none
// where it says nothing that is recorded.
func (r *run) unfinished(cause error) []*etch.Event {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.mu.Lock()
	until := r.late.Add(r.patience.Payload - r.patience.Records)
	r.mu.Unlock()
	if r.payload.whole() || r.payload.wait(until.Sub(r.process.Now())) {
		r.fails(r.survive(func() error { r.decode(ctx, true); return nil }))
	}
	r.mu.Lock()
	events, turn := r.events, r.turn
	r.mu.Unlock()
	if len(events) == 0 && turn == nil {
		ev := r.delivered(cause.Error())
		ev.ID = etch.NewEventID(r.process.Now())
		events = []*etch.Event{ev}
		r.setLate(nil, events, r.refuseUnread(ev))
	}
	return events
}

// remember ends the turn: the session remembers what is on record or spooled, and
// of a call that was refused here that nothing more is to be recorded.
func (r *run) remember(kept bool) error {
	r.mu.Lock()
	turn, events := r.turn, r.events
	r.mu.Unlock()
	switch {
	case turn == nil:
		return nil
	case !kept:
		return turn.Drop()
	}
	err := turn.Keep()
	refused := hook.Refused(events)
	if len(refused) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.patience.Drains)
	defer cancel()
	return errors.Join(err, turn.Settled(ctx, refused...))
}

// keep spools the events, or what is known of them.
func (r *run) keep(cause error) error {
	r.mu.Lock()
	events, spool := r.events, r.spool
	r.mu.Unlock()
	if spool == nil { // not even the settings were read by then
		if err := r.settings(); err != nil {
			return fmt.Errorf(Lost+" %w: %w", cause, err)
		}
		r.mu.Lock()
		spool = r.spool
		r.mu.Unlock()
	}
	if spool == nil {
		return fmt.Errorf(Lost+" %w: there is no spool", cause)
	}
	if len(events) == 0 {
		events = r.unfinished(cause)
	}
	return spool.Put(cause, events...)
}
