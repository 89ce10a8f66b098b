package etch

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/etch-audit/etch/internal/control"
)

// A Loss is events that somebody could not hand over for being recorded.
type Loss struct {
	// ID tells it from others: the log has one record of it, whoever asks how often. ""
	// is one that its caller asks for once.
	ID    string
	Count uint64
	// From and To are the times of the first and the last of them.
	From, To time.Time
	Cause    string // for people
	// ClaimedBy names whose word it is; "" where the caller has found it out. A claim
	// is recorded as one, and counted apart from what is known.
	ClaimedBy string
}

// maxKnownGaps is how many ids of gaps are remembered; where a log has more, a new one is
// looked for in the log as well.
const maxKnownGaps = 1 << 16

// knownGaps are the ids of a log's gaps, which are read once.
type knownGaps struct {
	mu  sync.Mutex
	ids map[[sha256.Size]byte]struct{} // guarded by mu: their hashes; nil: to be read
}

// RecordLoss puts it on record that events are lost, as log_gap, unless there is a
// record of that ID. It returns when that is as durable as the log promises. Of two
// calls at the same time with the same ID both may make a record; so may two processes
// that have the log open, whenever they call: an ID is one process's at a time.
func (l *Log) RecordLoss(ctx context.Context, loss Loss) error {
	if l.journal == nil {
		return nil
	}
	if loss.ID != "" {
		known, err := l.hasGap(ctx, loss.ID)
		if err != nil {
			return fmt.Errorf("%w: whether the loss is on record cannot be read: %w", ErrNotRecorded, err)
		}
		if known {
			return nil
		}
	}
	err := l.journal.Gap(ctx, control.GapLog{
		ID: loss.ID, Lost: loss.Count, Cause: loss.Cause, ClaimedBy: loss.ClaimedBy,
		From: loss.From.UTC().Format(control.TimeFormat), To: loss.To.UTC().Format(control.TimeFormat),
	})
	if loss.ID != "" {
		l.gaps.note(loss.ID, err)
	}
	return err
}

// note takes note of what became of a gap: after an error only the log knows.
func (k *knownGaps) note(id string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.ids = nil
	}
	k.add(id)
}

// add remembers an id where there is room. mu is held.
func (k *knownGaps) add(id string) {
	if k.ids != nil && len(k.ids) < maxKnownGaps {
		k.ids[sha256.Sum256([]byte(id))] = struct{}{}
	}
}

// hasGap reports whether the log has a gap of that id.
func (l *Log) hasGap(ctx context.Context, id string) (found bool, err error) {
	k := &l.gaps
	k.mu.Lock()
	defer k.mu.Unlock() // others wait for what is read
	if k.ids != nil {
		if _, known := k.ids[sha256.Sum256([]byte(id))]; known || len(k.ids) < maxKnownGaps {
			return known, nil
		}
	}
	k.ids = make(map[[sha256.Size]byte]struct{})
	q := Query{AllPhases: true, Control: true, Types: []EventType{EventType(control.Gap)}}
	for r, err := range l.Records(ctx, q) {
		if _, damage := errors.AsType[*CorruptionError](err); damage {
			continue // a line that cannot be read vouches for nothing
		}
		if err != nil {
			k.ids = nil
			return false, err
		}
		var gap control.GapLog
		if r.IsControl() && json.Unmarshal(r.Control.Log, &gap) == nil && gap.ID != "" {
			found = found || gap.ID == id
			k.add(gap.ID)
		}
	}
	return found, nil
}
