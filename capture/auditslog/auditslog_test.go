package auditslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/auditslog"
	"github.com/google/go-cmp/cmp"
)

// A recorder keeps events, or fails.
type recorder struct {
	mu     sync.Mutex
	events []*etch.Event
	err    error
}

func (r *recorder) Append(ctx context.Context, ev *etch.Event) (etch.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := context.Cause(ctx); err != nil {
		return etch.Receipt{}, err
	}
	if err := ev.Validate(); err != nil {
		return etch.Receipt{}, fmt.Errorf("%w: %w", etch.ErrNotRecorded, err)
	}
	if r.err != nil {
		return etch.Receipt{}, r.err
	}
	r.events = append(r.events, ev)
	return etch.Receipt{}, nil
}

// one returns the only event, without what every record has.
func (r *recorder) one(t *testing.T) *etch.Event {
	t.Helper()
	if len(r.events) != 1 {
		t.Fatalf("got %d events, want 1", len(r.events))
	}
	e := r.events[0]
	r.events = nil
	delete(e.Labels, "level")
	delete(e.Labels, "msg")
	if len(e.Labels) == 0 {
		e.Labels = nil
	}
	e.Timestamp = time.Time{}
	return e
}

func diff(got, want any) string {
	return cmp.Diff(want, got, cmp.AllowUnexported(etch.Optional[int64]{}, etch.Optional[uint64]{}))
}

// The labels, taken apart at their dots, are what was logged.
func TestSlogtest(t *testing.T) {
	for _, next := range []bool{false, true} {
		log := new(recorder)
		slogtest.Run(t, func(*testing.T) slog.Handler {
			log.events = nil
			opts := &auditslog.Options{Type: etch.ToolCall}
			if next {
				opts.Next = slog.NewTextHandler(new(bytes.Buffer), nil)
			}
			return auditslog.New(log, opts)
		}, func(t *testing.T) map[string]any {
			if len(log.events) != 1 {
				t.Fatalf("got %d events, want 1", len(log.events))
			}
			return logged(log.events[0])
		})
	}
}

func logged(e *etch.Event) map[string]any {
	m := map[string]any{}
	if !e.Timestamp.IsZero() {
		m[slog.TimeKey] = e.Timestamp
	}
	for name, value := range e.Labels {
		in := m
		parts := strings.Split(name, ".")
		for _, part := range parts[:len(parts)-1] {
			if in[part] == nil {
				in[part] = map[string]any{}
			}
			in = in[part].(map[string]any)
		}
		in[parts[len(parts)-1]] = value
	}
	return m
}

