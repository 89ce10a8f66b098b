package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/transcript"
)

// A visit is the comparison of one session.
type visit struct {
	*run
	files  *transcript.Session
	log    *logged
	others map[string]*logged // of other sessions that its files speak of
	row    Session
	over   bool        // the agent says that the session is over
	unseen []time.Time // when calls began that hooks should have told of
	seen   time.Time   // when the latest call began that they did tell of
	anc    ancestry
	fill   filling

	waiting []*waiting          // calls that are to be paired
	weight  int                 // of those, in bytes
	met     map[uint64]struct{} // hashes of the calls that were met
	besides map[bool]told       // see beside

	prompts []prompted
}

// session compares one session.
func (r *run) session(ctx context.Context, s *transcript.Session) error {
	v := &visit{run: r, files: s, log: newLogged(!r.Format.CallIDs), others: map[string]*logged{}, met: map[uint64]struct{}{}, besides: map[bool]told{}}
	v.row = Session{Agent: r.Agent.Name, ID: s.ID, Cwd: s.Cwd, Transcript: true}
	v.anc.origins = map[string]*origin{}
	if err := v.log.load(ctx, r, s.ID); err != nil {
		return err
	}
	for i := range s.Files {
		if err := v.read(ctx, &s.Files[i]); err != nil {
			return err
		}
		r.done += s.Files[i].Size
		if r.Progress != nil {
			r.Progress(r.done, r.total)
		}
	}
	if err := v.finish(ctx); err != nil {
		return err
	}
	r.sum.add(&v.row)
	return r.report(&Row{Session: &v.row})
}

func (v *visit) read(ctx context.Context, file *transcript.File) error {
	for item, err := range v.Format.Read(ctx, file, &v.row.Tally) {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			v.sum.unreadable(err)
		case item.Call != nil:
			if err := v.call(ctx, item.Call); err != nil {
				return err
			}
		case item.Prompt != nil:
			v.prompt(item.Prompt)
		case item.Meta != nil:
			v.over = v.over || item.Meta.Ended
			if p := item.Meta.Parent; p != "" && v.anc.parent == "" {
				v.anc.parent, v.anc.begun = p, item.Meta.Start
			}
			if v.row.Cwd == "" {
				v.row.Cwd = item.Meta.Cwd
			}
		}
	}
	return nil
}

// ahead is how far the clock of who wrote a transcript may be ahead of this one.
const ahead = time.Minute

// call compares one call of the transcript.
func (v *visit) call(ctx context.Context, c *transcript.Call) error {
	v.normal(c)
	if c.Session == "" {
		c.Session = v.row.ID
	}
	if c.Copied || v.othersOwn(ctx, c) {
		v.row.Copied++
		return nil
	}
	if hash := v.hash(c); c.ID != "" {
		if _, met := v.met[hash]; met { // the files of the session repeat each other
			v.row.Copied++
			return nil
		}
		v.met[hash] = struct{}{}
	}
	log, err := v.logOf(ctx, c)
	if err != nil {
		return err
	}
	if v.Format.CallIDs {
		return v.byID(ctx, c, log)
	}
	return v.wait(ctx, c, log)
}

// othersOwn reports whether a call is of another session, whose own transcript has it.
func (v *visit) othersOwn(ctx context.Context, c *transcript.Call) bool {
	if c.Session == v.row.ID || !v.known[c.Session] {
		return false
	}
	_, ok := v.transcriptOf(ctx, c.Session)[v.hash(c)]
	return ok
}

// count counts a call that is the session's own.
func (v *visit) count(c *transcript.Call) {
	v.row.Calls++
	if v.row.Start.IsZero() || c.Start.Before(v.row.Start) {
		v.row.Start = c.Start
	}
	for _, t := range []time.Time{c.Start, c.Over} {
		if t.After(v.row.End) {
			v.row.End = t
		}
	}
}

// maxOthers is how many other sessions one session's files may speak of: it
// may have gone on under another id.
const maxOthers = 16

