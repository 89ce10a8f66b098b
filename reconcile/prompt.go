package reconcile

import (
	"cmp"
	"context"
	"encoding/json"
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
	text    string // where they are
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
		_ = json.Unmarshal(arguments.Prompt, &s.text) // where it is a text
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
	arguments := hook.Recording{}.Prompt(p.Text)
	said := prompted{Prompt: *p, digest: string(arguments[len(`{"prompt":`) : len(arguments)-1])}
	for i := range v.prompts {
		if before := &v.prompts[i]; before.digest == said.digest && before.Time.Sub(p.Time).Abs() < time.Second {
			return // the file says it twice
		}
	}
	said.arguments = v.Recording.Prompt(p.Text)
	said.bytes, said.Text = len(p.Text), ""
	v.prompts = append(v.prompts, said)
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

// copiedPrompt reports whether another session's transcript has said the same at the
// same time: a fork begins with copies of its parent.
func (v *visit) copiedPrompt(p *prompted) bool {
	id := identity(p.Time.UTC().Format(time.RFC3339Nano), p.digest)
	before, known := v.said[id]
	if !known && len(v.said) < maxPrompts {
		v.said[id] = v.row.ID
	}
	return known && before != v.row.ID && !p.Time.IsZero()
}

// promptElsewhere reports whether the log has it under another session.
func (v *visit) promptElsewhere(ctx context.Context, p *prompted) (found bool, err error) {
	if p.Time.IsZero() {
		return false, nil
	}
	q := etch.Query{
		Agent: v.Agent.Name, Types: []etch.EventType{etch.UserPrompt}, From: p.Time.Add(-promptSlack), Until: p.Time.Add(promptSlack),
		AllPhases: true, Match: func(rec *etch.Record) bool { return rec.Event.SessionID != v.row.ID },
	}
	err = v.records(ctx, q, func(rec *etch.Record) bool {
		var l logged
		l.takePrompt(&rec.Event)
		found = found || l.prompts[0].digest == p.digest
		return !found
	})
	return found, err
}

func near(a, b time.Time, slack time.Duration) bool {
	return !a.IsZero() && !b.IsZero() && a.Sub(b).Abs() <= slack
}

// missingPrompt takes a prompt that the log has nothing of.
func (v *visit) missingPrompt(ctx context.Context, p *prompted) error {
	if v.Settle > 0 && p.Time.After(v.Now.Add(-v.Settle)) && !v.log.ended.After(p.Time) {
		return nil // its hook may be at work
	}
	v.row.PromptsMissing++
	row := &Row{Prompt: &Prompt{
		Agent: v.Agent.Name, Session: v.row.ID, Turn: p.Turn, Start: p.Time, Bytes: p.bytes, File: p.File, Line: p.Line,
	}}
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
	return v.enqueue(ctx, row, []*etch.Event{ev})
}
