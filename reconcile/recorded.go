package reconcile

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/transcript"
)

// An entry is a call as the log has it.
type entry struct {
	id          string
	tool        string
	server      string
	digest      string // of its input, the one that ran where that is known
	asked       string // of the input that the attempt had
	told        string // of the input that the transcript has, once it is matched
	seq         uint64 // of its first record
	start       time.Time
	outcome     etch.Outcome
	end         string
	deniedBy    string
	exit        etch.Optional[int64]
	attempts    int
	completions int
	attempt     *etch.Record // where no end is on record
	guess       *etch.Record // the end that was inferred for want of a word; nil: none was
	late        bool         // the guess stands behind the agent's word, and contradicts it
	matched     bool
	split       bool // its end stands under another id than its attempt
	filled      bool // it was recorded from a transcript
}

// ended reports whether an end of the call is on record.
func (e *entry) ended() bool { return e.completions > 0 || e.guess != nil }

// guessed reports whether the end that the log shows is what was made of hearing no
// more, and not the agent's word.
func (e *entry) guessed() bool { return e.guess != nil && (e.completions == 0 || e.late) }

// A logged is what the log has of a session.
type logged struct {
	calls    map[string][]*entry // by call id: an agent may give one to several calls
	order    []*entry
	made     bool                  // the ids are not the agent's
	starts   map[alike][]time.Time // then when calls of the transcript began
	findings map[string]bool
	prompts  []*said
	actors   []acting
	damaged  bool      // not all of it could be read
	hooks    int       // records that hooks made
	last     time.Time // of those, the latest
	ended    time.Time // of the session's ends that are on record, the latest
}

func newLogged(made bool) *logged {
	return &logged{calls: map[string][]*entry{}, findings: map[string]bool{}, made: made, starts: map[alike][]time.Time{}}
}

// load adds what the log has of a session.
func (l *logged) load(ctx context.Context, r *run, session string) error {
	r.visited[session] = true
	q := etch.Query{Session: session, Agent: r.Agent.Name, AllPhases: true}
	met := r.damage.met
	err := r.records(ctx, q, func(rec *etch.Record) bool {
		if e := l.take(rec); e != nil {
			l.order = append(l.order, e)
		}
		return true
	})
	l.damaged = r.damage.met > met
	slices.SortStableFunc(l.order, (*entry).compare)
	return err
}

// take takes a record, and returns the call that it is the first of.
func (l *logged) take(rec *etch.Record) *entry {
	ev := &rec.Event
	source := ev.Labels[labelCapture]
	if source != hook.SourceHook && source != hook.SourceTranscript {
		return nil // somebody else's, in the same session
	}
	if kind := ev.Labels[labelFinding]; kind != "" {
		l.findings[kind] = true
	}
	if source == hook.SourceHook {
		l.hooks++
		l.takeActor(ev)
		if ev.Timestamp.After(l.last) {
			l.last = ev.Timestamp
		}
		if ev.Type == etch.SessionEnd && ev.Timestamp.After(l.ended) {
			l.ended = ev.Timestamp
		}
	}
	if ev.Type == etch.UserPrompt && (ev.Actor == nil || ev.Actor.AgentID == "") {
		l.takePrompt(ev)
	}
	if ev.CallID == "" || ev.Action == nil || ev.Phase == "" || isAsking(ev.Type) {
		return nil
	}
	e := l.entryOf(ev)
	first := e == nil
	if first {
		e = &entry{id: strings.Clone(ev.CallID), seq: rec.Seq, start: ev.Timestamp, filled: source == hook.SourceTranscript}
		l.calls[e.id] = append(l.calls[e.id], e)
	}
	e.take(rec)
	if !first {
		return nil
	}
	return e
}

// entryOf returns the call that a record is of, nil for the first record of one.
func (l *logged) entryOf(ev *etch.Event) *entry {
	if l.made {
		return entryOfMade(l.calls[ev.CallID], ev)
	}
	return entryOfID(l.calls[ev.CallID], ev)
}

