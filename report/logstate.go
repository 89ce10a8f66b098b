package report

import (
	"encoding/json"
	"fmt"

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
	notices []Notice // a ring of the newest, the oldest at next
	next    int
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
		c.Gaps++
		var gap control.GapLog
		l.notice(r, &gap, func() string {
			return fmt.Sprintf("%d events lost from %s to %s: %s", gap.Lost, gap.From, gap.To, gap.Cause)
		})
		c.LostEvents += gap.Lost
	}
}

// notice keeps what a control record tells. One that does not decode is shown as
// it is.
func (l *logState) notice(r *etch.Record, payload any, tell func() string) {
	text := string(r.Control.Log)
	if json.Unmarshal(r.Control.Log, payload) == nil {
		text = tell()
	}
	n := Notice{r.Seq, Time{r.Event.Timestamp}, string(r.Control.Type), clip(text, maxText)}
	if len(l.notices) < l.top {
		l.notices = append(l.notices, n)
		return
	}
	l.notices[l.next] = n
	l.next = (l.next + 1) % l.top
}

func (l *logState) damaged(err *etch.CorruptionError) {
	l.counted.Unreadable++
	if len(l.counted.Damages) < l.top {
		l.counted.Damages = append(l.counted.Damages, Damage{err.Name, err.Offset, clip(err.Err.Error(), maxText)})
	}
}

func (l *logState) state() LogState {
	s := l.counted
	s.Notices = make([]Notice, 0, len(l.notices))
	for i := range l.notices {
		s.Notices = append(s.Notices, l.notices[(l.next+len(l.notices)-1-i)%len(l.notices)])
	}
	if s.Damages == nil {
		s.Damages = []Damage{}
	}
	return s
}
