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
// answers what the agent takes for "go on", whatever became of the record. What
// the log does not take waits in the spool.
func (h *Handler) hook(c *call) error {
	agent := h.agent(c.r.PathValue("agent"))
	if agent == nil {
		return &problem{status: http.StatusNotFound, code: "not_found", text: "no agent of that name is known", hint: "\"etch hook --help\" lists them"}
	}
	body, err := h.someBody(c)
	if err != nil {
		return err
	}
	d := &hook.Delivery{
		Agent: agent, Event: c.r.PathValue("event"), Payload: body.data, Now: h.opt.Now(), Remote: true, Sender: c.sender.Key(),
		Actor: etch.Actor{Host: h.opt.Host}, Recording: h.opt.Recording, Classify: h.opt.Classify, Masker: h.opt.Masker,
	}
	if s := c.sender; s.UID >= 0 {
		d.Actor.Username, d.Actor.UserID, d.Parent = s.User, fmt.Sprint(s.UID), max(s.PID, 0)
	}
	event := make(chan string, 1)
	ended := make(chan error, 1)
	h.hooks.Go(func() {
		defer h.release(body)
		ended <- h.deliver(c, d, event)
	})
	patience := time.NewTimer(hookPatience)
	defer patience.Stop()
	select {
	case err := <-ended:
		if err != nil {
			return err
		}
	case <-patience.C:
	}
	name := d.Event
	select {
	case name = <-event:
	default: // not even that is known yet
	}
	c.goOn(agent.GoOn(name))
	return nil
}

func (h *Handler) agent(name string) *hook.Agent {
	if h.opt.Agent == nil {
		return nil
	}
	return h.opt.Agent(name)
}

// goOn answers what the agent takes for "go on". Words for a person have no place
// in an answer by HTTP, and no exit code stops an agent that asks by it.
func (c *call) goOn(a hook.Answer) {
	if len(a.Stdout) == 0 {
		c.answer(http.StatusOK, "application/json", []byte("{}\n"))
		return
	}
	c.answer(http.StatusOK, "application/json", a.Stdout)
}

// deliver records a delivery, and says by what name its event goes. The error is
// that the events were refused, and are nowhere.
func (h *Handler) deliver(c *call, d *hook.Delivery, event chan<- string) error {
	ctx, cancel := context.WithTimeout(c.context(), hookMemory)
	defer cancel()
	turn, err := h.sessions.Begin(ctx, d)
	h.tell(err)
	event <- turn.Event
	if len(turn.Events) == 0 {
		h.tell(turn.Keep())
		return nil
	}
	_, err = h.record(c, turn.Events)
	switch {
	case err == nil || errors.Is(err, etch.ErrSkipped):
		err = nil
	case errors.Is(err, server.ErrRateLimited) || errors.Is(err, server.ErrTooLarge):
		h.tell(turn.Drop())
		return err // the spool is no way around a limit
	default:
		err = h.spool(err, server.Sign(turn.Events, c.sender))
	}
	if err != nil {
		h.tell(errors.Join(err, turn.Drop()))
		return err
	}
	h.tell(turn.Keep())
	return nil
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
