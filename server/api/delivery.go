package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/server"
)

const (
	// hookPatience is how long the agent waits at most: what the log has not
	// answered by then is recorded behind its back.
	hookPatience = 150 * time.Millisecond
	// hookMemory is how much of that other deliveries of the session are waited for.
	hookMemory = 75 * time.Millisecond
	// hookHeld is for how much of that a sender is held up that is too fast.
	hookHeld = 100 * time.Millisecond
	// hookJudging is how long it waits beyond hookPatience where calls may be refused,
	// until this one is judged: as long as the command of a hook takes at most, and less
	// than agents wait.
	hookJudging = 1850 * time.Millisecond
)

// hook serves POST /hook/AGENT[/EVENT]: it records what an agent tells a hook and
// answers what the agent takes for "go on", whatever became of the record, unless the
// configuration wants the call refused. What the log does not take waits in the spool.
func (h *Handler) hook(c *call) error {
	agent := h.agent(c.r.PathValue("agent"))
	if agent == nil {
		return &problem{status: http.StatusNotFound, code: "not_found", text: "no agent of that name is known", hint: "\"etch hook --help\" lists them"}
	}
	payload := h.payload(c)
	d := &delivery{h: h, c: c, payload: payload, began: time.Now(), judged: make(chan struct{}), ended: make(chan outcome, 1)}
	d.Delivery = hook.Delivery{
		Agent: agent, Event: c.r.PathValue("event"), Payload: payload.bytes(), Now: h.opt.Now(), Remote: true, Sender: c.sender.Key(),
		Actor: etch.Actor{Host: h.opt.Host}, Recording: h.opt.Recording, Classify: h.opt.Classify, Masker: h.opt.Masker,
	}
	if s := c.sender; s.UID >= 0 {
		d.Actor.Username, d.Actor.UserID, d.Parent = s.User, fmt.Sprint(s.UID), max(s.PID, 0)
	}
	d.about.event = d.Event
	if h.strict() { // then it must be known even if nothing else comes to be
		d.about.event = d.EventName()
	}
	h.hooks.Go(func() {
		defer payload.release()
		d.ended <- d.deliver()
	})
	return d.answer(d.wait())
}

// strict reports whether any call is refused.
func (h *Handler) strict() bool { return h.opt.Block || h.opt.DenyRisk != "" }

func (h *Handler) agent(name string) *hook.Agent {
	if h.opt.Agent == nil {
		return nil
	}
	return h.opt.Agent(name)
}

// A delivery is one that came by HTTP.
type delivery struct {
	hook.Delivery
	h       *Handler
	c       *call
	payload *payload
	began   time.Time     // when the payload was there
	ended   chan outcome  // capacity 1
	judged  chan struct{} // closed when about is all that is asked

	mu    sync.Mutex
	about subject // guarded by mu
}

// A subject is what a delivery asks the agent's way.
type subject struct {
	event  string // by what name its event goes
	call   bool   // whether a call may go on
	denial string // why it may not; "" where it may
}

// judge says what is asked, and what the answer is.
func (d *delivery) judge(about subject) {
	d.mu.Lock()
	d.about = about
	d.mu.Unlock()
	close(d.judged)
}

// An outcome is what became of the events of a delivery.
type outcome struct {
	cause error // why they are not in the log; nil: they are
	lost  bool  // they are nowhere
}

// wait waits until what there is to answer is known, or has to be. Where calls may be
// refused no call goes on that was not judged.
func (d *delivery) wait() (subject, outcome) {
	end := outcome{cause: fmt.Errorf("no record within %v", d.h.patience)}
	patience := time.NewTimer(d.h.patience)
	defer patience.Stop()
	select {
	case end = <-d.ended:
	case <-patience.C:
	}
	late := false
	if d.h.strict() {
		patience.Reset(d.h.judging)
		select {
		case <-d.judged:
		case <-patience.C:
			late = true
		}
	}
	d.mu.Lock()
	about := d.about
	d.mu.Unlock()
	if late && d.Agent.Asks(about.event) {
		about.denial = fmt.Sprintf("etch refuses what it has not judged within %v", d.h.patience+d.h.judging)
	}
	return about, end
}