func TestMembers(t *testing.T) {
	log := new(recorder)
	l := slog.New(auditslog.New(log, nil))
	when := time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)
	l.Info("m",
		"event_type", "tool_call", "timestamp", when, "event_id", "evt_1", "phase", etch.Completion, "call", "c", "session", "s", "turn", "t", "trace", "x",
		slog.Group("actor", "channel", "cli", "user_id", 7, "username", "alice", "agent", "helper", "agent_id", "a1", "model", "m1", "caller_id", "c1", "host", "h"),
		slog.Group("action", "tool", "search", "command", "a && b", "arguments", map[string]any{"q": "a<b"}, "resource", "/r", "cwd", "/w",
			"risk_level", etch.RiskHigh, "risk_reasons", []string{"r1", "r2"}, "approved", true, "approved_by", "bob", "allowed", true,
			"claim_source", "mcp", "mcp_server_id", "srv", "skill", "sk"),
		slog.Group("result", "type", "rollback", "restored", 3, "deleted", uint64(0), "exit_code", -1, "duration_ms", 1500, "truncated", true,
			"error_category", "ec", "error_domain", "ed", "error_phase", "ep", "output_bytes", 9, "output_sha256", "ab"),
		slog.Group("security", "policy_violation", true, "rate_limit_remaining", 5, "sandbox_backend", "sb", "policy_match", "pm",
			"adversarial_policy_decision", "allow", "injection_flagged", true, "embedding_anomalous", true, "cross_boundary_mcp_to_acp", true,
			"trust_level", "tl", "source_kind", "sk", "redactions", 2),
		slog.Group("egress", "url", "https://example.com/", "host", "example.com", "method", "GET", "status", 200, "response_bytes", 10,
			"blocked", true, "block_reason", "br", "hop", 1),
		slog.Group("labels", "team", "platform"),
	)
	if len(log.events) != 1 {
		t.Fatalf("got %d events, want 1", len(log.events))
	}
	if got := log.events[0].Timestamp; !got.Equal(when) {
		t.Errorf("got time %s, want %s", got, when)
	}
	got := log.one(t)
	want := &etch.Event{
		ID: "evt_1", Type: etch.ToolCall, Phase: etch.Completion, CallID: "c", SessionID: "s", TurnID: "t", TraceID: "x",
		Actor: &etch.Actor{Channel: "cli", UserID: "7", Username: "alice", Agent: "helper", AgentID: "a1", Model: "m1", CallerID: "c1", Host: "h"},
		Action: &etch.Action{
			Tool: "search", Command: "a && b", Arguments: json.RawMessage(`{"q":"a<b"}`), Resource: "/r", Cwd: "/w", Risk: etch.RiskHigh,
			RiskReasons: []string{"r1", "r2"}, Approved: true, ApprovedBy: "bob", Allowed: true, ClaimSource: etch.ClaimMCP, MCPServerID: "srv", Skill: "sk",
		},
		Result: &etch.Result{
			Type: etch.Rollback, Restored: etch.Some[uint64](3), Deleted: etch.Some[uint64](0), ExitCode: etch.Some[int64](-1),
			Duration: 1500 * time.Millisecond, Truncated: true, ErrorCategory: "ec", ErrorDomain: "ed", ErrorPhase: "ep",
			OutputBytes: etch.Some[uint64](9), OutputSHA256: "ab",
		},
		Security: &etch.Security{
			PolicyViolation: true, RateLimitRemaining: etch.Some[uint64](5), SandboxBackend: "sb", PolicyMatch: "pm", AdversarialPolicyDecision: "allow",
			InjectionFlagged: true, EmbeddingAnomalous: true, CrossBoundaryMCPToACP: true, TrustLevel: "tl", SourceKind: "sk", Redactions: 2,
		},
		Egress: &etch.Egress{
			URL: "https://example.com/", Host: "example.com", Method: "GET", Status: etch.Some[int64](200), ResponseBytes: etch.Some[uint64](10),
			Blocked: true, BlockReason: "br", Hop: etch.Some[uint64](1),
		},
		Labels: map[string]string{"team": "platform"},
	}
	if d := diff(got, want); d != "" {
		t.Errorf("event (-want +got):\n%s", d)
	}
	want.Timestamp, want.Result.Reason, want.Result.Message = when, "only with", "other types"
	everyField(t, reflect.ValueOf(*want), "Event")
}

// everyField complains of a zero field: a member that the table above forgets.
func everyField(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.IsZero() {
		t.Errorf("%s is not tested", name)
	}
	if v.Kind() == reflect.Struct && v.Type().PkgPath() == reflect.TypeFor[etch.Event]().PkgPath() && !strings.HasPrefix(v.Type().Name(), "Optional") {
		for i := range v.NumField() {
			everyField(t, v.Field(i), name+"."+v.Type().Field(i).Name)
		}
	}
}

// Every name by which a query asks for a member is known.
func TestNamesOfQueries(t *testing.T) {
	page, err := os.ReadFile("../../docs/queries.md")
	if err != nil {
		t.Fatal(err)
	}
	except := map[string]bool{ // what is no member, or too common a name
		"seq": true, "time": true, "type": true, "id": true, "text": true, "label": true, "labels": true, "failed": true, "denied": true, "control": true, "timestamp": true,
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]*) \\| (text|level|number|flag|time) \\|").FindAllStringSubmatch(string(page), -1)
	if len(rows) < 40 {
		t.Fatalf("docs/queries.md has %d fields", len(rows))
	}
	values := map[string]any{"text": "v", "number": 7, "flag": true, "level": "high"}
	given := map[string]any{"phase": "attempt", "result": "success", "claim_source": "mcp", "event_type": "tool_call", "message": "v", "reason": "v"}
	for _, row := range rows {
		names := []string{row[1]}
		for _, also := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[2], -1) {
			names = append(names, also[1])
		}
		for _, name := range names {
			if except[name] {
				continue
			}
			value := values[row[3]]
			if v, ok := given[row[1]]; ok {
				value = v
			}
			if row[1] == "type" {
				value = "tool_call"
			}
			log := new(recorder)
			slog.New(auditslog.New(log, nil)).Info("", name, value)
			if e := log.one(t); e.Labels != nil {
				t.Errorf("%s: got labels %v, want it to be known", name, e.Labels)
			}
		}
	}
}

