package auditslog

import (
	"encoding/json"
	"log/slog"
	"math"
	"time"

	"github.com/etch-audit/etch"
)

const typeMember = "event_type"

// A member is one that an attribute can give.
type member struct {
	in object
	// set takes a value, and reports whether the member can hold it.
	set func(*draft, slog.Value) bool
}

// members are all members by their names: the path, and the name by which a query
// asks for it (docs/queries.md). Only "type", "id" and "time" are not known as the
// event's: they say too much in a log.
var members = withNames(map[string]member{
	typeMember:   {0, named(etch.ParseEventType, func(d *draft) *etch.EventType { return &d.event.Type })},
	"timestamp":  {0, setTime},
	"event_id":   {0, text(func(d *draft) *string { return &d.event.ID })},
	"phase":      {0, named(etch.ParsePhase, func(d *draft) *etch.Phase { return &d.event.Phase })},
	"call_id":    {0, text(func(d *draft) *string { return &d.event.CallID })},
	"session_id": {0, text(func(d *draft) *string { return &d.event.SessionID })},
	"turn_id":    {0, text(func(d *draft) *string { return &d.event.TurnID })},
	"trace_id":   {0, text(func(d *draft) *string { return &d.event.TraceID })},

	"actor.channel":   {inActor, text(func(d *draft) *string { return &d.actor.Channel })},
	"actor.user_id":   {inActor, text(func(d *draft) *string { return &d.actor.UserID })},
	"actor.username":  {inActor, text(func(d *draft) *string { return &d.actor.Username })},
	"actor.agent":     {inActor, text(func(d *draft) *string { return &d.actor.Agent })},
	"actor.agent_id":  {inActor, text(func(d *draft) *string { return &d.actor.AgentID })},
	"actor.model":     {inActor, text(func(d *draft) *string { return &d.actor.Model })},
	"actor.caller_id": {inActor, text(func(d *draft) *string { return &d.actor.CallerID })},
	"actor.host":      {inActor, text(func(d *draft) *string { return &d.actor.Host })},

	"action.tool":          {inAction, text(func(d *draft) *string { return &d.action.Tool })},
	"action.command":       {inAction, text(func(d *draft) *string { return &d.action.Command })},
	"action.arguments":     {inAction, setArguments},
	"action.resource":      {inAction, text(func(d *draft) *string { return &d.action.Resource })},
	"action.cwd":           {inAction, text(func(d *draft) *string { return &d.action.Cwd })},
	"action.risk_level":    {inAction, named(etch.ParseRisk, func(d *draft) *etch.Risk { return &d.action.Risk })},
	"action.risk_reasons":  {inAction, setRiskReasons},
	"action.approved":      {inAction, flag(func(d *draft) *bool { return &d.action.Approved })},
	"action.approved_by":   {inAction, text(func(d *draft) *string { return &d.action.ApprovedBy })},
	"action.allowed":       {inAction, setAllowed},
	"action.claim_source":  {inAction, named(etch.ParseClaimSource, func(d *draft) *etch.ClaimSource { return &d.action.ClaimSource })},
	"action.mcp_server_id": {inAction, text(func(d *draft) *string { return &d.action.MCPServerID })},
	"action.skill":         {inAction, text(func(d *draft) *string { return &d.action.Skill })},

	"result.success":        {inResult, flag(func(d *draft) *bool { return &d.success })},
	"result.type":           {inResult, named(etch.ParseOutcome, func(d *draft) *etch.Outcome { return &d.result.Type })},
	"result.reason":         {inResult, text(func(d *draft) *string { return &d.result.Reason })},
	"result.message":        {inResult, text(func(d *draft) *string { return &d.result.Message })},
	"result.restored":       {inResult, number(func(d *draft) *etch.Optional[uint64] { return &d.result.Restored })},
	"result.deleted":        {inResult, number(func(d *draft) *etch.Optional[uint64] { return &d.result.Deleted })},
	"result.exit_code":      {inResult, signed(func(d *draft) *etch.Optional[int64] { return &d.result.ExitCode })},
	"result.duration_ms":    {inResult, setDuration},
	"result.truncated":      {inResult, flag(func(d *draft) *bool { return &d.result.Truncated })},
	"result.error_category": {inResult, text(func(d *draft) *string { return &d.result.ErrorCategory })},
	"result.error_domain":   {inResult, text(func(d *draft) *string { return &d.result.ErrorDomain })},
	"result.error_phase":    {inResult, text(func(d *draft) *string { return &d.result.ErrorPhase })},
	"result.output_bytes":   {inResult, number(func(d *draft) *etch.Optional[uint64] { return &d.result.OutputBytes })},
	"result.output_sha256":  {inResult, text(func(d *draft) *string { return &d.result.OutputSHA256 })},

	"security.policy_violation":            {inSecurity, flag(func(d *draft) *bool { return &d.security.PolicyViolation })},
	"security.rate_limit_remaining":        {inSecurity, number(func(d *draft) *etch.Optional[uint64] { return &d.security.RateLimitRemaining })},
	"security.sandbox_backend":             {inSecurity, text(func(d *draft) *string { return &d.security.SandboxBackend })},
	"security.policy_match":                {inSecurity, text(func(d *draft) *string { return &d.security.PolicyMatch })},
	"security.adversarial_policy_decision": {inSecurity, text(func(d *draft) *string { return &d.security.AdversarialPolicyDecision })},
	"security.injection_flagged":           {inSecurity, flag(func(d *draft) *bool { return &d.security.InjectionFlagged })},
	"security.embedding_anomalous":         {inSecurity, flag(func(d *draft) *bool { return &d.security.EmbeddingAnomalous })},
	"security.cross_boundary_mcp_to_acp":   {inSecurity, flag(func(d *draft) *bool { return &d.security.CrossBoundaryMCPToACP })},
	"security.trust_level":                 {inSecurity, text(func(d *draft) *string { return &d.security.TrustLevel })},
	"security.source_kind":                 {inSecurity, text(func(d *draft) *string { return &d.security.SourceKind })},
	"security.redactions":                  {inSecurity, setRedactions},

	"egress.url":            {inEgress, text(func(d *draft) *string { return &d.egress.URL })},
	"egress.host":           {inEgress, text(func(d *draft) *string { return &d.egress.Host })},
	"egress.method":         {inEgress, text(func(d *draft) *string { return &d.egress.Method })},
	"egress.status":         {inEgress, signed(func(d *draft) *etch.Optional[int64] { return &d.egress.Status })},
	"egress.response_bytes": {inEgress, number(func(d *draft) *etch.Optional[uint64] { return &d.egress.ResponseBytes })},
	"egress.blocked":        {inEgress, flag(func(d *draft) *bool { return &d.egress.Blocked })},
	"egress.block_reason":   {inEgress, text(func(d *draft) *string { return &d.egress.BlockReason })},
	"egress.hop":            {inEgress, number(func(d *draft) *etch.Optional[uint64] { return &d.egress.Hop })},
})

