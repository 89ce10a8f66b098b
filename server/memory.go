package server

import (
	"context"
	"crypto/sha256"
	"errors"
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
	ids   map[repeat]time.Time // when each came
	order []repeat
}

// A repeat is the hash of an id, which may be as long as an event.
type repeat [sha256.Size]byte

func repeatOf(ev *etch.Event) repeat { return sha256.Sum256([]byte(ev.ID)) }

// has reports whether the id of an event is remembered.
func (m *memory) has(ev *etch.Event) bool {
	if len(m.ids) == 0 || ev.ID == "" {
		return false
	}
	_, ok := m.ids[repeatOf(ev)]
	return ok
}

// add remembers the id of an event, unless it is.
func (m *memory) add(ev *etch.Event, now time.Time) {
	id := repeatOf(ev)
	if _, ok := m.ids[id]; ok {
		return
	}
	if m.ids == nil {
		m.ids = make(map[repeat]time.Time)
	}
	m.ids[id] = now
	m.order = append(m.order, id)
}

// forget forgets what is too old, and the eldest of what is more than so many. It
// returns when the last of those came; zero: it has forgotten none.
func (m *memory) forget(now time.Time, most int) (last time.Time) {
	for len(m.order) > 0 {
		id := m.order[0]
		at := m.ids[id]
		if len(m.order) <= most && now.Sub(at).Abs() <= repeatAge {
			break
		}
		delete(m.ids, id)
		m.order = m.order[1:]
		if at.After(last) {
			last = at
		}
	}
	return last
}

// look returns the ids of the events that a question finds, up to the first control
// record, and until there are so many.
func (s *Server) look(ctx context.Context, q etch.Query, most int) (map[string]bool, error) {
	found := make(map[string]bool)
	for r, err := range s.log.Records(ctx, q) {
		if _, damage := errors.AsType[*etch.CorruptionError](err); damage {
			continue // a line that cannot be read vouches for no event
		}
		if err != nil {
			return nil, err
		}
		if r.IsControl() {
			break
		}
		if found[r.Event.ID] = true; len(found) == most {
			break
		}
	}
	return found, nil
}
