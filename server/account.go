package server

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"sync"
	"time"

	"github.com/etch-audit/etch"
)

// againAfter is how long an auth_success stands for the requests after it.
const againAfter = time.Hour

// An account is what a server keeps of one sender.
type account struct {
	conns int // guarded by Server.mu
	held  int // guarded by room.mu: bytes of lines

	recent recent
	turn   chan struct{} // see Server.Turn

	mu       sync.Mutex
	admitted time.Time // guarded by mu: when its auth_success was recorded; zero: never
	bucket   bucket    // guarded by mu
	losses   bucket    // guarded by mu: of those that it claims
	lost     lost      // guarded by mu

	naming sync.Mutex // held while the system is asked
	named  time.Time  // guarded by naming: when it was
	user   string     // guarded by naming
}

// account returns the account of a sender, a new one where it has none. There are
// as many as there are users and tokens.
func (s *Server) account(sender Sender) *account {
	id := sender.identity()
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.senders[id]
	if !ok {
		a = &account{turn: make(chan struct{}, 1), bucket: bucket{level: float64(s.limits.Burst)}, losses: bucket{level: float64(lossLimits.Burst)}}
		s.senders[id] = a
	}
	return a
}

// Admit returns nil where a sender may send, and [ErrRefused] where it may not.
// That it was let in is recorded at its first request and again each hour, that it
// was refused is recorded too. Any other error is that of the log, which could not
// record it: the sender may send, but is not to before it is on record. A sender
// with a token is taken to have shown it.
func (s *Server) Admit(ctx context.Context, sender Sender) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.requests.Done()
	return s.admit(ctx, sender)
}

func (s *Server) admit(ctx context.Context, sender Sender) error {
	if cause := s.objection(sender); cause != "" {
		return s.Refuse(ctx, sender, cause)
	}
	a := s.account(sender)
	now := s.opt.Now()
	a.mu.Lock()
	defer a.mu.Unlock() // others of this sender wait for its record
	if !a.admitted.IsZero() && now.Sub(a.admitted).Abs() < againAfter {
		return nil
	}
	ev := s.authEvent(etch.AuthSuccess, sender)
	ev.Result.Type = etch.Success
	if _, err := s.log.Append(ctx, ev); err != nil && !errors.Is(err, etch.ErrSkipped) {
		return fmt.Errorf("that %v may send could not be recorded: %w", sender, err)
	}
	a.admitted = now
	return nil
}

// objection returns why a sender may not send; "" where it may.
func (s *Server) objection(sender Sender) string {
	switch {
	case sender.Token != "":
		return ""
	case sender.UID < 0:
		return "the system does not say who it is"
	case !s.rights.maySend(sender):
		return "it is not among those who may send"
	}
	return ""
}

// A refusalKey is what refusals are counted by.
type refusalKey struct{ cause, sender string }

// A refusal is what was refused for one cause to one sender.
type refusal struct {
	sender   Sender
	recorded time.Time
	left     uint64 // refused since, and not on record
}

const (
	// refusalsEvery is how often one cause of refusals to one sender is recorded at
	// most: somebody who is refused shall not fill the log.
	refusalsEvery = time.Second
	// maxRefusals is of how many causes and senders refusals are counted apart. Who is
	// refused may have any number of user ids.
	maxRefusals = 256
)

