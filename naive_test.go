package etch

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What a query means, said once more, from decoded records and with nothing of
// what answers queries. It is slow, and plain enough to be read.

// A naiveField is a field of queries. One of the functions is there.
type naiveField struct {
	texts  func(*Record) []string
	number func(*Record) (int64, bool)
	flag   func(*Record) (value, ok bool)
	time   func(*Record) time.Time
	values []string // the only ones that can be asked for, nil for any
	level  bool     // values are in rising order
	handle bool     // asked for with or without "@"
	unit   string   // that a number may be written with
}

func naiveActor(e *Event) *Actor       { return e.Actor }
func naiveAction(e *Event) *Action     { return e.Action }
func naiveResult(e *Event) *Result     { return e.Result }
func naiveSecurity(e *Event) *Security { return e.Security }
func naiveEgress(e *Event) *Egress     { return e.Egress }
func naiveEvent(e *Event) *Event       { return e }

func naiveText[O any, T ~string](object func(*Event) *O, get func(*O) T) naiveField {
	return naiveField{texts: func(r *Record) []string {
		if o := object(&r.Event); o != nil && get(o) != "" {
			return []string{string(get(o))}
		}
		return nil
	}}
}

func naiveFlag[O any](object func(*Event) *O, get func(*O) bool) naiveField {
	return naiveField{flag: func(r *Record) (value, ok bool) {
		o := object(&r.Event)
		return o != nil && get(o), o != nil
	}}
}

func naiveNumber[O any, N int64 | uint64](object func(*Event) *O, get func(*O) Optional[N]) naiveField {
	return naiveField{number: func(r *Record) (int64, bool) {
		o := object(&r.Event)
		if o == nil {
			return 0, false
		}
		n, ok := get(o).Get()
		if uint64(n) > math.MaxInt64 && n > 0 {
			return math.MaxInt64, ok
		}
		return int64(n), ok
	}}
}

// naiveUnion has the values of all of the fields.
func naiveUnion(of ...naiveField) naiveField {
	return naiveField{texts: func(r *Record) []string {
		var all []string
		for _, f := range of {
			all = append(all, f.texts(r)...)
		}
		return all
	}}
}

func (f naiveField) listed(values ...string) naiveField {
	f.values = values
	return f
}

func naiveReasons(r *Record) []string {
	if r.Event.Action == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.Event.Action.RiskReasons), func(s string) bool { return s == "" })
}

// naiveArguments returns the texts in the arguments, but for members' names.
func naiveArguments(r *Record) []string {
	if r.Event.Action == nil || len(r.Event.Action.Arguments) == 0 {
		return nil
	}
	args := r.Event.Action.Arguments
	var texts []string
	if strict := encode(&Event{Action: &Action{Arguments: args}}); bytes.Contains([]byte(strict), []byte(`,"arguments_raw":true`)) {
		texts = []string{string(args)}
	}
	if !json.Valid(args) {
		return texts
	}
	var open []bool // of each value that is open: whether a member's name comes next; never in an array
	var object []bool
	dec := json.NewDecoder(bytes.NewReader(args))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			panic(err) // it is valid
		}
		top := len(open) - 1
		if d, ok := token.(json.Delim); ok && (d == '}' || d == ']') {
			open, object = open[:top], object[:top]
			continue
		}
		if top >= 0 && object[top] {
			open[top] = !open[top]
			if !open[top] { // it was a name
				continue
			}
		}
		switch v := token.(type) {
		case json.Delim:
			open, object = append(open, v == '{'), append(object, v == '{')
		case string:
			if v != "" {
				texts = append(texts, v)
			}
		}
	}
}

// naiveFields are the fields by their names. Labels are told apart: see
// naiveLabel.
var naiveFields = makeNaiveFields()

