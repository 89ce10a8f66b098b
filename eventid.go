package etch

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/etch-audit/etch/internal/later"
)

// An eventID is the text of an event id: "evt_" and 26 characters of
// Crockford's base 32 in lower case (0-9 a-z without i l o u), which hold 48
// bits of Unix milliseconds and 80 random bits, as in a ULID. Ids sort, as
// bytes, by their time.
type eventID [4 + 26]byte

// String returns the id as Event.ID holds it.
func (id *eventID) String() string { return string(id[:]) }

// An idSource makes event ids. No two ids of one source are equal, and each
// sorts after the one before, also when the clock stands still or goes back.
// It is safe for concurrent use.
type idSource struct {
	mu   sync.Mutex
	rand *rand.ChaCha8
	last uint64 // the time of the last id, in milliseconds
	hi   uint16 // the random part of the last id
	lo   uint64
}

// newIDSource returns a source whose random bits are those of ChaCha8 with a
// key that is drawn from the runtime's generator. That is ChaCha8 too, with a key of
// 128 bits or more from the operating system, which it got when the process began: to
// ask the system once more would cost a hook more than all else that an id needs.
func newIDSource() *idSource {
	var seed [32]byte
	for i := 0; i < len(seed); i += 8 {
		binary.LittleEndian.PutUint64(seed[i:], rand.Uint64())
	}
	return &idSource{rand: rand.NewChaCha8(seed)}
}

// next returns a new id for the time t, which is a reading of the clock: a time
// far ahead that a caller gave would hold all later ids there. It allocates
// nothing.
func (s *idSource) next(t time.Time) eventID {
	const maxMilli = 1<<48 - 1
	now := uint64(min(max(t.UnixMilli(), 0), maxMilli))
	s.mu.Lock()
	if now > s.last || s.hi == 0 && s.lo == 0 {
		s.last = now
		s.draw()
	} else {
		s.step()
	}
	ms, hi, lo := s.last, s.hi, s.lo
	s.mu.Unlock()
	return formatEventID(ms, hi, lo)
}

// draw takes new random bits. The highest stays 0: there is always room to
// count up.
func (s *idSource) draw() {
	s.hi = uint16(s.rand.Uint64() & 0x7fff)
	s.lo = s.rand.Uint64() | 1 // not both 0, which next reads as "none yet"
}

// step counts up within a millisecond, by a random amount, so that an id does
// not tell its neighbour.
func (s *idSource) step() {
	lo := s.lo + s.rand.Uint64()>>32 + 1
	if lo < s.lo {
		s.hi++
	}
	s.lo = lo
}

// formatEventID writes the 128 bits in base 32, most significant first; the
// first character holds three bits.
func formatEventID(ms uint64, hi uint16, lo uint64) eventID {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	upper, lower := ms<<16|uint64(hi), lo
	id := eventID{'e', 'v', 't', '_'}
	for i := len(id) - 1; i >= 4; i-- {
		id[i] = digits[lower&31]
		lower = lower>>5 | upper<<59
		upper >>= 5
	}
	return id
}

// eventIDs makes the ids of [NewEventID]: one source for the process, so that of two
// events of one millisecond the one that was made first sorts first.
var eventIDs = later.Value[*idSource]{Make: newIDSource}

// heldFor is how far ahead of a time the id before may be for the next one to follow it:
// what lies further ahead is no clock's.
const heldFor = time.Minute

// NewEventID returns a new event id for the time t, which should be a reading of
// the clock. It sorts after those that this process asked for before, unless such a one
// was for a time more than a minute later. Append makes ids by itself; this one is for
// who must know it before.
func NewEventID(t time.Time) string {
	id := eventIDs.Get().near(t)
	return id.String()
}

// near is next for times of which none is to hold all later ids: one far ahead begins
// anew, as the first did.
func (s *idSource) near(t time.Time) eventID {
	s.mu.Lock()
	if int64(s.last) > t.Add(heldFor).UnixMilli() {
		s.last, s.hi, s.lo = 0, 0, 0
	}
	s.mu.Unlock()
	return s.next(t)
}
