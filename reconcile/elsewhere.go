package reconcile

import (
	"context"
	"hash/maphash"
	"path/filepath"
	"time"

	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/transcript"
)

// Calls and prompts that a session has copied from another one are known by what the
// transcript of that one says of them: a copy keeps time and mark. The log cannot tell, as
// sessions that run side by side may have the same ids, inputs and prompts.

// A told is what the transcript of a session has: hashes of its calls and prompts.
type told map[uint64]struct{}

// hashOf is what a copy of a call or of a prompt has in common with it.
func (r *run) hashOf(what, digest, mark string, at time.Time) uint64 {
	return maphash.String(r.seed, digest+" "+at.UTC().Format(time.RFC3339Nano)+" "+mark+" "+what)
}

// hash is hashOf of a call, which is normal.
func (r *run) hash(c *transcript.Call) uint64 {
	return r.hashOf(c.ID, hook.InputDigest(c.Input), c.Mark, c.Start)
}

func (r *run) hashPrompt(digest, mark string, at time.Time) uint64 {
	return r.hashOf("a prompt", digest, mark, at)
}

// normal gives a call the id under which it is on record. A time that lies ahead is none.
func (r *run) normal(c *transcript.Call) {
	c.ID = hook.BoundID(c.ID)
	for _, at := range [...]*time.Time{&c.Start, &c.Over} {
		if at.After(r.Now.Add(ahead)) {
			*at = time.Time{} // nobody knows when it was, and it must not stay recent for ever
		}
	}
}

// listed returns the sessions that have transcripts, also those that are not asked for.
func (r *run) listed(ctx context.Context) map[string]*transcript.Session {
	if r.all == nil {
		// What cannot be read is none that could be compared with.
		sessions, _ := r.Format.Sessions(ctx, r.Environment, transcript.Selection{Paths: r.Select.Paths})
		r.list(sessions)
	}
	return r.all
}

func (r *run) list(sessions []transcript.Session) {
	r.all = map[string]*transcript.Session{}
	for i := range sessions {
		r.all[sessions[i].ID] = &sessions[i]
	}
}

// transcriptOf returns what the transcript of a session has; nil where there is none.
func (r *run) transcriptOf(ctx context.Context, session string) told {
	if known, ok := r.told[session]; ok {
		return known
	}
	var has told
	if s := r.listed(ctx)[session]; s != nil {
		has = told{}
		r.take(ctx, s, has, true)
	}
	r.told[session] = has
	return has
}

// take adds what the files of a session have. What is older than its file may be a copy
// itself, and is left out if older is false.
func (r *run) take(ctx context.Context, s *transcript.Session, has told, older bool) {
	for i := range s.Files {
		for item, err := range r.Format.Read(ctx, &s.Files[i], new(transcript.Tally)) {
			if err != nil {
				break // it has not been told, then
			}
			switch c, p := item.Call, item.Prompt; {
			case c != nil && !c.Copied && (older || !c.Older):
				r.normal(c)
				has[r.hash(c)] = struct{}{}
			case p != nil && !p.Copied && (older || !p.Older):
				has[r.hashPrompt(promptDigest(p.Text), p.Mark, p.Time)] = struct{}{}
			}
		}
	}
}

// beside returns what the transcripts have of their own that lie beside those of a session,
// and were changed since: what was copied from them is looked up there. Unless all is true they
// are only those that are compared as well, which tell what of it is missing.
func (v *visit) beside(ctx context.Context, since time.Time, all bool) told {
	if has := v.besides[all]; has != nil {
		return has
	}
	has := told{}
	v.besides[all] = has
	dirs := map[string]bool{}
	for i := range v.files.Files {
		dirs[filepath.Dir(v.files.Files[i].Path)] = true
	}
	for id, s := range v.listed(ctx) {
		if id == v.row.ID || !all && !v.known[id] || s.ModTime.Before(since) {
			continue
		}
		for i := range s.Files {
			if dirs[filepath.Dir(s.Files[i].Path)] {
				v.run.take(ctx, s, has, false)
				break
			}
		}
	}
	return has
}
