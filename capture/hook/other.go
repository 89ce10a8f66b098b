package hook

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/etch-audit/etch"
)

// base returns an event of the session that is no call.
func (t *Turn) base(kind etch.EventType) *etch.Event {
	c := &t.m.Call
	e := &etch.Event{
		Type: kind, SessionID: c.Session, TurnID: c.Turn, Timestamp: t.m.Time,
		Actor: &etch.Actor{AgentID: c.AgentID, Model: c.Model},
	}
	setLabel(e, "capture", SourceHook)
	setLabel(e, "event", cutText(t.m.Name, maxMessage))
	setLabel(e, "agent_type", c.AgentType)
	setLabel(e, "parent_session", c.ParentSession)
	setLabel(e, "permission_mode", c.Mode)
	return e
}

// did says what was done in an event that is no call: nobody was asked.
func did(tool, resource, cwd string) *etch.Action {
	return &etch.Action{Tool: tool, Resource: resource, Cwd: cwd, Approved: true, Allowed: true}
}

// permission records that somebody is asked whether a call may run, with the id
// of that call where it can be found.
func (t *Turn) permission(c Call) {
	digest := InputDigest(c.Input)
	if c.ID == "" {
		again := t.again()
		id, fresh := t.state.asked(&c, digest)
		if id == "" {
			id, fresh = t.askedByPart(&c)
		}
		if c.ID = id; !fresh && again {
			return
		}
	} else {
		i := t.state.findCall(c.ID, digest)
		if !t.state.add(keyOf(c.ID, "request", digest)) && (i < 0 || t.state.Open[i].Asked) {
			return
		}
		if i < 0 {
			i = t.state.find(c.ID)
		}
		if i >= 0 {
			t.state.Open[i].Asked = true
		}
	}
	c.Start = t.m.Time
	e := t.agent().Attempt(&c, t.recording())
	e.Type, e.Phase = etch.ApprovalRequest, ""
	setLabel(e, "event", cutText(t.m.Name, maxMessage))
	t.add(e)
}

// askedByPart finds the call that a request is about whose input is not that of
// the call: of those of its agent that run the same command, or touch the same
// file, the eldest of which no request was told.
func (t *Turn) askedByPart(c *Call) (id string, fresh bool) {
	probe := t.agent().Attempt(c, Recording{})
	asked := memoOf(probe, t.m.Delivery.masker)
	for i := range t.state.Open {
		o := &t.state.Open[i]
		if o.Asked || o.Agent != c.AgentID || !sameStart(o.Event.Command, asked.Command) || !sameStart(o.Event.Resource, asked.Resource) {
			continue
		}
		if asked.Command == "" && asked.Resource == "" && !(c.Server != "" && o.Server == c.Server && o.Tool == c.Tool) {
			continue
		}
		o.Asked = true
		return o.ID, true
	}
	return "", false
}

// sameStart reports whether two texts begin alike, as far as is remembered of them.
func sameStart(a, b string) bool { return cutText(a, maxMemo) == cutText(b, maxMemo) }

// denied records a refusal that has an event of its own, and the end of its call.
func (t *Turn) denied(c Call) {
	digest := InputDigest(c.Input)
	i := -1
	if c.ID != "" {
		i = t.state.findCall(c.ID, digest)
		if !t.state.add(keyOf(c.ID, "denied", digest)) && i < 0 {
			return
		}
		if i < 0 {
			i = t.state.find(c.ID)
		}
	} else if t.again() {
		return
	}
	c.Ended, c.Outcome = true, etch.Blocked
	if c.Denial.By == "" {
		c.Denial = Denial{ByUnknown, t.m.Reason}
	}
	if c.ID == "" {
		if i = t.state.match(&c, digest); i >= 0 {
			c.ID = t.state.Open[i].ID
		}
	}
	decision := c
	decision.Start = t.m.Time
	e := t.agent().Completion(&decision, t.recording())
	e.Type, e.Phase = etch.ApprovalDecision, ""
	setLabel(e, "event", cutText(t.m.Name, maxMessage))
	t.add(e)
	if c.ID != "" && (i >= 0 || !t.state.knows(endKey(c.ID))) {
		t.complete(c, i)
	}
}

// prompt records what a person said. The calls of turns before are over by then.
func (t *Turn) prompt() {
	m := t.m
	if m.NoPerson || m.Call.ParentSession != "" || t.again() {
		return
	}
	t.endDead()
	t.endAll(t.state, EndUnknown, func(o *openCall) bool {
		return o.Agent == m.Call.AgentID && (o.Turn == "" || o.Turn != m.Call.Turn)
	})
	e := t.base(etch.UserPrompt)
	e.Action = did("", "", m.Call.Cwd)
	e.Action.Arguments = t.recording().Prompt(m.Prompt)
	t.add(e)
}

// Prompt returns the arguments of the event of a prompt: what was said, or its
// length and SHA-256.
func (r Recording) Prompt(text string) json.RawMessage {
	arguments := append([]byte(nil), `{"prompt":`...)
	if r.Prompts {
		arguments = appendQuoted(arguments, text)
	} else {
		arguments = appendDigest(arguments, text)
	}
	return append(arguments, '}')
}

// start records that a session begins or goes on.
func (t *Turn) start() {
	if t.again() {
		return
	}
	t.endDead()
	e := t.base(etch.SessionStart)
	e.Action = did("", "", t.m.Call.Cwd)
	setLabel(e, "source", cutText(t.m.Reason, maxMessage))
	t.add(e)
	t.watch()
}

