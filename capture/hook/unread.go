package hook

import (
	"encoding/json"
	"fmt"

	"github.com/etch-audit/etch"
)

// MaxPayload is how many bytes of a payload are looked at. The largest that agents
// were seen to send are a few megabytes.
const MaxPayload = 32 << 20

// A Sum is what is known of a payload that is not looked at.
type Sum struct {
	Bytes  int64  // as many as came
	SHA256 string // of those, in lower-case hexadecimal digits
	Whole  bool   // these are all of it
}

// TooLong says why a payload of more than [MaxPayload] bytes is not looked at.
func (s *Sum) TooLong() string {
	return fmt.Sprintf("its payload of %d bytes is longer than the %d that are looked at", s.Bytes, MaxPayload)
}

// Unread returns the event that says no more of a delivery than that it came, with
// what, and why there is no more to say. What is there of its Payload is looked at for
// the name of the event and the session.
func (d *Delivery) Unread(sum Sum, why string) *etch.Event {
	m := decode(d)
	arguments, err := json.Marshal(map[string]any{
		"event": m.Name, "payload": map[string]any{"bytes": sum.Bytes, "sha256": sum.SHA256, "whole": sum.Whole},
	})
	if err != nil {
		panic("hook: bad arguments of a delivery: " + err.Error())
	}
	actor := d.Actor
	actor.Agent = d.Agent.Name
	return &etch.Event{
		Timestamp: d.Now, Type: etch.ToolCall, Actor: &actor, SessionID: m.Call.Session,
		Action: &etch.Action{Tool: "hook", Arguments: arguments, Allowed: true},
		Result: &etch.Result{Type: etch.Error, Message: why, ErrorCategory: "unreadable", ErrorDomain: "hook"},
		Labels: map[string]string{"capture": "hook"},
	}
}

// EventName returns the name of the event that a delivery is of, as far as it tells.
func (d *Delivery) EventName() string { return decode(d).Name }

// RefuseUnread refuses the call that an event of [Delivery.Unread] may be about, where
// the policy refuses any, or block says that a call is refused which is not on record.
// It returns the reason for the agent: "" where nothing is refused. It is to be asked
// only where the agent honours a refusal.
func (p *Policy) RefuseUnread(ev *etch.Event, block bool) (reason string) {
	rule := "deny_risk=" + string(p.DenyRisk)
	switch {
	case p.DenyRisk != "":
	case block:
		rule = "on_error=block"
	default:
		return ""
	}
	why := ev.Result.Message
	ev.Action.Allowed = false
	ev.Result.Type, ev.Result.Message, ev.Result.Reason = etch.Blocked, "", why
	ev.Security = &etch.Security{PolicyViolation: true, PolicyMatch: rule}
	setLabel(ev, "denied_by", ByPolicy)
	return "etch refuses what it cannot look at: " + why
}
