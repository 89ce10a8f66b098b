package mcpsdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/mcpsdk"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

var errDisk = errors.New("disk full")

// A recorder keeps events, and fails those of the phases named.
type recorder struct {
	mu     sync.Mutex
	events []*etch.Event
	fail   map[etch.Phase]error
}

func (r *recorder) Append(ctx context.Context, e *etch.Event) (etch.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := cmpOr(context.Cause(ctx), r.fail[e.Phase], e.Validate()); err != nil {
		return etch.Receipt{}, err
	}
	kept := *e
	r.events = append(r.events, &kept)
	return etch.Receipt{}, nil
}

func cmpOr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// taken returns the events so far, and forgets them.
func (r *recorder) taken() []*etch.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

var unforeseen = cmp.Options{
	cmpopts.IgnoreFields(etch.Event{}, "Timestamp", "CallID"),
	cmpopts.IgnoreFields(etch.Result{}, "Duration"),
	cmp.AllowUnexported(etch.Optional[int64]{}, etch.Optional[uint64]{}),
}

type query struct {
	Q string `json:"q"`
}

// connect returns a client's session with a server of some tools.
func connect(t *testing.T, ofServer, ofClient mcp.Middleware) *mcp.ClientSession {
	t.Helper()
	server := mcp.NewServer(&mcp.Implementation{Name: "weather", Version: "2"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "search"}, func(ctx context.Context, _ *mcp.CallToolRequest, in query) (*mcp.CallToolResult, any, error) {
		switch in.Q {
		case "fails":
			return nil, nil, errors.New("no such place\nsecret second line")
		case "scope":
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: fmt.Sprintf("%+v", etch.ScopeOf(ctx))}}}, nil, nil
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "sun"}}}, nil, nil
	})
	mcp.AddTool(server, &mcp.Tool{Name: "deploy"}, func(_ context.Context, req *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
		if len(req.Params.InputResponses) == 0 {
			return &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{"confirm": &mcp.ElicitParams{Message: "Deploy?"}}}, nil, nil
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "deployed"}}}, nil, nil
	})
	server.AddResource(&mcp.Resource{Name: "r", URI: "file:///etc/hosts"}, func(context.Context, *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: "file:///etc/hosts", Text: "localhost"}}}, nil
	})
	client := mcp.NewClient(&mcp.Implementation{Name: "tester", Version: "1"}, &mcp.ClientOptions{
		ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept"}, nil
		},
	})
	if ofServer != nil {
		server.AddReceivingMiddleware(ofServer)
	}
	if ofClient != nil {
		client.AddSendingMiddleware(ofClient)
	}
	here, there := mcp.NewInMemoryTransports()
	serving, err := server.Connect(t.Context(), there, nil)
	if err != nil {
		t.Fatal(err)
	}
	session, err := client.Connect(t.Context(), here, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
		if err := serving.Wait(); err != nil {
			t.Error(err)
		}
	})
	return session
}

func call(t *testing.T, session *mcp.ClientSession, tool string, args any) (string, error) {
	t.Helper()
	result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		return "", err
	}
	return result.Content[0].(*mcp.TextContent).Text, nil
}

func want(phase etch.Phase, side string, result *etch.Result) *etch.Event {
	e := &etch.Event{
		Type: etch.ToolCall, Phase: phase, Actor: &etch.Actor{Channel: "mcp"},
		Action: &etch.Action{Tool: "search", Arguments: json.RawMessage(`{"q":"a<b"}`), Allowed: true, ClaimSource: etch.ClaimMCP},
		Labels: map[string]string{"capture": "mcp", "client": "tester", "client_version": "1"},
		Result: result,
	}
	if side == "client" {
		e.Labels = map[string]string{"capture": "mcp", "server": "weather", "server_version": "2"}
		e.Action.MCPServerID = "weather"
	}
	return e
}

