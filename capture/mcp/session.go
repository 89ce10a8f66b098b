package mcp

import (
	"maps"
	"slices"
	"time"

	"github.com/etch-audit/etch"
)

// A side is who sends a message.
type side uint8

const (
	client side = iota
	server
)

func (d side) String() string { return [...]string{"client", "server"}[d] }

func (d side) other() side { return 1 - d }

// mostOpen bounds the requests of a session that wait for an answer: a client
// that never gets any shall not take memory without end. No client asks so much
// at once. Of those that were given up, and may be answered all the same, fewer
// are remembered: such an answer comes at once, or not at all.
const (
	mostOpen = 1024
	mostLate = 64
)

// A session makes events of what a client and a server say to each other. It is
// used by one goroutine.
type session struct {
	opt *Options
	id  string // of this session in the records
	add func(*etch.Event)

	begun     time.Time
	used      time.Time // last, where it is one of several
	path      string    // of the address where it began, where it has one
	parting   string    // why it ends when its exchanges are over; "" where it does not
	started   bool
	finished  bool
	exchanges int   // that are under way
	greeting  *call // the open initialize
	actor     etch.Actor
	name      string
	facts     map[string]string // what the two say of themselves, as labels

	open   [2]map[string][]*call // by who asked, and the id; several only where one was used again too early
	order  []*call               // the same, as they came; those that are done are taken out now and then
	late   [2][]*call            // the last ones given up by who asked, and answered all the same perhaps
	number int                   // calls so far
	odd    [2][oddities]oddity

	tell func(lines []byte) bool // tells the client something on its stream, where it reads answers there alone
}

func newSession(opt *Options, id string, now time.Time, add func(*etch.Event)) *session {
	s := &session{opt: opt, id: id, add: add, begun: now, actor: opt.Actor, name: opt.Name, facts: map[string]string{}}
	for _, d := range []side{client, server} {
		s.open[d] = map[string][]*call{}
	}
	return s
}

// take takes a message that one side has sent. Via is the exchange that it came
// in, where that says more than the session.
func (s *session) take(from side, m *message, via *exchange, at time.Time) {
	if s.finished {
		return // read from a client whose server had ended: it reached nobody
	}
	if m.ambiguous {
		s.note(from, oddAmbiguous, m, at)
	}
	if m.garbled && !m.broken {
		s.note(from, oddGarbled, m, at)
	}
	if m.cutOff {
		s.note(from, oddCutOff, m, at)
	}
	switch {
	case m.refused != nil && !m.broken:
		s.refuse(m, at)
	case m.broken:
		s.note(from, oddBroken, m, at)
	case m.method() != "" && m.has(slotID):
		s.request(from, m, via, at)
	case m.method() != "":
		s.notification(from, m, via, at)
	case m.has(slotID) && (m.has(slotResult) || m.has(slotError)):
		s.answer(from, m, via, at)
	default:
		s.note(from, oddShape, m, at)
	}
}

// request takes a message that wants an answer.
func (s *session) request(from side, m *message, via *exchange, at time.Time) {
	c := &call{kind: kindOf(from, m.method()), from: from, key: via.key(m), start: at, token: via.token(tokenOf(m))}
	s.introduce(m)
	if c.kind == greeting || c.kind == probe {
		s.greet(c, m)
	}
	if c.kind > greeting {
		s.describe(c, m)
		if c.event.TraceID == "" && via != nil {
			c.event.TraceID = via.trace
		}
		s.begin(at)
		s.add(c.attempt())
		s.inputGiven(c, m, at)
	}
	for s.count() >= mostOpen {
		s.end(s.order[0], endForgotten, at)
	}
	s.open[from][c.key] = append(s.open[from][c.key], c)
	s.order = append(s.order, c)
	if via != nil {
		via.add(c)
	}
}

// count returns how many requests are open, and forgets those that are not.
func (s *session) count() int {
	if len(s.order) >= mostOpen {
		kept := s.order[:0]
		for _, c := range s.order {
			if !c.done {
				kept = append(kept, c)
			}
		}
		clear(s.order[len(kept):])
		s.order = kept
	}
	return len(s.order)
}

