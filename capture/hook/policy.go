package hook

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/surrogate"
)

// A Policy says which calls are refused.
type Policy struct {
	// DenyRisk refuses calls of that risk and above; "" refuses none.
	DenyRisk etch.Risk
	// Classify judges the risk.
	Classify func(*etch.Event) (etch.Risk, []string)
	// Recording is that of the deliveries.
	Recording Recording
}

// Judge refuses the call that a delivery asks about, if there is one, where the policy
// says so. It returns the turn's events with the one that ends the call so, and the
// reason for the agent: "" where nothing is refused. It is to be asked only where the
// agent honours a refusal.
func (p *Policy) Judge(agent *Agent, turn *Turn) (events []*etch.Event, reason string) {
	events = turn.Events
	if p.DenyRisk == "" || turn.Request == nil {
		return events, ""
	}
	// Of a call that is delivered twice attempt and refusal are on record already.
	at := slices.IndexFunc(events, func(ev *etch.Event) bool { return ev.Phase == etch.Attempt })
	if reason = unclear(turn.m, turn.Request.Input); reason == "" {
		var attempt *etch.Event
		if at >= 0 {
			attempt = events[at]
		} else {
			attempt = agent.Attempt(turn.Request, p.Recording)
		}
		level, why := p.Classify(attempt)
		if !level.Reaches(p.DenyRisk) {
			return events, ""
		}
		reason = p.reason(level, why)
	}
	if at >= 0 {
		ev := p.refusal(agent, turn.Request, events[at], reason)
		ev.ID, ev.Timestamp = etch.NewEventID(turn.now), turn.now
		events = append(slices.Clip(events), ev)
	}
	return events, refusedFor(reason)
}

// Foresee judges the call that a delivery asks about by the command of a shell alone, and
// returns the reason for which [Policy.Judge] will refuse it: "" where that is no reason,
// and where it asks about no such call. It takes no longer than the payload is read.
func (p *Policy) Foresee(d *Delivery) (reason string) {
	m := decode(d)
	if m.Kind != AttemptEvent || d.Agent.kind(&m.Call) != ShellTool {
		return ""
	}
	input, _ := ParsePayload(inputObject(m.Call.Input))
	for _, line := range d.Agent.commandsOf(&m.Call, input) {
		level, why := p.Classify(&etch.Event{
			Type: etch.CommandExecution, Phase: etch.Attempt,
			Action: &etch.Action{Tool: m.Call.Tool, Cwd: m.Call.Cwd, Command: line.text, ClaimSource: etch.ClaimShell, Allowed: true},
		})
		if level.Reaches(p.DenyRisk) {
			return refusedFor(p.reason(level, why))
		}
	}
	return ""
}

// reason says why a call of a risk is refused.
func (p *Policy) reason(level etch.Risk, why []string) string {
	reason := fmt.Sprintf("risk %s is at or above the limit %s", level, p.DenyRisk)
	if len(why) > 0 {
		reason += ": " + strings.Join(why, "; ")
	}
	return reason
}

// refusedFor is what an agent is told of a call that is refused for a reason.
func refusedFor(reason string) string { return "etch refuses this call: " + reason }

// Unjudged is what an agent is told of a call that is refused because the policy refuses
// some calls, and nobody can say yet whether this is one.
func Unjudged(cause error) string {
	return fmt.Sprintf("etch refuses what it cannot judge in time: %v", cause)
}

// unclear says why a call cannot be judged, though it can be read: what the agent, or its
// tool, makes of the text may be something else. "" where nothing is unclear.
func unclear(m *Message, input []byte) string {
	payload := m.Delivery.Payload
	switch {
	case !m.Whole:
		return "it cannot be judged: what was told of it breaks off, or is not one object of JSON"
	case surrogate.In(payload), surrogate.In(input): // the input may be JSON in a string
		return "it cannot be judged: half of a surrogate pair is in it, and readers differ in what that says"
	case !utf8.Valid(payload):
		return "it cannot be judged: it is not UTF-8, and readers differ in what stands there"
	case isBroken(input):
		return "it cannot be judged: its input is a text that begins as an object of JSON, and is none"
	}
	return ""
}

// isBroken reports whether an input is a text that begins as an object of JSON, as that of
// some agents is one, and is none as a whole.
func isBroken(input json.RawMessage) bool {
	text, ok := Text(input) // an object in a text was taken out of it when the call was read
	return ok && strings.HasPrefix(strings.TrimSpace(text), "{")
}

// refusal returns the event that ends a call which the policy refuses.
func (p *Policy) refusal(agent *Agent, request *Call, attempt *etch.Event, reason string) *etch.Event {
	refused := *request
	refused.Ended, refused.Outcome = true, etch.Blocked
	refused.Denial = Denial{By: ByPolicy, Reason: reason}
	ev := agent.Completion(&refused, p.Recording)
	// The call may have got its id here. It stays a call of its type, so that it is
	// one row with its attempt; that it violates a policy says the flag.
	ev.Type, ev.CallID, ev.Actor = attempt.Type, attempt.CallID, attempt.Actor
	ev.Security = &etch.Security{PolicyViolation: true, PolicyMatch: "deny_risk=" + string(p.DenyRisk)}
	if ev.Result != nil {
		ev.Result.ErrorCategory, ev.Result.ErrorDomain = "policy_blocked", "action"
	}
	return ev
}

// Refused returns those of the events that end a call which a policy has refused: as
// [Sessions.Settled] takes them.
func Refused(events []*etch.Event) []SettledCall {
	var calls []SettledCall
	for _, ev := range events {
		if ev.Security != nil && ev.Security.PolicyViolation && ev.Phase == etch.Completion {
			calls = append(calls, SettledCall{ID: ev.CallID, Input: ev.Labels["input_sha256"]})
		}
	}
	return calls
}

// Unrecorded is what an agent is told of a call that is refused because it cannot be
// recorded.
func Unrecorded(cause error) string {
	return fmt.Sprintf("etch cannot record this call, and [hooks] on_error is %q: %v", "block", cause)
}