// Both sides of a session may record it, each what it knows.
func TestBothSides(t *testing.T) {
	server, client := new(recorder), new(recorder)
	session := connect(t, mcpsdk.Middleware(server, nil), mcpsdk.Middleware(client, nil))
	if _, err := session.ListTools(t.Context(), nil); err != nil { // not recorded
		t.Fatal(err)
	}
	text, err := call(t, session, "search", query{Q: "a<b"})
	if err != nil || text != "sun" {
		t.Fatalf("got %q, %v, want sun", text, err)
	}
	for side, to := range map[string]*recorder{"server": server, "client": client} {
		events := to.taken()
		wanted := []*etch.Event{want(etch.Attempt, side, nil), want(etch.Completion, side, &etch.Result{Type: etch.Success})}
		if side == "server" { // it gets what was sent, escaped
			for _, e := range wanted {
				e.Action.Arguments = events[0].Action.Arguments
			}
			var got query
			if err := json.Unmarshal(events[0].Action.Arguments, &got); err != nil || got.Q != "a<b" {
				t.Errorf("got arguments %s, %v", events[0].Action.Arguments, err)
			}
		}
		if d := cmp.Diff(wanted, events, unforeseen); d != "" {
			t.Errorf("%s: events (-want +got):\n%s", side, d)
		}
		if len(events) == 2 && (events[0].CallID == "" || events[0].CallID != events[1].CallID || events[1].Result.Duration <= 0) {
			t.Errorf("%s: got %+v, want one call", side, events)
		}
	}
}

func TestErrors(t *testing.T) {
	to := new(recorder)
	session := connect(t, mcpsdk.Middleware(to, nil), nil)
	for _, test := range []struct {
		tool string
		args any
		want etch.Result
	}{
		{"search", query{Q: "fails"}, etch.Result{Type: etch.Error, Message: "no such place", ErrorCategory: "tool_error"}},
		{"nothing", query{}, etch.Result{Type: etch.Error, Message: `unknown tool "nothing"`, ErrorCategory: "invalid_params"}},
	} {
		if text, err := call(t, session, test.tool, test.args); err == nil && !strings.HasPrefix(text, "no such place") {
			t.Errorf("%s: got %q, want an error", test.tool, text)
		}
		events := to.taken()
		if len(events) != 2 {
			t.Fatalf("%s: got %d events, want two", test.tool, len(events))
		}
		got := *events[1].Result
		if got.Duration = 0; !strings.Contains(got.Message, test.want.Message) || events[1].Action.Tool != test.tool {
			t.Errorf("%s: got message %q, want %q", test.tool, got.Message, test.want.Message)
		}
		if got.Message = test.want.Message; got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.tool, got, test.want)
		}
	}
}

// A tool that asks back has neither succeeded nor failed; the server sees it called
// again, the client's program has called it once.
func TestNeedsInput(t *testing.T) {
	server, client := new(recorder), new(recorder)
	session := connect(t, mcpsdk.Middleware(server, nil), mcpsdk.Middleware(client, nil))
	if text, err := call(t, session, "deploy", struct{}{}); err != nil || text != "deployed" {
		t.Fatalf("got %q, %v, want deployed", text, err)
	}
	events := server.taken()
	if len(events) != 4 || events[1].CallID == events[2].CallID {
		t.Fatalf("got %+v, want two calls", events)
	}
	if first := events[1]; first.Result != nil || first.Labels["needs_input"] != "true" {
		t.Errorf("got %+v, labels %v, want that it asked back", first.Result, first.Labels)
	}
	if second := events[3]; second.Result.Type != etch.Success || second.Labels["needs_input"] != "" {
		t.Errorf("got %+v, labels %v, want success", second.Result, second.Labels)
	}
	if events := client.taken(); len(events) != 2 || events[1].Result.Type != etch.Success {
		t.Errorf("got %+v of the client, want one call", events)
	}
}

