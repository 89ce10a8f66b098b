package csv

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/later"
)

// A column is one member of the format.
type column struct {
	name string
	cell func(*etch.Record) string
}

// columns are all members. New ones are only ever added at the end. The list is
// made when a table is: most processes write none.
var columns = later.Value[[]column]{Make: func() []column {
	return []column{
		{"seq", func(r *etch.Record) string { return strconv.FormatUint(r.Seq, 10) }},
		{"timestamp", func(r *etch.Record) string { return timestamp(r.Event.Timestamp) }},
		text("event_id", func(e *etch.Event) string { return e.ID }),
		{"event_type", eventType},
		text("phase", func(e *etch.Event) string { return string(e.Phase) }),
		text("call_id", func(e *etch.Event) string { return e.CallID }),
		text("session_id", func(e *etch.Event) string { return e.SessionID }),
		text("turn_id", func(e *etch.Event) string { return e.TurnID }),
		text("trace_id", func(e *etch.Event) string { return e.TraceID }),

		actor("channel", func(a *etch.Actor) string { return a.Channel }),
		actor("user_id", func(a *etch.Actor) string { return a.UserID }),
		actor("username", func(a *etch.Actor) string { return a.Username }),
		actor("agent", func(a *etch.Actor) string { return a.Agent }),
		actor("agent_id", func(a *etch.Actor) string { return a.AgentID }),
		actor("model", func(a *etch.Actor) string { return a.Model }),
		actor("caller_id", func(a *etch.Actor) string { return a.CallerID }),
		actor("host", func(a *etch.Actor) string { return a.Host }),

		action("tool", func(a *etch.Action) string { return Safe(a.Tool) }),
		action("command", func(a *etch.Action) string { return Safe(a.Command) }),
		action("arguments", func(a *etch.Action) string { return Safe(string(a.Arguments)) }),
		action("resource", func(a *etch.Action) string { return Safe(a.Resource) }),
		action("cwd", func(a *etch.Action) string { return Safe(a.Cwd) }),
		action("risk_level", func(a *etch.Action) string { return Safe(string(a.Risk)) }),
		action("risk_reasons", reasons),
		action("approved", func(a *etch.Action) string { return strconv.FormatBool(a.Approved) }),
		action("approved_by", func(a *etch.Action) string { return Safe(a.ApprovedBy) }),
		action("allowed", func(a *etch.Action) string { return strconv.FormatBool(a.Allowed) }),
		action("claim_source", func(a *etch.Action) string { return Safe(string(a.ClaimSource)) }),
		action("mcp_server_id", func(a *etch.Action) string { return Safe(a.MCPServerID) }),
		action("skill", func(a *etch.Action) string { return Safe(a.Skill) }),

		result("success", func(r *etch.Result) string { return strconv.FormatBool(r.Type == etch.Success) }),
		result("type", func(r *etch.Result) string { return Safe(string(r.Type)) }),
		result("reason", func(r *etch.Result) string { return Safe(r.Reason) }),
		result("message", func(r *etch.Result) string { return Safe(r.Message) }),
		result("restored", func(r *etch.Result) string { return unsigned(r.Restored) }),
		result("deleted", func(r *etch.Result) string { return unsigned(r.Deleted) }),
		result("exit_code", func(r *etch.Result) string { return signed(r.ExitCode) }),
		result("duration_ms", func(r *etch.Result) string { return strconv.FormatInt(r.Duration.Milliseconds(), 10) }),
		result("truncated", func(r *etch.Result) string { return strconv.FormatBool(r.Truncated) }),
		result("error_category", func(r *etch.Result) string { return Safe(r.ErrorCategory) }),
		result("error_domain", func(r *etch.Result) string { return Safe(r.ErrorDomain) }),
		result("error_phase", func(r *etch.Result) string { return Safe(r.ErrorPhase) }),
		result("output_bytes", func(r *etch.Result) string { return unsigned(r.OutputBytes) }),
		result("output_sha256", func(r *etch.Result) string { return Safe(r.OutputSHA256) }),

		security("policy_violation", func(s *etch.Security) string { return strconv.FormatBool(s.PolicyViolation) }),
		security("rate_limit_remaining", func(s *etch.Security) string { return unsigned(s.RateLimitRemaining) }),
		security("sandbox_backend", func(s *etch.Security) string { return Safe(s.SandboxBackend) }),
		security("policy_match", func(s *etch.Security) string { return Safe(s.PolicyMatch) }),
		security("adversarial_policy_decision", func(s *etch.Security) string { return Safe(s.AdversarialPolicyDecision) }),
		security("injection_flagged", func(s *etch.Security) string { return strconv.FormatBool(s.InjectionFlagged) }),
		security("embedding_anomalous", func(s *etch.Security) string { return strconv.FormatBool(s.EmbeddingAnomalous) }),
		security("cross_boundary_mcp_to_acp", func(s *etch.Security) string { return strconv.FormatBool(s.CrossBoundaryMCPToACP) }),
		security("trust_level", func(s *etch.Security) string { return Safe(s.TrustLevel) }),
		security("source_kind", func(s *etch.Security) string { return Safe(s.SourceKind) }),
		security("redactions", func(s *etch.Security) string { return strconv.FormatUint(s.Redactions, 10) }),

		egress("url", func(e *etch.Egress) string { return Safe(e.URL) }),
		egress("host", func(e *etch.Egress) string { return Safe(e.Host) }),
		egress("method", func(e *etch.Egress) string { return Safe(e.Method) }),
		egress("status", func(e *etch.Egress) string { return signed(e.Status) }),
		egress("response_bytes", func(e *etch.Egress) string { return unsigned(e.ResponseBytes) }),
		egress("blocked", func(e *etch.Egress) string { return strconv.FormatBool(e.Blocked) }),
		egress("block_reason", func(e *etch.Egress) string { return Safe(e.BlockReason) }),
		egress("hop", func(e *etch.Egress) string { return unsigned(e.Hop) }),

		{"labels", labels},
		{"truncated", func(r *etch.Record) string { return strconv.FormatBool(len(r.Cuts) > 0) }},
		{"log", control},
		{"signature", func(r *etch.Record) string { return Safe(r.Signature) }},
	}
}}

