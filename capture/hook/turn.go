package hook

import (
	"cmp"
	"crypto/sha256"
	"strconv"
	"time"

	"github.com/etch-audit/etch"
)

// tell adds the events that the delivery's message asks for, and changes what
// is remembered accordingly.
func (t *Turn) tell() {
	m := t.m
	fresh := t.state.Agent == ""
	begins := fresh || m.Kind == StartEvent
	t.goesOn = t.process.ID != 0 && t.state.Process == t.process
	t.know()
	if m.Body.Len() == 0 && !m.Whole {
		t.Request = t.requested()
		t.unreadable()
		return
	}
	if begins {
		t.sweep()
	}
	if fresh && t.locked && m.Kind != StartEvent {
		t.midway()
	}
	if begins || m.Kind == PromptEvent {
		t.state.settled()
	}
	switch m.Kind {
	case AttemptEvent, ResultEvent, FailureEvent:
		if m.Echo && t.state.Tools {
			t.Request = t.requested()
			return
		}
		t.state.Tools = t.state.Tools || !m.Echo
	}
	switch m.Kind {
	case AttemptEvent:
		t.attempt(m.Call)
	case ResultEvent, FailureEvent:
		t.result(m.Call)
	case BatchEvent:
		for _, c := range m.Calls {
			t.batched(c)
		}
	case DeniedEvent:
		t.denied(m.Call)
	case PermissionEvent:
		t.permission(m.Call)
	case PromptEvent:
		t.prompt()
	case StartEvent:
		t.start()
	case EndEvent:
		t.end()
	case StopEvent, SubagentStop, InterruptEvent:
		t.stop()
	case SubagentStart:
		t.subagent()
	case SilentEvent:
	default:
		t.other()
	}
}

// know completes the message by what is remembered, and the memory by the message.
func (t *Turn) know() {
	s, m := t.state, t.m
	if m.Call.ParentSession != "" {
		s.Parent = m.Call.ParentSession
	} else if s.Parent != "" {
		m.Call.ParentSession = s.Parent
		if m.Call.AgentID == "" {
			m.Call.AgentID = m.Call.Session
		}
	}
	s.ID = m.Call.Session
	if s.Agent == "" {
		s.Agent = t.agentName()
	}
	s.Host, s.Seen = m.Delivery.Actor.Host, t.now.UnixMilli()
	if t.process.ID != 0 {
		s.Process = t.process
	}
	if m.Kind != EndEvent && m.Kind != StopEvent && m.Kind != SilentEvent {
		s.Ended = false
	}
}

func (t *Turn) agentName() string { return t.m.Delivery.Agent.Name }

// again reports whether this very payload was recorded a moment ago: agents run
// a hook once for each settings file that names it.
func (t *Turn) again() bool { return !t.state.note(t.payloadKey(), t.now) }

// payloadKey is the key of a delivery whose event says nothing else that could
// tell it from others. A later process of the agent may say the same again.
func (t *Turn) payloadKey() key {
	sum := sha256.Sum256(t.m.Delivery.Payload)
	return keyOf(foldEvent(t.m.Name), string(sum[:]), strconv.Itoa(t.process.ID), strconv.FormatUint(t.process.Start, 10))
}

func (t *Turn) agent() *Agent { return t.m.Delivery.Agent }

func (t *Turn) recording() Recording { return t.m.Delivery.Recording }

// add appends an event.
func (t *Turn) add(e *etch.Event) { t.Events = append(t.Events, e) }

// requested returns the call that an echo asks about, nil where it asks nothing.
func (t *Turn) requested() *Call {
	if t.m.Kind != AttemptEvent {
		return nil
	}
	c := t.m.Call
	c.Start = t.m.Time
	return &c
}

