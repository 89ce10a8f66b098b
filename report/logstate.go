package report

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/control"
)

// A LogState is what the log tells of itself in the period, whoever the report
// is about, and where it could not be read.
type LogState struct {
	Segments     uint64   `json:"segments"` // begun in the period
	Seals        uint64   `json:"seals"`
	Epochs       uint64   `json:"epochs"`        // begun
	EpochsBroken uint64   `json:"epochs_broken"` // a key was lost
	Recoveries   uint64   `json:"recoveries"`
	Gaps         uint64   `json:"gaps"`
	LostEvents   uint64   `json:"lost_events"` // that the gaps tell of
	Notices      []Notice `json:"notices"`     // the gaps, recoveries and broken epochs, the newest first
	// Claims are gaps on the word of somebody who need not say the truth: they are
	// not among those above, however many there are.
	Claims Claims `json:"claims"`
	// Unreadable is how many places of the log, of any time, cannot be read;
	// Damages are the first of them.
	Unreadable uint64   `json:"unreadable"`
	Damages    []Damage `json:"damages"`
}

// A Notice is a control record that tells of trouble.
type Notice struct {
	Seq       uint64 `json:"seq"`
	Timestamp Time   `json:"timestamp"`
	Type      string `json:"event_type"`
	Detail    string `json:"detail"` // for people
}

// Claims are losses as others have told them to the log.
type Claims struct {
	Gaps       uint64  `json:"gaps"`
	LostEvents uint64  `json:"lost_events"`
	List       []Claim `json:"list"` // the newest first
}

// A Claim is a control record that tells of a loss on somebody's word.
type Claim struct {
	Seq       uint64 `json:"seq"`
	Timestamp Time   `json:"timestamp"`
	ClaimedBy string `json:"claimed_by"`
	Lost      uint64 `json:"lost"`
	Detail    string `json:"detail"` // for people
}

// A Damage is a place that cannot be read.
type Damage struct {
	Segment string `json:"segment"` // file name
	Offset  int64  `json:"offset"`
	Detail  string `json:"detail"` // for people
}

// A logState gathers a LogState.
type logState struct {
	counted LogState
	top     int
	notices ring[Notice]
	claims  ring[Claim]
}

// A ring has the newest of some.
type ring[T any] struct {
	list []T // the oldest at next
	next int
}

// add adds one, and forgets the oldest where there are more than most.
func (r *ring[T]) add(one T, most int) {
	if len(r.list) < most {
		r.list = append(r.list, one)
		return
	}
	r.list[r.next] = one
	r.next = (r.next + 1) % most
}

// newest returns them, the newest first.
func (r *ring[T]) newest() []T {
	out := make([]T, 0, len(r.list))
	for i := range r.list {
		out = append(out, r.list[(r.next+len(r.list)-1-i)%len(r.list)])
	}
	return out
}

// add counts a control record.
func (l *logState) add(r *etch.Record) {
	c := &l.counted
	switch r.Control.Type {
	case control.Opened:
		c.Segments++
	case control.Sealed:
		c.Seals++
	case control.Epoch:
		c.Epochs++
	case control.EpochBroken:
		c.EpochsBroken++
		var broken control.EpochBrokenLog
		l.notice(r, &broken, func() string {
			return fmt.Sprintf("epoch %d began by the identity key alone: %s", broken.Epoch, broken.Cause)
		})
	case control.Recovered:
		c.Recoveries++
		var found control.RecoveredLog
		l.notice(r, &found, func() string {
			return fmt.Sprintf("%s, segment %d, offset %d, %d bytes: %s", found.Found, found.Segment, found.Offset, found.Bytes, found.Detail)
		})
	case control.Gap:
		l.gap(r)
	}
}

// gap counts a gap, for itself where it is a claim.
func (l *logState) gap(r *etch.Record) {
	c := &l.counted
	var gap control.GapLog
	tell := func() string {
		return fmt.Sprintf("%d events lost from %s to %s: %s", gap.Lost, gap.From, gap.To, gap.Cause)
	}
	if json.Unmarshal(r.Control.Log, &gap) == nil && gap.ClaimedBy != "" {
		c.Claims.Gaps++
		c.Claims.LostEvents += min(gap.Lost, math.MaxUint64-c.Claims.LostEvents) // it may be any number
		l.claims.add(Claim{r.Seq, Time{r.Event.Timestamp}, clip(gap.ClaimedBy, maxName), gap.Lost, clip(tell(), maxText)}, l.top)
		return
	}
	l.notice(r, &gap, tell)
	c.Gaps++
	c.LostEvents += gap.Lost
}

// notice keeps what a control record tells. One that does not decode is shown as
// it is.
func (l *logState) notice(r *etch.Record, payload any, tell func() string) {
	text := string(r.Control.Log)
	if json.Unmarshal(r.Control.Log, payload) == nil {
		text = tell()
	}
	l.notices.add(Notice{r.Seq, Time{r.Event.Timestamp}, string(r.Control.Type), clip(text, maxText)}, l.top)
}

func (l *logState) damaged(err *etch.CorruptionError) {
	l.counted.Unreadable++
	if len(l.counted.Damages) < l.top {
		l.counted.Damages = append(l.counted.Damages, Damage{err.Name, err.Offset, clip(err.Err.Error(), maxText)})
	}
}

func (l *logState) state() LogState {
	s := l.counted
	s.Notices, s.Claims.List = l.notices.newest(), l.claims.newest()
	if s.Damages == nil {
		s.Damages = []Damage{}
	}
	return s
}
