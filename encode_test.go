package etch

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var testTime = time.Date(2026, 2, 16, 12, 34, 56, 123456789, time.UTC)

// fullEvent has every member of the format but those of the other results.
func fullEvent() *Event {
	return &Event{
		Timestamp: testTime, ID: "evt_1a2b3c4d", Type: CommandExecution, Phase: Completion,
		CallID: "call_1", SessionID: "sess_1", TurnID: "turn_1", TraceID: "trace_1",
		Actor: &Actor{
			Channel: "telegram", UserID: "123456789", Username: "@alice", Agent: "zeroclaw",
			AgentID: "agent_1", Model: "model-1", CallerID: "caller_1", Host: "host-1",
		},
		Action: &Action{
			Tool: "shell", Command: "ls -la", Arguments: json.RawMessage(`{"a":[1,2.50,"x"]}`),
			Resource: "/etc/passwd", Cwd: "/srv", Risk: RiskHigh, RiskReasons: []string{"reads a credential file", "sudo"},
			Approved: true, ApprovedBy: "@bob", Allowed: true, ClaimSource: ClaimShell, MCPServerID: "mcp_1", Skill: "skill_1",
		},
		Result: &Result{
			Type: Error, Message: "exec failed", ExitCode: Some[int64](-1), Duration: 15999 * time.Microsecond,
			Truncated: true, ErrorCategory: "policy_blocked", ErrorDomain: "action", ErrorPhase: "execution",
			OutputBytes: Some[uint64](math.MaxUint64), OutputSHA256: "e3b0",
		},
		Security: &Security{
			PolicyViolation: true, RateLimitRemaining: Some[uint64](19), SandboxBackend: "landlock", PolicyMatch: "rule 7",
			AdversarialPolicyDecision: "deny:reason", InjectionFlagged: true, EmbeddingAnomalous: true,
			CrossBoundaryMCPToACP: true, TrustLevel: "untrusted", SourceKind: "web", Redactions: 2,
		},
		Egress: &Egress{
			URL: "https://example.com/x", Host: "example.com", Method: "GET", Status: Some[int64](200),
			ResponseBytes: Some[uint64](512), Blocked: true, BlockReason: "ssrf", Hop: Some[uint64](0),
		},
		Labels: map[string]string{"repo": "etch", "env": "prod"},
	}
}

const fullBody = `"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"evt_1a2b3c4d","event_type":"command_execution",` +
	`"phase":"completion","call_id":"call_1","session_id":"sess_1","turn_id":"turn_1","trace_id":"trace_1",` +
	`"actor":{"channel":"telegram","user_id":"123456789","username":"@alice","agent":"zeroclaw",` +
	`"agent_id":"agent_1","model":"model-1","caller_id":"caller_1","host":"host-1"},` +
	`"action":{"tool":"shell","command":"ls -la","arguments":{"a":[1,2.50,"x"]},"resource":"/etc/passwd","cwd":"/srv",` +
	`"risk_level":"high","risk_reasons":["reads a credential file","sudo"],"approved":true,"approved_by":"@bob",` +
	`"allowed":true,"claim_source":"shell","mcp_server_id":"mcp_1","skill":"skill_1"},` +
	`"result":{"success":false,"type":"error","message":"exec failed","exit_code":-1,"duration_ms":15,"truncated":true,` +
	`"error_category":"policy_blocked","error_domain":"action","error_phase":"execution",` +
	`"output_bytes":18446744073709551615,"output_sha256":"e3b0"},` +
	`"security":{"policy_violation":true,"rate_limit_remaining":19,"sandbox_backend":"landlock","policy_match":"rule 7",` +
	`"adversarial_policy_decision":"deny:reason","injection_flagged":true,"embedding_anomalous":true,` +
	`"cross_boundary_mcp_to_acp":true,"trust_level":"untrusted","source_kind":"web","redactions":2},` +
	`"egress":{"url":"https://example.com/x","host":"example.com","method":"GET","status":200,"response_bytes":512,` +
	`"blocked":true,"block_reason":"ssrf","hop":0},` +
	`"labels":{"env":"prod","repo":"etch"}`

