package otel

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

// begun is when what the tests send has happened.
var begun = time.Date(2026, 2, 3, 10, 0, 0, 123456000, time.UTC)

// atShutdown is when a provider sends: all at once, however long it takes to come to that.
const atShutdown = time.Hour

func newTracer(t *testing.T, url string, opts ...otlptracehttp.Option) (api.Tracer, *trace.TracerProvider) {
	t.Helper()
	opts = append(opts, otlptracehttp.WithEndpointURL(url+"/v1/traces"), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}))
	exporter, err := otlptracehttp.New(t.Context(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter, trace.WithBatchTimeout(atShutdown)), trace.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "planner"), attribute.String("host.name", "build-7"), attribute.String("enduser.id", "alice"),
	)))
	return provider.Tracer("test"), provider
}

// shutdown sends what a provider holds.
func shutdown(t *testing.T, provider interface{ Shutdown(context.Context) error }) {
	t.Helper()
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// sendSpans sends three spans of tools and one that is nothing to a log of
// actions, and returns their contexts.
func sendSpans(ctx context.Context, tracer api.Tracer) []api.SpanContext {
	var sent []api.SpanContext
	start := func(name string, at time.Time, attrs ...attribute.KeyValue) api.Span {
		_, s := tracer.Start(ctx, name, api.WithTimestamp(at), api.WithAttributes(attrs...))
		sent = append(sent, s.SpanContext())
		return s
	}
	ctx, parent := tracer.Start(ctx, "invoke_agent Planner", api.WithTimestamp(begun), api.WithAttributes(attribute.String("gen_ai.operation.name", "invoke_agent")))

	s := start("execute_tool bash", begun.Add(time.Second),
		attribute.String("gen_ai.operation.name", "execute_tool"), attribute.String("gen_ai.tool.name", "bash"),
		attribute.String("gen_ai.tool.call.id", "call_1"), attribute.String("gen_ai.agent.name", "Planner"), attribute.String("gen_ai.agent.id", "a1"),
		attribute.String("gen_ai.conversation.id", "conv-7"), attribute.String("gen_ai.request.model", "m-1"),
		attribute.String("gen_ai.tool.call.arguments", `{"command":"make test","timeout":60}`), attribute.String("gen_ai.tool.call.result", "all tests passed"))
	s.End(api.WithTimestamp(begun.Add(2500 * time.Millisecond)))

	s = start("execute_tool read_file", begun.Add(3*time.Second),
		attribute.String("gen_ai.operation.name", "execute_tool"), attribute.String("gen_ai.tool.name", "read_file"),
		attribute.String("gen_ai.tool.call.arguments", `{"path":"/etc/passwd"}`), attribute.String("error.type", "ENOENT"))
	s.RecordError(errors.New("no such file"))
	s.SetStatus(codes.Error, "cannot read it")
	s.End(api.WithTimestamp(begun.Add(3*time.Second + 40*time.Millisecond)))

	s = start("tools/call get-weather", begun.Add(4*time.Second),
		attribute.String("mcp.method.name", "tools/call"), attribute.String("gen_ai.operation.name", "execute_tool"),
		attribute.String("gen_ai.tool.name", "get-weather"), attribute.String("server.address", "weather.example"),
		attribute.Int64("server.port", 443), attribute.Map("gen_ai.tool.call.arguments",
			attribute.String("city", "Rome"), attribute.StringSlice("days", []string{"mo", "tu"}), attribute.Int("hours", 3)))
	s.End(api.WithTimestamp(begun.Add(5 * time.Second)))

	parent.End(api.WithTimestamp(begun.Add(6 * time.Second)))
	return sent
}

// TestSDKSpans shows that the spans of a program with the SDK come in as they
// were sent, compressed or not.
func TestSDKSpans(t *testing.T) {
	for name, compression := range map[string]otlptracehttp.Compression{"plain": otlptracehttp.NoCompression, "gzip": otlptracehttp.GzipCompression} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			tracer, provider := newTracer(t, r.URL, otlptracehttp.WithCompression(compression))
			sent := sendSpans(t.Context(), tracer)
			shutdown(t, provider)
			q := r.came(t)
			if q.zipped != (name == "gzip") || q.contentType != "application/x-protobuf" || q.path != "/v1/traces" {
				t.Errorf("came to %s as %s, compressed: %v", q.path, q.contentType, q.zipped)
			}
			checkSpans(t, q.batch.Events, sent)
			if q.batch.Ignored != 1 || q.batch.Rejected != 0 {
				t.Errorf("%d ignored, %d rejected (%s), want 1 and 0", q.batch.Ignored, q.batch.Rejected, q.batch.Reason)
			}
			if name == "plain" {
				q.keep(t, "sdk-traces")
			}
		})
	}
}

