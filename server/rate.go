package server

import "time"

// A bucket holds what a sender may send at once. It fills at the sender's rate; one
// that is overdrawn says how long to wait.
type bucket struct {
	level float64
	last  time.Time // when level was so; zero: full
}

// take takes n from the bucket where that leaves no longer wait than patience, and
// returns the wait. Where it would, nothing is taken.
//
// A batch larger than the burst is let through once the bucket is full, and leaves it
// overdrawn: else it could never be sent.
func (b *bucket) take(n int, l *Limits, now time.Time, patience time.Duration) (wait time.Duration, ok bool) {
	burst := float64(l.Burst)
	if !b.last.IsZero() {
		// A clock that was set back gives nothing, and takes nothing.
		b.level = min(burst, b.level+max(now.Sub(b.last).Seconds(), 0)*l.Rate)
	}
	b.last = now
	missing := min(float64(n), burst) - b.level
	if missing > 0 {
		wait = time.Duration(missing / l.Rate * float64(time.Second))
	}
	if wait > patience {
		return wait, false
	}
	b.level -= float64(n)
	return wait, true
}

// spend takes n events off what a sender may send.
func (s *Server) spend(a *account, n int, patience time.Duration) (wait time.Duration, err error) {
	if s.limits.Rate <= 0 {
		return 0, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	wait, ok := a.bucket.take(n, &s.limits, s.opt.Now(), patience)
	if !ok {
		s.stats.rateLimited.Add(uint64(n))
		return 0, &RateError{RetryAfter: wait}
	}
	return wait, nil
}
