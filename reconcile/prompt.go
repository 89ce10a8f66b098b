package reconcile

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/transcript"
)

// promptSlack is how far apart record and transcript may have the time of one prompt.
const promptSlack = 10 * time.Second

// A said is a prompt as the log has it.
type said struct {
	digest  string // of what was said, as [hook.Recording.Prompt] has it where texts are not kept
	turn    string
	time    time.Time
	matched bool
}

// takePrompt takes the record of a prompt.
func (l *logged) takePrompt(ev *etch.Event) {
	s := &said{turn: ev.TurnID, time: ev.Timestamp}
	if ev.Action != nil {
		var arguments struct{ Prompt json.RawMessage }
		// Of arguments of another form nothing is known but when they were recorded.
		_ = json.Unmarshal(ev.Action.Arguments, &arguments)
		s.digest = string(arguments.Prompt)
		text := ""
		if json.Unmarshal(arguments.Prompt, &text) == nil && text != "" {
			s.digest = promptDigest(text)
		}
	}
	l.prompts = append(l.prompts, s)
}

// prompt takes a prompt of the transcript: one that a person, or what stands for one,
// gave to the session itself.
func (v *visit) prompt(p *transcript.Prompt) {
	if p.Agent != "" {
		return
	}
	v.row.Prompts++
	if p.Time.After(v.Now.Add(ahead)) {
		p.Time = time.Time{}
	}
	if p.Session == "" {
		p.Session = v.row.ID
	}
	switch {
	case p.Copied, p.Session != v.row.ID, len(v.prompts) >= maxPrompts:
		return
	}
	said := prompted{Prompt: *p, digest: promptDigest(p.Text)}
	for i := range v.prompts {
		if before := &v.prompts[i]; before.digest == said.digest && before.Time.Sub(p.Time).Abs() < time.Second {
			return // the file says it twice
		}
	}
	said.arguments = v.Recording.Prompt(p.Text)
	said.bytes, said.Text = len(p.Text), ""
	v.prompts = append(v.prompts, said)
}

// promptDigest returns what is recorded of a prompt where texts are not kept.
func promptDigest(text string) string {
	arguments := hook.Recording{}.Prompt(text)
	return string(arguments[len(`{"prompt":`) : len(arguments)-1])
}

// maxPrompts is how many prompts of one session are compared: people do not type as many.
const maxPrompts = 4096

// A prompted is a prompt of the transcript.
type prompted struct {
	transcript.Prompt
	bytes     int
	digest    string
	arguments json.RawMessage // as a record has it
	matched   bool
}

