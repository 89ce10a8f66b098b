package zephlog

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch"
)

func samples(t testing.TB) []string {
	t.Helper()
	var lines []string
	for _, name := range []string{"entries.jsonl", "egress.jsonl", "mixed.jsonl"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "capture", "zeph", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")...)
	}
	if len(lines) != 20 {
		t.Fatalf("%d lines of samples, want 20", len(lines))
	}
	return lines
}

func parse(t testing.TB, line string) *etch.Event {
	t.Helper()
	e, err := Parse([]byte(line))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if err := e.Validate(); err != nil {
		t.Fatalf("%s: the event is not valid: %v", line, err)
	}
	return e
}

func written(t testing.TB, e *etch.Event) string {
	t.Helper()
	line, ok := Append(nil, e)
	if !ok {
		t.Fatalf("no line for %+v", e)
	}
	return string(line)
}

func TestSamplesRoundTrip(t *testing.T) {
	for _, line := range samples(t) {
		if got := written(t, parse(t, line)); got != line {
			t.Errorf("got  %s\nwant %s", got, line)
		}
	}
}

// Every member alone beside those that are always there, so that none depends
// on another; and what an event has no place for.
func TestEveryMemberRoundTrips(t *testing.T) {
	const entry = `{"timestamp":"1784800000","tool":"t","command":"c","result":{"type":"success"},"duration_ms":5`
	const egress = `{"timestamp":"1784800000","kind":"egress","correlation_id":"i","tool":"t","url":"u","host":"h","method":"GET"`
	for _, tail := range []string{
		`,"error_category":"a"`, `,"error_domain":"a"`, `,"error_phase":"a"`, `,"claim_source":"a2a"`, `,"claim_source":"browser"`,
		`,"mcp_server_id":"a"`, `,"injection_flagged":true`, `,"embedding_anomalous":true`, `,"cross_boundary_mcp_to_acp":true`,
		`,"adversarial_policy_decision":"deny:no"`, `,"exit_code":-1`, `,"truncated":true`, `,"caller_id":"telegram:42"`,
		`,"policy_match":"rule"`, `,"correlation_id":"a"`, `,"vigil_risk":"medium"`, `,"execution_env":"docker"`, `,"resolved_cwd":"/"`,
		`,"scope_at_definition":"a"`, `,"scope_at_dispatch":"b"`, `,"skill_name":["a","b"]`, `,"skill_name":[]`, `,"skill_name":["é\n"]`,
		`,"source_kind":"a"`, `,"trust_level":"a"`, `,"error_category":""`, `,"zz_unknown":{"deep":[1,2.50,null]}`,
	} {
		line := entry + tail + "}"
		if got := written(t, parse(t, line)); got != line {
			t.Errorf("got  %s\nwant %s", got, line)
		}
	}
	for _, tail := range []string{
		`,"duration_ms":0,"response_bytes":0`, `,"status":404,"duration_ms":1,"response_bytes":18446744073709551615`,
		`,"duration_ms":0,"response_bytes":0,"blocked":true,"block_reason":"ssrf","caller_id":"c","skill_name":["s"],"hop":3`,
	} {
		line := egress + tail + "}"
		if got := written(t, parse(t, line)); got != line {
			t.Errorf("got  %s\nwant %s", got, line)
		}
	}
	for _, line := range []string{
		strings.Replace(entry, "1784800000", "soon", 1) + "}",
		strings.Replace(entry, "1784800000", "0012", 1) + "}",
		strings.Replace(entry, "1784800000", "99999999999999999999", 1) + "}",
		strings.Replace(entry, `"duration_ms":5`, `"duration_ms":18446744073709551615`, 1) + "}",
		strings.Replace(entry, `{"type":"success"}`, `{"type":"partial","done":3}`, 1) + "}",
		strings.Replace(entry, `{"type":"success"}`, `{"type":"rollback","restored":0,"deleted":7}`, 1) + "}",
		strings.Replace(entry, `"command":"c"`, `"command":"\" \\ / \b\t\n\f\r \u0001\u001f <>& `+"\x7f\u2028\u2029 é 😀"+`"`, 1) + "}",
		strings.Replace(entry, `"tool":"t"`, `"tool":""`, 1) + "}",
	} {
		if got := written(t, parse(t, line)); got != line {
			t.Errorf("got  %s\nwant %s", got, line)
		}
	}
}