func encode(ev *Event) string { return string(appendBody(nil, ev)) }

// checkBody fails the test where body is not what appendBody promises.
func checkBody(t rapid.TB, body []byte) {
	t.Helper()
	line := append(append([]byte{'{'}, body...), '}')
	if len(body) > maxBody {
		t.Errorf("body has %d bytes, over %d", len(body), maxBody)
	}
	if !json.Valid(line) {
		t.Fatalf("body is not valid JSON: %.300q", body)
	}
	if !utf8.Valid(body) {
		t.Errorf("body is not valid UTF-8: %.300q", body)
	}
	if name := duplicate(json.NewDecoder(strings.NewReader(string(line)))); name != "" {
		t.Errorf("body has the member %q twice: %.300q", name, body)
	}
	s := scanner{data: line, levels: maxLevels}
	if err := s.value(); err != nil || s.end() != nil {
		t.Errorf("our own scanner refuses the body: %v", err)
	}
	if s.spaced {
		t.Errorf("body has white space between its tokens: %.300q", body)
	}
}

// duplicate reads one value and returns a name that one object has twice. It is
// written over encoding/json, to check our own scanner.
func duplicate(d *json.Decoder) string {
	token, err := d.Token()
	if err != nil {
		return ""
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return ""
	}
	seen := make(map[string]bool)
	for d.More() {
		if delim == '{' {
			name, err := d.Token()
			if err != nil {
				return ""
			}
			if s := name.(string); seen[s] {
				return s
			}
			seen[name.(string)] = true
		}
		if name := duplicate(d); name != "" {
			return name
		}
	}
	if _, err := d.Token(); err != nil {
		return ""
	}
	return ""
}

func TestAppendBodyOrder(t *testing.T) {
	if diff := cmp.Diff(encode(fullEvent()), fullBody); diff != "" {
		t.Errorf("body of the full event differs (-got +want):\n%s", diff)
	}
	prefix := []byte(`{"seq":17,`)
	if got := string(appendBody(prefix, fullEvent())); got != `{"seq":17,`+fullBody {
		t.Errorf("appendBody does not append: %q", got)
	}
}

// The encoder is written out, the decoder goes by the schema: each member that
// one knows must be known to the other, in the same place.
func TestSchemaMatchesEncoder(t *testing.T) {
	body := []byte(fullBody)
	body = append(body, encode(&Event{Result: &Result{Type: Blocked, Reason: "r"}})...)
	body = append(body, encode(&Event{Result: &Result{Type: Rollback, Restored: Some[uint64](1), Deleted: Some[uint64](2)}})...)
	for _, o := range objects {
		fields := 0
		for i, m := range o.members {
			if !strings.Contains(string(body), `"`+m.name+`":`) {
				t.Errorf("the encoder never writes %s%s", o.name, m.name)
			}
			if at := m.at(emptyObjects()); at != (successMember{}) {
				fields++
			}
			if o.find([]byte(m.name), i) != i {
				t.Errorf("%s%s is in the schema twice", o.name, m.name)
			}
		}
		if want := fieldsOf(o); fields != want {
			t.Errorf("schema of %q has %d fields, the Go type has %d", o.name, fields, want)
		}
	}
}

func emptyObjects() *Event {
	return &Event{Actor: &Actor{}, Action: &Action{}, Result: &Result{}, Security: &Security{}, Egress: &Egress{}}
}

func fieldsOf(o *object) int {
	types := map[string]any{
		"": Event{}, "actor.": Actor{}, "action.": Action{}, "result.": Result{}, "security.": Security{}, "egress.": Egress{},
	}
	return reflect.TypeOf(types[o.name]).NumField()
}