// attempt records that a call is about to run.
func (t *Turn) attempt(c Call) {
	c.Start = t.m.Time
	t.Request = &c
	digest := t.inputDigest(&c)
	c.Digest = digest
	o := openCall{
		Tool: c.Tool, Server: c.Server, Digest: digest, Agent: c.AgentID, Kind: c.AgentType, Turn: c.Turn,
		Start: c.Start.UnixMicro(), Process: t.process,
	}
	if c.ID == "" {
		note := t.payloadKey()
		if id, told := t.asksAgain(note); told {
			c.ID = id
			return
		}
		c.ID = t.madeID(&c, digest)
		o.Made, o.Note, o.Parts = true, note.text(), partsOf(c.Input)
	} else if !t.begins(&c, digest) {
		return
	}
	e := t.agent().Attempt(&c, t.recording())
	t.classify(e)
	t.add(e)
	if t.state.knows(overKey(c.ID, digest)) {
		return
	}
	o.ID, o.Event = c.ID, t.memo(e)
	if len(t.state.Open) >= maxOpen {
		t.endOpen(t.state, 0, EndUnknown)
	}
	t.state.Open = append(t.state.Open, o)
}

// asksAgain reports whether this very payload was recorded as an attempt without an id,
// and returns the id that the call got, "" where it is over. Where the payload says when it
// was, it tells of that one call. Else it does as long as that is open, for an agent waits
// for all of its hooks before a call begins; but not much longer than it would wait for
// one: a call of whose refusal nothing was told stays open, and is tried again.
func (t *Turn) asksAgain(note key) (id string, told bool) {
	fresh := t.state.note(note, t.now)
	i := t.state.latest(func(o *openCall) bool { return o.Note == note.text() })
	switch {
	case fresh:
		return "", false
	case t.m.Timed && i < 0:
		return "", true
	case i < 0:
		return "", false
	}
	o := &t.state.Open[i]
	return o.ID, t.m.Timed || t.m.Time.Sub(time.UnixMicro(o.Start)) <= retried
}

// begins reports whether an attempt with an id is told of for the first time. An
// id alone does not say so: servers of models count calls anew with each turn,
// and give call_0 to one after the other. What has another input, or comes when
// the call before it has ended, is another call.
func (t *Turn) begins(c *Call, digest string) bool {
	s := t.state
	fresh := s.note(t.payloadKey(), t.now)
	if s.findCall(c.ID, digest) >= 0 {
		return false
	}
	first := s.add(keyOf(c.ID, string(etch.Attempt), digest))
	over := overKey(c.ID, digest)
	if s.knows(over) {
		if first || !fresh {
			return false // recorded from elsewhere, or delivered twice
		}
		s.forgetKey(over) // the id is used again
	} else if first && s.knows(endKey(c.ID, digest)) {
		s.add(over) // its end was faster
	}
	return true
}

// overKey is known of a call that was over before its attempt was delivered, or
// while: a second delivery of that is no other call.
func overKey(id, digest string) key { return keyOf(id, "over", digest) }

// endKey is known of a call of whose end is on record what was told; without
// digest, of an id.
func endKey(id string, digest ...string) key {
	return keyOf(append([]string{id, string(etch.Completion)}, digest...)...)
}

// result records how a call ended.
func (t *Turn) result(c Call) {
	if c.ID != "" {
		t.ended(c)
		return
	}
	digest := t.inputDigest(&c)
	i := t.state.match(&c, digest)
	if !t.state.note(t.payloadKey(), t.now) && (t.m.Timed || i < 0 || t.state.Open[i].Digest != digest) {
		return // else a call of the same words has begun since, and this is its end
	}
	if i >= 0 {
		c.ID = t.state.Open[i].ID
	} else {
		c.ID = cmp.Or(t.state.late(c.Tool, digest), t.madeID(&c, digest))
	}
	t.complete(c, i)
}

// ended records the end of a call with an id: of the open one with its input, or
// with another, as an agent may change it; of none where it was told of before.
func (t *Turn) ended(c Call) {
	digest := t.inputDigest(&c)
	i := t.state.findCall(c.ID, digest)
	if i < 0 && t.state.knows(endKey(c.ID, digest)) {
		return
	}
	if i < 0 {
		i = t.state.find(c.ID)
	}
	if i < 0 && t.state.knows(endKey(c.ID)) {
		return
	}
	t.complete(c, i)
}

