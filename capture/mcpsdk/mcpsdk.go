// Package mcpsdk records the tool calls of MCP servers and clients that are written
// with github.com/modelcontextprotocol/go-sdk: by [Middleware], in one line on either
// side. It is a module of its own, so that only its users have that SDK.
//
// Recorded are tools/call and resources/read, each before and after it. What a tool
// returns is not recorded, but of an error its first line.
package mcpsdk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/etch-audit/etch"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Options are the settings of [Middleware]. A nil *Options, and every zero field,
// means the default.
type Options struct {
	// Server is the id of the MCP server in records; default: on a client the name
	// that the server gives itself, on a server none.
	Server string
	// Describe may change the event of a request before it is recorded: say who
	// calls, how risky it is. Its actor and action are there. The request must not
	// be changed.
	Describe func(mcp.Request, *etch.Event)
	// OnError is told what cannot be recorded, and decides: the call goes on as if
	// it was recorded where it returns nil, else it fails with what it returns, and
	// the tool is not called if the attempt is what is not on record. Default:
	// it fails with the error. A server's client is told only that it failed so.
	OnError func(error) error
}

// Middleware returns what records a server's calls, by AddReceivingMiddleware, or a
// client's, by AddSendingMiddleware. The context that it hands on has the
// [etch.Scope] of the call: what the tool runs, sends and logs with it is recorded
// as the same user's in the same session.
//
// On a server, the user is the one whose token the SDK has verified. The
// session is that of the transport, which those of stdio do not have.
func Middleware(to etch.Recorder, opts *Options) mcp.Middleware {
	m := middleware{to: to}
	if opts != nil {
		m.opt = *opts
	}
	return func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
			return m.handle(ctx, method, req, next)
		}
	}
}

type middleware struct {
	to  etch.Recorder
	opt Options
}

func (m *middleware) handle(ctx context.Context, method string, req mcp.Request, next mcp.MethodHandler) (result mcp.Result, err error) {
	ev := m.event(method, req)
	if ev == nil {
		return next(ctx, method, req)
	}
	if m.opt.Describe != nil {
		m.opt.Describe(req, ev)
	}
	call, err := etch.Begin(ctx, m.to, ev)
	if err := m.unrecorded(req, "attempt", ev, err); err != nil {
		return nil, err
	}
	ctx = etch.WithScope(ctx, ev.Scope())
	returned := false
	defer func() {
		if !returned { // it panics, which is not this package's to stop
			result, err = nil, errors.New("panic")
		}
		complete(call.Completion(), result, err)
		if lost := m.unrecorded(req, "completion", ev, call.End(ctx, resultOf(result, err))); lost != nil {
			result, err = nil, errors.Join(err, lost)
		}
	}()
	result, err = next(ctx, method, req)
	returned = true
	return result, err
}

// event returns what a request is about to do, nil where it is not recorded.
func (m *middleware) event(method string, req mcp.Request) *etch.Event {
	ev := &etch.Event{
		Type:   etch.ToolCall,
		Actor:  &etch.Actor{Channel: "mcp"},
		Action: &etch.Action{Tool: method, MCPServerID: m.opt.Server, ClaimSource: etch.ClaimMCP, Allowed: true},
		Labels: map[string]string{"capture": "mcp"},
	}
	switch params := req.GetParams().(type) {
	case *mcp.CallToolParamsRaw: // as a server gets it
		ev.Action.Tool, ev.Action.Arguments = cmp.Or(params.Name, method), params.Arguments
	case *mcp.CallToolParams: // as a client sends it
		ev.Action.Tool, ev.Action.Arguments = cmp.Or(params.Name, method), argumentsOf(params.Arguments)
	case *mcp.ReadResourceParams:
		ev.Action.Resource = params.URI
		if strings.HasPrefix(strings.ToLower(params.URI), "file:") {
			ev.Type = etch.FileAccess
			ev.Labels["access"] = "read"
		}
	default:
		return nil
	}
	who(ev, req)
	return ev
}

// who fills in the two sides of the session.
func who(ev *etch.Event, req mcp.Request) {
	if extra := req.GetExtra(); extra != nil && extra.TokenInfo != nil {
		ev.Actor.UserID = extra.TokenInfo.UserID
	}
	switch session := req.GetSession().(type) {
	case *mcp.ServerSession:
		ev.SessionID = session.ID()
		if greeting := session.InitializeParams(); greeting != nil && greeting.ClientInfo != nil {
			label(ev, "client", greeting.ClientInfo.Name)
			label(ev, "client_version", greeting.ClientInfo.Version)
		}
	case *mcp.ClientSession:
		ev.SessionID = session.ID()
		if greeting := session.InitializeResult(); greeting != nil && greeting.ServerInfo != nil {
			ev.Action.MCPServerID = cmp.Or(ev.Action.MCPServerID, greeting.ServerInfo.Name)
			label(ev, "server", greeting.ServerInfo.Name)
			label(ev, "server_version", greeting.ServerInfo.Version)
		}
	}
}

