package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/etch-audit/etch"
)

// repeatAge is how long ids are remembered. What is sent again comes within it, or
// never: a first message's connection has long been closed by then, and no exporter
// repeats a request for so long.
const repeatAge = time.Hour

// A memory has ids of events, for repeatAge at most, in the order in which they came.
// Whose it is guards it.
type memory struct {
	ids   map[repeat]struct{}
	order []came // the eldest first
}

// A came is an id and when it came, in nanoseconds since 1970: there are many.
type came struct {
	id repeat
	at int64
}

// A repeat is half of the hash of an id, which may be as long as an event. Who looks for
// two ids with the same one keeps out an event of its own.
type repeat [sha256.Size / 2]byte

func repeatOf(id string) repeat {
	sum := sha256.Sum256([]byte(id))
	return repeat(sum[:])
}

// has reports whether the id of an event is remembered.
func (m *memory) has(ev *etch.Event) bool {
	if len(m.ids) == 0 || ev.ID == "" {
		return false
	}
	_, ok := m.ids[repeatOf(ev.ID)]
	return ok
}

// add remembers the id of an event, unless it is.
func (m *memory) add(ev *etch.Event, now time.Time) {
	m.append(came{repeatOf(ev.ID), now.UnixNano()})
}

func (m *memory) append(c came) {
	if _, ok := m.ids[c.id]; ok {
		return
	}
	if m.ids == nil {
		m.ids = make(map[repeat]struct{})
	}
	m.ids[c.id] = struct{}{}
	m.order = append(m.order, c)
}

// forget forgets what is too old, and the eldest of what is more than so many.
func (m *memory) forget(now time.Time, most int) {
	for len(m.order) > 0 {
		first := m.order[0]
		if len(m.order) <= most && now.Sub(time.Unix(0, first.at)).Abs() <= repeatAge {
			break
		}
		delete(m.ids, first.id)
		m.order = m.order[1:]
	}
}

// before remembers what came before all that is remembered, the eldest first.
func (m *memory) before(earlier []came) {
	both := memory{}
	for _, c := range slices.Concat(earlier, m.order) {
		both.append(c)
	}
	*m = both
}

// look returns the ids of the events that a question finds, until there are so many.
func (s *Server) look(ctx context.Context, q etch.Query, most int) (map[string]bool, error) {
	found := make(map[string]bool)
	for r, err := range s.log.Records(ctx, q) {
		if _, damage := errors.AsType[*etch.CorruptionError](err); damage {
			continue // a line that cannot be read vouches for no event
		}
		if err != nil {
			return nil, err
		}
		if found[r.Event.ID] = true; len(found) == most {
			break
		}
	}
	return found, nil
}
