package zephlog

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/later"
)

// entryMembers are those of an AuditEntry, in the order of its serializer.
var entryMembers = later.Value[[]member]{Make: func() []member {
	return []member{
		timestampMember,
		{"tool", text, true, takeText(tool), giveTool},
		{"command", text, true, takeText(command), giveCommand},
		{"result", verbatim, true, takeResult, giveResult},
		{"duration_ms", verbatim, true, takeDuration, giveDuration},
		optional("error_category", func(e *etch.Event) *string { return &e.Result.ErrorCategory }),
		optional("error_domain", func(e *etch.Event) *string { return &e.Result.ErrorDomain }),
		optional("error_phase", func(e *etch.Event) *string { return &e.Result.ErrorPhase }),
		{"claim_source", text, false, takeClaim, giveClaim},
		optional("mcp_server_id", func(e *etch.Event) *string { return &e.Action.MCPServerID }),
		flag("injection_flagged", func(e *etch.Event) *bool { return &e.Security.InjectionFlagged }),
		flag("embedding_anomalous", func(e *etch.Event) *bool { return &e.Security.EmbeddingAnomalous }),
		flag("cross_boundary_mcp_to_acp", func(e *etch.Event) *bool { return &e.Security.CrossBoundaryMCPToACP }),
		optional("adversarial_policy_decision", func(e *etch.Event) *string { return &e.Security.AdversarialPolicyDecision }),
		{"exit_code", verbatim, false, takeExitCode, giveExitCode},
		flag("truncated", func(e *etch.Event) *bool { return &e.Result.Truncated }),
		optional("caller_id", callerID),
		optional("policy_match", func(e *etch.Event) *string { return &e.Security.PolicyMatch }),
		optional("correlation_id", callID),
		homeless("vigil_risk"),
		homeless("execution_env"),
		optional("resolved_cwd", func(e *etch.Event) *string { return &e.Action.Cwd }),
		homeless("scope_at_definition"),
		homeless("scope_at_dispatch"),
		skillMember,
		optional("source_kind", func(e *etch.Event) *string { return &e.Security.SourceKind }),
		optional("trust_level", func(e *etch.Event) *string { return &e.Security.TrustLevel }),
	}
}}

// egressMembers are those of an EgressEvent, in the order of its serializer.
var egressMembers = later.Value[[]member]{Make: func() []member {
	return []member{
		timestampMember,
		{"kind", text, true, takeKind, giveKind},
		always("correlation_id", callID),
		always("tool", tool),
		always("url", func(e *etch.Event) *string { return &e.Egress.URL }),
		always("host", func(e *etch.Event) *string { return &e.Egress.Host }),
		always("method", func(e *etch.Event) *string { return &e.Egress.Method }),
		{"status", verbatim, false, takeStatus, giveStatus},
		{"duration_ms", verbatim, true, takeDuration, giveDuration},
		{"response_bytes", verbatim, true, takeResponseBytes, giveResponseBytes},
		flag("blocked", func(e *etch.Event) *bool { return &e.Egress.Blocked }),
		optional("block_reason", func(e *etch.Event) *string { return &e.Egress.BlockReason }),
		optional("caller_id", callerID),
		skillMember,
		{"hop", verbatim, false, takeHop, giveHop},
	}
}}

var (
	timestampMember = member{"timestamp", text, true, takeTimestamp, giveTimestamp}
	skillMember     = member{"skill_name", verbatim, false, takeSkill, giveSkill}
)

func tool(e *etch.Event) *string     { return &e.Action.Tool }
func command(e *etch.Event) *string  { return &e.Action.Command }
func callerID(e *etch.Event) *string { return &e.Actor.CallerID }
func callID(e *etch.Event) *string   { return &e.CallID }

// takeText takes a string as it is.
func takeText(at func(*etch.Event) *string) func(*etch.Event, []byte) bool {
	return func(e *etch.Event, value []byte) bool {
		s, ok := unquote(value)
		if ok {
			*at(e) = s
		}
		return ok
	}
}

// always is a string that is always written.
func always(name string, at func(*etch.Event) *string) member {
	return member{name, text, true, takeText(at), func(dst []byte, e *etch.Event) []byte {
		return appendString(dst, *at(whole(e)))
	}}
}

// optional is a string that is left out where there is none. An event does not
// tell an empty one from none.
func optional(name string, at func(*etch.Event) *string) member {
	take := func(e *etch.Event, value []byte) bool {
		s, ok := unquote(value)
		if ok {
			*at(e) = s
		}
		return ok && s != ""
	}
	return member{name, text, false, take, func(dst []byte, e *etch.Event) []byte {
		if s := *at(whole(e)); s != "" {
			return appendString(dst, s)
		}
		return dst
	}}
}

// homeless is a string that no event has a place for.
func homeless(name string) member {
	return member{
		name, text, false,
		func(*etch.Event, []byte) bool { return false },
		func(dst []byte, _ *etch.Event) []byte { return dst },
	}
}