// Everything of variable length can be cut, else an event could be refused.
func TestEveryTextCanBeCut(t *testing.T) {
	cut := make(map[string]bool)
	for _, path := range cutPaths {
		if cut[path] {
			t.Errorf("%s is in the order of cutting twice", path)
		}
		cut[path] = true
	}
	ev := emptyObjects()
	for _, o := range objects {
		for _, m := range o.members {
			at := m.at(ev)
			long := textAt(at) != nil
			switch at.(type) {
			case *json.RawMessage, *[]string, *map[string]string:
				long = true
			}
			if path := o.name + m.name; long != cut[path] {
				t.Errorf("%s: variable length %v, can be cut %v", path, long, cut[path])
			}
		}
	}
}

func TestAbsentIsNotZero(t *testing.T) {
	const head = `"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"","event_type":"tool_call",`
	tests := []struct {
		name string
		ev   Event
		want string
	}{
		{"empty objects", *emptyObjects(), `"actor":{},"action":{"approved":false,"allowed":false},` +
			`"result":{"success":false,"duration_ms":0},"security":{"policy_violation":false},"egress":{"blocked":false}`},
		{"exit code 0", Event{Result: &Result{ExitCode: Some[int64](0)}}, `"result":{"success":false,"exit_code":0,"duration_ms":0}`},
		{"zero counts", Event{
			Security: &Security{RateLimitRemaining: Some[uint64](0)},
			Egress:   &Egress{Status: Some[int64](0), ResponseBytes: Some[uint64](0), Hop: Some[uint64](0)},
		}, `"security":{"policy_violation":false,"rate_limit_remaining":0},"egress":{"status":0,"response_bytes":0,"blocked":false,"hop":0}`},
		{
			"rollback of nothing",
			Event{Result: &Result{Type: Rollback, Restored: Some[uint64](0), Deleted: Some[uint64](0)}},
			`"result":{"success":false,"type":"rollback","restored":0,"deleted":0,"duration_ms":0}`,
		},
		{"negative duration", Event{Result: &Result{Duration: -time.Second}}, `"result":{"success":false,"duration_ms":0}`},
		{"empty lists", Event{Action: &Action{RiskReasons: []string{}}, Labels: map[string]string{}}, `"action":{"approved":false,"allowed":false}`},
	}
	for _, tt := range tests {
		tt.ev.Timestamp, tt.ev.Type = testTime, ToolCall
		if got := encode(&tt.ev); got != head+tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, head+tt.want)
		}
	}
}

// A result's own members are stored only with its type.
func TestResultVariants(t *testing.T) {
	all := Result{Reason: "r", Message: "m", Restored: Some[uint64](3), Deleted: Some[uint64](1)}
	tests := map[Outcome]string{
		Success:  `"result":{"success":true,"type":"success","duration_ms":0}`,
		Blocked:  `"result":{"success":false,"type":"blocked","reason":"r","duration_ms":0}`,
		Error:    `"result":{"success":false,"type":"error","message":"m","duration_ms":0}`,
		Timeout:  `"result":{"success":false,"type":"timeout","duration_ms":0}`,
		Rollback: `"result":{"success":false,"type":"rollback","restored":3,"deleted":1,"duration_ms":0}`,
		"":       `"result":{"success":false,"duration_ms":0}`,
	}
	for outcome, want := range tests {
		r := all
		r.Type = outcome
		if got := encode(&Event{Result: &r}); !strings.HasSuffix(got, want) {
			t.Errorf("result %q is stored as %s, want %s", outcome, got, want)
		}
	}
}