func TestValues(t *testing.T) {
	success, failed := &etch.Result{Type: etch.Success}, errors.New("disk full")
	var nobody *panicker
	for _, test := range []struct {
		name string
		args []any
		want etch.Event
	}{
		{"nothing", nil, etch.Event{}},
		{"success", []any{"success", true}, etch.Event{Result: success}},
		{"no success", []any{"success", false}, etch.Event{Result: &etch.Result{}}},
		{"an error", []any{"err", failed}, etch.Event{Result: &etch.Result{Type: etch.Error, Message: "disk full"}}},
		{"no error", []any{"err", nil, "success", true}, etch.Event{Result: success}},
		{"an error that is no error", []any{"error", "x"}, etch.Event{Labels: map[string]string{"error": "x"}}},
		{"time was up", []any{"error", context.DeadlineExceeded}, etch.Event{
			Result: &etch.Result{Type: etch.Timeout, ErrorCategory: "timeout"}, Labels: map[string]string{"error": "context deadline exceeded"},
		}},
		{"an error of a success", []any{"result", "success", "err", failed}, etch.Event{Result: success, Labels: map[string]string{"err": "disk full"}}},
		{"an error and a message", []any{"message", "no", "err", failed}, etch.Event{
			Result: &etch.Result{Type: etch.Error, Message: "no"}, Labels: map[string]string{"err": "disk full"},
		}},
		{"an error that is nil", []any{"err", (*net.OpError)(nil)}, etch.Event{Result: &etch.Result{Type: etch.Error, Message: "<nil>"}}},
		{"an error that panics", []any{"err", panickingError{}}, etch.Event{Result: &etch.Result{Type: etch.Error, Message: "!PANIC: at the disco"}}},
		{"a reason", []any{"reason", "no"}, etch.Event{Result: &etch.Result{Type: etch.Blocked, Reason: "no"}}},
		{"restored", []any{"restored", 1}, etch.Event{Result: &etch.Result{Type: etch.Rollback, Restored: etch.Some[uint64](1)}}},
		{"what does not fit its result", []any{"result", "success", "reason", "r", "message", "m", "restored", 1, "deleted", 2}, etch.Event{
			Result: success, Labels: map[string]string{"result.reason": "r", "result.message": "m", "result.restored": "1", "result.deleted": "2"},
		}},
		{"not of its kind", []any{"exit_code", "one", "risk", "hihg", "approved", "yes", "hop", -1, "status", uint64(1 << 63), "duration", -time.Second, "event_type", "tool", "timestamp", "now", "allowed", 1, "redactions", -1, "risk_reasons", 1, slog.Group("tool", "a", 1), slog.Group("phase", "a", 1)}, etch.Event{
			Labels: map[string]string{
				"exit_code": "one", "risk": "hihg", "approved": "yes", "hop": "-1", "status": "9223372036854775808", "duration": "-1s", "event_type": "tool",
				"timestamp": "now", "allowed": "1", "redactions": "-1", "risk_reasons": "1", "tool.a": "1", "phase.a": "1",
			},
		}},
		{"duration", []any{"duration", 1500 * time.Millisecond}, etch.Event{Result: &etch.Result{Duration: 1500 * time.Millisecond}}},
		{"a duration too long", []any{"duration", uint64(1 << 62)}, etch.Event{Labels: map[string]string{"duration": "4611686018427387904"}}},
		{"unsigned and text", []any{"exit_code", uint64(3), slog.Group("labels", "g", slog.GroupValue(slog.Int("a", 1)))}, etch.Event{
			Result: &etch.Result{ExitCode: etch.Some[int64](3)}, Labels: map[string]string{"g.a": "1"},
		}},
		{"arguments as text", []any{"arguments", ` {"a": 1}`}, etch.Event{Action: &etch.Action{Arguments: json.RawMessage(` {"a": 1}`), Allowed: true}}},
		{"arguments that only look so", []any{"arguments", `{"a": 1`}, etch.Event{Action: &etch.Action{Arguments: json.RawMessage(`"{\"a\": 1"`), Allowed: true}}},
		{"arguments as a group", []any{slog.Group("arguments", "b", 1, "a", slog.GroupValue(slog.Bool("c", true), slog.Any("e", failed), slog.Duration("d", 1)), "n", nil)}, etch.Event{
			Action: &etch.Action{Arguments: json.RawMessage(`{"b":1,"a":{"c":true,"e":"disk full","d":"1ns"},"n":null}`), Allowed: true},
		}},
		{"one risk reason", []any{"risk_reason", "r"}, etch.Event{Action: &etch.Action{RiskReasons: []string{"r"}, Allowed: true}}},
		{"not allowed", []any{"tool", "x", "allowed", false}, etch.Event{Action: &etch.Action{Tool: "x"}}},
		{"blocked", []any{"tool", "x", "result", "blocked"}, etch.Event{Action: &etch.Action{Tool: "x"}, Result: &etch.Result{Type: etch.Blocked}}},
		{"a violation", []any{"tool", "x", "violation", true}, etch.Event{Action: &etch.Action{Tool: "x"}, Security: &etch.Security{PolicyViolation: true}}},
		{"a violation by type", []any{"tool", "x", "event_type", "policy_violation"}, etch.Event{Type: etch.PolicyViolation, Action: &etch.Action{Tool: "x"}}},
		{"names of its own in labels", []any{slog.Group("labels", "msg", "a", "team", "b")}, etch.Event{Labels: map[string]string{"attr.msg": "a", "team": "b"}}},
		{"names of its own", []any{"msg", "a", "level", "b"}, etch.Event{Labels: map[string]string{"attr.msg": "a", "attr.level": "b"}}},
		{"other things", []any{
			"bytes", []byte("b"), "struct",
			struct {
				A string `json:"a"`
			}{"<&>"},
			"nil", nil, "chan", make(chan int) == nil,
			"time", time.Unix(0, 0).UTC(), "json", json.RawMessage(`{"a":1}`), "func", complex(1, 2), "marshaler",
			marshaler{},
			"panic",
			panicker{},
			"nobody", nobody,
		}, etch.Event{Labels: map[string]string{
			"bytes": "b", "struct": `{"a":"<&>"}`, "nil": "null", "chan": "false", "time": "1970-01-01T00:00:00Z", "json": `{"a":1}`, "func": "(1+2i)",
			"marshaler": "!ERROR: no text", "panic": "!PANIC: at the disco", "nobody": "null",
		}}},
		{"a panic in arguments", []any{"arguments", jsonPanicker{}}, etch.Event{Action: &etch.Action{Arguments: json.RawMessage(`"!PANIC: at the disco"`), Allowed: true}}},
		{"groups", []any{slog.Group("a", slog.Group("b", "c", 1), "d", 2), slog.Group("", "tool", "x"), slog.Group("action"), slog.Group("arguments")}, etch.Event{
			Action: &etch.Action{Tool: "x", Allowed: true}, Labels: map[string]string{"a.b.c": "1", "a.d": "2"},
		}},
		{"a path", []any{"action.tool", "x"}, etch.Event{Action: &etch.Action{Tool: "x", Allowed: true}}},
		{"a valuer", []any{"command", valuer{}, "actor", actorValuer{}}, etch.Event{
			Action: &etch.Action{Command: "resolved", Allowed: true}, Actor: &etch.Actor{Username: "alice"},
		}},
	} {
		log := new(recorder)
		slog.New(auditslog.New(log, nil)).Info("m", test.args...)
		if test.want.Type == "" {
			test.want.Type = etch.SecurityEvent
		}
		if d := diff(log.one(t), &test.want); d != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, d)
		}
	}
}

