package report

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/export/table"
)

// The most bytes that are kept of a text, and of reasons: "etch show" has the
// whole.
const (
	maxText    = 2000
	maxReasons = 8
)

// An Entry is one event, in short. Texts of more than 2,000 bytes, and what the
// log itself has cut, end in "…";
// of a name of more than 128 bytes there is the beginning, and a hash.
type Entry struct {
	Seq       uint64   `json:"seq"`
	Timestamp Time     `json:"timestamp"`
	Type      string   `json:"event_type"`
	User      string   `json:"user"`
	Agent     string   `json:"agent"`
	Tool      string   `json:"tool"`
	What      string   `json:"what"` // the command, URL, resource or arguments
	Risk      string   `json:"risk"`
	Reasons   []string `json:"risk_reasons"`
	Violation bool     `json:"violation"`
	Outcome   string   `json:"outcome"` // for people: ok, exit 3, blocked
	Reason    string   `json:"reason"`  // why it was denied, or failed
}

func newEntry(r *etch.Record) Entry {
	ev := &r.Event
	e := Entry{Seq: r.Seq, Timestamp: Time{ev.Timestamp}, Type: strings.Clone(shorten(string(ev.Type))), Violation: violation(ev), Reasons: []string{}}
	e.User, e.Agent = strings.Clone(shorten(userOf(ev))), strings.Clone(shorten(agentOf(ev)))
	e.What, e.Outcome, e.Reason = clip(what(ev), maxText), outcomeWord(ev), clip(reason(ev), maxText)
	if slices.ContainsFunc(r.Cuts, isOfWhat) && !strings.HasSuffix(e.What, "…") {
		e.What += "…"
	}
	if a := ev.Action; a != nil {
		e.Tool, e.Risk = strings.Clone(shorten(a.Tool)), strings.Clone(shorten(string(a.Risk)))
		for _, text := range a.RiskReasons[:min(len(a.RiskReasons), maxReasons)] {
			e.Reasons = append(e.Reasons, clip(text, maxText))
		}
	}
	return e
}

// isOfWhat reports whether the log has cut what Entry.What is made of.
func isOfWhat(c etch.Cut) bool {
	return slices.Contains([]string{"action.command", "egress.url", "action.resource", "action.arguments"}, c.Member)
}

// outcomeWord says how an event ended. That one is open is said of attempts
// whose completion would have stood in their place.
func outcomeWord(ev *etch.Event) string {
	if open(ev) {
		return "open"
	}
	return table.Outcome(ev)
}

// what says what was done, or was to be.
func what(ev *etch.Event) string {
	a := cmp.Or(ev.Action, &etch.Action{})
	switch e := ev.Egress; {
	case a.Command != "":
		return a.Command
	case e != nil:
		return strings.TrimSpace(e.Method + " " + cmp.Or(e.URL, e.Host))
	case a.Resource != "":
		return a.Resource
	}
	return string(a.Arguments)
}

// reason says why an event was refused, or did not succeed: the first of what
// its members tell.
func reason(ev *etch.Event) string {
	r, s, e := cmp.Or(ev.Result, &etch.Result{}), cmp.Or(ev.Security, &etch.Security{}), cmp.Or(ev.Egress, &etch.Egress{})
	text := cmp.Or(r.Reason, r.Message, e.BlockReason, s.PolicyMatch, strings.TrimPrefix(s.AdversarialPolicyDecision, "deny:"))
	if text == "allow" {
		text = ""
	}
	return cmp.Or(text, r.ErrorCategory, r.ErrorPhase)
}

func userOf(ev *etch.Event) string {
	if ev.Actor == nil {
		return ""
	}
	return strings.TrimPrefix(cmp.Or(ev.Actor.Username, ev.Actor.UserID), "@")
}

func agentOf(ev *etch.Event) string {
	if ev.Actor == nil {
		return ""
	}
	return cmp.Or(ev.Actor.Agent, ev.Actor.AgentID)
}

// clip returns a copy of a text that holds nothing else in memory: whole, or
// cut at a character and ended by "…".
func clip(text string, most int) string {
	if len(text) <= most {
		return strings.Clone(text)
	}
	end := most - len("…")
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// Facts are what is counted of an event.
type facts struct {
	risk                             etch.Risk
	outcome                          string
	risky, violation, denied, failed bool
	open                             bool
}

func factsOf(ev *etch.Event) facts {
	f := facts{violation: violation(ev), denied: denied(ev), open: open(ev)}
	if ev.Action != nil {
		f.risk = ev.Action.Risk
	}
	f.risky = f.risk.Rank() >= etch.RiskHigh.Rank()
	f.failed = ev.Result != nil && ev.Result.Type != etch.Success && !f.denied
	switch {
	case ev.Result != nil:
		f.outcome = string(ev.Result.Type)
	case f.denied:
		f.outcome = "denied"
	case f.open:
		f.outcome = "open"
	}
	return f
}

// The words mean what they mean to etch.Query.

func violation(ev *etch.Event) bool {
	return ev.Type == etch.PolicyViolation || ev.Security != nil && ev.Security.PolicyViolation
}

func denied(ev *etch.Event) bool {
	return ev.Result != nil && ev.Result.Type == etch.Blocked || ev.Action != nil && !ev.Action.Allowed
}

func open(ev *etch.Event) bool { return ev.Phase == etch.Attempt && ev.Result == nil }

func sameUser(want, got string) bool {
	return got != "" && strings.TrimPrefix(want, "@") == strings.TrimPrefix(got, "@")
}
