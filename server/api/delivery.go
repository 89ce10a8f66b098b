package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
)

// hook serves POST /hook/AGENT[/EVENT]: it records what an agent tells a hook and
// answers what the agent takes for "go on", whatever became of the record, unless the
// configuration wants the call refused. What the log does not take waits in the spool.
func (h *Handler) hook(c *call) error {
	agent := h.agent(c.r.PathValue("agent"))
	if agent == nil {
		return &problem{status: http.StatusNotFound, code: "not_found", text: "no agent of that name is known", hint: "\"etch hook --help\" lists them"}
	}
	body, err := h.someBody(c)
	if err != nil {
		return err
	}
	d := &delivery{h: h, c: c, known: make(chan subject, 1), ended: make(chan outcome, 1)}
	d.Delivery = hook.Delivery{
		Agent: agent, Event: c.r.PathValue("event"), Payload: body.Data, Now: h.opt.Now(), Remote: true, Sender: c.sender.Key(),
		Actor: etch.Actor{Host: h.opt.Host}, Recording: h.opt.Recording, Classify: h.opt.Classify, Masker: h.opt.Masker,
	}
	if s := c.sender; s.UID >= 0 {
		d.Actor.Username, d.Actor.UserID, d.Parent = s.User, fmt.Sprint(s.UID), max(s.PID, 0)
	}
	h.hooks.Go(func() {
		defer body.Release()
		d.ended <- d.deliver()
	})
	patience := time.NewTimer(h.patience)
	defer patience.Stop()
	end := outcome{cause: fmt.Errorf("no record within %v", h.patience)}
	select {
	case end = <-d.ended:
	case <-patience.C:
	}
	return d.answer(end)
}

func (h *Handler) agent(name string) *hook.Agent {
	if h.opt.Agent == nil {
		return nil
	}
	return h.opt.Agent(name)
}

// A delivery is one that came by HTTP.
type delivery struct {
	hook.Delivery
	h     *Handler
	c     *call
	known chan subject // capacity 1: told what is asked as soon as it is known
	ended chan outcome // capacity 1
}

// A subject is what a delivery asks the agent's way.
type subject struct {
	event  string // by what name its event goes
	call   bool   // whether a call may go on
	denial string // why it may not; "" where it may
}

// An outcome is what became of the events of a delivery.
type outcome struct {
	cause error // why they are not in the log; nil: they are
	lost  bool  // they are nowhere
}

// answer answers the agent. Words for a person have no place in an answer by HTTP, and
// no exit code stops an agent that asks by it.
func (d *delivery) answer(end outcome) error {
	about := subject{event: d.Event}
	select {
	case about = <-d.known:
	default: // not even that is known yet
	}
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

// judge refuses the call that a turn asks about, where the policy says so and the agent
// honours it, and tells what is asked.
func (d *delivery) judge(turn *hook.Turn) (events []*etch.Event) {
	about := subject{event: turn.Event, call: turn.Request != nil}
	events = turn.Events
	if _, refuses := d.deny(turn.Event, ""); refuses {
		policy := hook.Policy{DenyRisk: d.h.opt.DenyRisk, Classify: d.Classify, Recording: d.Recording}
		events, about.denial = policy.Judge(d.Agent, turn)
	}
	d.known <- about
	return events
}

// deliver records a delivery.
func (d *delivery) deliver() outcome {
	h := d.h
	ctx, cancel := context.WithTimeout(d.c.context(), hookMemory)
	defer cancel()
	turn, err := h.sessions.Begin(ctx, &d.Delivery)
	h.tell(err)
	events := d.judge(turn)
	if len(events) == 0 {
		h.tell(turn.Keep())
		return outcome{}
	}
	_, cause := h.record(d.c, events)
	switch {
	case cause == nil || errors.Is(cause, etch.ErrSkipped):
		cause = nil
	case errors.Is(cause, server.ErrRateLimited) || errors.Is(cause, server.ErrTooLarge):
		h.tell(turn.Drop())
		return outcome{cause, true} // the spool is no way around a limit
	default:
		if err := h.spool(cause, server.Sign(events, d.c.sender)); err != nil {
			h.tell(errors.Join(err, turn.Drop()))
			return outcome{err, true}
		}
	}
	settling, cancel := context.WithTimeout(d.c.context(), hookMemory)
	defer cancel()
	h.tell(errors.Join(turn.Keep(), turn.Settled(settling, hook.Refused(events)...)))
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
