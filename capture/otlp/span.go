package otlp

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

const (
	errTraceID = fault("traceId: not one of 16 bytes that are not all zero")
	errSpanID  = fault("spanId: not one of 8 bytes that are not all zero")
)

// The attributes of tool calls, of the conventions of OpenTelemetry first, then
// of those that are in use beside them.
var (
	toolKeys   = []string{"gen_ai.tool.name", "ai.toolCall.name", "tool.name", "tool_name", "traceloop.entity.name"}
	callIDKeys = []string{"gen_ai.tool.call.id", "ai.toolCall.id", "tool_call.id", "tool.id"}
	inputKeys  = []string{
		"gen_ai.tool.call.arguments", "ai.toolCall.args", "tool_arguments", "gcp.vertex.agent.tool_call_args", "input.value",
		"traceloop.entity.input",
	}
	outputKeys = []string{
		"gen_ai.tool.call.result", "ai.toolCall.result", "tool_response", "gcp.vertex.agent.tool_response", "output.value",
		"traceloop.entity.output",
	}
)

// span returns the event of a span, nil where it is none.
func (m *mapper) span(s *span, err error) (*etch.Event, error) {
	switch {
	case err != nil:
		return nil, err
	case s.trace == "":
		return nil, errTraceID
	case s.id == "":
		return nil, errSpanID
	case s.isTool():
		if s.toldInLogs() {
			return nil, nil
		}
		return m.toolSpan(s), nil
	case s.isRequest():
		return m.requestSpan(s), nil
	}
	return nil, nil
}

// isTool reports whether a span is the call of a tool.
func (s *span) isTool() bool {
	a := s.attributes
	operation := a.text("gen_ai.operation.name")
	switch {
	case operation == "execute_tool", a.text("mcp.method.name") == "tools/call", a.text("mcp.method.name") == "resources/read":
		return true
	case strings.EqualFold(a.text("openinference.span.kind"), "TOOL"), a.text("traceloop.span.kind") == "tool":
		return true
	case operation != "":
		return false
	}
	return a.has("gen_ai.tool.name") || a.has("ai.toolCall.name")
}

// toldInLogs reports whether a span is of an agent whose log records tell of its
// calls, and of what ran, which its spans do not.
func (s *span) toldInLogs() bool {
	return agentOf(s.resource.text("service.name")) != "" || agentOf(s.scope) != ""
}

// toolSpan returns the event of a call of a tool.
func (m *mapper) toolSpan(s *span) *etch.Event {
	a, i := s.attributes, s.item()
	c := i.call()
	c.ID, c.Tool = cmp.Or(a.text(callIDKeys...), s.id), s.toolName()
	c.Input, c.Duration, c.Outcome = input(a.get(inputKeys...)), s.duration(), etch.Success
	agent := s.agent()
	mcp := a.has("mcp.method.name")
	if mcp {
		c.Server = s.server()
		if s.kind == kindServer {
			agent = "" // the program that tells of it is the server
		}
	}
	if output := a.get(outputKeys...); output.kind != absent {
		c.Respond(output.json())
	}
	if n, ok := a.get("process.exit.code").number(); ok {
		c.ExitCode = etch.Some(int64(n))
	}
	if message, class, failed := s.failure(); failed {
		fail(c, message, class)
	}
	e := m.completion(i, agent, c, 0)
	if mcp || a.text("gen_ai.tool.type") == "extension" && c.Server != "" {
		e.Action.ClaimSource = etch.ClaimMCP
	}
	if uri := a.text("mcp.resource.uri"); uri != "" && e.Action.Resource == "" {
		e.Action.Resource = uri
	}
	classify(e, a.text("error.type"))
	if s.kind == kindServer {
		setLabel(e, "side", "server")
	}
	return e
}

// toolName returns the name of the tool that was called.
func (s *span) toolName() string {
	if name := s.attributes.text(toolKeys...); name != "" {
		return name
	}
	if rest, ok := strings.CutPrefix(s.name, "execute_tool "); ok {
		return rest
	}
	if rest, ok := strings.CutPrefix(s.name, "tools/call "); ok {
		return rest
	}
	return cmp.Or(s.attributes.text("mcp.method.name"), s.name)
}

// server returns the MCP server that was called, as far as it is told.
func (s *span) server() string {
	if name := s.attributes.text("mcp.server.name"); name != "" {
		return name
	}
	if s.kind == kindServer {
		return s.resource.text("service.name")
	}
	return s.attributes.text("server.address")
}

// agent returns the name of the agent whose span it is.
func (s *span) agent() string {
	service := s.resource.text("service.name")
	return cmp.Or(s.attributes.text("gen_ai.agent.name", "agent.name"), agentOf(service), service)
}

// duration returns how long the span took: 0 where it ended before it began,
// by clocks that were set in between.
func (s *span) duration() time.Duration {
	const longest = uint64(1<<63 - 1)
	if s.start == 0 || s.end < s.start || s.end-s.start > longest {
		return 0
	}
	return time.Duration(s.end - s.start)
}

// failure reports whether a span says that it failed, and how.
func (s *span) failure() (message, class string, failed bool) {
	class = s.attributes.text("error.type")
	if s.status != statusError && class == "" {
		return "", "", false
	}
	return cmp.Or(s.message, s.exception, s.attributes.text("exception.message")), class, true
}

// isRequest reports whether a span is an outgoing request by HTTP.
func (s *span) isRequest() bool {
	a := s.attributes
	return s.kind == kindClient && a.text("http.request.method", "http.method") != "" && a.text("url.full", "http.url") != ""
}

// requestSpan returns the event of an outgoing request.
func (m *mapper) requestSpan(s *span) *etch.Event {
	a, i := s.attributes, s.item()
	e := m.event(i, s.agent(), etch.NetworkEgress)
	e.Phase, e.CallID = etch.Completion, s.id
	address := a.text("url.full", "http.url")
	e.Action.Tool, e.Action.Resource = "http", address
	e.Egress = &etch.Egress{URL: address, Method: a.text("http.request.method", "http.method"), Host: a.text("server.address", "net.peer.name")}
	if u, err := url.Parse(address); err == nil && e.Egress.Host == "" {
		e.Egress.Host = u.Hostname()
	}
	if n, ok := a.get("http.response.status_code", "http.status_code").count(); ok {
		e.Egress.Status = etch.Some(int64(n))
	}
	if n, ok := a.get("http.response.body.size", "http.response_content_length").count(); ok {
		e.Egress.ResponseBytes = etch.Some(n)
	}
	e.Result = &etch.Result{Type: etch.Success, Duration: s.duration()}
	if message, class, failed := s.failure(); failed {
		c := &hook.Call{}
		fail(c, message, class)
		e.Result.Type, e.Result.ErrorCategory = c.Outcome, class
		if c.Outcome == etch.Error { // no other has a message
			e.Result.Message, _, _ = strings.Cut(message, "\n")
		}
	}
	return e
}
