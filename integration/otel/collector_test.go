package otel

import (
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// encodings are those of the collector's exporter, and their Content-Type.
var encodings = map[otlphttpexporter.EncodingType]string{
	otlphttpexporter.EncodingProto: "application/x-protobuf",
	otlphttpexporter.EncodingJSON:  "application/json",
}

// collectorConfig is that of an exporter to the receiver, without queue and
// retries: errors come back at once.
func collectorConfig(t *testing.T, url string, encoding otlphttpexporter.EncodingType) (exporter.Factory, *otlphttpexporter.Config, exporter.Settings, *observer.ObservedLogs) {
	t.Helper()
	factory := otlphttpexporter.NewFactory()
	config := factory.CreateDefaultConfig().(*otlphttpexporter.Config)
	config.ClientConfig.Endpoint = url
	config.Encoding = encoding
	config.RetryConfig.Enabled = false
	config.QueueConfig = configoptional.None[exporterhelper.QueueBatchConfig]()
	settings := exportertest.NewNopSettings(factory.Type())
	core, said := observer.New(zap.WarnLevel)
	settings.Logger = zap.New(core)
	return factory, config, settings, said
}

func newTraces(t *testing.T, r *receiver, encoding otlphttpexporter.EncodingType) (exporter.Traces, *observer.ObservedLogs) {
	t.Helper()
	factory, config, settings, said := collectorConfig(t, r.URL, encoding)
	e, err := factory.CreateTraces(t.Context(), settings, config)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, e) })
	return e, said
}

func newLogs(t *testing.T, r *receiver, encoding otlphttpexporter.EncodingType) (exporter.Logs, *observer.ObservedLogs) {
	t.Helper()
	factory, config, settings, said := collectorConfig(t, r.URL, encoding)
	e, err := factory.CreateLogs(t.Context(), settings, config)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, e) })
	return e, said
}

// someTraces is a call with a structured argument, one through MCP on the
// server's side, an outgoing request and a query of a database.
func someTraces() ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "weather-mcp")
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	add := func(n byte, name string, kind ptrace.SpanKind) pcommon.Map {
		s := spans.AppendEmpty()
		s.SetTraceID([16]byte{1, 2, 15: n})
		s.SetSpanID([8]byte{7: n})
		s.SetName(name)
		s.SetKind(kind)
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(begun))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(begun.Add(5e6)))
		return s.Attributes()
	}
	a := add(1, "execute_tool search", ptrace.SpanKindInternal)
	a.PutStr("gen_ai.operation.name", "execute_tool")
	a.PutStr("gen_ai.tool.name", "search")
	m := a.PutEmptyMap("gen_ai.tool.call.arguments")
	m.PutStr("q", "\"quoted\" \\ \u2028 é")
	m.PutInt("limit", -1<<63)
	m.PutDouble("score", 0.25)
	m.PutBool("deep", true)
	m.PutEmptyBytes("raw").FromRaw([]byte{0xfb, 0xff, 0xfe})
	m.PutEmptySlice("tags").AppendEmpty().SetStr("x")
	m.PutEmpty("nothing")

	a = add(2, "tools/call get-weather", ptrace.SpanKindServer)
	a.PutStr("mcp.method.name", "tools/call")
	a.PutStr("gen_ai.tool.name", "get-weather")

	a = add(3, "GET", ptrace.SpanKindClient)
	a.PutStr("http.request.method", "GET")
	a.PutStr("url.full", "https://example.com/a?b=c")
	a.PutStr("server.address", "example.com")
	a.PutInt("http.response.status_code", 200)

	a = add(4, "SELECT orders", ptrace.SpanKindClient)
	a.PutStr("db.system.name", "postgresql")
	return td
}

// TestCollectorTraces shows that the collector's exporter is understood in both
// of its encodings.
func TestCollectorTraces(t *testing.T) {
	for encoding, contentType := range encodings {
		t.Run(string(encoding), func(t *testing.T) {
			r := newReceiver(t)
			e, said := newTraces(t, r, encoding)
			if err := e.ConsumeTraces(t.Context(), someTraces()); err != nil {
				t.Fatal(err)
			}
			q := r.came(t)
			if q.contentType != contentType || !q.zipped {
				t.Errorf("came as %s, compressed: %v", q.contentType, q.zipped)
			}
			if q.batch.Ignored != 1 || q.batch.Rejected != 0 || len(q.batch.Events) != 3 {
				t.Fatalf("%d events, %d ignored, %d rejected (%s), want 3, 1, 0", len(q.batch.Events), q.batch.Ignored, q.batch.Rejected, q.batch.Reason)
			}
			search, mcp, get := q.batch.Events[0], q.batch.Events[1], q.batch.Events[2]
			want := `{"q":"\"quoted\" \\ ` + "\u2028" + ` é","limit":-9223372036854775808,"score":0.25,"deep":true,"raw":"+//+","tags":["x"],"nothing":null}`
			if got := string(search.Action.Arguments); got != want || search.TraceID != "01020000000000000000000000000001" {
				t.Errorf("search: got %s in %s, want %s", got, search.TraceID, want)
			}
			if mcp.Action.MCPServerID != "weather-mcp" || mcp.Actor.Agent != "" || mcp.Labels["side"] != "server" {
				t.Errorf("mcp: got server %q, agent %q, %v", mcp.Action.MCPServerID, mcp.Actor.Agent, mcp.Labels)
			}
			if status, _ := get.Egress.Status.Get(); get.Type != etch.NetworkEgress || get.Egress.Host != "example.com" || status != 200 {
				t.Errorf("request: got %s %+v", get.Type, get.Egress)
			}
			if said.Len() != 0 {
				t.Errorf("the collector complains: %v", said.All())
			}
			q.keep(t, "collector-traces")
		})
	}
}