// otherNames are the names of members that are not the last part of their path.
var otherNames = map[string]string{
	"call": "call_id", "session": "session_id", "turn": "turn_id", "trace": "trace_id",
	"user": "actor.username", "caller": "actor.caller_id",
	"risk": "action.risk_level", "risk_reason": "action.risk_reasons", "mcp_server": "action.mcp_server_id",
	"result": "result.type", "outcome": "result.type", "duration": "result.duration_ms",
	"violation": "security.policy_violation", "sandbox": "security.sandbox_backend",
	"egress_host": "egress.host",
}

// fullOnly are known by their path alone: their last part is another member's name,
// or anything's.
var fullOnly = map[string]bool{"egress.host": true, "result.type": true}

// withNames adds the short names.
func withNames(paths map[string]member) map[string]member {
	all := make(map[string]member, 2*len(paths))
	for path, m := range paths {
		all[path] = m
		if !fullOnly[path] {
			all[lastPart(path)] = m
		}
	}
	for name, path := range otherNames {
		all[name] = paths[path]
	}
	return all
}

func lastPart(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '.' {
			return path[i+1:]
		}
	}
	return path
}

func text(at func(*draft) *string) func(*draft, slog.Value) bool {
	return func(d *draft, v slog.Value) bool {
		if v.Kind() == slog.KindGroup {
			return false
		}
		*at(d) = textOf(v)
		return true
	}
}