func label(ev *etch.Event, name, value string) {
	if value != "" {
		ev.Labels[name] = value
	}
}

// argumentsOf encodes what a client's program gave; nil where that cannot be sent
// either.
func argumentsOf(v any) json.RawMessage {
	if raw, ok := v.(json.RawMessage); ok || v == nil {
		return raw
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // what is looked for later is what was written
	if err := e.Encode(v); err != nil {
		return nil
	}
	return bytes.TrimSpace(b.Bytes())
}

// complete adds what the result tells besides how the call ended.
func complete(ev *etch.Event, result mcp.Result, err error) {
	if ev.Labels == nil {
		ev.Labels = make(map[string]string)
	}
	if needsInput(result) {
		ev.Labels["needs_input"] = "true"
	}
	if rpc, ok := errors.AsType[*jsonrpc.Error](err); ok {
		ev.Labels["error_code"] = strconv.FormatInt(rpc.Code, 10)
	}
}

// categoryOf names an error of JSON-RPC by its code, in the words of capture/mcp,
// so that one question finds the calls of both. It is written twice because that
// package would bring along what users of the SDK do not need.
func categoryOf(code int64) string {
	switch code {
	case jsonrpc.CodeParseError:
		return "parse_error"
	case jsonrpc.CodeInvalidRequest:
		return "invalid_request"
	case jsonrpc.CodeMethodNotFound:
		return "method_not_found"
	case jsonrpc.CodeInvalidParams:
		return "invalid_params"
	case jsonrpc.CodeInternalError:
		return "internal_error"
	}
	return "rpc_error"
}

// needsInput reports whether a tool has asked back instead of doing what it was
// called for. It is called again with the answers.
func needsInput(result mcp.Result) bool {
	switch r := result.(type) {
	case *mcp.CallToolResult:
		return r != nil && r.NeedsInput()
	case *mcp.ReadResourceResult:
		return r != nil && r.NeedsInput()
	}
	return false
}

// resultOf tells how a call ended; nil where it has not.
func resultOf(result mcp.Result, err error) *etch.Result {
	if err == nil && needsInput(result) {
		return nil
	}
	out := etch.ResultOf(err)
	if rpc, ok := errors.AsType[*jsonrpc.Error](err); ok {
		out.ErrorCategory = cmp.Or(out.ErrorCategory, categoryOf(rpc.Code))
	}
	if r, ok := result.(*mcp.CallToolResult); ok && r != nil && r.IsError {
		out = &etch.Result{Type: etch.Error, Message: firstLine(r.Content), ErrorCategory: "tool_error"}
	}
	return out
}

// longestMessage bounds what is recorded of a tool's error.
const longestMessage = 1 << 10

// firstLine returns what a tool says of its error. What follows the line may be
// anything that it has read.
func firstLine(content []mcp.Content) string {
	for _, c := range content {
		text, ok := c.(*mcp.TextContent)
		if !ok {
			continue
		}
		line, _, _ := strings.Cut(strings.TrimSpace(text.Text), "\n")
		if len(line) > longestMessage {
			line = line[:longestMessage]
			for !utf8.ValidString(line) && len(line) > longestMessage-utf8.UTFMax {
				line = line[:len(line)-1]
			}
		}
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return "the tool says that it failed"
}

// unrecorded asks whether a failure to record is one of the call.
func (m *middleware) unrecorded(req mcp.Request, what string, ev *etch.Event, err error) error {
	if err == nil {
		return nil
	}
	tool := ""
	if ev.Action != nil {
		tool = ev.Action.Tool
	}
	err = fmt.Errorf("record the %s of %s: %w", what, tool, err)
	if m.opt.OnError != nil {
		err = m.opt.OnError(err)
	}
	if _, ok := req.GetSession().(*mcp.ServerSession); ok && err != nil {
		return &hiddenError{err}
	}
	return err
}

// A hiddenError goes to a client, whom the server's disks do not concern.
type hiddenError struct{ cause error }

// Error does not tell the cause.
func (*hiddenError) Error() string { return "the call cannot be recorded" }

// Unwrap tells it to the server's own code.
func (e *hiddenError) Unwrap() error { return e.cause }