// checkSpans wants the events of sendSpans.
func checkSpans(t *testing.T, events []*etch.Event, sent []api.SpanContext) {
	t.Helper()
	if len(events) != 3 {
		t.Fatalf("got %d events, want 3", len(events))
	}
	for i, e := range events {
		if got, want := e.TraceID, sent[i].TraceID().String(); got != want {
			t.Errorf("event %d: got trace %s, want %s", i, got, want)
		}
		if got, want := e.Labels["span_id"], sent[i].SpanID().String(); got != want {
			t.Errorf("event %d: got span %s, want %s", i, got, want)
		}
		if e.Actor.UserID != "alice" || e.Actor.Host != "build-7" || e.Phase != etch.Completion {
			t.Errorf("event %d: got user %q on %q, phase %s", i, e.Actor.UserID, e.Actor.Host, e.Phase)
		}
	}
	shell, file, mcp := events[0], events[1], events[2]
	if shell.Type != etch.CommandExecution || shell.Action.Command != "make test" || string(shell.Action.Arguments) != `{"timeout":60}` {
		t.Errorf("shell: got %s %q %s", shell.Type, shell.Action.Command, shell.Action.Arguments)
	}
	if shell.CallID != "call_1" || shell.SessionID != "conv-7" || shell.Actor.Agent != "Planner" || shell.Actor.AgentID != "a1" || shell.Actor.Model != "m-1" {
		t.Errorf("shell: got call %q session %q actor %+v", shell.CallID, shell.SessionID, shell.Actor)
	}
	if n, _ := shell.Result.OutputBytes.Get(); n != uint64(len("all tests passed")) || shell.Result.Type != etch.Success {
		t.Errorf("shell: got %d bytes of output, %s", n, shell.Result.Type)
	}
	if got, want := shell.Timestamp, begun.Add(time.Second); !got.Equal(want) || shell.Result.Duration != 1500*time.Millisecond {
		t.Errorf("shell: got %s for %s, want %s for 1.5s", got, shell.Result.Duration, want)
	}
	if file.Type != etch.FileAccess || file.Action.Resource != "/etc/passwd" || file.CallID != sent[1].SpanID().String() || file.Actor.Agent != "planner" {
		t.Errorf("file: got %s of %q, call %q of %q", file.Type, file.Action.Resource, file.CallID, file.Actor.Agent)
	}
	if r := file.Result; r.Type != etch.Error || r.Message != "cannot read it" || r.ErrorCategory != "ENOENT" || r.Duration != 40*time.Millisecond {
		t.Errorf("file: got %+v", r)
	}
	if got, want := string(mcp.Action.Arguments), `{"city":"Rome","days":["mo","tu"],"hours":3}`; got != want {
		t.Errorf("mcp: got arguments %s, want %s", got, want)
	}
	if mcp.Type != etch.ToolCall || mcp.Action.Tool != "get-weather" || mcp.Action.MCPServerID != "weather.example" || mcp.Action.ClaimSource != etch.ClaimMCP {
		t.Errorf("mcp: got %s %+v", mcp.Type, mcp.Action)
	}
}

func newLogger(t *testing.T, url string, opts ...otlploghttp.Option) (log.Logger, *sdklog.LoggerProvider) {
	t.Helper()
	opts = append(opts, otlploghttp.WithEndpointURL(url+"/v1/logs"), otlploghttp.WithRetry(otlploghttp.RetryConfig{Enabled: false}))
	exporter, err := otlploghttp.New(t.Context(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter, sdklog.WithExportInterval(atShutdown))),
		sdklog.WithResource(resource.NewSchemaless(attribute.String("service.name", "claude-code"))))
	return provider.Logger("com.anthropic.claude_code.events"), provider
}

