package reconcile

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

// unvisited reports the sessions of the log that have no transcript: cleaned
// up, or never written. Those are told, and are no fault.
func (r *run) unvisited(ctx context.Context) error {
	found := map[string]*Session{}
	q := etch.Query{Agent: r.Agent.Name, Session: r.Select.Session, From: r.Select.Since}
	err := r.records(ctx, q, func(rec *etch.Record) bool {
		r.note(found, &rec.Event)
		return true
	})
	if err != nil {
		return err
	}
	rows := make([]*Session, 0, len(found))
	for _, s := range found {
		rows = append(rows, s)
	}
	slices.SortFunc(rows, func(a, b *Session) int {
		if c := a.Start.Compare(b.Start); c != 0 {
			return c
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	for _, s := range rows {
		r.sum.LogOnly++
		if err := r.report(&Row{Session: s}); err != nil {
			return err
		}
	}
	return nil
}

// note takes a record of a session that was not compared.
func (r *run) note(found map[string]*Session, ev *etch.Event) {
	id := ev.SessionID
	if parent := ev.Labels["parent_session"]; parent != "" {
		id = parent
	}
	if id == "" || ev.Labels[labelCapture] != hook.SourceHook || r.visited[id] || r.visited[ev.SessionID] || !r.asked(ev) {
		return
	}
	s := found[id]
	if s == nil {
		s = &Session{Agent: r.Agent.Name, ID: id, Start: ev.Timestamp}
		found[id] = s
	}
	if ev.Action != nil && s.Cwd == "" {
		s.Cwd = ev.Action.Cwd
	}
	s.Start, s.End = earlier(s.Start, ev.Timestamp), later(s.End, ev.Timestamp)
	if ev.CallID != "" && ev.Phase != "" && !isAsking(ev.Type) {
		s.Logged++
	}
}

// asked reports whether an event is of the project that is asked for.
func (r *run) asked(ev *etch.Event) bool {
	if r.Select.Project == "" {
		return true
	}
	if ev.Action == nil || ev.Action.Cwd == "" {
		return false
	}
	project, err := filepath.Abs(r.Select.Project)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(project, ev.Action.Cwd)
	return err == nil && filepath.IsLocal(rel)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
