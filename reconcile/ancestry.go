package reconcile

import (
	"context"
	"slices"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/transcript"
)

const (
	// maxLookups is how often in a session the log is asked in vain whether a call
	// belongs to another one. A fork's copies stand at its beginning, so the answer
	// is known soon; and a session of which nothing is on record is no fork.
	maxLookups = 32
	// maxOwners is how many sessions may have a call of one id and input at one time.
	maxOwners = 16
	// copySlack is how far from a call the log may have it.
	copySlack = 10 * time.Second
)

// An ancestry knows of which sessions a session has copies, where its own
// transcript does not tell.
type ancestry struct {
	vain    int                // lookups that found nothing
	origins map[string]*origin // the sessions that were found
	parent  string             // the session that it says it was forked from
	begun   time.Time          // and when
}

// An origin is a session that another may have copies of.
type origin struct {
	transcript told                   // nil: there is none
	log        map[string][]time.Time // by identity, and by that without an input
}

// copied reports whether a call that is not on record in its session was copied from
// another one, or was found missing before: there, or in another file of the session.
func (v *visit) copied(ctx context.Context, c *transcript.Call) (bool, error) {
	if !v.Format.CallIDs || c.ID == "" {
		return false, nil
	}
	if _, ok := v.missed[v.hash(c)]; ok {
		return true, nil
	}
	digest := hook.InputDigest(c.Input)
	for _, o := range v.anc.origins {
		if v.has(o, c, digest) {
			return true, nil
		}
	}
	if v.anc.vain < maxLookups {
		if found, err := v.lookUp(ctx, c, digest); found || err != nil {
			return found, err
		}
		v.anc.vain++
	}
	if !c.Older {
		return false, nil
	}
	// Either it was copied, or a clock was set back: then no other session has it.
	_, ok := v.beside(ctx, c.Start, false)[v.hash(c)]
	return ok, nil
}

// lookUp asks the log for sessions that have a call, and reports whether it is one of theirs.
func (v *visit) lookUp(ctx context.Context, c *transcript.Call, digest string) (bool, error) {
	sessions, err := v.owners(ctx, c, digest)
	if err != nil {
		return false, err
	}
	if p := v.anc.parent; p != "" && p != v.row.ID && !slices.Contains(sessions, p) {
		sessions = append(sessions, p)
	}
	for _, session := range sessions {
		if v.anc.origins[session] != nil {
			continue // it has been asked
		}
		o := &origin{transcript: v.transcriptOf(ctx, session), log: map[string][]time.Time{}}
		q := etch.Query{Agent: v.Agent.Name, Session: session, AllPhases: true}
		err := v.records(ctx, q, func(rec *etch.Record) bool {
			if id := rec.Event.CallID; id != "" {
				for _, key := range []string{identity(id, rec.Event.Labels[labelInput]), identity(id, "")} {
					o.log[key] = append(o.log[key], rec.Event.Timestamp)
				}
			}
			return true
		})
		if err != nil {
			return false, err
		}
		// A session that is no origin of this call may be one of the next.
		v.anc.origins[session] = o
		if v.has(o, c, digest) {
			return true, nil
		}
	}
	return false, nil
}

// has reports whether a call is on record under another session: the one whose transcript has
// it at the same time, or where that is gone one of which the log has it close to that.
func (v *visit) has(o *origin, c *transcript.Call, digest string) bool {
	if c.Clipped {
		digest = "" // that of the part that was kept
	}
	times := o.log[identity(c.ID, digest)]
	if _, ok := o.transcript[v.hash(c)]; ok {
		return len(times) > 0
	}
	if o == v.anc.origins[v.anc.parent] && !c.Start.After(v.anc.begun.Add(copySlack)) {
		return len(times) > 0 // agents that write a copy down under the time of the copying say of whom
	}
	return o.transcript == nil && slices.ContainsFunc(times, func(at time.Time) bool { return during(c, at, copySlack) })
}

// during reports whether a time is one at which a call ran, or it is not known when it did.
func during(c *transcript.Call, at time.Time, slack time.Duration) bool {
	return c.Start.IsZero() || !at.Before(c.Start.Add(-slack)) && !at.After(later(c.Start, c.Over).Add(slack))
}

// identity is what records and copies of a call have in common with it, but for the time: servers
// of models count calls anew in each session, or with each turn.
func identity(id, digest string) string { return digest + " " + id }

// owners returns the other sessions that a call may be on record of.
func (v *visit) owners(ctx context.Context, c *transcript.Call, digest string) (sessions []string, err error) {
	q := etch.Query{Agent: v.Agent.Name, CallID: c.ID, AllPhases: true, Match: func(rec *etch.Record) bool {
		return rec.Event.SessionID != c.Session && rec.Event.SessionID != v.row.ID && (c.Clipped || rec.Event.Labels[labelInput] == digest)
	}}
	if !c.Start.IsZero() {
		q.From, q.Until = c.Start.Add(-copySlack), later(c.Start, c.Over).Add(copySlack+time.Microsecond)
	}
	err = v.records(ctx, q, func(rec *etch.Record) bool {
		if id := rec.Event.SessionID; !slices.Contains(sessions, id) {
			sessions = append(sessions, id)
		}
		return len(sessions) < maxOwners
	})
	return sessions, err
}

// miss remembers that a call is missing: another file may have a copy.
func (r *run) miss(c *transcript.Call) {
	if r.Format.CallIDs && c.ID != "" {
		r.missed[r.hash(c)] = struct{}{}
	}
}