// end records that a session is over, once, and ends what is open of it.
func (t *Turn) end() {
	if t.state.Ended {
		return
	}
	t.state.Ended = true
	t.endAll(t.state, EndSessionEnded, func(*openCall) bool { return true })
	e := t.base(etch.SessionEnd)
	e.Action = did("", "", t.m.Call.Cwd)
	setLabel(e, "reason", cutText(t.m.Reason, maxMessage))
	t.recheck()
	t.add(e)
}

// subagent records that a sub-agent begins, or is done. What agents do to
// themselves in its form, with neither a type nor a beginning, says nothing.
func (t *Turn) subagent() {
	c, started := &t.m.Call, t.m.Kind == SubagentStart
	known := slices.Contains(t.state.Agents, c.AgentID)
	if !started && c.AgentType == "" && !known || t.again() {
		return
	}
	kind := etch.SessionEnd
	if started {
		kind = etch.SessionStart
		if !known {
			t.state.Agents = append(t.state.Agents, c.AgentID)
			t.state.Agents = t.state.Agents[max(0, len(t.state.Agents)-maxAgents):]
		}
	}
	e := t.base(kind)
	e.Action = did("subagent", "", c.Cwd)
	t.add(e)
}

// other records events that tell of no call.
func (t *Turn) other() {
	m := t.m
	switch m.Kind {
	case ConfigEvent:
		t.config()
		return
	case ElicitEvent, ElicitResultEvent:
		t.elicit()
		return
	}
	if t.again() {
		return
	}
	switch b := m.Body; m.Kind {
	case ChangeEvent:
		e := t.base(etch.ConfigurationChange)
		e.Action = did(m.Name, cutText(b.Text("file_path", "directory", "path", "worktree_path", "new_cwd", "to_model", "name", "cwd"), maxKept), m.Call.Cwd)
		e.Action.Arguments = t.rest()
		t.add(e)
	case LoadEvent, FileEvent:
		e := t.base(etch.FileAccess)
		e.Action = did("instructions", b.Text("file_path", "path"), m.Call.Cwd)
		access := "read"
		if m.Kind == FileEvent {
			e.Action.Tool, access = "file", "changed"
		}
		setLabel(e, "access", access)
		e.Action.Arguments = t.rest()
		t.add(e)
	default:
		e := t.base(etch.SecurityEvent)
		e.Action = did(cutText(m.Name, maxMessage), "", m.Call.Cwd)
		e.Action.Arguments = t.rest()
		e.Action.Risk, e.Action.RiskReasons = etch.RiskLow, []string{"hook-event: not one that is known of " + t.agentName()}
		t.add(e)
	}
}

// elicit records that an MCP server asks a person for something, and the answer.
func (t *Turn) elicit() {
	m := t.m
	server := m.Body.Text("mcp_server_name", "server_name")
	if t.elicitedAgain(server) {
		return
	}
	kind := etch.ApprovalRequest
	if m.Kind == ElicitResultEvent {
		kind = etch.ApprovalDecision
	}
	e := t.base(kind)
	e.Action = did("elicitation", m.Body.Text("url"), m.Call.Cwd)
	e.Action.MCPServerID = server
	e.Action.Arguments = t.rest()
	if kind == etch.ApprovalDecision {
		e.Result = &etch.Result{Type: etch.Success}
		if action := m.Body.Text("action"); action != "accept" {
			e.Result = &etch.Result{Type: etch.Blocked, Reason: cutText(action, maxMessage)}
			e.Action.Approved = false
		}
	}
	t.add(e)
}

// elicitedAgain is again for what a server asks and what it is answered: both are said
// word for word the same time after time, so that a payload is a second delivery only
// of the last one of its server. An agent waits for all its hooks before it goes on.
func (t *Turn) elicitedAgain(server string) bool {
	of, k := keyOf("elicitation", server), t.payloadKey()
	copy(k[:4], of[:4])
	if !t.state.note(k, t.now) {
		return true
	}
	var kept []byte
	for note := range slices.Chunk(t.state.Notes, 16) {
		if !bytes.HasPrefix(note, of[:4]) || bytes.HasPrefix(note, k[:]) {
			kept = append(kept, note...)
		}
	}
	t.state.Notes = kept
	return false
}

// rest returns the members of the payload that no other field of an event has.
func (t *Turn) rest() []byte {
	p := Payload{members: slices.DeleteFunc(slices.Clone(t.m.Body.members), func(m member) bool {
		switch m.name {
		case "session_id", "sessionId", "transcript_path", "transcriptPath", "cwd", "hook_event_name", "hookEventName", "hookName",
			"permission_mode", "prompt_id", "turn_id", "timestamp", "agent_id", "agent_type", "model", "effort", "session_crons":
			return true
		}
		return false
	})}
	if p.Len() == 0 {
		return nil
	}
	return appendMembers(nil, p, keep{Recording: t.recording()}, 0)
}

// unreadable records bytes that are no payload.
func (t *Turn) unreadable() {
	if t.again() {
		return
	}
	e := t.base(etch.SecurityEvent)
	e.Action = did(cutText(t.m.Name, maxMessage), "", "")
	e.Action.Arguments = append(appendDigest(append([]byte(nil), `{"payload":`...), string(t.m.Delivery.Payload)), '}')
	e.Action.Risk, e.Action.RiskReasons = etch.RiskMedium, []string{"hook-payload: what the agent sent could not be read"}
	t.add(e)
}