func TestAppendTime(t *testing.T) {
	east := time.FixedZone("", 2*3600)
	tests := []struct {
		t    time.Time
		want string
	}{
		{testTime, "2026-02-16T12:34:56.123456Z"},
		{time.Date(2026, 2, 16, 1, 0, 0, 999, east), "2026-02-15T23:00:00.000000Z"},
		{time.Unix(0, 0), "1970-01-01T00:00:00.000000Z"},
		{time.Unix(-1, 999999999), "1969-12-31T23:59:59.999999Z"},
		{time.Time{}, "0001-01-01T00:00:00.000000Z"},
		{time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), minTime},
		{time.Date(0, 1, 1, 0, 0, 0, 0, east), minTime},
		{time.Date(-500, 1, 1, 0, 0, 0, 0, time.UTC), minTime},
		{time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), maxTime},
		{time.Date(10000, 1, 1, 1, 0, 0, 0, east), "9999-12-31T23:00:00.000000Z"},
		{time.Date(10000, 1, 1, 3, 0, 0, 0, east), maxTime},
		{time.Unix(math.MaxInt64/2, 0), maxTime},
		{time.Date(2024, 2, 29, 0, 0, 0, 1000, time.UTC), "2024-02-29T00:00:00.000001Z"},
	}
	for _, tt := range tests {
		if got := string(appendTime(nil, tt.t)); got != tt.want {
			t.Errorf("appendTime(%v) = %s, want %s", tt.t, got, tt.want)
		}
		got, ok := parseTime(tt.want)
		if !ok || string(appendTime(nil, got)) != tt.want {
			t.Errorf("parseTime(%s) = %v, %v", tt.want, got, ok)
		}
	}
}

func TestAppendBodyText(t *testing.T) {
	tests := []struct{ in, want string }{
		{"plain", `"command":"plain"`},
		{`say "hi" \o/`, `"command":"say \"hi\" \\o/"`},
		{"\b\f\n\r\t\x00\x1f\x7f", `"command":"\b\f\n\r\t\u0000\u001f` + "\x7f" + `"`},
		{"<a>&'\u2028\u2029\ufeff\ufffd", `"command":"<a>&'` + "\u2028\u2029\ufeff\ufffd" + `"`},
		{"grüße 世界 🙂 long enough to be read by words", `"command":"grüße 世界 🙂 long enough to be read by words"`},
		{"bad \xff", `"command":"bad \\xff","command_escaped":true`},
		{"\xffC:\\dir\n\"é\"\xc3", `"command":"\\xffC:\\\\dir\n\"é\"\\xc3","command_escaped":true`},
		{"\xed\xa0\x80", `"command":"\\xed\\xa0\\x80","command_escaped":true`}, // a surrogate
		{"\xc0\xaf", `"command":"\\xc0\\xaf","command_escaped":true`},          // overlong
	}
	for _, tt := range tests {
		ev := &Event{Type: ToolCall, Action: &Action{Command: tt.in}}
		got := encode(ev)
		if want := `"action":{` + tt.want + `,"approved":false,"allowed":false}`; !strings.HasSuffix(got, want) {
			t.Errorf("%q is stored as %s, want %s", tt.in, got, want)
		}
		checkBody(t, []byte(got))
		if size, _ := storedSize(tt.in); fmt.Sprintf(`"command":"%s"`, got[strings.Index(got, `"command":"`)+11:][:size]) != strings.Split(tt.want, `,"command_`)[0] {
			t.Errorf("storedSize(%q) = %d", tt.in, size)
		}
	}
}

func TestAppendBodyLists(t *testing.T) {
	tests := []struct {
		name   string
		action *Action
		labels map[string]string
		want   string
	}{
		{"sorted by bytes", nil, map[string]string{"b": "1", "a\"": "2", "": "3", "B": "4"}, `"labels":{"":"3","B":"4","a\"":"2","b":"1"}`},
		{"bad value", nil, map[string]string{"a\\": "\xff", "b": `\x`}, `"labels":{"a\\\\":"\\xff","b":"\\\\x"},"labels_escaped":true`},
		{"bad name", nil, map[string]string{"\xfe": "é"}, `"labels":{"\\xfe":"é"},"labels_escaped":true`},
		{
			"bad reason",
			&Action{RiskReasons: []string{`a\b`, "\xff", ""}}, nil,
			`"action":{"risk_reasons":["a\\\\b","\\xff",""],"risk_reasons_escaped":true,"approved":false,"allowed":false}`,
		},
	}
	for _, tt := range tests {
		got := encode(&Event{Type: ToolCall, Action: tt.action, Labels: tt.labels})
		if !strings.HasSuffix(got, `"event_type":"tool_call",`+tt.want) {
			t.Errorf("%s: stored as %s, want %s", tt.name, got, tt.want)
		}
		checkBody(t, []byte(got))
	}
	many := make(map[string]string)
	for i := range 100 {
		many[fmt.Sprintf("k%02d", 99-i)] = "v"
	}
	got := encode(&Event{Labels: many})
	if !strings.Contains(got, `{"k00":"v","k01":"v",`) || !strings.HasSuffix(got, `"k98":"v","k99":"v"}`) {
		t.Errorf("many labels are stored as %s", got)
	}
}

