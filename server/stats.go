package server

import "sync/atomic"

// Stats are what a server has done since it was made, but for Connections,
// Senders, Pending and Held, which are what there is now.
type Stats struct {
	Connections uint64 // open now
	Accepted    uint64 // connections taken
	Rejected    uint64 // connections closed at once: too many, or their sender is refused
	Senders     uint64 // that are known: a uid or a token
	Batches     uint64 // appends to the log
	Events      uint64 // recorded
	Skipped     uint64 // left out by configuration
	Invalid     uint64 // no event
	TooLarge    uint64
	RateLimited uint64
	NotRecorded uint64
	Unknown     uint64 // not known whether recorded
	Refused     uint64 // requests of senders that may not
	Pending     uint64 // events that the log has been given now, and not answered
	Held        uint64 // bytes of long lines that are read now, and not done with
	Appends     Histogram
}

// counters are Stats as they are counted.
type counters struct {
	accepted, rejected             atomic.Uint64
	batches, events, skipped       atomic.Uint64
	invalid, tooLarge, rateLimited atomic.Uint64
	notRecorded, unknown, refused  atomic.Uint64
	pending                        atomic.Int64
	latency                        latency
	setback                        atomic.Pointer[setback]
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	connections, senders := len(s.conns), len(s.senders)
	s.mu.Unlock()
	c := &s.stats
	return Stats{
		Connections: uint64(connections),
		Accepted:    c.accepted.Load(),
		Rejected:    c.rejected.Load(),
		Senders:     uint64(senders),
		Batches:     c.batches.Load(),
		Events:      c.events.Load(),
		Skipped:     c.skipped.Load(),
		Invalid:     c.invalid.Load(),
		TooLarge:    c.tooLarge.Load(),
		RateLimited: c.rateLimited.Load(),
		NotRecorded: c.notRecorded.Load(),
		Unknown:     c.unknown.Load(),
		Refused:     c.refused.Load(),
		Pending:     uint64(max(0, c.pending.Load())),
		Held:        uint64(s.room.bytes()),
		Appends:     c.latency.histogram(),
	}
}
