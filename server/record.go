package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/etch-audit/etch"
)

// Record records events of one request, in their order and with the labels of
// their sender, which [Server.Admit] has admitted. It returns as
// [etch.Log.AppendBatch] does, or with [ErrTooLarge], [ErrRateLimited] or
// [ErrShuttingDown], which are of all the events: none is recorded. The events are
// neither kept nor changed. One that the log has already, because it was sent again
// by a socket meanwhile, has a zero receipt.
func (s *Server) Record(ctx context.Context, sender Sender, events []*etch.Event) ([]etch.Receipt, error) {
	done, _, err := s.mayRecord(sender, events, (*Load).Add, 0)
	if err != nil {
		return nil, err
	}
	defer done()
	receipts, _, err := s.append(ctx, Sign(events, sender), nil, nil)
	return receipts, err
}

// RecordHook is [Server.Record] for events that were made here of what an agent has told
// a hook. One that is longer than MaxEvent is recorded too, cut as the log cuts: its
// agent has no way to tell less. A sender that is too fast is held up, for as long as
// patience, before its events are refused. There are no receipts.
func (s *Server) RecordHook(ctx context.Context, sender Sender, events []*etch.Event, patience time.Duration) error {
	done, wait, err := s.mayRecord(sender, events, (*Load).AddCut, patience)
	if err != nil {
		return err
	}
	defer done()
	if wait > 0 && !s.rest(wait) {
		return ErrShuttingDown
	}
	_, _, err = s.append(ctx, Sign(events, sender), nil, nil)
	return err
}

// mayRecord reports whether the events of a request are within the limits, or will be
// after a wait no longer than patience, and counts it as under way until done is called.
func (s *Server) mayRecord(sender Sender, events []*etch.Event, add func(*Load, *etch.Event) error, patience time.Duration) (done func(), wait time.Duration, err error) {
	if err := s.enter(); err != nil {
		return nil, 0, err
	}
	load := s.NewLoad()
	for i, ev := range events {
		if err := add(load, ev); err != nil {
			s.requests.Done()
			return nil, 0, fmt.Errorf("event %d: %w", i, err)
		}
	}
	if wait, err = s.spend(s.account(sender), len(events), patience); err != nil {
		s.requests.Done()
		return nil, 0, err
	}
	return s.requests.Done, wait, nil
}

// append appends events that are signed, and counts what became of them. known says
// which of them the log had already: see [Server.appendOnce]. The receipts are put into
// room where they fit.
func (s *Server) append(ctx context.Context, events []*etch.Event, how []sending, room []etch.Receipt) (receipts []etch.Receipt, known []bool, err error) {
	if slices.ContainsFunc(how, func(h sending) bool { return h != plainly }) {
		return s.appendOnce(ctx, events, how)
	}
	if !slices.ContainsFunc(events, func(ev *etch.Event) bool { return ev.ID != "" }) {
		receipts, err = s.appendNow(ctx, events, room)
		return receipts, nil, err
	}
	own := s.repeats.of(events[0])
	own.mu.RLock()
	if !slices.ContainsFunc(events, own.ids.has) {
		defer own.mu.RUnlock()
		receipts, err = s.appendNow(ctx, events, room)
		return receipts, nil, err
	}
	own.mu.RUnlock()
	return s.appendOnce(ctx, events, make([]sending, len(events)))
}

// appendNow appends events. Most often it is one, of a client that waits for it.
func (s *Server) appendNow(ctx context.Context, events []*etch.Event, room []etch.Receipt) (receipts []etch.Receipt, err error) {
	s.stats.pending.Add(int64(len(events)))
	began := s.opt.Now()
	if len(events) == 1 {
		receipts = append(room[:0], etch.Receipt{})
		receipts[0], err = s.log.Append(ctx, events[0])
	} else {
		receipts, err = s.log.AppendBatch(ctx, events)
	}
	s.measured(began, len(events), err)
	for i := range events {
		s.count(fate(receipts, i, err))
	}
	return receipts, err
}

// measured takes note of how long an append took, and of how it ended.
func (s *Server) measured(began time.Time, events int, err error) {
	s.stats.pending.Add(-int64(events))
	s.stats.batches.Add(1)
	now := s.opt.Now()
	s.stats.latency.observe(now.Sub(began))
	switch {
	case err == nil || errors.Is(err, etch.ErrSkipped):
		if s.stats.setback.Load() != nil { // mostly it is not: no write that others wait for
			s.stats.setback.Store(nil)
		}
	case !errors.Is(err, context.Canceled): // whose failure that was its caller's
		s.stats.setback.Store(&setback{err, now})
	}
}

// fate returns the error of one event of a batch: nil where it is recorded.
func fate(receipts []etch.Receipt, i int, err error) error {
	switch {
	case i < len(receipts) && receipts[i].Durable:
		return nil
	case err == nil && receipts[i] == etch.Receipt{}:
		return etch.ErrSkipped
	}
	return err
}

func (s *Server) count(err error) {
	switch {
	case err == nil:
		s.stats.events.Add(1)
	case errors.Is(err, etch.ErrSkipped):
		s.stats.skipped.Add(1)
	case errors.Is(err, etch.ErrUnknown):
		s.stats.unknown.Add(1)
	default:
		s.stats.notRecorded.Add(1)
	}
}

// sizeOf returns about how many bytes an event takes as it is sent: its texts.
func sizeOf(ev *etch.Event) int {
	size := len(ev.ID) + len(ev.CallID) + len(ev.SessionID) + len(ev.TurnID) + len(ev.TraceID)
	if a := ev.Actor; a != nil {
		size += len(a.Channel) + len(a.UserID) + len(a.Username) + len(a.Agent) + len(a.AgentID) + len(a.Model) + len(a.CallerID) + len(a.Host)
	}
	if a := ev.Action; a != nil {
		size += len(a.Tool) + len(a.Command) + len(a.Arguments) + len(a.Resource) + len(a.Cwd) + len(a.ApprovedBy) + len(a.MCPServerID) + len(a.Skill)
		for _, reason := range a.RiskReasons {
			size += len(reason)
		}
	}
	if r := ev.Result; r != nil {
		size += len(r.Reason) + len(r.Message) + len(r.ErrorCategory) + len(r.ErrorDomain) + len(r.ErrorPhase) + len(r.OutputSHA256)
	}
	if s := ev.Security; s != nil {
		size += len(s.SandboxBackend) + len(s.PolicyMatch) + len(s.AdversarialPolicyDecision) + len(s.TrustLevel) + len(s.SourceKind)
	}
	if e := ev.Egress; e != nil {
		size += len(e.URL) + len(e.Host) + len(e.Method) + len(e.BlockReason)
	}
	for name, value := range ev.Labels {
		size += len(name) + len(value)
	}
	return size
}