// TestPlaces holds each member to its place in an event.
func TestPlaces(t *testing.T) {
	all := samples(t)[7]
	got := parse(t, all)
	want := &etch.Event{
		Timestamp: time.Unix(1784800008, 0).UTC(),
		Type:      etch.ToolCall,
		CallID:    "a1b2c3d4-0000-4000-8000-000000000001",
		Actor:     &etch.Actor{Agent: "zeph", CallerID: "cli"},
		Action: &etch.Action{
			Tool: "fetch", Command: "https://example.com/", Cwd: "/home/u/p", Allowed: true,
			ClaimSource: etch.ClaimWebScrape, MCPServerID: "web", Skill: "research",
		},
		Result: &etch.Result{
			Type: etch.Error, Message: "http 500", ExitCode: etch.Some[int64](1), Duration: 120 * time.Millisecond, Truncated: true,
			ErrorCategory: "server_error", ErrorDomain: "system", ErrorPhase: "execution",
		},
		Security: &etch.Security{
			PolicyMatch: "rule-1", AdversarialPolicyDecision: "allow", InjectionFlagged: true, EmbeddingAnomalous: true,
			CrossBoundaryMCPToACP: true, TrustLevel: "external_untrusted", SourceKind: "web_scrape",
		},
		Labels: map[string]string{
			"zeph_vigil_risk": "high", "zeph_execution_env": "default",
			"zeph_scope_at_definition": "general", "zeph_scope_at_dispatch": "general",
		},
	}
	if diff := cmp.Diff(got, want, cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
		t.Errorf("event (-got +want):\n%s", diff)
	}
}

func TestTypes(t *testing.T) {
	var got []string
	for _, line := range samples(t)[:10] {
		e := parse(t, line)
		words := []string{string(e.Type), string(e.Result.Type)}
		if !e.Action.Allowed {
			words = append(words, "denied")
		}
		if e.Security.PolicyViolation {
			words = append(words, "violation")
		}
		got = append(got, strings.Join(words, " "))
	}
	want := []string{
		"command_execution success",
		"command_execution blocked denied violation",
		"command_execution timeout",
		"command_execution rollback",
		"command_execution error",
		"approval_decision success",
		"tool_call success",
		"tool_call error",
		"network_egress success",
		"network_egress blocked denied violation",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("types (-got +want):\n%s", diff)
	}
}

func TestNoRecord(t *testing.T) {
	for line, want := range map[string]string{
		``:              "not an object",
		`hello`:         "not an object",
		`[]`:            "not an object",
		`{"timestamp":`: "not valid JSON",
		`{}`:            `"timestamp" is missing`,
		`{"timestamp":"1","tool":"t","command":"c","result":{"type":"success"}}`:                               `"duration_ms" is missing`,
		`{"timestamp":1,"tool":"t","command":"c","result":{"type":"success"},"duration_ms":1}`:                 `"timestamp" is not a string`,
		`{"timestamp":"1","tool":null,"command":"c","result":{"type":"success"},"duration_ms":1}`:              `"tool" is not a string`,
		`{"timestamp":"1","tool":"t","command":"c","result":"ok","duration_ms":1}`:                             errResult.Error(),
		`{"timestamp":"1","tool":"t","command":"c","result":{"reason":"x"},"duration_ms":1}`:                   errResult.Error(),
		`{"timestamp":"1","tool":"t","command":"c","result":{"type":"success"},"duration_ms":1.5}`:             errDuration.Error(),
		`{"timestamp":"1","tool":"t","command":"c","result":{"type":"success"},"duration_ms":1,"tool":"u"}`:    `"tool" comes twice`,
		`{"timestamp":"1","tool":"t","command":"c","result":{"type":"success"},"duration_ms":1,"t\u006fol":1}`: `"tool" comes twice`,
		`{"timestamp":"1","kind":"egress","tool":"t"}`:                                                         `"correlation_id" is missing`,
		`{"timestamp":"1","tool":"t","command":"c","result":{"type":"success"},"duration_ms":1} {}`:            "not valid JSON",
	} {
		if _, err := Parse([]byte(line)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", line, err, want)
		}
	}
}