func named[T ~string](parse func(string) (T, error), at func(*draft) *T) func(*draft, slog.Value) bool {
	return func(d *draft, v slog.Value) bool {
		if v.Kind() == slog.KindGroup {
			return false
		}
		name, err := parse(textOf(v))
		if err == nil {
			*at(d) = name
		}
		return err == nil
	}
}

func flag(at func(*draft) *bool) func(*draft, slog.Value) bool {
	return func(d *draft, v slog.Value) bool {
		if v.Kind() != slog.KindBool {
			return false
		}
		*at(d) = v.Bool()
		return true
	}
}

func number(at func(*draft) *etch.Optional[uint64]) func(*draft, slog.Value) bool {
	return func(d *draft, v slog.Value) bool {
		n, ok := unsignedOf(v)
		if ok {
			*at(d) = etch.Some(n)
		}
		return ok
	}
}

func signed(at func(*draft) *etch.Optional[int64]) func(*draft, slog.Value) bool {
	return func(d *draft, v slog.Value) bool {
		n, ok := signedOf(v)
		if ok {
			*at(d) = etch.Some(n)
		}
		return ok
	}
}

func unsignedOf(v slog.Value) (uint64, bool) {
	switch {
	case v.Kind() == slog.KindUint64:
		return v.Uint64(), true
	case v.Kind() == slog.KindInt64 && v.Int64() >= 0:
		return uint64(v.Int64()), true
	}
	return 0, false
}

func signedOf(v slog.Value) (int64, bool) {
	switch {
	case v.Kind() == slog.KindInt64:
		return v.Int64(), true
	case v.Kind() == slog.KindUint64 && v.Uint64() <= math.MaxInt64:
		return int64(v.Uint64()), true
	}
	return 0, false
}

func setTime(d *draft, v slog.Value) bool {
	if v.Kind() != slog.KindTime {
		return false
	}
	d.event.Timestamp = v.Time()
	return true
}

// setDuration takes a duration, or whole milliseconds.
func setDuration(d *draft, v slog.Value) bool {
	if v.Kind() == slog.KindDuration && v.Duration() >= 0 {
		d.result.Duration = v.Duration()
		return true
	}
	ms, ok := unsignedOf(v)
	if !ok || ms > uint64(math.MaxInt64/time.Millisecond) {
		return false
	}
	d.result.Duration = time.Duration(ms) * time.Millisecond
	return true
}

func setAllowed(d *draft, v slog.Value) bool {
	if v.Kind() != slog.KindBool {
		return false
	}
	d.action.Allowed, d.judged = v.Bool(), true
	return true
}

func setRedactions(d *draft, v slog.Value) bool {
	n, ok := unsignedOf(v)
	if ok {
		d.security.Redactions = n
	}
	return ok
}

func setArguments(d *draft, v slog.Value) bool {
	d.action.Arguments = json.RawMessage(jsonOf(v))
	return true
}

// setRiskReasons takes one reason, or several.
func setRiskReasons(d *draft, v slog.Value) bool {
	if list, ok := v.Any().([]string); ok {
		d.action.RiskReasons = append([]string(nil), list...)
		return true
	}
	if v.Kind() != slog.KindString {
		return false
	}
	d.action.RiskReasons = []string{v.String()}
	return true
}