// sendRecords sends what Claude Code would: a prompt, a decision, a result and
// something that is nothing to a log of actions.
func sendRecords(ctx context.Context, logger log.Logger) {
	emit := func(name string, attrs ...attribute.KeyValue) {
		var r log.Record
		r.SetTimestamp(begun)
		r.SetObservedTimestamp(begun.Add(time.Second))
		r.SetBody(attribute.StringValue("claude_code." + name))
		r.AddAttributes(attribute.String("event.name", name), attribute.String("session.id", "s1"), attribute.String("prompt.id", "p1"), attribute.String("user.email", "alice@example.com"))
		r.AddAttributes(attrs...)
		logger.Emit(ctx, r)
	}
	emit("user_prompt", attribute.Int("prompt_length", 17), attribute.String("prompt", "<REDACTED>"))
	emit("tool_decision", attribute.String("tool_name", "Bash"), attribute.String("tool_use_id", "toolu_1"), attribute.String("decision", "accept"), attribute.String("source", "user_temporary"))
	emit("tool_result", attribute.String("tool_name", "Bash"), attribute.String("tool_use_id", "toolu_1"), attribute.String("success", "true"),
		attribute.Int("duration_ms", 250), attribute.Int("tool_result_size_bytes", 12),
		attribute.String("tool_parameters", `{"bash_command":"make","full_command":"make test"}`))
	emit("api_request", attribute.Float64("cost_usd", 0.01), attribute.Map("usage", attribute.Int("input", 3), attribute.Slice("parts", attribute.BoolValue(true), attribute.ByteSliceValue([]byte{0, 255}))))
}

// TestSDKLogs shows that the log records of a program with the SDK come in as
// they were sent, compressed or not.
func TestSDKLogs(t *testing.T) {
	for name, compression := range map[string]otlploghttp.Compression{"plain": otlploghttp.NoCompression, "gzip": otlploghttp.GzipCompression} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			logger, provider := newLogger(t, r.URL, otlploghttp.WithCompression(compression))
			sendRecords(t.Context(), logger)
			shutdown(t, provider)
			q := r.came(t)
			if q.zipped != (name == "gzip") || q.path != "/v1/logs" {
				t.Errorf("came to %s, compressed: %v", q.path, q.zipped)
			}
			checkRecords(t, q.batch.Events)
			if q.batch.Ignored != 1 || q.batch.Rejected != 0 {
				t.Errorf("%d ignored, %d rejected (%s), want 1 and 0", q.batch.Ignored, q.batch.Rejected, q.batch.Reason)
			}
			if name == "plain" {
				q.keep(t, "sdk-logs")
			}
		})
	}
}

// checkRecords wants the events of sendRecords.
func checkRecords(t *testing.T, events []*etch.Event) {
	t.Helper()
	if len(events) != 3 {
		t.Fatalf("got %d events, want 3", len(events))
	}
	for i, e := range events {
		if e.SessionID != "s1" || e.TurnID != "p1" || e.Actor.UserID != "alice@example.com" || e.Actor.Agent != "claude-code" {
			t.Errorf("event %d: got session %q, turn %q, actor %+v", i, e.SessionID, e.TurnID, e.Actor)
		}
	}
	prompt, decision, result := events[0], events[1], events[2]
	if prompt.Type != etch.UserPrompt || string(prompt.Action.Arguments) != `{"prompt_length":17}` || !prompt.Timestamp.Equal(begun) {
		t.Errorf("prompt: got %s %s at %s", prompt.Type, prompt.Action.Arguments, prompt.Timestamp)
	}
	if decision.Type != etch.ApprovalDecision || decision.Action.ApprovedBy != "user_temporary" || decision.CallID != "toolu_1" || decision.Phase != "" {
		t.Errorf("decision: got %s by %q on %q", decision.Type, decision.Action.ApprovedBy, decision.CallID)
	}
	if result.Type != etch.CommandExecution || result.Action.Command != "make test" || result.CallID != "toolu_1" {
		t.Errorf("result: got %s %q of %q", result.Type, result.Action.Command, result.CallID)
	}
	if got, want := result.Timestamp, begun.Add(-250*time.Millisecond); !got.Equal(want) || result.Result.Duration != 250*time.Millisecond {
		t.Errorf("result: got %s for %s, want %s", got, result.Result.Duration, want)
	}
}

// TestSDKReadsAnswers shows that the SDK understands what it is told of items
// that were rejected, and of a request that failed.
func TestSDKReadsAnswers(t *testing.T) {
	var said []string
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { said = append(said, err.Error()) }))
	r := newReceiver(t)
	r.instead = rejected(t, true)
	tracer, provider := newTracer(t, r.URL)
	sendSpans(t.Context(), tracer)
	shutdown(t, provider)
	if all := strings.Join(said, "\n"); !strings.Contains(all, r.instead.Reason) || !strings.Contains(all, "1 span") {
		t.Errorf("the SDK said %q, want the reason %q and how many", all, r.instead.Reason)
	}
	r.instead, r.fail = nil, "not today"
	logger, logs := newLogger(t, r.URL)
	sendRecords(t.Context(), logger)
	if err := logs.Shutdown(t.Context()); err != nil {
		said = append(said, err.Error())
	}
	if all := strings.Join(said, "\n"); !strings.Contains(all, "400") {
		t.Errorf("the SDK said %q, want that it failed", all)
	}
}
