package etch

import (
	"strconv"
	"time"

	"github.com/etch-audit/etch/internal/record"
)

// maxBody is part of the format: whether an event is cut depends on neither
// its sequence number nor the signing.
const maxBody = record.MaxBody

// appendBody appends the body of ev's line: its members, without the outer
// braces, in the order of the format (docs/spec/log-format.md). It returns the extended buffer. Whatever ev holds, the
// result is valid JSON and UTF-8, has no duplicate member and no raw control
// character, and is at most maxBody long: what does not fit is cut (see
// [Cut]). It allocates nothing where dst has room and nothing is cut.
//
// The caller has refused types that are reserved to the log.
func appendBody(dst []byte, ev *Event) []byte {
	return appendBodyID(dst, ev, nil)
}

// appendBodyID is appendBody with the event id to write where ev has none. id
// holds only characters that need no escape, as those of an eventID.
func appendBodyID(dst []byte, ev *Event, id []byte) []byte {
	start := len(dst)
	b := body{id: id, end: start + maxBody}
	dst = b.event(dst, ev)
	if !b.over && len(dst) <= b.end {
		return dst
	}
	return appendCutBody(dst[:start], ev, id)
}

// A body writes one event. Members are written with a comma after them, which
// closeObject and event take back: the first member then needs no test.
type body struct {
	id     []byte
	end    int    // the length of dst that must not be passed
	over   bool   // a value was left out because it would have passed end
	wire   bool   // the event is sent to a daemon, not stored: see appendWire
	object string // where the writer is, "action." for instance
	cuts   []Cut  // what was cut to make the event fit
	// rawArguments: the arguments that were cut are not valid JSON.
	rawArguments bool
}

// event writes the members of ev in the order of the format.
func (b *body) event(dst []byte, ev *Event) []byte {
	if b.wire {
		dst = wireTime(dst, ev)
		dst = b.wireIdentity(dst, ev)
	} else {
		dst = append(dst, `"timestamp":"`...)
		dst = appendTime(dst, ev.Timestamp)
		dst = append(dst, `",`...)
		dst = b.identity(dst, ev)
	}
	dst = b.text(dst, `"phase":"`, string(ev.Phase))
	dst = b.text(dst, `"call_id":"`, ev.CallID)
	dst = b.text(dst, `"session_id":"`, ev.SessionID)
	dst = b.text(dst, `"turn_id":"`, ev.TurnID)
	dst = b.text(dst, `"trace_id":"`, ev.TraceID)
	dst = b.objects(dst, ev)
	dst = b.labels(dst, ev.Labels)
	if len(b.cuts) > 0 {
		dst = append(dst, truncatedMark...)
	}
	return dst[:len(dst)-1]
}

// identity writes the two texts that are shown even where they are empty: no
// event then has its type where a control record has it, behind the timestamp.
func (b *body) identity(dst []byte, ev *Event) []byte {
	if ev.ID == "" {
		dst = append(dst, `"event_id":"`...)
		dst = append(dst, b.id...)
		dst = append(dst, `",`...)
	}
	dst = b.text(dst, `"event_id":"`, ev.ID)
	if ev.Type == "" {
		dst = append(dst, `"event_type":"",`...)
	}
	return b.text(dst, `"event_type":"`, string(ev.Type))
}

// objects writes the members of ev that are objects of their own.
func (b *body) objects(dst []byte, ev *Event) []byte {
	if ev.Actor != nil {
		dst = b.actor(dst, ev.Actor)
	}
	if ev.Action != nil {
		dst = b.action(dst, ev.Action)
	}
	if ev.Result != nil {
		dst = b.result(dst, ev.Result)
	}
	if ev.Security != nil {
		dst = b.security(dst, ev.Security)
	}
	if ev.Egress != nil {
		dst = b.egress(dst, ev.Egress)
	}
	b.object = ""
	return dst
}

func (b *body) actor(dst []byte, a *Actor) []byte {
	b.object = "actor."
	dst = append(dst, `"actor":{`...)
	dst = b.text(dst, `"channel":"`, a.Channel)
	dst = b.text(dst, `"user_id":"`, a.UserID)
	dst = b.text(dst, `"username":"`, a.Username)
	dst = b.text(dst, `"agent":"`, a.Agent)
	dst = b.text(dst, `"agent_id":"`, a.AgentID)
	dst = b.text(dst, `"model":"`, a.Model)
	dst = b.text(dst, `"caller_id":"`, a.CallerID)
	dst = b.text(dst, `"host":"`, a.Host)
	return closeObject(dst)
}

func (b *body) action(dst []byte, a *Action) []byte {
	b.object = "action."
	dst = append(dst, `"action":{`...)
	dst = b.text(dst, `"tool":"`, a.Tool)
	dst = b.text(dst, `"command":"`, a.Command)
	dst = b.arguments(dst, a.Arguments)
	dst = b.text(dst, `"resource":"`, a.Resource)
	dst = b.text(dst, `"cwd":"`, a.Cwd)
	dst = b.text(dst, `"risk_level":"`, string(a.Risk))
	dst = b.reasons(dst, a.RiskReasons)
	dst = appendBool(dst, `"approved":`, a.Approved)
	dst = b.text(dst, `"approved_by":"`, a.ApprovedBy)
	dst = appendBool(dst, `"allowed":`, a.Allowed)
	dst = b.text(dst, `"claim_source":"`, string(a.ClaimSource))
	dst = b.text(dst, `"mcp_server_id":"`, a.MCPServerID)
	dst = b.text(dst, `"skill":"`, a.Skill)
	return closeObject(dst)
}