// What other agents did is written with what Zeph has for it.
func TestForeignEvents(t *testing.T) {
	at := time.Date(2026, 7, 23, 9, 46, 40, 500e6, time.UTC)
	for _, test := range []struct {
		event etch.Event
		want  string
	}{
		{etch.Event{Type: etch.UserPrompt}, ""},
		{
			etch.Event{
				Timestamp: at, Type: etch.CommandExecution, Action: &etch.Action{Command: "ls", Allowed: true},
				Result: &etch.Result{Type: etch.Success, ExitCode: etch.Some[int64](0), Duration: 1500 * time.Microsecond},
			},
			`{"timestamp":"1784800000","tool":"shell","command":"ls","result":{"type":"success"},"duration_ms":1,"exit_code":0}`,
		},
		{
			etch.Event{Timestamp: at, Type: etch.ToolCall, Phase: etch.Attempt, CallID: "c1", Action: &etch.Action{Tool: "Read", Arguments: json.RawMessage(`{"a":"b"}`), Allowed: true}},
			`{"timestamp":"1784800000","tool":"Read","command":"{\"a\":\"b\"}","result":{"type":"error","message":"no outcome is recorded"},"duration_ms":0,"correlation_id":"c1"}`,
		},
		{
			etch.Event{Timestamp: at, Type: etch.ApprovalDecision, Action: &etch.Action{Resource: "/etc/passwd"}, Security: &etch.Security{PolicyMatch: "no"}},
			`{"timestamp":"1784800000","tool":"approval_decision","command":"/etc/passwd","result":{"type":"blocked","reason":"no"},"duration_ms":0,"policy_match":"no"}`,
		},
		{
			etch.Event{Timestamp: at, Type: etch.NetworkEgress, Egress: &etch.Egress{URL: "u\xff", Hop: etch.Some[uint64](0)}, Labels: map[string]string{"team": "a"}},
			`{"timestamp":"1784800000","kind":"egress","correlation_id":"","tool":"","url":"u` + "\ufffd" + `","host":"","method":"","duration_ms":0,"response_bytes":0}`,
		},
		{ // a label whose JSON was masked
			etch.Event{Timestamp: at, Type: etch.ToolCall, Action: &etch.Action{Tool: "t", Allowed: true}, Result: &etch.Result{Type: etch.Timeout}, Labels: map[string]string{"zeph_x": `{"password":***}`}},
			`{"timestamp":"1784800000","tool":"t","command":"","result":{"type":"timeout"},"duration_ms":0,"x":"{\"password\":***}"}`,
		},
	} {
		line, ok := Append(nil, &test.event)
		if string(line) != test.want || ok != (test.want != "") {
			t.Errorf("got  %s, %v\nwant %s", line, ok, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range samples(f) {
		f.Add([]byte(line))
	}
	f.Add([]byte(`{"timestamp":"x","tool":"","command":"","result":{"type":"success","a":1},"duration_ms":1e3,"skill_name":["a"],"b":null}`))
	f.Add([]byte(`{"timestamp":"1","kind":"egress","correlation_id":"","tool":"","url":"","host":"","method":"","duration_ms":0,"response_bytes":0,"hop":0}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		before := bytes.Clone(line)
		e, err := Parse(line)
		if !bytes.Equal(line, before) {
			t.Fatalf("Parse changed %q", before)
		}
		if err != nil {
			return
		}
		if err := e.Validate(); err != nil {
			t.Fatalf("%q: the event is not valid: %v", line, err)
		}
		out, ok := Append(nil, e)
		if !ok || !json.Valid(out) || bytes.ContainsAny(out, "\n\r") {
			t.Fatalf("%q is written as %q, %v", line, out, ok)
		}
		again, err := Parse(out)
		if err != nil {
			t.Fatalf("%q is written as %q, which is none: %v", line, out, err)
		}
		// What is written once is written so for ever: nothing is lost on the way.
		twice, _ := Append(nil, again)
		if !bytes.Equal(twice, out) {
			t.Fatalf("%q is written as %q, and that as %q", line, out, twice)
		}
		checkMembers(t, line, out)
	})
}

// checkMembers holds the line that was written to the members of the one that
// was read, as another implementation reads both.
func checkMembers(t *testing.T, line, out []byte) {
	t.Helper()
	var before, after map[string]any
	if json.Unmarshal(line, &before) != nil || json.Unmarshal(out, &after) != nil {
		t.Fatalf("%q or %q cannot be read", line, out)
	}
	plain := func(m map[string]any) {
		maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil || v == false })
		if m["hop"] == 0.0 {
			delete(m, "hop")
		}
	}
	plain(before)
	plain(after)
	for name, value := range before {
		got, ok := after[name]
		if !ok {
			t.Fatalf("%q of %q is lost: %q", name, line, out)
		}
		if _, text := got.(string); !text && !cmp.Equal(got, value) {
			t.Fatalf("%q of %q is %v, was %v", name, line, got, value)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	lines := samples(b)
	for i := 0; b.Loop(); i++ {
		if _, err := Parse([]byte(lines[i%len(lines)])); err != nil {
			b.Fatal(err)
		}
	}
}
