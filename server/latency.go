package server

import (
	"sync/atomic"
	"time"
)

// latencyBounds are the upper bounds of the buckets that appends are counted in:
// from a disk with a cache of its own to one that hangs.
var latencyBounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 5 * time.Second,
}

// A latency counts how long things take. It is safe for concurrent use.
type latency struct {
	buckets [len(latencyBounds) + 1]atomic.Uint64 // the last: longer than all bounds
	sum     atomic.Int64                          // nanoseconds
}

func (l *latency) observe(d time.Duration) {
	i := 0
	for i < len(latencyBounds) && d > latencyBounds[i] {
		i++
	}
	l.buckets[i].Add(1)
	l.sum.Add(int64(d))
}

// A Histogram is how long appends to the log took, until they were answered.
type Histogram struct {
	Buckets []Bucket // in the order of their bounds, the last without
	Sum     time.Duration
}

// A Bucket is how many took at most that long, and longer than the bucket before.
type Bucket struct {
	AtMost time.Duration // 0: no bound
	Count  uint64
}

func (l *latency) histogram() Histogram {
	h := Histogram{Buckets: make([]Bucket, len(l.buckets)), Sum: time.Duration(l.sum.Load())}
	for i := range l.buckets {
		h.Buckets[i].Count = l.buckets[i].Load()
		if i < len(latencyBounds) {
			h.Buckets[i].AtMost = latencyBounds[i]
		}
	}
	return h
}

// A setback is the last append that failed.
type setback struct {
	err error
	at  time.Time
}

// Setback returns why the last append to the log failed, and when; nil where it
// did not.
func (s *Server) Setback() (at time.Time, why error) {
	if b := s.stats.setback.Load(); b != nil {
		return b.at, b.err
	}
	return time.Time{}, nil
}
