package reconcile

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/transcript"
)

// Agents without call ids do not say which call of a transcript is which of the log, and those
// that have them may give one to several calls: see ids.go. Of the former each is paired with one at most: of one tool and input as many as both have, in their
// order, and where one side has more of them, those whose times and ends agree best. What
// is then left over of a tool is paired across inputs, as a hook or a person may change an
// input before it runs, but only where the times agree.

// maxWaiting is how many bytes of calls wait to be paired. What is over them is paired with
// what the log has up to then.
const maxWaiting = 64 << 20

// A waiting is a call of the transcript that is to be paired.
type waiting struct {
	*transcript.Call
	alike
	log    *logged
	unseen bool   // no hook can tell of it
	entry  *entry // what it is paired with
	end    *entry // its end, where that stands under another id than its attempt
}

// An alike is what calls have in common that may be one: in place of the tool their id, where
// the agent gives them ids.
type alike struct{ tool, digest string }

// alike returns what a call of the log is.
func (l *logged) alike(r *run, e *entry) alike {
	if l.made {
		return alike{r.tool(e.server, e.tool), e.digest}
	}
	return alike{e.id, e.digest}
}

// wait takes a call of an agent whose hooks know no ids of calls.
func (v *visit) wait(ctx context.Context, c *transcript.Call, log *logged) error {
	w := &waiting{Call: c, alike: alike{v.toolOf(c), hook.InputDigest(c.Input)}, log: log, unseen: v.Format.Unseen(c) != ""}
	v.count(c)
	if !w.unseen {
		log.starts[w.alike] = append(log.starts[w.alike], c.Start)
	}
	if e := log.recordedFrom(c, w.digest); e != nil {
		return v.compare(ctx, c, e)
	}
	return v.keep(ctx, w)
}

// keep keeps a call that is to be paired.
func (v *visit) keep(ctx context.Context, w *waiting) error {
	c := w.Call
	if !v.Recording.Output {
		c.Output.Text = nil
	}
	v.waiting = append(v.waiting, w)
	if v.weight += len(c.Input) + len(c.Error) + len(c.Output.Text) + 1<<10; v.weight > maxWaiting {
		return v.pair(ctx, c.Start)
	}
	return nil
}

// recordedFrom returns the call that was recorded from this very one of a transcript.
func (l *logged) recordedFrom(c *transcript.Call, digest string) *entry {
	for _, e := range l.calls[c.ID] {
		if e.filled && !e.matched && e.has(digest) && (c.Start.IsZero() || e.start.Equal(c.Start.Truncate(time.Microsecond))) {
			return e
		}
	}
	return nil
}

