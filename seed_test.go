package etch

import (
	"strings"
	"testing"
	"time"
)

// The seed's example, member for member, with a timestamp of our precision and
// the type of the result, which the other seed has.
func TestZeroClawSample(t *testing.T) {
	ev := &Event{
		Timestamp: time.Date(2026, 2, 16, 12, 34, 56, 0, time.UTC), ID: "evt_1a2b3c4d", Type: CommandExecution,
		Actor:    &Actor{Channel: "telegram", UserID: "123456789", Username: "@alice"},
		Action:   &Action{Command: "ls -la", Risk: RiskLow, Allowed: true},
		Result:   &Result{Type: Success, ExitCode: Some[int64](0), Duration: 15 * time.Millisecond},
		Security: &Security{RateLimitRemaining: Some[uint64](19)},
	}
	want := `"timestamp":"2026-02-16T12:34:56.000000Z","event_id":"evt_1a2b3c4d","event_type":"command_execution",` +
		`"actor":{"channel":"telegram","user_id":"123456789","username":"@alice"},` +
		`"action":{"command":"ls -la","risk_level":"low","approved":false,"allowed":true},` +
		`"result":{"success":true,"type":"success","exit_code":0,"duration_ms":15},` +
		`"security":{"policy_violation":false,"rate_limit_remaining":19}`
	if got := encode(ev); got != want {
		t.Errorf("the seed's sample is stored as\n%s, want\n%s", got, want)
	}
}

// Every field of both seeds has its place in a line.
func TestSeedFieldsHaveTheirPlace(t *testing.T) {
	tests := []struct {
		seed, field string
		ev          Event
		want        string
	}{
		{"zeroclaw", "timestamp", Event{Timestamp: testTime}, `"timestamp":"2026-02-16T12:34:56.123456Z"`},
		{"zeroclaw", "event_id", Event{ID: "evt_1"}, `"event_id":"evt_1"`},
		{"zeroclaw", "event_type", Event{Type: FileAccess}, `"event_type":"file_access"`},
		{"zeroclaw", "actor.channel", Event{Actor: &Actor{Channel: "telegram"}}, `"actor":{"channel":"telegram"}`},
		{"zeroclaw", "actor.user_id", Event{Actor: &Actor{UserID: "1"}}, `"actor":{"user_id":"1"}`},
		{"zeroclaw", "actor.username", Event{Actor: &Actor{Username: "@alice"}}, `"actor":{"username":"@alice"}`},
		{"zeroclaw", "action.command", Event{Action: &Action{Command: "ls"}}, `"action":{"command":"ls",`},
		{"zeroclaw", "action.risk_level", Event{Action: &Action{Risk: RiskCritical}}, `"action":{"risk_level":"critical",`},
		{"zeroclaw", "action.approved", Event{Action: &Action{Approved: true}}, `"action":{"approved":true,`},
		{"zeroclaw", "action.allowed", Event{Action: &Action{Allowed: true}}, `"allowed":true}`},
		{"zeroclaw", "result.success", Event{Result: &Result{Type: Success}}, `"result":{"success":true,`},
		{"zeroclaw", "result.exit_code", Event{Result: &Result{ExitCode: Some[int64](0)}}, `"exit_code":0`},
		{"zeroclaw", "result.duration_ms", Event{Result: &Result{Duration: time.Second}}, `"duration_ms":1000`},
		{"zeroclaw", "security.policy_violation", Event{Security: &Security{PolicyViolation: true}}, `"security":{"policy_violation":true}`},
		{"zeroclaw", "security.rate_limit_remaining", Event{Security: &Security{RateLimitRemaining: Some[uint64](0)}}, `"rate_limit_remaining":0`},
		{"zeph", "timestamp", Event{Timestamp: time.Unix(1712345678, 0)}, `"timestamp":"2024-04-05T19:34:38.000000Z"`},
		{"zeph", "tool", Event{Action: &Action{Tool: "shell"}}, `"action":{"tool":"shell",`},
		{"zeph", "command", Event{Action: &Action{Command: "https://example.com"}}, `"command":"https://example.com"`},
		{"zeph", "result", Event{Result: &Result{Type: Timeout}}, `"type":"timeout"`},
		{"zeph", "duration_ms", Event{Result: &Result{Duration: 42 * time.Millisecond}}, `"duration_ms":42`},
		{"zeph", "error_category", Event{Result: &Result{ErrorCategory: "policy_blocked"}}, `"error_category":"policy_blocked"`},
		{"zeph", "error_domain", Event{Result: &Result{ErrorDomain: "action"}}, `"error_domain":"action"`},
		{"zeph", "error_phase", Event{Result: &Result{ErrorPhase: "setup"}}, `"error_phase":"setup"`},
		{"zeph", "claim_source", Event{Action: &Action{ClaimSource: ClaimA2A}}, `"claim_source":"a2a"`},
		{"zeph", "mcp_server_id", Event{Action: &Action{MCPServerID: "m"}}, `"mcp_server_id":"m"`},
		{"zeph", "injection_flagged", Event{Security: &Security{InjectionFlagged: true}}, `"injection_flagged":true`},
		{"zeph", "embedding_anomalous", Event{Security: &Security{EmbeddingAnomalous: true}}, `"embedding_anomalous":true`},
		{"zeph", "cross_boundary_mcp_to_acp", Event{Security: &Security{CrossBoundaryMCPToACP: true}}, `"cross_boundary_mcp_to_acp":true`},
		{"zeph", "adversarial_policy_decision", Event{Security: &Security{AdversarialPolicyDecision: "deny:x"}}, `"adversarial_policy_decision":"deny:x"`},
		{"zeph", "exit_code", Event{Result: &Result{ExitCode: Some[int64](-1)}}, `"exit_code":-1`},
		{"zeph", "truncated", Event{Result: &Result{Truncated: true}}, `"duration_ms":0,"truncated":true}`},
		{"zeph", "caller_id", Event{Actor: &Actor{CallerID: "c"}}, `"actor":{"caller_id":"c"}`},
		{"zeph", "policy_match", Event{Security: &Security{PolicyMatch: "rule"}}, `"policy_match":"rule"`},
	}
	for _, tt := range tests {
		got := encode(&tt.ev)
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s %s: %s is not in %s", tt.seed, tt.field, tt.want, got)
		}
		name := tt.want[strings.LastIndex(tt.want[:strings.LastIndex(tt.want, ":")], `,"`)+1:]
		if tt.field == "timestamp" || tt.field == "event_id" || tt.field == "event_type" {
			continue
		}
		if decoded := encode(&decodeBody(t, got).Event); decoded != got {
			t.Errorf("%s %s: comes back from the line as %s, was %s", tt.seed, name, decoded, got)
		}
	}
}