// Refuse records that a sender was refused, and returns [ErrRefused] with the
// cause. Causes are few and the caller's own words, not the sender's: of each one a
// second is recorded for each sender, with the number of those in between. Where very
// many are refused, those for whom there is no place are counted together, as nobody's.
func (s *Server) Refuse(ctx context.Context, sender Sender, cause string) error {
	s.stats.refused.Add(1)
	refused := fmt.Errorf("%w: %s", ErrRefused, cause)
	now := s.opt.Now()
	s.mu.Lock()
	key := refusalKey{cause, sender.Key()}
	over := s.placeFor(key, now)
	if _, ok := s.refusals[key]; !ok && len(s.refusals) >= maxRefusals {
		key.sender, sender = "", unknown
	}
	r, ok := s.refusals[key]
	if !ok {
		r = &refusal{sender: sender}
		s.refusals[key] = r
	}
	if ok && now.Sub(r.recorded).Abs() < refusalsEvery {
		r.left++
		s.mu.Unlock()
		s.tellLeft(ctx, over)
		return refused
	}
	left := r.left
	r.recorded, r.left = now, 0
	s.mu.Unlock()
	s.tellLeft(ctx, over)
	if err := s.recordRefusal(ctx, sender, cause, left); err != nil {
		s.mu.Lock()
		if now, ok := s.refusals[key]; ok {
			r = now
		}
		s.refusals[key] = r // it may have been over meanwhile
		r.left += left + 1
		s.mu.Unlock()
		s.tell(fmt.Errorf("a refusal could not be recorded: %w", err))
	}
	return refused
}

// placeFor makes room for a refusal where there is none, by those that are over: it
// returns what is left to record of them. s.mu is held.
func (s *Server) placeFor(key refusalKey, now time.Time) map[refusalKey]refusal {
	if _, ok := s.refusals[key]; ok || len(s.refusals) < maxRefusals {
		return nil
	}
	over := make(map[refusalKey]refusal)
	for key, r := range s.refusals {
		if now.Sub(r.recorded).Abs() < refusalsEvery {
			continue
		}
		if r.left > 0 {
			over[key] = *r
		}
		delete(s.refusals, key)
	}
	return over
}

// unknown is a sender of whom nothing is known.
var unknown = Sender{UID: -1, GID: -1, PID: -1}

// labelLeftOut counts the refusals of the same cause and sender that have no record of
// their own.
const labelLeftOut = "refused_besides"

func (s *Server) recordRefusal(ctx context.Context, sender Sender, cause string, left uint64) error {
	ev := s.authEvent(etch.AuthFailure, sender)
	ev.Result.Type, ev.Result.Reason = etch.Blocked, cause
	if left > 0 {
		ev.Labels[labelLeftOut] = strconv.FormatUint(left, 10)
	}
	_, err := s.log.Append(ctx, ev)
	if errors.Is(err, etch.ErrSkipped) {
		return nil
	}
	return err
}

// tellRefusals records what refusals have no record yet.
func (s *Server) tellRefusals() {
	left := make(map[refusalKey]refusal)
	s.mu.Lock()
	for key, r := range s.refusals {
		if r.left > 0 {
			left[key] = *r
			r.left = 0
		}
	}
	s.mu.Unlock()
	s.tellLeft(context.Background(), left)
}

// tellLeft records refusals that have no record of their own: the event of each stands
// for one of them.
func (s *Server) tellLeft(ctx context.Context, left map[refusalKey]refusal) {
	for key, r := range left {
		if err := s.recordRefusal(ctx, r.sender, key.cause, r.left-1); err != nil {
			s.tell(fmt.Errorf("%d refusals to %v could not be recorded: %w", r.left, r.sender, err))
		}
	}
}

// authEvent returns an event about a sender.
func (s *Server) authEvent(t etch.EventType, sender Sender) *etch.Event {
	allowed := t == etch.AuthSuccess
	return &etch.Event{
		Type:   t,
		Actor:  &etch.Actor{Channel: sender.Transport, Username: sender.User},
		Action: &etch.Action{Tool: "etch", Resource: "daemon", Allowed: allowed},
		Result: &etch.Result{},
		Labels: sender.labels(),
	}
}

// userName returns the name of the account's user; "" where it has none. The system
// is asked once in a while only: it may ask others in turn.
func (a *account) userName(uid int, now time.Time) string {
	a.naming.Lock()
	defer a.naming.Unlock()
	if uid < 0 || !a.named.IsZero() && now.Sub(a.named).Abs() < againAfter {
		return a.user
	}
	a.named, a.user = now, ""
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		a.user = u.Username
	}
	return a.user
}