func makeNaiveFields() map[string]naiveField {
	all := map[string]naiveField{
		"seq":  {number: func(r *Record) (int64, bool) { return int64(min(r.Seq, math.MaxInt64)), true }},
		"time": {time: func(r *Record) time.Time { return r.Event.Timestamp }},
		"violation": {flag: func(r *Record) (value, ok bool) {
			return r.Event.Type == PolicyViolation || r.Event.Security != nil && r.Event.Security.PolicyViolation, true
		}},
		"failed": {flag: func(r *Record) (value, ok bool) {
			return r.Event.Result != nil && r.Event.Result.Type != Success, true
		}},
		"denied": {flag: func(r *Record) (value, ok bool) {
			return r.Event.Result != nil && r.Event.Result.Type == Blocked || r.Event.Action != nil && !r.Event.Action.Allowed, true
		}},
		"control": {flag: func(r *Record) (value, ok bool) { return r.Control != nil, true }},

		"id":      naiveText(naiveEvent, func(e *Event) string { return e.ID }),
		"phase":   naiveText(naiveEvent, func(e *Event) Phase { return e.Phase }).listed("attempt", "completion"),
		"call":    naiveText(naiveEvent, func(e *Event) string { return e.CallID }),
		"session": naiveText(naiveEvent, func(e *Event) string { return e.SessionID }),
		"turn":    naiveText(naiveEvent, func(e *Event) string { return e.TurnID }),
		"trace":   naiveText(naiveEvent, func(e *Event) string { return e.TraceID }),
		"type": naiveText(naiveEvent, func(e *Event) EventType { return e.Type }).listed(
			"command_execution", "file_access", "configuration_change", "auth_success", "auth_failure", "policy_violation",
			"tool_call", "approval_request", "approval_decision", "session_start", "session_end", "user_prompt",
			"network_egress", "security_event", "log_opened", "log_sealed", "log_epoch", "log_epoch_broken", "log_recovered",
			"log_gap", "log_indexed"),
	}
	naiveActorFields(all)
	naiveActionFields(all)
	naiveResultFields(all)
	naiveSecurityFields(all)
	all["text"] = naiveUnion(all["tool"], all["command"], all["arguments"], all["resource"], all["cwd"], all["risk_reason"],
		all["reason"], all["message"], all["url"], all["block_reason"])
	return all
}

func naiveActorFields(all map[string]naiveField) {
	for name, get := range map[string]func(*Actor) string{
		"channel": func(a *Actor) string { return a.Channel }, "user_id": func(a *Actor) string { return a.UserID },
		"username": func(a *Actor) string { return a.Username }, "agent_name": func(a *Actor) string { return a.Agent },
		"agent_id": func(a *Actor) string { return a.AgentID }, "model": func(a *Actor) string { return a.Model },
		"caller": func(a *Actor) string { return a.CallerID }, "host": func(a *Actor) string { return a.Host },
	} {
		all[name] = naiveText(naiveActor, get)
	}
	user := naiveUnion(all["username"], all["user_id"])
	user.handle = true
	all["user"], all["agent"] = user, naiveUnion(all["agent_name"], all["agent_id"])
	delete(all, "agent_name") // no field by itself
}

func naiveActionFields(all map[string]naiveField) {
	for name, get := range map[string]func(*Action) string{
		"tool": func(a *Action) string { return a.Tool }, "command": func(a *Action) string { return a.Command },
		"resource": func(a *Action) string { return a.Resource }, "cwd": func(a *Action) string { return a.Cwd },
		"approved_by": func(a *Action) string { return a.ApprovedBy }, "skill": func(a *Action) string { return a.Skill },
		"mcp_server":   func(a *Action) string { return a.MCPServerID },
		"claim_source": func(a *Action) string { return string(a.ClaimSource) },
		"risk":         func(a *Action) string { return string(a.Risk) },
	} {
		all[name] = naiveText(naiveAction, get)
	}
	all["claim_source"] = all["claim_source"].listed("shell", "file_system", "web_scrape", "mcp", "a2a", "code_search", "diagnostics", "memory")
	risk := all["risk"].listed("low", "medium", "high", "critical")
	risk.level = true
	all["risk"] = risk
	all["arguments"] = naiveField{texts: naiveArguments}
	all["risk_reason"] = naiveField{texts: naiveReasons}
	all["approved"] = naiveFlag(naiveAction, func(a *Action) bool { return a.Approved })
	all["allowed"] = naiveFlag(naiveAction, func(a *Action) bool { return a.Allowed })
}