// Errors have the words of etch mcp, so that one question finds both.
func TestErrorNames(t *testing.T) {
	for code, want := range map[int64]string{
		jsonrpc.CodeParseError: "parse_error", jsonrpc.CodeInvalidRequest: "invalid_request", jsonrpc.CodeMethodNotFound: "method_not_found",
		jsonrpc.CodeInvalidParams: "invalid_params", jsonrpc.CodeInternalError: "internal_error", -32000: "rpc_error", 7: "rpc_error",
	} {
		to := new(recorder)
		failing := func(context.Context, string, mcp.Request) (mcp.Result, error) {
			return nil, fmt.Errorf("call: %w", &jsonrpc.Error{Code: code, Message: "no"})
		}
		request := &mcp.ServerRequest[*mcp.CallToolParamsRaw]{Session: new(mcp.ServerSession), Params: &mcp.CallToolParamsRaw{Name: "x"}}
		if _, err := mcpsdk.Middleware(to, nil)(failing)(t.Context(), "tools/call", request); err == nil {
			t.Errorf("%d: the error is gone", code)
		}
		e := to.taken()[1]
		if e.Result.ErrorCategory != want || e.Labels["error_code"] != fmt.Sprint(code) {
			t.Errorf("%d: got %q, labels %v, want %q", code, e.Result.ErrorCategory, e.Labels, want)
		}
	}
}

func TestReadResource(t *testing.T) {
	to := new(recorder)
	session := connect(t, mcpsdk.Middleware(to, &mcpsdk.Options{Server: "mine"}), nil)
	for uri, typ := range map[string]etch.EventType{"file:///etc/hosts": etch.FileAccess, "x://none": etch.ToolCall} {
		if _, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri}); (err == nil) != (typ == etch.FileAccess) {
			t.Errorf("%s: got %v", uri, err)
		}
		events := to.taken()
		if len(events) != 2 {
			t.Fatalf("%s: got %d events, want two", uri, len(events))
		}
		if e := events[1]; e.Type != typ || e.Action.Resource != uri || e.Action.Tool != "resources/read" || e.Action.MCPServerID != "mine" {
			t.Errorf("%s: got %s, %+v", uri, e.Type, e.Action)
		}
	}
}

func TestUnrecorded(t *testing.T) {
	attempt := map[etch.Phase]error{etch.Attempt: errDisk}
	completion := map[etch.Phase]error{etch.Completion: errDisk}
	for _, test := range []struct {
		name string
		fail map[etch.Phase]error
		goOn bool
	}{
		{"the attempt", attempt, false},
		{"the attempt, going on", attempt, true},
		{"the completion", completion, false},
		{"the completion, going on", completion, true},
	} {
		for _, side := range []string{"server", "client"} {
			var told []error
			opts := new(mcpsdk.Options)
			if test.goOn {
				opts.OnError = func(err error) error {
					told = append(told, err)
					return nil
				}
			}
			m := mcpsdk.Middleware(&recorder{fail: test.fail}, opts)
			ofServer, ofClient := m, mcp.Middleware(nil)
			if side == "client" {
				ofServer, ofClient = nil, m
			}
			text, err := call(t, connect(t, ofServer, ofClient), "search", query{Q: "x"})
			if test.goOn {
				if text != "sun" || err != nil || len(told) != 1 || !errors.Is(told[0], errDisk) {
					t.Errorf("%s, %s: got %q, %v, was told %v", side, test.name, text, err, told)
				}
				continue
			}
			if err == nil || errors.Is(err, errDisk) != (side == "client") || strings.Contains(err.Error(), "disk") != (side == "client") {
				t.Errorf("%s, %s: got %q, %v, want an error, which hides the disk from the other side", side, test.name, text, err)
			}
		}
	}
}

// The server's own code sees what the client does not.
func TestHiddenCause(t *testing.T) {
	m := mcpsdk.Middleware(&recorder{fail: map[etch.Phase]error{etch.Attempt: errDisk}}, nil)
	var seen error
	outer := func(next mcp.MethodHandler) mcp.MethodHandler {
		next = m(next)
		return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
			result, err := next(ctx, method, req)
			if method == "tools/call" {
				seen = err
			}
			return result, err
		}
	}
	if _, err := call(t, connect(t, outer, nil), "search", query{}); err == nil {
		t.Error("it was called")
	}
	if !errors.Is(seen, errDisk) {
		t.Errorf("got %v, want the cause in it", seen)
	}
}