// entryOfMade is entryOf where ids are made up: older etches gave one to several calls of one
// tool and input, and so do transcripts. Attempt and end of a call have the same time,
// but for an end that found its attempt forgotten.
func entryOfMade(list []*entry, ev *etch.Event) *entry {
	lacks := func(e *entry) bool {
		return ev.Phase == etch.Attempt && e.attempts == 0 || ev.Phase == etch.Completion && e.completions == 0
	}
	for _, is := range [...]func(e *entry) bool{
		func(e *entry) bool { return e.start.Equal(ev.Timestamp) && e.has(ev.Labels[labelInput]) },
		func(e *entry) bool { return e.start.Equal(ev.Timestamp) && lacks(e) },
		lacks,
	} {
		for _, e := range slices.Backward(list) {
			if is(e) {
				return e
			}
		}
	}
	return nil
}

// has reports whether an input is that of the call, or was before another hook
// changed it.
func (e *entry) has(digest string) bool {
	return e.digest == digest || e.asked == digest && e.attempts > 0 || e.told == digest && e.matched
}

// isAsking reports whether a record is about the permission for a call.
func isAsking(t etch.EventType) bool { return t == etch.ApprovalRequest || t == etch.ApprovalDecision }

// take takes what one record of the call says. A completion repeats the
// attempt, with the input that ran.
func (e *entry) take(rec *etch.Record) {
	ev := &rec.Event
	if ev.Phase == etch.Attempt {
		if e.attempts++; !e.ended() {
			attempt := *rec
			e.attempt = &attempt
		}
		e.asked = strings.Clone(ev.Labels[labelInput])
		if e.completions == 0 {
			e.about(ev)
		}
		return
	}
	e.attempt = nil
	if _, inferred := ev.Labels[etch.LabelInferred]; inferred {
		guess := *rec
		if e.guess = &guess; e.completions > 0 {
			e.late = ev.Result != nil && classOf(ev.Result.Type) != classOf(e.outcome)
			return
		}
	} else {
		if ev.Labels[labelCorrects] == "" || e.completions == 0 {
			e.completions++
		}
		e.late = false
	}
	e.about(ev)
	if ev.Result != nil && e.completions <= 1 {
		e.outcome, e.exit = etch.Outcome(strings.Clone(string(ev.Result.Type))), ev.Result.ExitCode
		e.end, e.deniedBy = strings.Clone(ev.Labels[labelEnd]), strings.Clone(ev.Labels[labelDeniedBy])
	}
}

// about takes what the call is. The strings are cloned, that they do not hold
// the whole record in memory.
func (e *entry) about(ev *etch.Event) {
	e.tool, e.server = strings.Clone(ev.Action.Tool), strings.Clone(ev.Action.MCPServerID)
	e.digest = strings.Clone(ev.Labels[labelInput])
}

// The labels that events of package hook carry.
const (
	labelCapture  = "capture"
	labelInput    = "input_sha256"
	labelEnd      = "end"
	labelDeniedBy = "denied_by"
	labelFinding  = "finding"
	labelTyped    = "typed_by"
	labelOutput   = "output"
	// inferredBy is the value of [etch.LabelInferred] of an end that was inferred here.
	inferredBy = "reconcile"
	// labelCorrects has the id of the event that a transcript's end corrects.
	labelCorrects = "corrects"
)

// toolOf returns the tool of a call as a record has it.
func (r *run) toolOf(c *transcript.Call) string {
	action := r.Agent.Attempt(&c.Call, r.Recording).Action
	return r.tool(action.MCPServerID, action.Tool)
}

// tool returns the one name of a tool of several. Where an agent glues server
// and tool together, hooks and transcript may part them at different places.
func (r *run) tool(server, name string) string {
	if server != "" {
		return "mcp " + strings.Map(func(c rune) rune {
			if c == '_' || c == '-' {
				return -1
			}
			return c
		}, server+name)
	}
	if one := r.Format.Tools[name]; one != "" {
		return one
	}
	return name
}