// zephEntry is an entry of Zeph's tests, in our shape.
func zephEntry(tool, command string, result Result) *Event {
	return &Event{Timestamp: time.Unix(0, 0), Type: ToolCall, Action: &Action{Tool: tool, Command: command}, Result: &result}
}

// The assertions of Zeph's test module that concern what an entry looks like,
// under the names that they have there.
func TestZephAssertions(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name    string
		ev      *Event
		has     []string
		hasNone []string
	}{
		{
			"audit_entry_serialization", zephEntry("shell", "echo hello", Result{Type: Success, Duration: 42 * ms}),
			[]string{`"type":"success"`, `"tool":"shell"`, `"duration_ms":42`},
			nil,
		},
		{
			"audit_result_blocked_serialization",
			zephEntry("shell", "sudo rm", Result{Type: Blocked, Reason: "blocked command: sudo", ErrorCategory: "policy_blocked", ErrorDomain: "action"}),
			[]string{`"type":"blocked"`, `"reason"`},
			nil,
		},
		{"audit_result_error_serialization", zephEntry("shell", "bad", Result{Type: Error, Message: "exec failed"}), []string{`"type":"error"`}, nil},
		{
			"audit_result_timeout_serialization",
			zephEntry("shell", "sleep 999", Result{Type: Timeout, Duration: 30000 * ms, ErrorCategory: "timeout", ErrorDomain: "system"}),
			[]string{`"type":"timeout"`},
			nil,
		},
		{"audit_entry_claim_source_none_omitted", zephEntry("shell", "echo", Result{Type: Success, Duration: ms}), nil, []string{"claim_source"}},
		{"audit_entry_exit_code_serialized", zephEntry("shell", "echo hi", Result{Type: Success, Duration: 5 * ms, ExitCode: Some[int64](0)}), []string{`"exit_code":0`}, nil},
		{"audit_entry_exit_code_none_omitted", zephEntry("file", "read /tmp/x", Result{Type: Success, Duration: ms}), nil, []string{"exit_code"}},
		{
			"optional fields and false flags are left out", zephEntry("shell", "echo", Result{Type: Success}), nil,
			[]string{
				"error_category", "error_domain", "error_phase", "mcp_server_id", "injection_flagged", "embedding_anomalous",
				"cross_boundary_mcp_to_acp", "adversarial_policy_decision", "truncated", "caller_id", "policy_match",
			},
		},
		{"flags that are false are left out of an object that is there", &Event{Security: &Security{}}, nil, []string{
			"injection_flagged", "embedding_anomalous", "cross_boundary_mcp_to_acp", "redactions",
		}},
	}
	for _, tt := range tests {
		got := encode(tt.ev)
		for _, want := range tt.has {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s is not in %s", tt.name, want, got)
			}
		}
		for _, no := range tt.hasNone {
			if strings.Contains(got, no) {
				t.Errorf("%s: %s is in %s", tt.name, no, got)
			}
		}
	}
}

// claim_source_serde_roundtrip and audit_entry_claim_source_some_present.
func TestZephClaimSourceRoundTrip(t *testing.T) {
	want := map[ClaimSource]string{
		ClaimShell: "shell", ClaimFileSystem: "file_system", ClaimWebScrape: "web_scrape", ClaimMCP: "mcp",
		ClaimA2A: "a2a", ClaimCodeSearch: "code_search", ClaimDiagnostics: "diagnostics", ClaimMemory: "memory",
	}
	if len(want) != len(claimSources) {
		t.Errorf("there are %d claim sources, want %d", len(claimSources), len(want))
	}
	for source, name := range want {
		body := encode(&Event{Type: ToolCall, Action: &Action{ClaimSource: source}})
		if !strings.Contains(body, `"claim_source":"`+name+`"`) {
			t.Errorf("%q is stored as %s", source, body)
		}
		if got := decodeBody(t, body).Event.Action.ClaimSource; got != source {
			t.Errorf("%q comes back as %q", source, got)
		}
		if got, err := ParseClaimSource(name); got != source || err != nil {
			t.Errorf("ParseClaimSource(%q) = %q, %v", name, got, err)
		}
	}
}
