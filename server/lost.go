package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/etch-audit/etch"
)

// What a sender that sends nothing twice has sent in vain is recorded as a loss. The
// daemon knows of it by itself: it is nobody's claim.

// lossEvery is how often losses of one sender are recorded at most: those between are
// one record, with their number.
const lossEvery = time.Second

// A lost is what of a sender's events is lost and not on record so far.
type lost struct {
	count    uint64
	from, to time.Time
	cause    string // of the last of them
	sender   Sender // of the last of them
	recorded time.Time
	awaited  bool // it will be recorded soon
}

// add adds what is lost.
func (l *lost) add(more lost) {
	if l.count == 0 || more.from.Before(l.from) {
		l.from = more.from
	}
	if more.to.After(l.to) {
		l.to = more.to
	}
	l.count += more.count
	l.cause, l.sender = more.cause, more.sender
}

// take returns what is lost, to be recorded.
func (l *lost) take(now time.Time) (taken lost) {
	taken = *l
	*l = lost{recorded: now}
	return taken
}

// Lose records, soon, that so many events of a sender are lost which it will not send
// again, and why. That it fails is told, and tried again.
func (s *Server) Lose(sender Sender, events int, cause error) {
	a, now := s.account(sender), s.opt.Now()
	a.mu.Lock()
	l := &a.lost
	l.add(lost{count: uint64(events), from: now, to: now, cause: cause.Error(), sender: sender})
	wait := max(0, lossEvery-now.Sub(l.recorded).Abs())
	soon := l.awaited
	l.awaited = true
	a.mu.Unlock()
	switch {
	case s.isDraining():
		s.tellLost(a) // nobody comes after this one
	case soon:
	case wait == 0:
		s.tellLostNow(a)
	default:
		time.AfterFunc(wait, func() { s.tellLostNow(a) })
	}
}

// tellLostNow is tellLost while the server serves; Drain sees to what comes later.
func (s *Server) tellLostNow(a *account) {
	if s.enter() != nil {
		return
	}
	defer s.requests.Done()
	s.tellLost(a)
}

// tellLost records what a sender has lost.
func (s *Server) tellLost(a *account) {
	now := s.opt.Now()
	a.mu.Lock()
	l := a.lost.take(now)
	a.mu.Unlock()
	if l.count == 0 {
		return
	}
	err := s.log.RecordLoss(context.Background(), etch.Loss{
		Count: l.count, From: l.from, To: l.to, Cause: fmt.Sprintf("%v has sent in vain what it does not send again: %s", l.sender, l.cause),
	})
	if err == nil {
		return
	}
	s.tell(fmt.Errorf("that %d events of %v are lost could not be recorded: %w", l.count, l.sender, err))
	if errors.Is(err, etch.ErrUnknown) || s.isDraining() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lost.add(l)
	if !a.lost.awaited {
		a.lost.awaited = true
		time.AfterFunc(lossEvery, func() { s.tellLostNow(a) })
	}
}

// tellAllLost records what all senders have lost.
func (s *Server) tellAllLost() {
	s.mu.Lock()
	senders := slices.Collect(maps.Values(s.senders))
	s.mu.Unlock()
	for _, a := range senders {
		s.tellLost(a)
	}
}