// result writes each variant's own members only with its type: the tagged
// result of Zeph.
func (b *body) result(dst []byte, r *Result) []byte {
	b.object = "result."
	dst = append(dst, `"result":{`...)
	dst = appendBool(dst, `"success":`, r.Type == Success)
	dst = b.text(dst, `"type":"`, string(r.Type))
	switch r.Type {
	case Blocked:
		dst = b.text(dst, `"reason":"`, r.Reason)
	case Error:
		dst = b.text(dst, `"message":"`, r.Message)
	case Rollback:
		dst = appendUint(dst, `"restored":`, r.Restored)
		dst = appendUint(dst, `"deleted":`, r.Deleted)
	}
	dst = appendInt(dst, `"exit_code":`, r.ExitCode)
	dst = append(dst, `"duration_ms":`...)
	dst = strconv.AppendInt(dst, durationMillis(r.Duration), 10)
	dst = append(dst, ',')
	dst = appendFlag(dst, `"truncated":true,`, r.Truncated)
	dst = b.text(dst, `"error_category":"`, r.ErrorCategory)
	dst = b.text(dst, `"error_domain":"`, r.ErrorDomain)
	dst = b.text(dst, `"error_phase":"`, r.ErrorPhase)
	dst = appendUint(dst, `"output_bytes":`, r.OutputBytes)
	dst = b.text(dst, `"output_sha256":"`, r.OutputSHA256)
	return closeObject(dst)
}

func (b *body) security(dst []byte, s *Security) []byte {
	b.object = "security."
	dst = append(dst, `"security":{`...)
	dst = appendBool(dst, `"policy_violation":`, s.PolicyViolation)
	dst = appendUint(dst, `"rate_limit_remaining":`, s.RateLimitRemaining)
	dst = b.text(dst, `"sandbox_backend":"`, s.SandboxBackend)
	dst = b.text(dst, `"policy_match":"`, s.PolicyMatch)
	dst = b.text(dst, `"adversarial_policy_decision":"`, s.AdversarialPolicyDecision)
	dst = appendFlag(dst, `"injection_flagged":true,`, s.InjectionFlagged)
	dst = appendFlag(dst, `"embedding_anomalous":true,`, s.EmbeddingAnomalous)
	dst = appendFlag(dst, `"cross_boundary_mcp_to_acp":true,`, s.CrossBoundaryMCPToACP)
	dst = b.text(dst, `"trust_level":"`, s.TrustLevel)
	dst = b.text(dst, `"source_kind":"`, s.SourceKind)
	if s.Redactions > 0 {
		dst = appendUint(dst, `"redactions":`, Some(s.Redactions))
	}
	return closeObject(dst)
}

func (b *body) egress(dst []byte, e *Egress) []byte {
	b.object = "egress."
	dst = append(dst, `"egress":{`...)
	dst = b.text(dst, `"url":"`, e.URL)
	dst = b.text(dst, `"host":"`, e.Host)
	dst = b.text(dst, `"method":"`, e.Method)
	dst = appendInt(dst, `"status":`, e.Status)
	dst = appendUint(dst, `"response_bytes":`, e.ResponseBytes)
	dst = appendBool(dst, `"blocked":`, e.Blocked)
	dst = b.text(dst, `"block_reason":"`, e.BlockReason)
	dst = appendUint(dst, `"hop":`, e.Hop)
	return closeObject(dst)
}

// closeObject ends an object whose last byte is a comma or, of an empty one,
// the brace that opened it.
func closeObject(dst []byte) []byte {
	if dst[len(dst)-1] == ',' {
		dst = dst[:len(dst)-1]
	}
	return append(dst, `},`...)
}

func appendBool(dst []byte, key string, v bool) []byte {
	dst = append(dst, key...)
	if v {
		return append(dst, `true,`...)
	}
	return append(dst, `false,`...)
}

// appendFlag writes a member that is left out when false.
func appendFlag(dst []byte, member string, v bool) []byte {
	if !v {
		return dst
	}
	return append(dst, member...)
}

func appendUint(dst []byte, key string, o Optional[uint64]) []byte {
	v, ok := o.Get()
	if !ok {
		return dst
	}
	dst = append(dst, key...)
	dst = strconv.AppendUint(dst, v, 10)
	return append(dst, ',')
}

func appendInt(dst []byte, key string, o Optional[int64]) []byte {
	v, ok := o.Get()
	if !ok {
		return dst
	}
	dst = append(dst, key...)
	dst = strconv.AppendInt(dst, v, 10)
	return append(dst, ',')
}

// durationMillis is a duration as it is stored: whole milliseconds, cut off,
// never negative.
func durationMillis(d time.Duration) int64 {
	return max(d.Milliseconds(), 0)
}