// logOf returns what the log has of the session that a call belongs to: mostly
// the one that is visited.
func (v *visit) logOf(ctx context.Context, c *transcript.Call) (*logged, error) {
	if c.Session == v.row.ID {
		return v.log, nil
	}
	log := v.others[c.Session]
	if log == nil && len(v.others) >= maxOthers {
		c.Session = v.row.ID // that many are none
		return v.log, nil
	}
	if log == nil {
		log = newLogged(!v.Format.CallIDs)
		v.others[c.Session] = log
		return log, log.load(ctx, v.run, c.Session)
	}
	return log, nil
}

// logged returns what logOf has returned for a call.
func (v *visit) logged(c *transcript.Call) *logged {
	if log := v.others[c.Session]; log != nil && c.Session != v.row.ID {
		return log
	}
	return v.log
}

// recent reports whether a call ended, or began, so short a time ago that its
// hook may still be at work. Agents wait for their hooks: after one that told of
// the session's end none is.
func (v *visit) recent(c *transcript.Call) bool {
	last := c.Over
	if last.IsZero() {
		last = c.Start
	}
	return v.Settle > 0 && last.After(v.Now.Add(-v.Settle)) && !v.log.ended.After(last)
}

// abandoned reports whether a call without an end has ended with its session.
func (v *visit) abandoned(c *transcript.Call) (why string, ok bool) {
	switch {
	case v.over, v.log.ended.After(c.Start):
		return hook.EndSessionEnded, true
	case v.files.ModTime.Before(v.Now.Add(-v.Abandon)):
		return hook.EndKilled, true
	}
	return "", false
}

// missing takes a call that the log has nothing of.
func (v *visit) missing(ctx context.Context, c *transcript.Call) error {
	if v.recent(c) {
		v.row.Recent++
		return nil
	}
	if hidden, err := v.damaged(ctx, c); hidden || err != nil {
		return errors.Join(err, v.unclear(c, nil))
	}
	v.row.Missing++
	v.miss(c)
	row := v.rowOf(c, Missing)
	row.Unseen = v.Format.Unseen(c)
	if row.Unseen != "" {
		v.row.Unseen++
	} else if c.Ended && c.Session == v.row.ID {
		v.unseen = append(v.unseen, c.Start)
	}
	attempt := v.Agent.Attempt(&c.Call, v.Recording)
	if row.Skipped = v.skips(attempt.Type); row.Skipped {
		v.row.Skipped++
	}
	if v.Fill == nil || row.Skipped {
		return v.report(&Row{Call: row})
	}
	events := []*etch.Event{attempt}
	inferred := v.end(c)
	if c.Ended {
		over := v.Agent.Completion(&c.Call, v.Recording)
		if inferred {
			infer(over)
		}
		events = append(events, over)
	}
	for _, ev := range events {
		v.prepare(ev, v.logged(c), c.File)
	}
	return v.add(ctx, row, c, events...)
}

// damaged reports whether what is lacking of a call may stand where the log cannot be read.
func (v *visit) damaged(ctx context.Context, c *transcript.Call) (bool, error) {
	if !v.logged(c).damaged {
		return false, nil
	}
	return v.hidden(ctx, c.Start)
}

// unclear takes a call that lacks something, as far as the log can be read: what it lacks may
// stand where it cannot.
func (v *visit) unclear(c *transcript.Call, e *entry) error {
	v.row.Unclear++
	row := v.rowOf(c, Unclear)
	if e != nil {
		row.Seq = etch.Some(e.seq)
	}
	return v.report(&Row{Call: row})
}

// skips reports whether the configuration does not record a type of events.
func (r *run) skips(t etch.EventType) bool {
	return t == etch.CommandExecution && r.Skip.Commands || t == etch.FileAccess && r.Skip.FileAccess
}