func naiveResultFields(all map[string]naiveField) {
	for name, get := range map[string]func(*Result) string{
		"result": func(r *Result) string { return string(r.Type) }, "reason": func(r *Result) string { return r.Reason },
		"message": func(r *Result) string { return r.Message }, "error_category": func(r *Result) string { return r.ErrorCategory },
		"error_domain": func(r *Result) string { return r.ErrorDomain }, "error_phase": func(r *Result) string { return r.ErrorPhase },
		"output_sha256": func(r *Result) string { return r.OutputSHA256 },
	} {
		all[name] = naiveText(naiveResult, get)
	}
	all["result"] = all["result"].listed("success", "blocked", "error", "timeout", "rollback")
	all["success"] = naiveFlag(naiveResult, func(r *Result) bool { return r.Type == Success })
	all["truncated"] = naiveFlag(naiveResult, func(r *Result) bool { return r.Truncated })
	all["exit_code"] = naiveNumber(naiveResult, func(r *Result) Optional[int64] { return r.ExitCode })
	all["restored"] = naiveNumber(naiveResult, func(r *Result) Optional[uint64] { return r.Restored })
	all["deleted"] = naiveNumber(naiveResult, func(r *Result) Optional[uint64] { return r.Deleted })
	all["output_bytes"] = naiveNumber(naiveResult, func(r *Result) Optional[uint64] { return r.OutputBytes })
	duration := naiveNumber(naiveResult, func(r *Result) Optional[int64] { return Some(r.Duration.Milliseconds()) })
	duration.unit = "ms"
	all["duration"] = duration
}

func naiveSecurityFields(all map[string]naiveField) {
	for name, get := range map[string]func(*Security) string{
		"sandbox": func(s *Security) string { return s.SandboxBackend }, "policy_match": func(s *Security) string { return s.PolicyMatch },
		"adversarial_policy_decision": func(s *Security) string { return s.AdversarialPolicyDecision },
		"trust_level":                 func(s *Security) string { return s.TrustLevel }, "source_kind": func(s *Security) string { return s.SourceKind },
	} {
		all[name] = naiveText(naiveSecurity, get)
	}
	for name, get := range map[string]func(*Security) bool{
		"policy_violation": func(s *Security) bool { return s.PolicyViolation }, "injection_flagged": func(s *Security) bool { return s.InjectionFlagged },
		"embedding_anomalous":       func(s *Security) bool { return s.EmbeddingAnomalous },
		"cross_boundary_mcp_to_acp": func(s *Security) bool { return s.CrossBoundaryMCPToACP },
	} {
		all[name] = naiveFlag(naiveSecurity, get)
	}
	all["rate_limit_remaining"] = naiveNumber(naiveSecurity, func(s *Security) Optional[uint64] { return s.RateLimitRemaining })
	all["redactions"] = naiveNumber(naiveSecurity, func(s *Security) Optional[uint64] {
		return Optional[uint64]{s.Redactions, s.Redactions != 0}
	})
	for name, get := range map[string]func(*Egress) string{
		"url": func(e *Egress) string { return e.URL }, "egress_host": func(e *Egress) string { return e.Host },
		"method": func(e *Egress) string { return e.Method }, "block_reason": func(e *Egress) string { return e.BlockReason },
	} {
		all[name] = naiveText(naiveEgress, get)
	}
	all["status"] = naiveNumber(naiveEgress, func(e *Egress) Optional[int64] { return e.Status })
	all["response_bytes"] = naiveNumber(naiveEgress, func(e *Egress) Optional[uint64] { return e.ResponseBytes })
	all["hop"] = naiveNumber(naiveEgress, func(e *Egress) Optional[uint64] { return e.Hop })
	all["blocked"] = naiveFlag(naiveEgress, func(e *Egress) bool { return e.Blocked })
}

// naiveLabel is the label of a key. An empty one is there, too.
func naiveLabel(key string) naiveField {
	return naiveField{texts: func(r *Record) []string {
		if v, ok := r.Event.Labels[key]; ok {
			return []string{v}
		}
		return nil
	}}
}

// first returns what a record is counted under: its first value.
func (f naiveField) first(r *Record) string {
	switch {
	case f.number != nil:
		if n, ok := f.number(r); ok {
			return strconv.FormatInt(n, 10)
		}
	case f.flag != nil:
		if set, ok := f.flag(r); ok {
			return strconv.FormatBool(set)
		}
	case f.time != nil:
		return f.time(r).Format(time.RFC3339Nano)
	default:
		if texts := f.texts(r); len(texts) > 0 {
			return texts[0]
		}
	}
	return ""
}