// complete records the end of the call, which is the open one at i where i is not negative.
func (t *Turn) complete(c Call, i int) {
	c.Digest = t.inputDigest(&c)
	t.state.add(endKey(c.ID))
	t.state.add(endKey(c.ID, c.Digest))
	c.Start = t.m.Time
	if c.Duration > 0 {
		c.Start = c.Start.Add(-c.Duration)
	}
	var o openCall
	if i >= 0 {
		o = t.state.Open[i]
		t.state.close(i)
		t.recall(&c, &o)
	}
	if len(c.Input) == 0 && i >= 0 {
		t.add(o.completion(t.state, &c, t.recording()))
		return
	}
	e := t.agent().Completion(&c, t.recording())
	t.classify(e)
	if i >= 0 && o.Digest != c.Digest {
		o.askedIn(e)
	}
	t.add(e)
}

// classify judges the risk of a call.
func (t *Turn) classify(e *etch.Event) {
	if judge := t.m.Delivery.Classify; judge != nil && e.Action.Risk == "" {
		e.Action.Risk, e.Action.RiskReasons = judge(e)
	}
}

// recall fills in what the end of a call does not say and its attempt did.
func (t *Turn) recall(c *Call, o *openCall) {
	c.Start = time.UnixMicro(o.Start).UTC()
	if c.Duration == 0 {
		c.Duration = max(0, t.m.Time.Sub(c.Start))
	}
	if o.Turn != "" {
		c.Turn = o.Turn // a background agent's call may end in a later turn
	}
	if c.AgentID == "" {
		c.AgentID = o.Agent
	}
	if c.AgentType == "" {
		c.AgentType = o.Kind
	}
	if c.Server == "" {
		c.Server = o.Server
	}
	if c.Model == "" {
		c.Model = o.Event.Model
	}
	if c.Tool == "" {
		c.Tool = o.Tool
	}
	if c.Cwd == "" {
		c.Cwd = o.Event.Cwd
	}
}

// batched records the end of a call of a batch, which other deliveries may have
// told of before: a batch has all calls of a step, and is the only one to tell
// of those that were refused or could not be begun.
func (t *Turn) batched(c Call) {
	i := t.state.findCall(c.ID, InputDigest(c.Input))
	if i < 0 {
		i = t.state.find(c.ID)
	}
	if i < 0 && c.ID != "" && t.state.knows(endKey(c.ID)) {
		return
	}
	guess := c.Outcome == "" && !t.unended(&c, i >= 0 && t.state.Open[i].Asked)
	switch {
	case c.ID == "":
		t.result(c)
	case guess:
		t.guess(c, i)
	default:
		t.complete(c, i)
	}
}

// guess ends the call of a batch that does not tell how it ended, nor does anything
// else: what the model was told is what came out of the call, or the words of whoever
// refused it. An event of its own may still tell.
func (t *Turn) guess(c Call, i int) {
	first := t.state.add(keyOf(c.ID, "guess", InputDigest(c.Input)))
	if i >= 0 {
		if t.locked {
			t.endOpen(t.state, i, EndUnknown)
		}
		return
	}
	if !first {
		return // the batch came twice
	}
	c.Start = t.m.Time
	e := t.agent().Completion(&c, t.recording())
	t.classify(e)
	setLabel(e, etch.LabelInferred, cutText(t.m.Name, maxMessage))
	t.add(e)
}

// unended asks the agent how a call ended that it told no end of, and reports whether
// the agent, or its transcript, can tell.
func (t *Turn) unended(c *Call, asked bool) (known bool) {
	end := cmp.Or(c.End, EndUnknown)
	c.Ended, c.End = true, ""
	if t.agent().Unended != nil {
		t.agent().Unended(t.m, c, asked)
	}
	if known = c.Outcome != ""; !known {
		c.Outcome, c.End = etch.Error, cmp.Or(c.End, end)
	}
	if c.Outcome == etch.Blocked {
		c.End = ""
		if c.Denial.Reason == "" {
			c.Denial.Reason = cmp.Or(c.Error, "refused, and the agent did not tell its hooks why")
		}
	}
	if c.Error == "" {
		c.Error = endWords(c.End)
	}
	return known
}