type valuer struct{}

func (valuer) LogValue() slog.Value { return slog.StringValue("resolved") }

type actorValuer struct{}

func (actorValuer) LogValue() slog.Value { return slog.GroupValue(slog.String("username", "alice")) }

type marshaler struct{}

func (marshaler) MarshalText() ([]byte, error) { return nil, errors.New("no text") }

type panicker struct{ what string }

func (p panicker) String() string { panic("at the disco" + p.what) }

type panickingError struct{}

func (panickingError) Error() string { panic("at the disco") }

func (panickingError) Unwrap() error { panic("at the disco") }

type jsonPanicker struct{ panicker }

func (jsonPanicker) MarshalJSON() ([]byte, error) { panic("at the disco") }

// Groups and attributes that a logger has count as those of the record, and none
// knows of another's.
func TestWith(t *testing.T) {
	log := new(recorder)
	root := slog.New(auditslog.New(log, nil)).With("user", "alice", "app", "a")
	one := root.WithGroup("action").With("tool", "search")
	other := root.With("app", "b").WithGroup("req").With("id", 1)
	for _, test := range []struct {
		logger *slog.Logger
		want   etch.Event
	}{
		{one.With("resource", "/r"), etch.Event{Action: &etch.Action{Tool: "search", Command: "c", Resource: "/r", Allowed: true}, Labels: map[string]string{"app": "a"}}},
		{one, etch.Event{Action: &etch.Action{Tool: "search", Command: "c", Allowed: true}, Labels: map[string]string{"app": "a"}}},
		{other, etch.Event{Labels: map[string]string{"app": "b", "req.id": "1", "req.command": "c"}}},
		{root, etch.Event{Action: &etch.Action{Command: "c", Allowed: true}, Labels: map[string]string{"app": "a"}}},
		{root.WithGroup("").With(), etch.Event{Action: &etch.Action{Command: "c", Allowed: true}, Labels: map[string]string{"app": "a"}}},
	} {
		test.logger.Info("m", "command", "c")
		test.want.Type, test.want.Actor = etch.SecurityEvent, &etch.Actor{Username: "alice"}
		if d := diff(log.one(t), &test.want); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

func TestWhichAreEvents(t *testing.T) {
	for _, test := range []struct {
		name           string
		typ            etch.EventType
		next           bool
		log            func(*slog.Logger)
		events, passed int
	}{
		{"named", "", true, func(l *slog.Logger) { l.Info("m", "event_type", "tool_call") }, 1, 1},
		{"named by the logger", "", true, func(l *slog.Logger) { l.With("event_type", "tool_call").WithGroup("g").Info("m") }, 1, 1},
		{"named without a group", "", true, func(l *slog.Logger) { l.Info("m", slog.Group("", "event_type", "tool_call")) }, 1, 1},
		{"named wrongly", "", true, func(l *slog.Logger) { l.Info("m", "event_type", "tool") }, 1, 1},
		{"another's", "", true, func(l *slog.Logger) { l.WithGroup("g").Info("m", "event_type", "tool_call") }, 0, 1},
		{"none", "", true, func(l *slog.Logger) { l.Info("m") }, 0, 1},
		{"none, with a type", etch.ToolCall, true, func(l *slog.Logger) { l.Info("m") }, 1, 1},
		{"none, alone", "", false, func(l *slog.Logger) { l.Info("m") }, 1, 0},
		{"below the level", "", true, func(l *slog.Logger) { l.Debug("m", "event_type", "tool_call") }, 0, 1},
		{"below both levels", "", true, func(l *slog.Logger) { l.Log(t.Context(), -10, "m", "event_type", "tool_call") }, 0, 0},
	} {
		log, passed := new(recorder), new(bytes.Buffer)
		opts := &auditslog.Options{Type: test.typ}
		if test.next {
			opts.Next = slog.NewTextHandler(passed, &slog.HandlerOptions{Level: slog.LevelDebug})
		}
		test.log(slog.New(auditslog.New(log, opts)))
		if got := bytes.Count(passed.Bytes(), []byte("\n")); len(log.events) != test.events || got != test.passed {
			t.Errorf("%s: got %d events, %d passed on, want %d, %d", test.name, len(log.events), got, test.events, test.passed)
		}
	}
}

// The next handler has the groups and attributes too.
func TestNext(t *testing.T) {
	passed := new(bytes.Buffer)
	next := slog.NewTextHandler(passed, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	l := slog.New(auditslog.New(new(recorder), &auditslog.Options{Next: next}))
	l.With("a", 1).WithGroup("g").With("b", 2).Info("m", "c", 3)
	if got, want := passed.String(), "level=INFO msg=m a=1 g.b=2 g.c=3\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A failingHandler fails.
type failingHandler struct{ slog.Handler }

var errNext = errors.New("next")

func (failingHandler) Handle(context.Context, slog.Record) error { return errNext }

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		err  error
		told bool
	}{
		{nil, false},
		{etch.ErrSkipped, false},
		{etch.ErrNotRecorded, true},
		{etch.ErrUnknown, true},
	} {
		var told []error
		log := &recorder{err: test.err}
		h := auditslog.New(log, &auditslog.Options{
			Type: etch.ToolCall, OnError: func(err error) { told = append(told, err) },
			Next: failingHandler{slog.NewTextHandler(new(bytes.Buffer), nil)},
		})
		err := h.Handle(t.Context(), slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0))
		if !errors.Is(err, errNext) || errors.Is(err, etch.ErrSkipped) {
			t.Errorf("%v: got %v, want the error of the next handler, and never that it is skipped", test.err, err)
		}
		if got := len(told) == 1 && errors.Is(told[0], test.err) && errors.Is(err, test.err); got != test.told || !test.told && len(told) > 0 {
			t.Errorf("%v: was told %v, returned %v, want it: %v", test.err, told, err, test.told)
		}
	}
}

func TestScope(t *testing.T) {
	log := new(recorder)
	ctx := etch.WithScope(t.Context(), etch.Scope{Actor: etch.Actor{Username: "alice", Host: "h"}, SessionID: "s"})
	slog.New(auditslog.New(log, nil)).InfoContext(ctx, "m", "user", "bob")
	if d := diff(log.one(t), &etch.Event{Type: etch.SecurityEvent, SessionID: "s", Actor: &etch.Actor{Username: "bob", Host: "h"}}); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A request that is over is no reason to lose what it led to.
func TestContextOver(t *testing.T) {
	log := new(recorder)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	slog.New(auditslog.New(log, nil)).InfoContext(ctx, "m")
	log.one(t)
}

func TestLevel(t *testing.T) {
	log, level := new(recorder), new(slog.LevelVar)
	l := slog.New(auditslog.New(log, &auditslog.Options{Level: level}))
	level.Set(slog.LevelWarn)
	l.Info("m")
	level.Set(slog.LevelDebug)
	l.Debug("words", "k", "v")
	if len(log.events) != 1 {
		t.Fatalf("got %d events, want 1", len(log.events))
	}
	if got, want := log.events[0].Labels, map[string]string{"level": "DEBUG", "msg": "words", "k": "v"}; !maps.Equal(got, want) {
		t.Errorf("got labels %v, want %v", got, want)
	}
}

// Many goroutines log by loggers that share a parent.
func TestConcurrent(t *testing.T) {
	log := new(recorder)
	parent := slog.New(auditslog.New(log, nil)).With("app", "a", "tool", "x")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			l := parent.With("n", i)
			for range 50 {
				l.Info("m", "k", i, "command", "c")
			}
		})
	}
	wg.Wait()
	if len(log.events) != 400 {
		t.Fatalf("got %d events, want 400", len(log.events))
	}
	for _, e := range log.events {
		if e.Labels["n"] != e.Labels["k"] || e.Labels["app"] != "a" || e.Action.Command != "c" {
			t.Fatalf("got labels %v, action %+v", e.Labels, e.Action)
		}
	}
}