// hiddenAttempts returns which of the records of a log, in their order, are
// attempts, or completions that were inferred, that have no row: those whose call has a
// completion as its next record. In other segments that is looked for where the call is open at the
// end of its own: one that begins and ends a call by itself says nothing of it.
func hiddenAttempts(log []*Record) map[*Record]bool {
	calls := map[string]map[int][]*Record{} // by call and segment
	for _, r := range log {
		if e := &r.Event; e.CallID != "" && (e.Phase == "attempt" || e.Phase == "completion") {
			add := func(key string) {
				if calls[key] == nil {
					calls[key] = map[int][]*Record{}
				}
				calls[key][r.Segment] = append(calls[key][r.Segment], r)
			}
			refused := e.Action != nil && !e.Action.Allowed
			violation := e.Security != nil && e.Security.PolicyViolation
			add(naiveCall(r, refused, violation))
			if e.Phase == "completion" && (refused || violation) {
				add(naiveCall(r, false, false)) // it may have been attempted before it was refused
			}
		}
	}
	hidden := map[*Record]bool{}
	for _, segments := range calls {
		for n, records := range segments {
			for i, r := range records {
				switch {
				case !naiveOpens(r):
				case i+1 < len(records) && records[i+1].Event.Phase == "completion", i+1 == len(records) && completedBehind(segments, n):
					hidden[r] = true
				}
			}
		}
	}
	return hidden
}

// naiveCall returns what a record of a call and its others have in common. Longer
// members are their hashes, as those that were cut are.
func naiveCall(r *Record, refused, violation bool) string {
	e := &r.Event
	actor, action := cmp.Or(e.Actor, new(Actor)), cmp.Or(e.Action, new(Action))
	reasons := slices.DeleteFunc(slices.Clone(action.RiskReasons), func(s string) bool { return s == "" })
	parts := map[string]string{
		"event_type": string(e.Type), "call_id": e.CallID, "session_id": e.SessionID,
		"actor.channel": actor.Channel, "actor.user_id": actor.UserID, "actor.username": actor.Username, "actor.agent": actor.Agent,
		"actor.agent_id": actor.AgentID, "actor.model": actor.Model, "actor.caller_id": actor.CallerID, "actor.host": actor.Host,
		"action.tool": action.Tool, "action.command": action.Command, "action.arguments": string(action.Arguments),
		"action.resource": action.Resource, "action.cwd": action.Cwd, "action.risk_level": string(action.Risk),
		"action.claim_source": string(action.ClaimSource), "action.mcp_server_id": action.MCPServerID, "action.skill": action.Skill,
	}
	for path, value := range parts {
		if len(value) > 1<<10 {
			parts[path] = fmt.Sprintf("%x", sha256.Sum256([]byte(value)))
		}
	}
	parts["action.risk_reasons"] = fmt.Sprintf("%q", reasons)
	for _, name := range []string{"sender_uid", "sender_token_name"} {
		if who, ok := e.Labels[name]; ok {
			parts[name] = "of " + who
		}
	}
	for _, c := range r.Cuts {
		parts[c.Member] = fmt.Sprintf("%x", c.SHA256)
	}
	for path := range parts { // what was cut and may differ
		if strings.HasPrefix(path, "result.") || strings.HasPrefix(path, "egress.") || strings.HasPrefix(path, "security.") ||
			slices.Contains([]string{"labels", "trace_id", "turn_id", "phase", "event_id", "action.approved_by"}, path) {
			delete(parts, path)
		}
	}
	return fmt.Sprintf("%q %v %v %v", parts, e.Action != nil, refused, violation)
}

// completedBehind reports whether a call that is open at the end of a segment is
// completed in a later one.
func completedBehind(segments map[int][]*Record, segment int) bool {
	for _, n := range slices.Sorted(maps.Keys(segments)) {
		if n <= segment {
			continue
		}
		records := segments[n]
		if records[0].Event.Phase == "completion" {
			return true
		}
		if naiveOpens(records[len(records)-1]) {
			return false
		}
	}
	return false
}

// naiveOpens reports whether a completion behind a record of a call hides it: of an
// attempt, and of an end that was inferred, but for a violation.
func naiveOpens(r *Record) bool {
	_, inferred := r.Event.Labels["inferred"]
	return r.Event.Phase == "attempt" || inferred && (r.Event.Security == nil || !r.Event.Security.PolicyViolation)
}

// naiveHandle takes away what a handle may have before its name.
func naiveHandle(s string) string { return strings.TrimPrefix(s, "@") }

// TestNaiveFields holds the fields here to those there are.
func TestNaiveFields(t *testing.T) {
	for _, name := range FieldNames() {
		if _, ok := naiveFields[name]; !ok && name != "label" {
			t.Errorf("there is no model of the field %s", name)
		}
	}
	if got, want := len(naiveFields)+1, len(FieldNames()); got != want {
		t.Errorf("%d fields are modelled, want %d", got, want)
	}
}