func text(name string, of func(*etch.Event) string) column {
	return column{name, func(r *etch.Record) string { return Safe(of(&r.Event)) }}
}

func eventType(r *etch.Record) string {
	if r.IsControl() {
		return Safe(string(r.Control.Type))
	}
	return Safe(string(r.Event.Type))
}

func actor(name string, of func(*etch.Actor) string) column {
	return column{"actor." + name, func(r *etch.Record) string {
		if r.Event.Actor == nil {
			return ""
		}
		return Safe(of(r.Event.Actor))
	}}
}

func action(name string, of func(*etch.Action) string) column {
	return column{"action." + name, func(r *etch.Record) string {
		if r.Event.Action == nil {
			return ""
		}
		return of(r.Event.Action)
	}}
}

func result(name string, of func(*etch.Result) string) column {
	return column{"result." + name, func(r *etch.Record) string {
		if r.Event.Result == nil {
			return ""
		}
		return of(r.Event.Result)
	}}
}

func security(name string, of func(*etch.Security) string) column {
	return column{"security." + name, func(r *etch.Record) string {
		if r.Event.Security == nil {
			return ""
		}
		return of(r.Event.Security)
	}}
}

func egress(name string, of func(*etch.Egress) string) column {
	return column{"egress." + name, func(r *etch.Record) string {
		if r.Event.Egress == nil {
			return ""
		}
		return of(r.Event.Egress)
	}}
}

// A number is written as it is: -1 is none of the formulas that do anything.
func signed(o etch.Optional[int64]) string {
	n, ok := o.Get()
	if !ok {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func unsigned(o etch.Optional[uint64]) string {
	n, ok := o.Get()
	if !ok {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

func reasons(a *etch.Action) string {
	if len(a.RiskReasons) == 0 {
		return ""
	}
	return marshal(a.RiskReasons)
}

func labels(r *etch.Record) string {
	if len(r.Event.Labels) == 0 {
		return ""
	}
	return marshal(r.Event.Labels)
}

func control(r *etch.Record) string {
	if !r.IsControl() {
		return ""
	}
	return Safe(string(r.Control.Log))
}

// marshal returns a list or a map of texts as JSON. It begins with a bracket.
func marshal(v any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic("csv: bad JSON of texts: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}