func TestAppendBodyArguments(t *testing.T) {
	deep := strings.Repeat("[", maxArgumentLevels) + strings.Repeat("]", maxArgumentLevels)
	tests := []struct{ in, want string }{
		{`{"a":1}`, `{"a":1}`},
		{" {\t\"a b\" :\r\n [ 1 , -0.0e+10 , null,true ,false ] } ", `{"a b":[1,-0.0e+10,null,true,false]}`},
		{`{"a\" }":"\\ "}`, `{"a\" }":"\\ "}`},
		{`{"\u0061":1.0,"\ud83d\ude42":"<é>"}`, `{"\u0061":1.0,"\ud83d\ude42":"<é>"}`},
		{`null`, `null`},
		{"{}\n", `{}`},
		{"[" + strings.Repeat("[],{},", 100) + "0]", "[" + strings.Repeat("[],{},", 100) + "0]"},
		{`123456789012345678901234567890`, `123456789012345678901234567890`},
		{deep, deep},
		{"[" + deep + "]", `"[` + deep + `]","arguments_raw":true`},
		{`{"a":1,"a":2}`, `"{\"a\":1,\"a\":2}","arguments_raw":true`},
		{`{"a":{"b":1,"\u0062":2}}`, `"{\"a\":{\"b\":1,\"\\u0062\":2}}","arguments_raw":true`},
		{`{"a":01}`, `"{\"a\":01}","arguments_raw":true`},
		{`{"a":1} x`, `"{\"a\":1} x","arguments_raw":true`},
		{`{"a":"` + "\n" + `"}`, `"{\"a\":\"\n\"}","arguments_raw":true`},
		{`{"a":"\ud800"}`, `"{\"a\":\"\\ud800\"}","arguments_raw":true`},
		{"{\"a\":\"\xff\\\\\"}", `"{\"a\":\"\\xff\\\\\\\\\"}","arguments_escaped":true,"arguments_raw":true`},
		{`ls -la`, `"ls -la","arguments_raw":true`},
		{` `, `" ","arguments_raw":true`},
	}
	for _, tt := range tests {
		got := encode(&Event{Type: ToolCall, Action: &Action{Arguments: json.RawMessage(tt.in)}})
		want := `"event_type":"tool_call","action":{"arguments":` + tt.want + `,"approved":false,"allowed":false}`
		if !strings.HasSuffix(got, want) {
			t.Errorf("arguments %q are stored as %s, want %s", tt.in, got, want)
		}
		checkBody(t, []byte(got))
	}
}

func TestAppendBodyAllocates(t *testing.T) {
	for name, ev := range map[string]*Event{"realistic": realistic(), "full": fullEvent()} {
		buf := make([]byte, 0, 4096)
		if n := testing.AllocsPerRun(100, func() { buf = appendBody(buf[:0], ev) }); n != 0 {
			t.Errorf("appendBody allocates %v times for the %s event, want 0", n, name)
		}
	}
	source := newIDSource()
	buf := make([]byte, 0, 4096)
	ev := realistic()
	ev.ID = ""
	n := testing.AllocsPerRun(100, func() {
		id := source.next(testTime)
		buf = appendBodyID(buf[:0], ev, id[:])
	})
	if n != 0 {
		t.Errorf("appendBodyID allocates %v times, want 0", n)
	}
	if !strings.Contains(string(buf), `"event_id":"evt_01`) {
		t.Errorf("appendBodyID does not write the id: %s", buf)
	}
}
