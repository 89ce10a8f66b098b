package server

import (
	"fmt"

	"github.com/etch-audit/etch"
)

const (
	// maxLoad is how many bytes the events of one request take at most, unless one
	// of them may be longer than half of it. They are held several times until they
	// are recorded: as they are, as they are signed, as they are written.
	maxLoad = 16 << 20
	// eventLoad is what an event takes besides its texts.
	eventLoad = 512
	// cutLoad is what is recorded of an event at most.
	cutLoad = 64 << 10
)

// A Load is what the events of one request take. It is there for who makes many
// events of a short request, and shall stop in time: what two events share, each
// of them is written with. It is not safe for concurrent use.
type Load struct {
	server *Server
	bytes  int
}

// NewLoad returns the load of a request that has no event so far.
func (s *Server) NewLoad() *Load { return &Load{server: s} }

// Add adds an event to the request. The error is an [ErrTooLarge]: the event is too
// long, or too much beside those that were added before; it is not added, and a
// shorter one may be. [Server.Record] takes the events of one Load.
func (l *Load) Add(ev *etch.Event) error {
	limits, size := &l.server.limits, sizeOf(ev)
	if size > limits.MaxEvent {
		l.server.stats.tooLarge.Add(1)
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, limits.MaxEvent)
	}
	return l.add(size)
}

// AddCut is Add for an event that is recorded however long it is, and is then no longer
// than a line of the log.
func (l *Load) AddCut(ev *etch.Event) error { return l.add(min(sizeOf(ev), cutLoad)) }

func (l *Load) add(size int) error {
	all := l.bytes + size + eventLoad
	if most := max(maxLoad, 2*l.server.limits.MaxEvent); all > most {
		l.server.stats.tooLarge.Add(1)
		return fmt.Errorf("%w: %d bytes with what is before it in the request, at most %d", ErrTooLarge, all, most)
	}
	l.bytes = all
	return nil
}