// flag is a flag that is left out when it is false.
func flag(name string, at func(*etch.Event) *bool) member {
	take := func(e *etch.Event, value []byte) bool {
		*at(e) = string(value) == "true"
		return *at(e) || string(value) == "false"
	}
	return member{name, verbatim, false, take, func(dst []byte, e *etch.Event) []byte {
		if *at(whole(e)) {
			return append(dst, "true"...)
		}
		return dst
	}}
}

// whole returns the event with all objects that a member may be in, so that who
// only reads need not look.
func whole(e *etch.Event) *etch.Event {
	if e.Actor != nil && e.Action != nil && e.Result != nil && e.Security != nil {
		return e
	}
	full := *e
	fill(&full.Actor)
	fill(&full.Action)
	fill(&full.Result)
	fill(&full.Security)
	return &full
}

func fill[T any](at **T) {
	if *at == nil {
		*at = new(T)
	}
}

// lastSecond is the last that an event's time can be.
const lastSecond = 253402300799 // 9999-12-31T23:59:59Z

func takeTimestamp(e *etch.Event, value []byte) bool {
	s, ok := unquote(value)
	seconds, err := strconv.ParseInt(s, 10, 64)
	if !ok || err != nil || seconds < 0 || seconds > lastSecond {
		return false
	}
	e.Timestamp = time.Unix(seconds, 0).UTC()
	return strconv.FormatInt(seconds, 10) == s
}

func giveTimestamp(dst []byte, e *etch.Event) []byte {
	dst = append(dst, '"')
	dst = strconv.AppendInt(dst, e.Timestamp.Unix(), 10)
	return append(dst, '"')
}

func takeClaim(e *etch.Event, value []byte) bool {
	s, ok := unquote(value)
	source, err := etch.ParseClaimSource(s)
	if ok && err == nil {
		e.Action.ClaimSource = source
	}
	return ok && err == nil
}

func giveClaim(dst []byte, e *etch.Event) []byte {
	if e.Action.ClaimSource == "" {
		return dst
	}
	return appendString(dst, string(e.Action.ClaimSource))
}

func takeExitCode(e *etch.Event, value []byte) bool {
	n, ok := integer(value)
	if ok {
		e.Result.ExitCode = etch.Some(n)
	}
	return ok
}

func giveExitCode(dst []byte, e *etch.Event) []byte {
	if n, ok := whole(e).Result.ExitCode.Get(); ok {
		return strconv.AppendInt(dst, n, 10)
	}
	return dst
}

// maxMilliseconds is the longest duration that an event can have.
const maxMilliseconds = math.MaxInt64 / uint64(time.Millisecond)

func takeDuration(e *etch.Event, value []byte) bool {
	n, ok := count(value)
	if !ok || n > maxMilliseconds {
		return false
	}
	e.Result.Duration = time.Duration(n) * time.Millisecond
	return true
}

func giveDuration(dst []byte, e *etch.Event) []byte {
	return strconv.AppendInt(dst, max(whole(e).Result.Duration.Milliseconds(), 0), 10)
}

// takeSkill takes the list of skills. An event has one; more are told with
// commas between them, and kept as they were in the label.
func takeSkill(e *etch.Event, value []byte) bool {
	names, ok := texts(value)
	if !ok {
		return false
	}
	e.Action.Skill = strings.Join(names, ", ")
	return len(names) == 1 && names[0] != ""
}

func giveSkill(dst []byte, e *etch.Event) []byte {
	skill := whole(e).Action.Skill
	if skill == "" {
		return dst
	}
	return append(appendString(append(dst, '['), skill), ']')
}

func takeKind(_ *etch.Event, value []byte) bool { return string(value) == `"egress"` }

func giveKind(dst []byte, _ *etch.Event) []byte { return append(dst, `"egress"`...) }

func takeStatus(e *etch.Event, value []byte) bool {
	n, ok := integer(value)
	if ok {
		e.Egress.Status = etch.Some(n)
	}
	return ok
}

func giveStatus(dst []byte, e *etch.Event) []byte {
	if n, ok := e.Egress.Status.Get(); ok {
		return strconv.AppendInt(dst, n, 10)
	}
	return dst
}

func takeResponseBytes(e *etch.Event, value []byte) bool {
	n, ok := count(value)
	if ok {
		e.Egress.ResponseBytes = etch.Some(n)
	}
	return ok
}

func giveResponseBytes(dst []byte, e *etch.Event) []byte {
	n, _ := e.Egress.ResponseBytes.Get() // 0 where it is not known, as Zeph writes it
	return strconv.AppendUint(dst, n, 10)
}

func takeHop(e *etch.Event, value []byte) bool {
	n, ok := count(value)
	if ok {
		e.Egress.Hop = etch.Some(n)
	}
	return ok
}

func giveHop(dst []byte, e *etch.Event) []byte {
	if n, _ := e.Egress.Hop.Get(); n > 0 {
		return strconv.AppendUint(dst, n, 10)
	}
	return dst
}

// integer and count read whole numbers as serde_json writes them.
func integer(value []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(value), 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == string(value)
}

func count(value []byte) (uint64, bool) {
	n, err := strconv.ParseUint(string(value), 10, 64)
	return n, err == nil && strconv.FormatUint(n, 10) == string(value)
}
