package mcp

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/etch-audit/etch"
)

// An oddKind is a way in which a message is none that the protocol has.
type oddKind uint8

const (
	oddBroken oddKind = iota
	oddAmbiguous
	oddGarbled
	oddShape
	oddStray
	oddForeign
	oddCutOff
	oddities
)

// oddTexts say what is recorded as the reason, and as the label "payload".
var oddTexts = [oddities]struct{ payload, reason string }{
	oddBroken:    {"broken", "mcp-message: it is not JSON"},
	oddAmbiguous: {"ambiguous", "mcp-message: a member is given twice or in other letters, and readers differ in which counts"},
	oddGarbled:   {"garbled", "mcp-message: it is not UTF-8, and readers differ in what stands there"},
	oddShape:     {"shape", "mcp-message: neither a request nor a notification nor an answer"},
	oddStray:     {"stray", "mcp-message: an answer to no open request"},
	oddCutOff:    {"cut_off", "mcp-message: the stream ended within its event, and readers differ in whether it is one"},
	oddForeign:   {"foreign", "mcp-message: a web page of another machine sent it, or it was meant for another host"},
}

// eachOdd is how many odd messages of a kind are recorded one by one. A server
// that writes its log to its output sends thousands: the rest is told at the end
// as one, by number, length and a digest over all.
const eachOdd = 32

// An oddity counts odd messages of one kind.
type oddity struct {
	count int
	bytes int64
	sum   [sha256.Size]byte // of that before, and the message's
}

// note records an odd message.
func (s *session) note(from side, k oddKind, m *message, at time.Time) {
	o := &s.odd[from][k]
	o.count++
	if o.count <= eachOdd {
		s.begin(at)
		e := s.oddEvent(from, k, at)
		e.Action.Tool = cut(m.method(), longestMessage)
		e.Action.Arguments = appendDigest(nil, m.size, m.sum[:])
		if name := m.text(slotName); name != "" {
			e.Action.Resource = cut(name, longestMessage)
		}
		if m.lines > 1 {
			e.Labels["lines"] = strconv.Itoa(m.lines)
		}
		if m.refused != nil {
			s.refused(e, &refusal{reason: "it cannot be judged: " + oddTexts[k].reason})
		}
		s.add(e)
		return
	}
	o.bytes += m.size
	text := append(o.sum[:], m.sum[:]...)
	o.sum = sha256.Sum256(binary.BigEndian.AppendUint64(text, uint64(m.size)))
}

// tellRest records the odd messages that were not recorded one by one.
func (s *session) tellRest(at time.Time) {
	for from := range s.odd {
		for k := range s.odd[from] {
			o := &s.odd[from][k]
			if o.count <= eachOdd {
				continue
			}
			s.begin(at)
			e := s.oddEvent(side(from), oddKind(k), at)
			if oddKind(k) != oddForeign { // which nobody reads
				e.Action.Arguments = appendDigest(nil, o.bytes, o.sum[:])
			}
			e.Labels["messages"] = strconv.Itoa(o.count - eachOdd)
			s.add(e)
		}
	}
}

func (s *session) oddEvent(from side, k oddKind, at time.Time) *etch.Event {
	e := s.event(etch.SecurityEvent, at)
	e.Labels["from"], e.Labels["payload"] = from.String(), oddTexts[k].payload
	e.Action.Risk, e.Action.RiskReasons = etch.RiskLow, []string{oddTexts[k].reason}
	if k == oddAmbiguous || k == oddGarbled || k == oddForeign {
		e.Action.Risk = etch.RiskMedium
	}
	if k == oddForeign {
		turnedAway(e, oddTexts[k].reason)
	}
	return e
}