// endWords says in words what an end means.
func endWords(end string) string {
	switch end {
	case EndInterrupted:
		return "interrupted"
	case EndKilled:
		return "the agent's process ended, and told nothing of the call's end"
	case EndSessionEnded:
		return "the session ended, and the agent told nothing of the call's end"
	case EndUnknown:
		return "the turn is over, and the agent told nothing of the call's end"
	}
	return ""
}

// endOpen ends the open call at i for a reason that no delivery of its own told.
// Should one come after all, it is recorded as well.
func (t *Turn) endOpen(s *session, i int, end string) {
	o := s.Open[i]
	s.close(i)
	c := o.call(t.m.Call.Session)
	if s != t.state {
		c.Session = s.ID
	}
	c.Outcome, c.End, c.Error = "", end, ""
	if end == EndKilled || end == EndInterrupted {
		c.Outcome, c.Error = etch.Error, endWords(end)
	} else {
		t.unended(&c, o.Asked)
	}
	s.guess(&o)
	e := o.completion(s, &c, t.recording())
	setLabel(e, etch.LabelInferred, cutText(t.m.Name, maxMessage))
	t.add(e)
}

// endAll ends the open calls of a session for which which returns true.
// Without the session's lock none is ended: others may be telling of it, and who has
// the lock later knows.
func (t *Turn) endAll(s *session, end string, which func(*openCall) bool) {
	if !t.locked {
		return
	}
	for i := 0; i < len(s.Open); {
		if which(&s.Open[i]) {
			t.endOpen(s, i, end)
		} else {
			i++
		}
	}
}

// endDead ends the open calls of processes of the agent that are gone.
func (t *Turn) endDead() {
	t.endAll(t.state, EndKilled, func(o *openCall) bool { return t.gone(t.state.Host, o.Process) })
}

// stop ends the calls of a turn, or of a sub-agent, that is over or cut off.
// Calls of other agents of the session go on, and so may some of its own.
func (t *Turn) stop() {
	m := t.m
	if m.Kind != SubagentStop {
		defer t.recheck()
	}
	mine := func(o *openCall) bool { return o.Agent == m.Call.AgentID }
	switch m.Kind {
	case InterruptEvent:
		t.endAll(t.state, EndInterrupted, func(o *openCall) bool {
			return mine(o) && (o.Turn == "" || m.Call.Turn == "" || o.Turn == m.Call.Turn)
		})
	case SubagentStop:
		if m.Call.AgentID == "" {
			return
		}
		t.endAll(t.state, EndUnknown, mine)
		t.subagent()
	default:
		t.endAll(t.state, EndUnknown, func(o *openCall) bool { return mine(o) && (!t.outlives(o.Tool) || t.knows(o)) })
	}
}

// knows reports whether the agent can tell what became of a call that might still run.
func (t *Turn) knows(o *openCall) bool {
	c := o.call(t.m.Call.Session)
	if t.agent().Unended != nil {
		t.agent().Unended(t.m, &c, o.Asked)
	}
	return c.Outcome != ""
}

func (t *Turn) outlives(tool string) bool {
	return t.agent().Outlives != nil && t.agent().Outlives(tool)
}

// finish completes the events: what they all say, and their ids.
func (t *Turn) finish() {
	d := t.m.Delivery
	for _, e := range t.Events {
		actor := d.Actor
		actor.Agent = t.agentName()
		if e.Actor != nil {
			actor.AgentID, actor.Model = e.Actor.AgentID, e.Actor.Model
			if e.Actor.Agent != "" {
				actor.Agent = e.Actor.Agent
			}
		}
		e.Actor = &actor
		if user := t.m.Body.Text("user_email"); user != "" {
			actor.UserID = user
		}
		if e.Timestamp.IsZero() {
			e.Timestamp = t.m.Time
		}
		e.ID = etch.NewEventID(t.now)
		if !t.m.Whole {
			setLabel(e, "payload", "broken")
			setLabel(e, "payload_sha256", maskedDigest(string(d.Payload)))
		}
	}
}