// close takes a call out of the open ones.
func (s *session) close(c *call) {
	c.done = true
	open := s.open[c.from]
	list := open[c.key]
	for i, other := range list {
		if other == c {
			list = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	if len(list) == 0 {
		delete(open, c.key)
		return
	}
	open[c.key] = list
}

// answer takes the answer to the eldest open request of its id.
func (s *session) answer(from side, m *message, via *exchange, at time.Time) {
	key := via.key(m)
	c := s.asked(from.other(), key)
	if c == nil {
		if !via.refuses(m) {
			s.note(from, oddStray, m, at)
		}
		return
	}
	switch {
	case c.kind == greeting, c.kind == probe && !m.has(slotError):
		s.greeted(c, m, at)
	case c.kind == probe:
		s.greeting = nil // the server is older, and will be greeted
	case c.kind > greeting:
		s.add(c.answered(s, m, at))
		s.inputAsked(c, m, at)
	}
}

// asked returns the call that an answer is to, and closes it; nil where there is
// none.
func (s *session) asked(by side, key string) *call {
	if list := s.open[by][key]; len(list) > 0 {
		s.close(list[0])
		return list[0]
	}
	i := slices.IndexFunc(s.late[by], func(c *call) bool { return c.key == key })
	if i < 0 {
		return nil
	}
	c := s.late[by][i]
	s.late[by] = slices.Delete(s.late[by], i, i+1)
	c.late = true
	return c
}

// notification takes a message that wants no answer.
func (s *session) notification(from side, m *message, via *exchange, at time.Time) {
	switch method := m.method(); method {
	case "notifications/progress":
		s.progress(from, m, via)
	case "notifications/cancelled":
		s.cancel(from, m, at)
	default:
		if kindOf(from, method) <= greeting || isNotification(method) {
			return
		}
		// What is a request in the protocol, without an id: some servers do it
		// all the same, and nobody hears of the end.
		c := &call{kind: kindOf(from, method), from: from, start: at}
		s.describe(c, m)
		s.begin(at)
		e := c.attempt()
		e.Phase, e.CallID = "", ""
		e.Labels["notification"] = "true"
		s.add(e)
	}
}

// progress counts a word of how far a call is.
func (s *session) progress(from side, m *message, via *exchange) {
	if !m.has(slotToken) {
		return
	}
	key := via.token(m.values[slotToken].key())
	for _, c := range s.order {
		if !c.done && c.from != from && c.token == key {
			c.steps++
			return
		}
	}
}

// cancel ends a call that its side gives up. The answer that may be on its way
// is recorded too.
func (s *session) cancel(from side, m *message, at time.Time) {
	list := s.open[from][m.values[slotRequestID].key()]
	if !m.has(slotRequestID) || len(list) == 0 {
		return // it was answered meanwhile, as may happen
	}
	c := list[0]
	c.why = short(m.text(slotReason))
	s.end(c, endCancelled, at)
	if len(s.late[from]) == mostLate { // most are never answered
		s.late[from] = slices.Delete(s.late[from], 0, 1)
	}
	s.late[from] = append(s.late[from], c)
}

// end ends a call that gets no answer.
func (s *session) end(c *call, how string, at time.Time) {
	s.close(c)
	switch {
	case c.kind == probe:
		s.greeting = nil
	case c.kind == greeting:
		s.greeted(c, nil, at)
	case c.kind > greeting:
		s.add(c.unanswered(how, at))
	}
}

// greet takes what the client says of itself.
func (s *session) greet(c *call, m *message) {
	s.greeting = c
	c.trace = m.traceOf()
	if c.kind == greeting {
		s.client(m.object(slotClient), m.text(slotClientVersion))
	}
}

// greeted takes what the server says of itself, nil where it says nothing, and
// records that the session begins.
func (s *session) greeted(c *call, m *message, at time.Time) {
	s.greeting = nil
	result := &etch.Result{Type: etch.Success, Duration: at.Sub(c.start)}
	if m != nil {
		info := m.object(slotServer)
		if c.kind == probe {
			info = membersOf(m.object(slotResultMeta)[metaServer])
		}
		s.fact("server", textIn(info, "name"))
		s.fact("server_version", textIn(info, "version"))
		s.fact("protocol_version", m.text(slotServerVersion))
		if s.opt.Name == "" && s.name == "" {
			s.name = short(textIn(info, "name"))
		}
		if m.has(slotError) {
			result = failure(m)
		}
	} else {
		result.Type, result.Message, result.ErrorCategory = etch.Error, "the greeting was not answered", endInterrupted
	}
	if s.started {
		return // it was told of the newest protocol, and greets by an older: the session's end has what was agreed on
	}
	s.start(c.start, c.trace, result)
}

func (s *session) fact(name, text string) {
	if text = short(text); text != "" {
		s.facts[name] = text
	}
}

// begin records the beginning of a session whose two sides do not say who they
// are before something is to be recorded. Where they are about to, that is
// waited for: one beginning says it all.
func (s *session) begin(at time.Time) {
	if !s.started && s.greeting == nil {
		s.start(at, "", &etch.Result{Type: etch.Success})
	}
}

func (s *session) start(at time.Time, trace string, result *etch.Result) {
	s.started = true
	e := s.event(etch.SessionStart, at)
	e.TraceID = trace
	e.Action.Command, e.Action.Resource = s.opt.Command, s.opt.Resource
	maps.Copy(e.Labels, s.facts)
	e.Result = result
	s.add(e)
}

// finish ends what is open, and records that the session ends, and how.
func (s *session) finish(result *etch.Result, reason string, at time.Time) {
	for _, c := range s.order {
		if !c.done {
			s.end(c, endInterrupted, at)
		}
	}
	s.order, s.finished = nil, true
	s.tellRest(at)
	s.begin(s.begun)
	e := s.event(etch.SessionEnd, s.begun)
	e.Action.Command, e.Action.Resource = s.opt.Command, s.opt.Resource
	maps.Copy(e.Labels, s.facts)
	e.Labels["reason"] = reason
	result.Duration = max(0, at.Sub(s.begun))
	e.Result = result
	s.add(e)
}

// event returns what all events of the session have.
func (s *session) event(kind etch.EventType, at time.Time) *etch.Event {
	actor := s.actor
	e := &etch.Event{
		Timestamp: at, Type: kind, SessionID: s.opt.SessionID, Actor: &actor,
		Action: &etch.Action{MCPServerID: s.name, Cwd: s.opt.Cwd, ClaimSource: etch.ClaimMCP, Allowed: true, Approved: true},
		Labels: map[string]string{"capture": "mcp"},
	}
	maps.Copy(e.Labels, s.opt.Labels)
	if e.SessionID == "" {
		e.SessionID = s.id
	} else {
		e.Labels["mcp_session"] = s.id
	}
	return e
}