// What a tool leads to is recorded as the call's user, in its session.
func TestScope(t *testing.T) {
	to := new(recorder)
	session := connect(t, mcpsdk.Middleware(to, &mcpsdk.Options{Describe: func(_ mcp.Request, ev *etch.Event) {
		ev.Actor.Username, ev.SessionID = "alice", "s1"
	}}), nil)
	text, err := call(t, session, "search", query{Q: "scope"})
	if err != nil || !strings.Contains(text, "Username:alice") || !strings.Contains(text, "SessionID:s1") {
		t.Errorf("got scope %s, %v", text, err)
	}
}

// handle calls the middleware by itself.
func handle(t *testing.T, to etch.Recorder, req mcp.Request, next mcp.MethodHandler) (mcp.Result, error) {
	t.Helper()
	return mcpsdk.Middleware(to, nil)(next)(t.Context(), "tools/call", req)
}

func TestVerifiedUser(t *testing.T) {
	to := new(recorder)
	req := &mcp.CallToolRequest{
		Session: new(mcp.ServerSession),
		Params:  &mcp.CallToolParamsRaw{Name: "search"},
		Extra:   &mcp.RequestExtra{TokenInfo: &auth.TokenInfo{UserID: "u7"}},
	}
	if _, err := handle(t, to, req, func(context.Context, string, mcp.Request) (mcp.Result, error) { return &mcp.CallToolResult{}, nil }); err != nil {
		t.Fatal(err)
	}
	if got := to.taken()[1].Actor.UserID; got != "u7" {
		t.Errorf("got user %q, want u7", got)
	}
}

// A tool that panics is recorded, and goes on to panic.
func TestPanic(t *testing.T) {
	to := new(recorder)
	func() {
		defer func() {
			if got := recover(); got != "at the disco" {
				t.Errorf("got panic %v", got)
			}
		}()
		_, err := handle(t, to, &mcp.CallToolRequest{Session: new(mcp.ServerSession), Params: &mcp.CallToolParamsRaw{Name: "search"}},
			func(context.Context, string, mcp.Request) (mcp.Result, error) { panic("at the disco") })
		t.Errorf("it returned %v", err)
	}()
	events := to.taken()
	if len(events) != 2 || events[1].Result.Type != etch.Error || events[1].Result.Message != "panic" {
		t.Errorf("got %+v", events)
	}
}

func TestMessages(t *testing.T) {
	long := strings.Repeat("ä", 600)
	for text, want := range map[string]string{"": "the tool says that it failed", " a \nb": "a", long: long[:1024], "x" + long: "x" + long[:1022], "\xff": "\xff"} {
		to := new(recorder)
		_, err := handle(t, to, &mcp.CallToolRequest{Session: new(mcp.ServerSession), Params: &mcp.CallToolParamsRaw{}}, func(context.Context, string, mcp.Request) (mcp.Result, error) {
			return &mcp.CallToolResult{IsError: true, Content: []mcp.Content{&mcp.ImageContent{}, &mcp.TextContent{Text: text}}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		e := to.taken()[1]
		if e.Result.Message != want || e.Action.Tool != "tools/call" {
			t.Errorf("got %q of %s, want %q", e.Result.Message, e.Action.Tool, want)
		}
	}
}

// Arguments that cannot be encoded are left out, as they cannot be sent.
func TestArguments(t *testing.T) {
	for _, test := range []struct {
		given any
		want  string
	}{
		{nil, ""},
		{json.RawMessage(`{"a": 1}`), `{"a": 1}`},
		{map[string]any{"a": "<&>"}, `{"a":"<&>"}`},
		{make(chan int), ""},
	} {
		to := new(recorder)
		req := &mcp.ClientRequest[*mcp.CallToolParams]{Session: new(mcp.ClientSession), Params: &mcp.CallToolParams{Name: "x", Arguments: test.given}}
		_, err := handle(t, to, req, func(context.Context, string, mcp.Request) (mcp.Result, error) { return (*mcp.CallToolResult)(nil), nil })
		if err != nil {
			t.Fatal(err)
		}
		if got := string(to.taken()[0].Action.Arguments); got != test.want {
			t.Errorf("%v: got %s, want %s", test.given, got, test.want)
		}
	}
}