type nothing struct{}

func (nothing) Append(context.Context, *etch.Event) (etch.Receipt, error) { return etch.Receipt{}, nil }

// An event costs the draft, its labels and no more; what is none costs nothing.
func TestAllocs(t *testing.T) {
	ctx := t.Context()
	l := slog.New(auditslog.New(nothing{}, nil)).With("user", "alice", "session", "s1", "app", "a")
	if got := testing.AllocsPerRun(100, func() {
		l.LogAttrs(ctx, slog.LevelInfo, "ran", slog.String("event_type", "command_execution"), slog.String("command", "go test"), slog.Int("exit_code", 0))
	}); got > 5 {
		t.Errorf("got %v allocations an event, want at most 5", got)
	}
	quiet := slog.New(auditslog.New(nothing{}, &auditslog.Options{Next: slog.DiscardHandler}))
	if got := testing.AllocsPerRun(100, func() {
		quiet.LogAttrs(ctx, slog.LevelInfo, "ran", slog.String("k", "v"))
	}); got > 0 {
		t.Errorf("got %v allocations for a record that is no event, want none", got)
	}
}

// What a log masks, it masks here too.
func TestSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	slog.New(auditslog.New(log, nil)).Info("with token=hunter2hunter2", "command", "curl -H 'Authorization: Bearer hunter2hunter2' x", slog.Group("req", "password", "hunter2hunter2"))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("hunter2")) || !bytes.Contains(text, []byte("[REDACTED:")) {
		t.Errorf("a secret is not masked:\n%s", text)
	}
}

func BenchmarkHandle(b *testing.B) {
	ctx := b.Context()
	l := slog.New(auditslog.New(nothing{}, nil)).With("user", "alice", "session", "s1", "app", "a")
	b.ReportAllocs()
	for b.Loop() {
		l.LogAttrs(ctx, slog.LevelInfo, "ran", slog.String("event_type", "command_execution"), slog.String("command", "go test"), slog.Int("exit_code", 0))
	}
}