// end ends a call that has no end of its own, where its session is over, and reports whether
// it did. Such an end is a guess: a person may have been asked, and answer yet.
func (v *visit) end(c *transcript.Call) (inferred bool) {
	why, over := v.abandoned(c)
	if c.Ended || !over {
		return false
	}
	c.Ended, c.Outcome, c.End = true, etch.Error, why
	return true
}

// infer says of the end of a call that nobody told of it, so that one that is told counts in its place.
func infer(ev *etch.Event) { ev.Labels[etch.LabelInferred] = inferredBy }

// rowOf returns the row of a call.
func (v *visit) rowOf(c *transcript.Call, status Status) *Call {
	return &Call{
		Agent: v.Agent.Name, Session: v.row.ID, SubAgent: c.AgentID, Status: status,
		ID: c.ID, Tool: c.Tool, What: v.about(c), Start: c.Start, Outcome: c.Outcome, End: c.Call.End, Typed: c.Typed,
		File: c.File, Line: c.Line,
	}
}

// finish says what is known when all files were read.
func (v *visit) finish(ctx context.Context) error {
	if err := v.pair(ctx, time.Time{}); err != nil {
		return err
	}
	for _, e := range v.log.order {
		if e.matched {
			continue
		}
		row := &Call{
			Agent: v.Agent.Name, Session: v.row.ID, Status: OnlyLogged, ID: e.id, Tool: e.tool,
			Start: e.start, Outcome: e.outcome, End: e.end, Seq: etch.Some(e.seq),
		}
		if v.Format.CallIDs && v.log.repeated(e) {
			row.Status = Twice
			v.row.Twice++
		} else {
			v.row.OnlyLogged++
		}
		if err := v.report(&Row{Call: row}); err != nil {
			return err
		}
	}
	v.row.Logged = len(v.log.order)
	if err := v.comparePrompts(ctx); err != nil {
		return err
	}
	if err := v.silence(ctx); err != nil {
		return err
	}
	return v.flush(ctx)
}

// silence says whether hooks were silent while calls ran.
func (v *visit) silence(ctx context.Context) error {
	var after []time.Time
	for _, t := range v.unseen {
		if v.log.hooks == 0 || t.After(v.seen) && t.After(v.log.last) {
			after = append(after, t)
		}
	}
	if len(after) == 0 {
		return nil
	}
	if v.log.damaged {
		// What they told may stand where nothing can be read.
		if hidden, err := v.hidden(ctx, v.row.Start); hidden || err != nil {
			return err
		}
	}
	v.sum.Silent++
	since := after[0]
	for _, t := range after {
		if t.Before(since) {
			since = t
		}
	}
	f := &Finding{Agent: v.Agent.Name, Session: v.row.ID, Kind: HooksStopped, Risk: etch.RiskHigh, Since: since, Calls: len(after)}
	f.Text = "hooks told of nothing from here on, and calls went on: they were switched off, or lost"
	if v.log.hooks == 0 {
		f.Kind = HooksSilent
		f.Text = "no hook told of anything in this session: they were switched off, not installed, or not trusted"
		first, err := v.firstHook(ctx)
		if err != nil {
			return err
		}
		if !first.IsZero() && v.row.End.Before(first) {
			f.Risk = etch.RiskMedium
			f.Text = "no hook told of anything in this session: it is older than the first record of a hook of this agent"
		}
	}
	return v.found(ctx, f)
}

// firstHook returns when the first hook of the agent is on record; the zero
// time where none is.
func (r *run) firstHook(ctx context.Context) (time.Time, error) {
	if r.first != nil {
		return *r.first, nil
	}
	r.first = new(time.Time)
	q := etch.Query{Agent: r.Agent.Name, AllPhases: true, Limit: 1, Match: func(rec *etch.Record) bool {
		return rec.Event.Labels[labelCapture] == hook.SourceHook
	}}
	err := r.records(ctx, q, func(rec *etch.Record) bool {
		*r.first = rec.Event.Timestamp
		return false
	})
	return *r.first, err
}
