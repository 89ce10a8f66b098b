package reconcile

import (
	"context"
	"slices"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/transcript"
)

// Agents with call ids tell which call of a transcript is which of the log, mostly: some
// servers of models count calls anew with each turn, so that one session has an id, and an
// input too, several times. A call and its record then have the time in common.

// entryOfID returns the call that a record is of where the agent gives them ids: of those
// with its id the one with its input, which it begins or ends. A completion may have another
// input than the attempt, where another hook has changed that. It is nil for the first record of
// a call.
func entryOfID(list []*entry, ev *etch.Event) *entry {
	digest, at := ev.Labels[labelInput], ev.Timestamp
	_, inferred := ev.Labels[etch.LabelInferred]
	corrects := ev.Labels[labelCorrects]
	attempt := ev.Phase == etch.Attempt
	// Attempt and end of a call have the same time, but for an end that found its attempt
	// forgotten.
	same := func(e *entry) bool { return e.start.Equal(at) }
	has := func(e *entry) bool { return e.has(digest) || digest == "" }
	for _, is := range [...]func(e *entry) bool{
		func(e *entry) bool { return corrects != "" && e.guess != nil && e.guess.Event.ID == corrects },
		func(e *entry) bool { return same(e) && has(e) },
		func(e *entry) bool { return same(e) && !attempt && e.completions == 0 && e.attempts > 0 },
		func(e *entry) bool { return attempt && has(e) && e.attempts == 0 && !at.After(e.start) },
		func(e *entry) bool {
			return !attempt && !inferred && has(e) && e.completions == 0 && !at.Before(e.start)
		},
		func(e *entry) bool { return inferred && has(e) && !e.ended() },
		func(e *entry) bool { return inferred && has(e) && at.Sub(e.start).Abs() <= session },
	} {
		for _, e := range slices.Backward(list) {
			if is(e) {
				return e
			}
		}
	}
	return nil
}

// soon is how far the clocks of a hook and of the transcript may be apart, or how long the agent
// may take to write down what it has told its hooks.
const soon = 250 * time.Millisecond

// byID compares a call of an agent that gives calls ids. What is plain is settled at once. What
// is not waits until all of the session is read: another call may be the one that is on record.
func (v *visit) byID(ctx context.Context, c *transcript.Call, log *logged) error {
	digest := hook.InputDigest(c.Input)
	free := those(log.calls[c.ID], (*entry).free)
	if len(log.calls[c.ID]) > 0 {
		kind := alike{c.ID, digest}
		log.starts[kind] = append(log.starts[kind], c.Start)
	}
	if len(free) == 0 {
		return v.unpaired(ctx, c)
	}
	if e := log.recordedFrom(c, digest); e != nil {
		v.count(c)
		return v.compare(ctx, c, e)
	}
	within := those(free, func(e *entry) bool {
		return e.has(digest) && !c.Start.IsZero() && !c.Over.IsZero() && during(c, e.start, soon)
	})
	if len(within) == 1 && (within[0].ended() || len(free) == 1) {
		v.count(c)
		return v.compare(ctx, c, within[0])
	}
	return v.keep(ctx, &waiting{Call: c, alike: alike{c.ID, digest}, log: log})
}

// pairIDs pairs calls with what the log has under their ids: first of the same input, as
// many as there are, in their order and where the times agree best, and then, as a hook or a
// person may have changed the input before it ran, of another one where the times agree.
func (p *pairing) pairIDs(calls []*waiting) {
	for kind, list := range grouped(calls, func(w *waiting) alike { return w.alike }) {
		byStart(list)
		entries := slices.SortedFunc(slices.Values(p.left[kind]), (*entry).compare)
		for at, e := range p.clocks.align(list, entries, skew.beginID, perhaps) {
			list[at].take(e)
		}
		p.joinTwice(list, those(entries, (*entry).free))
	}
	rest := map[string][]*entry{}
	for kind, list := range p.left {
		rest[kind.tool] = append(rest[kind.tool], those(list, (*entry).free)...)
	}
	unpaired := those(calls, func(w *waiting) bool { return w.entry == nil })
	for id, list := range grouped(unpaired, func(w *waiting) string { return w.tool }) {
		p.pairAcross(list, slices.SortedFunc(slices.Values(rest[id]), (*entry).compare))
	}
	for id, list := range grouped(calls, func(w *waiting) string { return w.tool }) {
		p.joinHalves(list, those(rest[id], (*entry).free))
	}
}

// joinHalves joins attempt and end of a call whose input was changed in between, and whose
// attempt the hooks had forgotten by its end: each has a time of its own.
func (p *pairing) joinHalves(calls []*waiting, left []*entry) {
	for _, e := range left {
		for _, w := range calls {
			if w.entry == nil || !p.clocks.during(w, e) {
				continue
			}
			switch half := w.entry; {
			case e.attempts == 0 && e.completions > 0 && !half.ended():
				half.join(e)
				half.split, e.matched = false, true
			case e.attempts > 0 && !e.ended() && half.attempts == 0:
				half.attempts, half.asked, half.seq = e.attempts, e.digest, min(half.seq, e.seq)
				e.matched = true
			default:
				continue
			}
			break
		}
	}
}

// during reports whether what the log has lies within the times of a call.
func (s skew) during(w *waiting, e *entry) bool {
	return s.known && !w.Start.IsZero() && !w.Over.IsZero() && during(w.Call, e.start.Add(-s.ahead), time.Second)
}

// beginID is begin, but that of a call which has no end nobody knows for how long it may have
// waited before it began: for those of the same message, mostly.
func (s skew) beginID(w *waiting, e *entry) float64 {
	if after := e.start.Add(-s.ahead).Sub(w.Start); w.Over.IsZero() && !w.Start.IsZero() && s.known && after >= 0 {
		return min(after.Seconds()/1000, perhaps) + differing(w, e)
	}
	return s.begin(w, e)
}

// joinTwice joins what is left over of an id and input with the call that the log has twice.
func (p *pairing) joinTwice(calls []*waiting, left []*entry) {
	for _, e := range left {
		for _, w := range calls {
			if w.entry != nil && p.clocks.beginID(w, e) < perhaps {
				w.entry.again(e)
				break
			}
		}
	}
}

// again takes what the log has of the call once more.
func (e *entry) again(more *entry) {
	more.matched = true
	if e.completions == 0 && more.completions > 0 {
		e.outcome, e.end, e.deniedBy, e.exit = more.outcome, more.end, more.deniedBy, more.exit
	}
	e.attempts += more.attempts
	e.completions += more.completions
	if e.guess == nil {
		e.guess = more.guess
	}
}

// repeated reports whether a call of the log that no call of the transcript is paired with
// is one that is on record twice.
func (l *logged) repeated(e *entry) bool {
	return slices.ContainsFunc(l.calls[e.id], func(other *entry) bool {
		return other.matched && other.has(e.digest) && near(other.start, e.start, session)
	})
}