func someLogs() plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "codex_cli_rs")
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	add := func(name string) pcommon.Map {
		l := records.AppendEmpty()
		l.SetObservedTimestamp(pcommon.NewTimestampFromTime(begun))
		l.Attributes().PutStr("event.name", name)
		l.Attributes().PutStr("conversation.id", "conv")
		return l.Attributes()
	}
	a := add("codex.tool_result")
	a.PutStr("tool_name", "shell")
	a.PutStr("call_id", "call_1")
	a.PutStr("arguments", `{"command":["bash","-lc","ls -la"]}`)
	a.PutStr("duration_ms", "1000")
	a.PutStr("success", "false")
	a.PutStr("output", "Exit code: 2\nWall time: 1 seconds\nOutput:\nno")
	add("codex.sse_event").PutStr("event.kind", "response.completed")
	return ld
}

// TestCollectorLogs shows that the collector's exporter is understood in both
// of its encodings.
func TestCollectorLogs(t *testing.T) {
	for encoding := range encodings {
		t.Run(string(encoding), func(t *testing.T) {
			r := newReceiver(t)
			e, said := newLogs(t, r, encoding)
			if err := e.ConsumeLogs(t.Context(), someLogs()); err != nil {
				t.Fatal(err)
			}
			q := r.came(t)
			if q.batch.Ignored != 1 || q.batch.Rejected != 0 || len(q.batch.Events) != 1 {
				t.Fatalf("%d events, %d ignored, %d rejected (%s), want 1, 1, 0", len(q.batch.Events), q.batch.Ignored, q.batch.Rejected, q.batch.Reason)
			}
			got := q.batch.Events[0]
			code, _ := got.Result.ExitCode.Get()
			if got.Action.Command != "ls -la" || got.Actor.Agent != "codex" || got.SessionID != "conv" || code != 2 || got.Result.Type != etch.Error {
				t.Errorf("got %q of %q in %q: %+v", got.Action.Command, got.Actor.Agent, got.SessionID, got.Result)
			}
			if want := begun.Add(-1e9); !got.Timestamp.Equal(want) {
				t.Errorf("got %s, want %s", got.Timestamp, want)
			}
			if said.Len() != 0 {
				t.Errorf("the collector complains: %v", said.All())
			}
			q.keep(t, "collector-logs")
		})
	}
}

// TestCollectorReadsAnswers shows that the collector's exporter understands, in
// both encodings, what it is told of items that were rejected, and of a request
// that failed.
func TestCollectorReadsAnswers(t *testing.T) {
	for encoding := range encodings {
		t.Run(string(encoding), func(t *testing.T) {
			r := newReceiver(t)
			r.instead = rejected(t, true)
			traces, said := newTraces(t, r, encoding)
			if err := traces.ConsumeTraces(t.Context(), someTraces()); err != nil {
				t.Fatal(err)
			}
			checkPartial(t, said, "dropped_spans", r.instead.Reason)
			r.instead = rejected(t, false)
			logs, said := newLogs(t, r, encoding)
			if err := logs.ConsumeLogs(t.Context(), someLogs()); err != nil {
				t.Fatal(err)
			}
			checkPartial(t, said, "dropped_log_records", r.instead.Reason)
			r.fail = "not today"
			err := logs.ConsumeLogs(t.Context(), someLogs())
			if err == nil || !strings.Contains(err.Error(), "400") {
				t.Errorf("got %v, want the status code", err)
			}
			if err != nil && encoding == otlphttpexporter.EncodingProto && !strings.Contains(err.Error(), r.fail) {
				t.Errorf("got %v, want the message %q", err, r.fail)
			}
		})
	}
}

func checkPartial(t *testing.T, said *observer.ObservedLogs, count, reason string) {
	t.Helper()
	all := said.FilterMessage("Partial success response").All()
	if len(all) != 1 {
		t.Fatalf("the collector said %v", said.All())
	}
	fields := all[0].ContextMap()
	if fields[count] != int64(1) || fields["message"] != reason {
		t.Errorf("the collector read %v, want %s 1 and %q", fields, count, reason)
	}
}
