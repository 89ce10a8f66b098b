package etch

import "github.com/etch-audit/etch/internal/later"

// The members of an event, in the order of the format: what the decoder knows
// and the cutting of long values goes by. The encoder is written out by hand
// for speed; a test holds the two together.

// An object is one object of the line.
type object struct {
	name    string // as a prefix of its members: "action.", "" for the line itself
	members []member
	has     func(*Event) bool
}

// A member is one known member of an object.
type member struct {
	name string
	// at returns a pointer to the field, whose type says how it is stored.
	// The object must be there.
	at func(*Event) any
}

var eventObject = object{"", []member{
	{"timestamp", func(e *Event) any { return &e.Timestamp }},
	{"event_id", func(e *Event) any { return &e.ID }},
	{"event_type", func(e *Event) any { return &e.Type }},
	{"phase", func(e *Event) any { return &e.Phase }},
	{"call_id", func(e *Event) any { return &e.CallID }},
	{"session_id", func(e *Event) any { return &e.SessionID }},
	{"turn_id", func(e *Event) any { return &e.TurnID }},
	{"trace_id", func(e *Event) any { return &e.TraceID }},
	{"actor", func(e *Event) any { return &e.Actor }},
	{"action", func(e *Event) any { return &e.Action }},
	{"result", func(e *Event) any { return &e.Result }},
	{"security", func(e *Event) any { return &e.Security }},
	{"egress", func(e *Event) any { return &e.Egress }},
	{"labels", func(e *Event) any { return &e.Labels }},
}, func(*Event) bool { return true }}

var actorObject = object{"actor.", []member{
	{"channel", func(e *Event) any { return &e.Actor.Channel }},
	{"user_id", func(e *Event) any { return &e.Actor.UserID }},
	{"username", func(e *Event) any { return &e.Actor.Username }},
	{"agent", func(e *Event) any { return &e.Actor.Agent }},
	{"agent_id", func(e *Event) any { return &e.Actor.AgentID }},
	{"model", func(e *Event) any { return &e.Actor.Model }},
	{"caller_id", func(e *Event) any { return &e.Actor.CallerID }},
	{"host", func(e *Event) any { return &e.Actor.Host }},
}, func(e *Event) bool { return e.Actor != nil }}

var actionObject = object{"action.", []member{
	{"tool", func(e *Event) any { return &e.Action.Tool }},
	{"command", func(e *Event) any { return &e.Action.Command }},
	{"arguments", func(e *Event) any { return &e.Action.Arguments }},
	{"resource", func(e *Event) any { return &e.Action.Resource }},
	{"cwd", func(e *Event) any { return &e.Action.Cwd }},
	{"risk_level", func(e *Event) any { return &e.Action.Risk }},
	{"risk_reasons", func(e *Event) any { return &e.Action.RiskReasons }},
	{"approved", func(e *Event) any { return &e.Action.Approved }},
	{"approved_by", func(e *Event) any { return &e.Action.ApprovedBy }},
	{"allowed", func(e *Event) any { return &e.Action.Allowed }},
	{"claim_source", func(e *Event) any { return &e.Action.ClaimSource }},
	{"mcp_server_id", func(e *Event) any { return &e.Action.MCPServerID }},
	{"skill", func(e *Event) any { return &e.Action.Skill }},
}, func(e *Event) bool { return e.Action != nil }}

// success is no field: it says whether the type is Success.
var resultObject = object{"result.", []member{
	{"success", func(*Event) any { return successMember{} }},
	{"type", func(e *Event) any { return &e.Result.Type }},
	{"reason", func(e *Event) any { return &e.Result.Reason }},
	{"message", func(e *Event) any { return &e.Result.Message }},
	{"restored", func(e *Event) any { return &e.Result.Restored }},
	{"deleted", func(e *Event) any { return &e.Result.Deleted }},
	{"exit_code", func(e *Event) any { return &e.Result.ExitCode }},
	{"duration_ms", func(e *Event) any { return &e.Result.Duration }},
	{"truncated", func(e *Event) any { return &e.Result.Truncated }},
	{"error_category", func(e *Event) any { return &e.Result.ErrorCategory }},
	{"error_domain", func(e *Event) any { return &e.Result.ErrorDomain }},
	{"error_phase", func(e *Event) any { return &e.Result.ErrorPhase }},
	{"output_bytes", func(e *Event) any { return &e.Result.OutputBytes }},
	{"output_sha256", func(e *Event) any { return &e.Result.OutputSHA256 }},
}, func(e *Event) bool { return e.Result != nil }}

