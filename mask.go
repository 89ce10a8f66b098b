package etch

import (
	"encoding/json"
	"maps"

	"github.com/etch-audit/etch/redact"
)

// A masked is an event as it is going to be stored, where that differs from
// what the caller gave: with its secrets masked, its risk filled in. Parts
// that stay as they were are the caller's own. It is reused, so that an event
// with nothing to mask costs no allocation.
type masked struct {
	ev       Event
	action   Action
	actor    Actor
	result   Result
	security Security
	egress   Egress
	copied   bool // ev is a copy of the caller's event
	count    int  // secrets masked
	masker   *redact.Masker
}

// event returns ev as it is to be stored. The result is valid until the next call.
func (m *masked) event(ev *Event, opt *Options, masker *redact.Masker) *Event {
	m.copied, m.count, m.masker = false, 0, masker
	if opt.Classify != nil && ev.Action != nil && ev.Action.Risk == "" {
		m.classify(ev, opt.Classify)
	}
	if !opt.NoRedact {
		m.redact(ev)
	}
	if m.copied {
		return &m.ev
	}
	return ev
}

// own returns the event that may be changed: a copy of ev.
func (m *masked) own(ev *Event) *Event {
	if !m.copied {
		m.ev, m.copied = *ev, true
	}
	return &m.ev
}

func (m *masked) classify(ev *Event, classify func(*Event) (Risk, []string)) {
	risk, reasons := classify(ev)
	if risk == "" {
		return
	}
	own := m.own(ev)
	m.action = *ev.Action
	m.action.Risk, m.action.RiskReasons = risk, reasons
	own.Action = &m.action
}

// redact masks the secrets in every text that may come from outside the
// caller. The ids of event, call, session, turn and trace stay as they are: by
// them records are found.
func (m *masked) redact(ev *Event) {
	if m.copied {
		ev = &m.ev
	}
	if a := ev.Actor; a != nil {
		m.redactActor(ev, a)
	}
	if a := ev.Action; a != nil {
		m.redactAction(ev, a)
	}
	if r := ev.Result; r != nil {
		m.redactResult(ev, r)
	}
	if e := ev.Egress; e != nil {
		m.redactEgress(ev, e)
	}
	if labels := m.labels(ev.Labels); labels != nil {
		m.own(ev).Labels = labels
	}
	m.redactSecurity(ev)
}

func (m *masked) redactActor(ev *Event, a *Actor) {
	before := m.count
	masked := *a
	for _, s := range [...]*string{
		&masked.Channel, &masked.UserID, &masked.Username, &masked.Agent, &masked.AgentID, &masked.Model, &masked.CallerID, &masked.Host,
	} {
		*s = m.name(*s)
	}
	if m.count > before {
		m.actor = masked
		m.own(ev).Actor = &m.actor
	}
}

func (m *masked) redactAction(ev *Event, a *Action) {
	before := m.count
	command, resource, cwd := m.text(a.Command), m.text(a.Resource), m.text(a.Cwd)
	arguments, n := m.masker.JSON(a.Arguments)
	m.count += n
	reasons := m.texts(a.RiskReasons)
	tool, server, skill, by := m.name(a.Tool), m.name(a.MCPServerID), m.name(a.Skill), m.name(a.ApprovedBy)
	if m.count == before {
		return
	}
	if a != &m.action {
		m.action = *a
	}
	m.action.Command, m.action.Resource, m.action.Cwd = command, resource, cwd
	m.action.Arguments, m.action.RiskReasons = json.RawMessage(arguments), reasons
	m.action.Tool, m.action.MCPServerID, m.action.Skill, m.action.ApprovedBy = tool, server, skill, by
	m.own(ev).Action = &m.action
}

// redactResult masks what went wrong. Whoever calls also chooses the words for the
// kinds of errors: an import takes them from attributes of another program's spans.
func (m *masked) redactResult(ev *Event, r *Result) {
	before := m.count
	masked := *r
	masked.Reason, masked.Message = m.text(r.Reason), m.text(r.Message)
	for _, s := range [...]*string{&masked.ErrorCategory, &masked.ErrorDomain, &masked.ErrorPhase, &masked.OutputSHA256} {
		*s = m.name(*s)
	}
	if m.count > before {
		m.result = masked
		m.own(ev).Result = &m.result
	}
}

func (m *masked) redactEgress(ev *Event, e *Egress) {
	before := m.count
	masked := *e
	masked.URL, masked.BlockReason = m.text(e.URL), m.text(e.BlockReason)
	masked.Host, masked.Method = m.name(e.Host), m.name(e.Method)
	if m.count > before {
		m.egress = masked
		m.own(ev).Egress = &m.egress
	}
}

// redactSecurity masks what policies said, and says how much was masked.
func (m *masked) redactSecurity(ev *Event) {
	var s Security
	if ev.Security != nil {
		s = *ev.Security
	}
	s.PolicyMatch, s.AdversarialPolicyDecision = m.text(s.PolicyMatch), m.text(s.AdversarialPolicyDecision)
	s.SandboxBackend, s.TrustLevel, s.SourceKind = m.name(s.SandboxBackend), m.name(s.TrustLevel), m.name(s.SourceKind)
	if m.count == 0 {
		return
	}
	s.Redactions += uint64(m.count)
	m.security = s
	m.own(ev).Security = &m.security
}

func (m *masked) text(s string) string {
	s, n := m.masker.Text(s)
	m.count += n
	return s
}

// shortest is how long a name must be to hold a secret that is known by its
// shape. Most names are shorter, and cost nothing.
const shortest = 12

// name masks what is called something: a model chooses the names of the tools that
// it calls, and a file of settings those of servers.
func (m *masked) name(s string) string {
	if len(s) < shortest {
		return s
	}
	return m.text(s)
}

// texts returns list itself where nothing in it is to be masked.
func (m *masked) texts(list []string) []string {
	var out []string
	for i, s := range list {
		t := m.text(s)
		if t == s {
			continue
		}
		if out == nil {
			out = append(out, list...)
		}
		out[i] = t
	}
	if out == nil {
		return list
	}
	return out
}

// labels returns nil where nothing in them is to be masked. A label counts as
// the value of its name, so that "token": "abc" is masked as well.
func (m *masked) labels(labels map[string]string) map[string]string {
	var out map[string]string
	for k, v := range labels {
		t, n := m.masker.Named(k, v)
		m.count += n
		name := m.name(k)
		if n == 0 && name == k {
			continue
		}
		if out == nil {
			out = maps.Clone(labels)
		}
		delete(out, k)
		for _, taken := out[name]; taken; _, taken = out[name] {
			name += "'" // without a log's key masks look alike
		}
		out[name] = t
	}
	return out
}
