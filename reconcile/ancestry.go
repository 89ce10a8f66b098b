package reconcile

import (
	"context"
	"hash/maphash"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/transcript"
)

// maxLookups is how often in a session the log is asked in vain whether a call
// belongs to another one. A fork's copies stand at its beginning, so the answer
// is known soon; and a session of which nothing is on record is no fork.
const maxLookups = 32

// An ancestry knows of which sessions a session has copies, where the
// transcript does not tell: a call that is on record under another session is
// one.
type ancestry struct {
	vain  int             // lookups that found nothing
	known map[string]bool // the other sessions' calls, as identity says
}

// of reports whether a call that is not on record in its session is in another
// one, or was found missing before: there, or in another file of the session.
func (a *ancestry) of(ctx context.Context, r *run, c *transcript.Call) (bool, error) {
	if !r.Format.CallIDs || c.ID == "" {
		return false, nil
	}
	if a.known[identity(c.ID, hook.InputDigest(c.Input))] {
		return true, nil
	}
	if _, ok := r.missed[r.hash(c)]; ok {
		return true, nil
	}
	if a.vain >= maxLookups {
		return false, nil
	}
	other, err := r.owner(ctx, c)
	if err != nil || other == "" {
		a.vain++
		return false, err
	}
	q := etch.Query{Agent: r.Agent.Name, Session: other, AllPhases: true}
	return true, r.records(ctx, q, func(rec *etch.Record) bool {
		if id := rec.Event.CallID; id != "" {
			a.known[identity(id, rec.Event.Labels[labelInput])] = true
		}
		return true
	})
}

// identity is what a copy of a call has in common with it. The id alone is not
// enough: servers of models count calls anew in each session.
func identity(id, digest string) string { return digest + " " + id }

func (r *run) hash(c *transcript.Call) uint64 {
	return maphash.String(r.seed, identity(c.ID, hook.InputDigest(c.Input)))
}

// owner returns the other session that a call is on record of, "" for none.
func (r *run) owner(ctx context.Context, c *transcript.Call) (session string, err error) {
	digest := hook.InputDigest(c.Input)
	q := etch.Query{Agent: r.Agent.Name, CallID: c.ID, AllPhases: true, Limit: 1, Match: func(rec *etch.Record) bool {
		return rec.Event.SessionID != c.Session && (c.Clipped || rec.Event.Labels[labelInput] == digest)
	}}
	err = r.records(ctx, q, func(rec *etch.Record) bool {
		session = rec.Event.SessionID
		return false
	})
	return session, err
}

// miss remembers that a call is missing: another file may have a copy.
func (r *run) miss(c *transcript.Call) {
	if r.Format.CallIDs && c.ID != "" {
		r.missed[r.hash(c)] = struct{}{}
	}
}