var securityObject = object{"security.", []member{
	{"policy_violation", func(e *Event) any { return &e.Security.PolicyViolation }},
	{"rate_limit_remaining", func(e *Event) any { return &e.Security.RateLimitRemaining }},
	{"sandbox_backend", func(e *Event) any { return &e.Security.SandboxBackend }},
	{"policy_match", func(e *Event) any { return &e.Security.PolicyMatch }},
	{"adversarial_policy_decision", func(e *Event) any { return &e.Security.AdversarialPolicyDecision }},
	{"injection_flagged", func(e *Event) any { return &e.Security.InjectionFlagged }},
	{"embedding_anomalous", func(e *Event) any { return &e.Security.EmbeddingAnomalous }},
	{"cross_boundary_mcp_to_acp", func(e *Event) any { return &e.Security.CrossBoundaryMCPToACP }},
	{"trust_level", func(e *Event) any { return &e.Security.TrustLevel }},
	{"source_kind", func(e *Event) any { return &e.Security.SourceKind }},
	{"redactions", func(e *Event) any { return &e.Security.Redactions }},
}, func(e *Event) bool { return e.Security != nil }}

var egressObject = object{"egress.", []member{
	{"url", func(e *Event) any { return &e.Egress.URL }},
	{"host", func(e *Event) any { return &e.Egress.Host }},
	{"method", func(e *Event) any { return &e.Egress.Method }},
	{"status", func(e *Event) any { return &e.Egress.Status }},
	{"response_bytes", func(e *Event) any { return &e.Egress.ResponseBytes }},
	{"blocked", func(e *Event) any { return &e.Egress.Blocked }},
	{"block_reason", func(e *Event) any { return &e.Egress.BlockReason }},
	{"hop", func(e *Event) any { return &e.Egress.Hop }},
}, func(e *Event) bool { return e.Egress != nil }}

// objects are all objects of a line, the line itself first.
var objects = [...]*object{&eventObject, &actorObject, &actionObject, &resultObject, &securityObject, &egressObject}

// successMember stands where the format has success.
type successMember struct{}

// textAt returns the field that at points to, where it is a text.
func textAt(at any) *string {
	switch p := at.(type) {
	case *string:
		return p
	case *EventType:
		return (*string)(p)
	case *Phase:
		return (*string)(p)
	case *Risk:
		return (*string)(p)
	case *Outcome:
		return (*string)(p)
	case *ClaimSource:
		return (*string)(p)
	}
	return nil
}

// find returns the index of a member, -1 where there is none. The search
// begins at next, where the order of the format makes it short.
func (o *object) find(name []byte, next int) int {
	for i := range o.members {
		if i += next; i >= len(o.members) {
			i -= len(o.members)
		}
		if o.members[i].name == string(name) {
			return i
		}
	}
	return -1
}

// cutPaths are the members that may be cut, in the order of cutting. Part of
// the format.
var cutPaths = [...]string{
	"action.arguments", "result.message", "result.reason", "action.command",
	"labels", "action.risk_reasons",
	"security.policy_match", "security.adversarial_policy_decision", "security.sandbox_backend",
	"security.trust_level", "security.source_kind",
	"egress.url", "egress.block_reason", "egress.host", "egress.method",
	"action.resource", "action.cwd", "action.tool", "action.skill", "action.mcp_server_id", "action.approved_by",
	"result.error_category", "result.error_domain", "result.error_phase", "result.output_sha256",
	"actor.host", "actor.model", "actor.agent", "actor.agent_id", "actor.caller_id",
	"actor.channel", "actor.username", "actor.user_id",
	"trace_id", "turn_id", "session_id", "call_id",
	"action.claim_source", "action.risk_level", "result.type", "phase", "event_id", "event_type",
}

// A cuttable is a member that may be cut.
type cuttable struct {
	path   string
	object *object
	member *member
}

// cutOrder returns the members of cutPaths.
var cutOrder = later.Value[[]cuttable]{Make: func() []cuttable {
	byPath := make(map[string]cuttable)
	for _, o := range objects {
		for i := range o.members {
			path := o.name + o.members[i].name
			byPath[path] = cuttable{path, o, &o.members[i]}
		}
	}
	order := make([]cuttable, len(cutPaths))
	for i, path := range cutPaths {
		c, ok := byPath[path]
		if !ok {
			panic("etch: bad path in cutPaths: " + path)
		}
		order[i] = c
	}
	return order
}}