// comparePrompts says which prompts the log lacks. One is known by what was said, else by
// its turn, else by its time: what hooks are told of a prompt is not to the letter what
// agents write down of it.
func (v *visit) comparePrompts(ctx context.Context) error {
	for _, same := range [...]func(*prompted, *said) bool{
		func(p *prompted, s *said) bool { return p.digest == s.digest && near(p.Time, s.time, promptSlack) },
		func(p *prompted, s *said) bool { return p.digest == s.digest },
		func(p *prompted, s *said) bool { return p.Turn != "" && p.Turn == s.turn },
		func(p *prompted, s *said) bool { return near(p.Time, s.time, promptSlack) },
	} {
		for i := range v.prompts {
			p := &v.prompts[i]
			for _, s := range v.log.prompts {
				if !p.matched && !s.matched && same(p, s) {
					p.matched, s.matched = true, true
				}
			}
		}
	}
	for i := range v.prompts {
		p := &v.prompts[i]
		if p.matched || v.copiedPrompt(p) {
			continue
		}
		copied, err := v.promptElsewhere(ctx, p)
		if err == nil && !copied {
			err = v.missingPrompt(ctx, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copiedPrompt reports whether the same was found missing in another session, at the
// same time: a fork begins with copies of its parent.
func (v *visit) copiedPrompt(p *prompted) bool {
	id := v.hashPrompt(p.digest, p.Mark, p.Time)
	before, known := v.said[id]
	return known && before != v.row.ID && !p.Time.IsZero()
}

// promptElsewhere reports whether it was copied from another session: one whose transcript
// has it at the very same time, or where that is gone one of which the log has it, and this
// session more. Sessions that were begun at once, with one prompt for all, have no copies.
func (v *visit) promptElsewhere(ctx context.Context, p *prompted) (bool, error) {
	if p.Time.IsZero() {
		return false, nil
	}
	id := v.hashPrompt(p.digest, p.Mark, p.Time)
	if p.Older {
		if _, ok := v.beside(ctx, p.Time, true)[id]; ok {
			return true, nil
		}
	}
	sessions, err := v.promptOwners(ctx, p)
	for _, session := range sessions {
		has := v.transcriptOf(ctx, session)
		if _, ok := has[id]; ok {
			return true, nil
		}
		if has == nil && (p.Older || v.anc.origins[session] != nil || v.anc.parent == session) {
			return true, nil
		}
	}
	return false, err
}

// promptOwners returns the other sessions of which the log has a prompt.
func (v *visit) promptOwners(ctx context.Context, p *prompted) (sessions []string, err error) {
	q := etch.Query{
		Agent: v.Agent.Name, Types: []etch.EventType{etch.UserPrompt}, From: p.Time.Add(-promptSlack), Until: p.Time.Add(promptSlack),
		AllPhases: true, Match: func(rec *etch.Record) bool { return rec.Event.SessionID != v.row.ID },
	}
	err = v.records(ctx, q, func(rec *etch.Record) bool {
		var l logged
		l.takePrompt(&rec.Event)
		if id := rec.Event.SessionID; l.prompts[0].digest == p.digest && !slices.Contains(sessions, id) {
			sessions = append(sessions, id)
		}
		return len(sessions) < maxOwners
	})
	return sessions, err
}

func near(a, b time.Time, slack time.Duration) bool {
	return !a.IsZero() && !b.IsZero() && a.Sub(b).Abs() <= slack
}

// missingPrompt takes a prompt that the log has nothing of.
func (v *visit) missingPrompt(ctx context.Context, p *prompted) error {
	if v.Settle > 0 && p.Time.After(v.Now.Add(-v.Settle)) && !v.log.ended.After(p.Time) {
		return nil // its hook may be at work
	}
	if v.log.damaged {
		if hidden, err := v.hidden(ctx, p.Time); hidden || err != nil {
			v.row.Unclear++
			return errors.Join(err, v.report(&Row{Prompt: v.promptRow(p, true)}))
		}
	}
	v.row.PromptsMissing++
	if len(v.said) < maxPrompts {
		v.said[v.hashPrompt(p.digest, p.Mark, p.Time)] = v.row.ID
	}
	row := &Row{Prompt: v.promptRow(p, false)}
	if v.Fill == nil {
		return v.report(row)
	}
	ev := &etch.Event{
		Timestamp: p.Time,
		ID:        eventID(p.Time, v.Agent.Name, v.row.ID, p.digest, "prompt"),
		Type:      etch.UserPrompt, SessionID: v.row.ID, TurnID: p.Turn,
		Actor:  &etch.Actor{Agent: v.Agent.Name},
		Action: &etch.Action{Cwd: cmp.Or(p.Cwd, v.row.Cwd), Arguments: p.arguments, Approved: true, Allowed: true},
		Labels: map[string]string{labelCapture: hook.SourceTranscript},
	}
	v.prepare(ev, v.log, p.File)
	return v.enqueue(ctx, row, []*etch.Event{ev})
}

func (v *visit) promptRow(p *prompted, unclear bool) *Prompt {
	return &Prompt{
		Agent: v.Agent.Name, Session: v.row.ID, Turn: p.Turn, Start: p.Time, Bytes: p.bytes, File: p.File, Line: p.Line, Unclear: unclear,
	}
}
