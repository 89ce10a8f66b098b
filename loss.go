package etch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/etch-audit/etch/internal/control"
)

// A Loss is events that somebody could not hand over for being recorded.
type Loss struct {
	// ID tells it from others: the log has one record of it, whoever asks how often.
	ID    string
	Count uint64
	// From and To are the times of the first and the last of them.
	From, To time.Time
	Cause    string // for people
}

// RecordLoss puts it on record that events are lost, as log_gap, unless there is a
// record of that ID. It returns when that is as durable as the log promises. Of two
// calls at the same time with the same ID both may make a record.
func (l *Log) RecordLoss(ctx context.Context, loss Loss) error {
	if l.journal == nil {
		return nil
	}
	known, err := l.hasGap(ctx, loss.ID)
	if err != nil {
		return fmt.Errorf("%w: whether the loss is on record cannot be read: %w", ErrNotRecorded, err)
	}
	if known {
		return nil
	}
	return l.journal.Gap(ctx, control.GapLog{
		ID: loss.ID, Lost: loss.Count, Cause: loss.Cause,
		From: loss.From.UTC().Format(control.TimeFormat), To: loss.To.UTC().Format(control.TimeFormat),
	})
}

// hasGap reports whether the log has a gap of that id.
func (l *Log) hasGap(ctx context.Context, id string) (bool, error) {
	q := Query{AllPhases: true, Control: true, Types: []EventType{EventType(control.Gap)}}
	for r, err := range l.Records(ctx, q) {
		if _, damage := errors.AsType[*CorruptionError](err); damage {
			continue // a line that cannot be read vouches for nothing
		}
		if err != nil {
			return false, err
		}
		var gap control.GapLog
		if r.IsControl() && json.Unmarshal(r.Control.Log, &gap) == nil && gap.ID == id {
			return true, nil
		}
	}
	return false, nil
}