// answer answers the agent. Words for a person have no place in an answer by HTTP, and
// no exit code stops an agent that asks by it.
func (d *delivery) answer(about subject, end outcome) error {
	if about.denial == "" && end.cause != nil && about.call && d.h.opt.Block {
		about.denial = hook.Unrecorded(end.cause)
	}
	if about.denial != "" {
		if body, ok := d.deny(about.event, about.denial); ok {
			d.c.answer(http.StatusOK, jsonType, body)
			return nil
		}
	}
	if end.lost {
		return end.cause
	}
	if p := d.payload.problem; p != nil && !d.payload.tooLong() {
		return p
	}
	body := d.Agent.GoOn(about.event).Stdout
	if len(body) == 0 {
		body = []byte("{}\n")
	}
	d.c.answer(http.StatusOK, jsonType, body)
	return nil
}

// deny returns what refuses an event, and whether anything does. Where the path names
// the event of a turn's end nothing does, whatever the payload names: the agent would
// go on for ever.
func (d *delivery) deny(event, reason string) ([]byte, bool) {
	if d.Event != "" && d.Agent.Stops(d.Event) {
		return nil, false
	}
	return d.Agent.DenyPosted(event, reason)
}

// deliver records a delivery.
func (d *delivery) deliver() outcome {
	h := d.h
	if d.payload.problem != nil {
		return d.record([]*etch.Event{d.unread()})
	}
	ctx, cancel := context.WithTimeout(d.c.context(), hookMemory)
	defer cancel()
	turn, err := h.sessions.Begin(ctx, &d.Delivery)
	h.tell(err)
	events := d.read(turn)
	if len(events) == 0 {
		h.tell(turn.Keep())
		return outcome{}
	}
	end := d.record(events)
	if end.lost {
		h.tell(turn.Drop())
		return end
	}
	settling, cancel := context.WithTimeout(d.c.context(), hookMemory)
	defer cancel()
	h.tell(errors.Join(turn.Keep(), turn.Settled(settling, hook.Refused(events)...)))
	return end
}

// read refuses the call that a turn asks about, where the policy says so and the agent
// honours it, and tells what is asked.
func (d *delivery) read(turn *hook.Turn) (events []*etch.Event) {
	about := subject{event: turn.Event, call: turn.Request != nil}
	events = turn.Events
	if _, refuses := d.deny(turn.Event, ""); refuses {
		events, about.denial = d.policy().Judge(d.Agent, turn)
	}
	d.judge(about)
	return events
}

// unread returns the event of a payload that is not looked at, and refuses the call
// that it may be about.
func (d *delivery) unread() *etch.Event {
	ev := d.Unread(d.payload.sum, d.payload.why())
	ev.ID = etch.NewEventID(d.Now)
	about := subject{event: d.EventName()}
	if _, refuses := d.deny(about.event, ""); refuses && d.Agent.Asks(about.event) {
		about.denial = d.policy().RefuseUnread(ev, d.h.opt.Block)
	}
	d.judge(about)
	return ev
}

func (d *delivery) policy() *hook.Policy {
	return &hook.Policy{DenyRisk: d.h.opt.DenyRisk, Classify: d.Classify, Recording: d.Recording}
}

// record has events recorded, or spooled.
func (d *delivery) record(events []*etch.Event) outcome {
	cause := d.h.recordHook(d.c, events, max(0, hookHeld-time.Since(d.began)))
	switch {
	case cause == nil || errors.Is(cause, etch.ErrSkipped):
		return outcome{}
	case errors.Is(cause, server.ErrRateLimited) || errors.Is(cause, server.ErrTooLarge):
		// The spool is no way around a limit.
		d.h.opt.Server.Lose(d.c.sender, len(events), cause)
		return outcome{cause, true}
	}
	if err := d.h.spool(cause, server.Sign(events, d.c.sender)); err != nil {
		d.h.tell(err)
		return outcome{err, true}
	}
	return outcome{cause: cause}
}

// spool keeps the events of a delivery that the log did not take.
func (h *Handler) spool(cause error, events []*etch.Event) error {
	if h.opt.Spool == nil {
		return fmt.Errorf("a hook's events are lost: %w", cause)
	}
	if err := h.opt.Spool(cause, events...); err != nil {
		return fmt.Errorf("a hook's events are lost: %w: %w", cause, err)
	}
	h.tell(fmt.Errorf("a hook's events wait in the spool: %w", cause))
	return nil
}
