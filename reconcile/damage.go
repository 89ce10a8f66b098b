package reconcile

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

// A damage is what is known of the places of the log that cannot be read.
type damage struct {
	places map[string]bool
	met    int // how often one was met
	last   int // the newest segment that has one
	// from is the time from which on all that hooks told can be read, where last is
	// asked; zero where there is none.
	from  time.Time
	asked int
}

// records reads the log; a place that cannot be read is counted, once, and passed
// over. Each time damage.met says so.
func (r *run) records(ctx context.Context, q etch.Query, take func(*etch.Record) bool) error {
	for rec, err := range r.Log.Records(ctx, q) {
		if at, damaged := errors.AsType[*etch.CorruptionError](err); damaged {
			r.damage.take(at)
			r.sum.Damaged = len(r.damage.places)
			continue
		}
		if err != nil {
			return err
		}
		if !take(&rec) {
			return nil
		}
	}
	return nil
}

func (d *damage) take(at *etch.CorruptionError) {
	d.met++
	d.places[fmt.Sprintf("%d %d", at.Segment, at.Offset)] = true
	if at.Segment == 0 {
		d.last = math.MaxInt // the active one: nothing is behind it
	}
	d.last = max(d.last, at.Segment)
}

// hidden reports whether a hook may have recorded what happened at a time in a place that cannot
// be read. It may, unless that was after a session was begun whose record is behind
// all such places: one damaged or removed segment must not hide what is lost from then on.
func (r *run) hidden(ctx context.Context, at time.Time) (bool, error) {
	d := &r.damage
	if d.asked != d.last {
		d.asked, d.from = d.last, time.Time{}
		q := etch.Query{Types: []etch.EventType{etch.SessionStart}, AllPhases: true}
		err := r.records(ctx, q, func(rec *etch.Record) bool {
			_, spooled := rec.Event.Labels[etch.LabelSpooled]
			if behind := rec.Segment > d.last || rec.Segment == 0 && d.last < math.MaxInt; !behind || spooled || rec.Event.Labels[labelCapture] != hook.SourceHook {
				return true
			}
			d.from = rec.Event.Timestamp.Add(copySlack)
			return false
		})
		if err != nil {
			return true, err
		}
	}
	return d.from.IsZero() || !at.After(d.from), nil
}