// pair pairs what waits, and compares it. What the log has of a later time than until is
// left for calls that follow; the zero time is the end of all.
func (v *visit) pair(ctx context.Context, until time.Time) error {
	list := v.waiting
	v.waiting, v.weight = nil, 0
	logs := []*logged{v.log}
	for _, session := range slices.Sorted(maps.Keys(v.others)) {
		logs = append(logs, v.others[session])
	}
	for _, log := range logs {
		calls := those(list, func(w *waiting) bool { return w.log == log })
		p := pairing{left: log.left(v.run, until), clocks: log.clocks(v.run)}
		if v.Format.CallIDs {
			p.pairIDs(calls)
		} else {
			p.pair(calls)
		}
	}
	for _, w := range list {
		if w.end != nil {
			w.entry.join(w.end)
		}
		if err := v.settled(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// settled takes a call that was paired, or with which nothing could be.
func (v *visit) settled(ctx context.Context, w *waiting) error {
	if w.entry != nil {
		if v.Format.CallIDs {
			v.count(w.Call)
		}
		return v.compare(ctx, w.Call, w.entry)
	}
	return v.unpaired(ctx, w.Call)
}

// unpaired takes a call of which its session's log has nothing.
func (v *visit) unpaired(ctx context.Context, c *transcript.Call) error {
	if v.Format.CallIDs {
		met := v.damage.met
		if copied, err := v.copied(ctx, c); copied || err != nil {
			v.row.Copied++
			return err
		}
		v.count(c)
		if v.damage.met > met {
			v.logged(c).damaged = true // another session may have it, where nothing can be read
		}
	}
	return v.missing(ctx, c)
}

// left returns the calls that are not paired, by what they are.
func (l *logged) left(r *run, until time.Time) map[alike][]*entry {
	list := map[alike][]*entry{}
	for _, e := range l.order {
		if !e.matched && (until.IsZero() || !e.start.After(until)) {
			kind := l.alike(r, e)
			list[kind] = append(list[kind], e)
		}
	}
	return list
}

// clocks returns how the log's clock stands to the transcript's, by the calls of which
// both have as many. What was recorded from transcripts has no say, so that
// the answer is the same once that is done.
func (l *logged) clocks(r *run) skew {
	told := map[alike][]time.Time{}
	for _, e := range l.order {
		if kind := l.alike(r, e); !e.filled && e.attempts > 0 {
			told[kind] = append(told[kind], e.start)
		}
	}
	var apart []time.Duration
	from, to := l.span()
	within := false
	for kind, times := range told {
		within = within || slices.ContainsFunc(times, func(at time.Time) bool { return !at.Before(from) && !at.After(to) })
		starts := slices.SortedStableFunc(slices.Values(l.starts[kind]), time.Time.Compare)
		if len(starts) != len(times) {
			continue
		}
		for i, start := range starts {
			if !start.IsZero() {
				apart = append(apart, times[i].Sub(start))
			}
		}
	}
	if len(apart) == 0 {
		return skew{known: within}
	}
	slices.Sort(apart)
	middle := apart[len(apart)/2]
	agree := those(apart, func(d time.Duration) bool { return (d - middle).Abs() <= session })
	if !l.made && 2*len(agree) <= len(apart) {
		return skew{} // they are of no one clock, and only their order is left to go by
	}
	return skew{middle, true}
}

// span returns between which times of the log the calls of the transcript may be, if the
// clocks are one.
func (l *logged) span() (from, to time.Time) {
	for _, starts := range l.starts {
		for _, start := range starts {
			if start.IsZero() {
				continue
			}
			if from.IsZero() || start.Before(from) {
				from = start
			}
			to = later(to, start)
		}
	}
	return from.Add(-session), to.Add(session)
}

// A pairing pairs calls of a transcript with those of one session of the log.
type pairing struct {
	left   map[alike][]*entry // that are not paired, by what they are
	clocks skew
}

// pair pairs the calls, in the order of the transcript.
func (p *pairing) pair(calls []*waiting) {
	for kind, list := range grouped(calls, func(w *waiting) alike { return w.alike }) {
		p.pairAlike(list, p.left[kind])
	}
	rest := map[string][]*entry{}
	for kind, list := range p.left {
		rest[kind.tool] = append(rest[kind.tool], those(list, (*entry).free)...)
	}
	unpaired := those(calls, func(w *waiting) bool { return w.entry == nil && !w.unseen })
	for tool, list := range grouped(unpaired, func(w *waiting) string { return w.tool }) {
		p.pairAcross(list, slices.SortedFunc(slices.Values(rest[tool]), (*entry).compare))
	}
}

// pairAlike pairs calls of one tool and input: first with those whose attempts are on record,
// then with ends without an attempt, of which one may be that of an attempt under another
// id, where hooks had forgotten in between. A call that no hook can tell of takes
// what is left over.
func (p *pairing) pairAlike(calls []*waiting, entries []*entry) {
	byStart(calls)
	seen := those(calls, func(w *waiting) bool { return !w.unseen })
	begun := those(entries, func(e *entry) bool { return e.attempts > 0 })
	for at, e := range p.clocks.align(seen, begun, skew.begin, surely) {
		seen[at].take(e)
	}
	open := those(seen, func(w *waiting) bool { return w.Ended && (w.entry == nil || w.entry.completions == 0) })
	ends := those(entries, func(e *entry) bool { return e.attempts == 0 })
	for at, e := range p.clocks.align(open, ends, skew.end, surely) {
		open[at].take(e)
	}
	rest := those(calls, func(w *waiting) bool { return w.unseen && !w.Typed })
	for at, e := range p.clocks.align(rest, those(entries, (*entry).free), skew.begin, surely) {
		rest[at].take(e)
	}
}

// pairAcross pairs calls of one tool whose inputs differ: first where the transcript has
// what was asked for, and the log what was made of it.
func (p *pairing) pairAcross(calls []*waiting, entries []*entry) {
	byStart(calls)
	for digest, list := range grouped(calls, func(w *waiting) string { return w.digest }) {
		asked := those(entries, func(e *entry) bool { return e.free() && e.asked == digest })
		for at, e := range p.clocks.align(list, asked, skew.begin, surely) {
			list[at].take(e)
		}
	}
	calls = those(calls, func(w *waiting) bool { return w.entry == nil })
	for at, e := range p.clocks.align(calls, those(entries, (*entry).free), skew.begin, perhaps) {
		calls[at].take(e)
	}
}

// take pairs a call with what the log has of it, or of its end.
func (w *waiting) take(e *entry) {
	e.matched = true
	if w.entry == nil {
		w.entry = e
	} else {
		w.end = e
	}
}

// byStart sorts calls by their beginnings, where all of these are known.
func byStart(calls []*waiting) {
	if !slices.ContainsFunc(calls, func(w *waiting) bool { return w.Start.IsZero() }) {
		slices.SortStableFunc(calls, func(a, b *waiting) int { return a.Start.Compare(b.Start) })
	}
}

// free reports whether no call of the transcript is paired with this one.
func (e *entry) free() bool { return !e.matched }

// compare orders calls as they began.
func (e *entry) compare(other *entry) int {
	if c := e.start.Compare(other.start); c != 0 {
		return c
	}
	return cmp.Compare(e.seq, other.seq)
}

// join takes the end of the call that stands under another id.
func (e *entry) join(end *entry) {
	e.completions, e.split, e.guess, e.late = end.completions, true, end.guess, end.late
	e.digest, e.outcome, e.end, e.deniedBy, e.exit = end.digest, end.outcome, end.end, end.deniedBy, end.exit
}

// those returns the elements for which is holds.
func those[T any](list []T, is func(T) bool) (some []T) {
	for _, x := range list {
		if is(x) {
			some = append(some, x)
		}
	}
	return some
}

// grouped returns the elements by their keys, each group in the order of the list.
func grouped[K comparable, T any](list []T, key func(T) K) map[K][]T {
	groups := map[K][]T{}
	for _, x := range list {
		groups[key(x)] = append(groups[key(x)], x)
	}
	return groups
}
