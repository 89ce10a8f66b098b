package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/golden"
	"github.com/google/go-cmp/cmp"
)

// A captured line is one of a session that was captured between a real client
// and a real server.
type capturedLine struct {
	Dir  string `json:"dir"`
	At   int    `json:"t_ms"`
	Line string `json:"line"`
}

func captured(t *testing.T, name string) []capturedLine {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []capturedLine
	for text := range bytes.Lines(content) {
		var l capturedLine
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

// A talk is a session without processes: what both sides say, line by line.
type talk struct {
	*session
	events []*etch.Event
	now    time.Time
	sides  [2]reader
}

func newTalk(opt *Options) *talk {
	k := &talk{now: start}
	k.session = newSession(opt, "mcp_1", start, func(e *etch.Event) { k.events = append(k.events, e) })
	for _, from := range []side{client, server} {
		k.sides[from] = newLineReader(func(m *message) { k.take(from, m, nil, k.now) })
	}
	return k
}

// says has a side say a line.
func (k *talk) says(from side, line string) {
	k.now = k.now.Add(time.Millisecond)
	k.sides[from].feed([]byte(line + "\n"))
}

// What is recorded of each captured session.
func TestGolden(t *testing.T) {
	for _, name := range []string{"everything", "filesystem"} {
		t.Run(name, func(t *testing.T) {
			k := newTalk(&Options{Name: name, Actor: etch.Actor{Username: "alice", Channel: "cli"}, Command: "npx server-" + name, Cwd: "/srv"})
			for _, l := range captured(t, name) {
				k.now = start.Add(time.Duration(l.At) * time.Millisecond)
				switch l.Dir {
				case "c2s":
					k.sides[client].feed([]byte(l.Line + "\n"))
				case "s2c":
					k.sides[server].feed([]byte(l.Line + "\n"))
				}
			}
			k.finish(&etch.Result{Type: etch.Success, ExitCode: etch.Some[int64](0)}, "client closed", k.now)
			golden.Check(t, filepath.Join("testdata", name+".golden"), bytes.Join(golden.Lines(t, k.events), nil))
		})
	}
}

const (
	toolCall  = `{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"%s","arguments":{}}}`
	toolEnd   = `{"result":{"content":[{"type":"text","text":"done"}]},"jsonrpc":"2.0","id":%s}`
	cancelled = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s,"reason":"Esc"}}`
)

// asks and answers return the lines of a call and of its answer: "> " is what the client
// says, "< " the server.
func asks(id, tool string) string { return "> " + fmt.Sprintf(toolCall, id, tool) }
func answers(id string) string    { return "< " + fmt.Sprintf(toolEnd, id) }

// orders are orders of messages, and what is recorded of them.
var orders = map[string]struct{ lines, want []string }{
	"answers out of order": {
		[]string{asks("1", "a"), asks(`"1"`, "b"), asks("2", "c"), answers("2"), answers(`"1"`), answers("1")},
		[]string{
			"tool_call attempt a", "tool_call attempt b", "tool_call attempt c",
			"tool_call completion c success", "tool_call completion b success", "tool_call completion a success",
		},
	},
	"ids in other forms": {
		[]string{asks("7", "a"), answers("7.0"), asks(`"x\u0041"`, "b"), answers(`"xA"`), asks("null", "c"), answers("null"), asks("1e2", "d"), answers("100")},
		[]string{
			"tool_call attempt a", "tool_call completion a success", "tool_call attempt b", "tool_call completion b success",
			"tool_call attempt c", "tool_call completion c success", "tool_call attempt d", "tool_call completion d success",
		},
	},
	"an id used again": {
		[]string{asks("1", "a"), asks("1", "b"), answers("1"), answers("1"), answers("1")},
		[]string{
			"tool_call attempt a", "tool_call attempt b duplicate_id=true", "tool_call completion a success",
			"tool_call completion b success duplicate_id=true", "security_event server payload=stray",
		},
	},
	"ids of both directions": {
		[]string{
			asks("1", "a"), `< {"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"messages":[]}}`,
			`> {"jsonrpc":"2.0","id":1,"result":{"role":"assistant"}}`, answers("1"),
		},
		[]string{
			"tool_call attempt a", "tool_call attempt server sampling/createMessage",
			"tool_call completion server sampling/createMessage success", "tool_call completion a success",
		},
	},
	"a message over several lines": {
		[]string{
			"> {", `>   "jsonrpc": "2.0", "id": 1,`, `>   "method": "tools/call", "params": {"name": "a"}`, "> }",
			"< {", `<   "id": 1, "result": {"content": []}`, "< }", "< {", `<   "method": "tools/call",`, "< words", answers("1"),
		},
		[]string{
			"tool_call attempt a lines=4", "tool_call completion a success lines=4", "security_event server tools/call payload=broken lines=2",
			"security_event server payload=broken", "security_event server payload=stray",
		},
	},
	"greeted twice": { // the newest protocol was offered, and an older one agreed on
		[]string{
			`> {"id":0,"method":"server/discover"}`, `< {"id":0,"result":{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}}}}`,
			`> {"id":1,"method":"initialize","params":{"clientInfo":{"name":"c"}}}`, `< {"id":1,"result":{"serverInfo":{"name":"s"}}}`,
			asks("2", "a"), answers("2"),
		},
		[]string{"tool_call attempt a", "tool_call completion a success"},
	},
	"cancelled": {
		[]string{asks("1", "a"), "> " + fmt.Sprintf(cancelled, "1"), "> " + fmt.Sprintf(cancelled, "1"), "> " + fmt.Sprintf(cancelled, "2")},
		[]string{"tool_call attempt a", "tool_call completion a error Esc end=cancelled"},
	},
	"cancelled too late": {
		[]string{asks("1", "a"), "> " + fmt.Sprintf(cancelled, "1"), answers("1"), answers("1")},
		[]string{
			"tool_call attempt a", "tool_call completion a error Esc end=cancelled", "tool_call completion a success late=true",
			"security_event server payload=stray",
		},
	},
	"only its own side cancels": {
		[]string{asks("1", "a"), "< " + fmt.Sprintf(cancelled, "1"), answers("1")},
		[]string{"tool_call attempt a", "tool_call completion a success"},
	},
	"errors": {
		[]string{
			asks("1", "a"), `< {"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no such tool\nstack"}}`,
			asks("2", "b"), `< {"jsonrpc":"2.0","id":2,"result":{"isError":true,"content":[{"type":"image"},{"type":"text","text":"first\nsecond"}]}}`,
			asks("3", "c"), `< {"jsonrpc":"2.0","id":3,"error":"nonsense"}`,
		},
		[]string{
			"tool_call attempt a", "tool_call completion a error no such tool error_code=-32602",
			"tool_call attempt b", "tool_call completion b error first",
			"tool_call attempt c", "tool_call completion c error an error without a message",
		},
	},
	"progress": {
		[]string{
			`> {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","_meta":{"progressToken":"t"}}}`,
			`< {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}`,
			`< {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":2}}`,
			`< {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"u","progress":2}}`, answers("1"),
		},
		[]string{"tool_call attempt a", "tool_call completion a success progress=2"},
	},
	"resources and prompts": {
		[]string{
			`> {"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///etc/passwd"}}`, answers("1"),
			`> {"jsonrpc":"2.0","id":2,"method":"resources/read","params":{"uri":"demo://x"}}`, answers("2"),
			`> {"jsonrpc":"2.0","id":3,"method":"prompts/get","params":{"name":"p","arguments":{"a":"b"}}}`, answers("3"),
		},
		[]string{
			"file_access attempt resources/read file:///etc/passwd", "file_access completion resources/read file:///etc/passwd success",
			"tool_call attempt resources/read demo://x", "tool_call completion resources/read demo://x success",
			"tool_call attempt prompts/get p", "tool_call completion prompts/get p success",
		},
	},
	"a person is asked": {
		[]string{
			`< {"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"Name?"}}`, `> {"jsonrpc":"2.0","id":1,"result":{"action":"accept"}}`,
			`< {"jsonrpc":"2.0","id":2,"method":"elicitation/create","params":{"message":"Name?"}}`, `> {"jsonrpc":"2.0","id":2,"result":{"action":"decline"}}`,
		},
		[]string{
			"approval_request server elicitation/create", "approval_decision server elicitation/create success",
			"approval_request server elicitation/create", "approval_decision server elicitation/create blocked decline",
		},
	},
	"nothing of it is recorded": {
		[]string{
			`> {"jsonrpc":"2.0","id":1,"method":"ping"}`, `< {"jsonrpc":"2.0","id":1,"result":{}}`, `< {"jsonrpc":"2.0","id":1,"method":"ping"}`,
			`> {"jsonrpc":"2.0","id":1,"result":{}}`, `> {"jsonrpc":"2.0","id":2,"method":"tools/list"}`, `< {"jsonrpc":"2.0","id":2,"result":{"tools":[]}}`,
			`< {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`, `> {"jsonrpc":"2.0","method":"notifications/initialized"}`, "> ", "> \r",
		},
		nil,
	},
	"methods of its own": {
		[]string{`> {"jsonrpc":"2.0","id":1,"method":"x/run","params":{"a":1}}`, `< {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}`},
		[]string{"tool_call attempt x/run", "tool_call completion x/run error Method not found error_code=-32601"},
	},
	"a call that wants no answer": {
		[]string{`> {"jsonrpc":"2.0","method":"tools/call","params":{"name":"rm"}}`},
		[]string{"tool_call rm notification=true"},
	},
	"a batch": {
		[]string{
			`> [` + fmt.Sprintf(toolCall, "1", "a") + " , " + fmt.Sprintf(toolCall, "2", "b") + "]", `< [` + fmt.Sprintf(toolEnd, "2") + "," + fmt.Sprintf(toolEnd, "1") + `]`,
		},
		[]string{"tool_call attempt a", "tool_call attempt b", "tool_call completion b success", "tool_call completion a success"},
	},
	"two on a line": {
		[]string{"> " + fmt.Sprintf(toolCall, "1", "a") + fmt.Sprintf(toolCall, "2", "b") + " x"},
		[]string{"tool_call attempt a", "tool_call attempt b", "security_event client payload=broken"},
	},
	"no messages": {
		[]string{"> this is not json", "< [1,2]", `< {"a":1}`, `> "text"`, `> {"id":1,"result"`, `> {"id":1,"method":5}`, `> {"jsonrpc":"2.0","id":9,"result":{}}`, "> [", "> ]"},
		[]string{
			"security_event client payload=broken", "security_event server payload=broken", "security_event server payload=shape",
			"security_event client payload=broken", "security_event client payload=broken", "security_event client payload=shape",
			"security_event client payload=stray", "security_event client payload=broken",
		},
	},
	"readers that differ": {
		[]string{
			`> {"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","method":"tools/call","params":{"name":"a"}}`,
			`> {"jsonrpc":"2.0","ID":2,"METHOD":"tools/call","Params":{"Name":"b"}}`,
			`> {"jsonrpc":"2.0","id":3,"m\u0065thod":"tools/call","params":{"name":"c","arguments":{"x":NaN,}}}`,
			`> {"jsonrpc":"2.0","id":4,"method":"tools/call","Method":"ping","params":{"name":"x"},"params":{"name":"d"}}`,
		},
		[]string{
			"security_event client tools/call a payload=ambiguous", "tool_call attempt a",
			"security_event client tools/call b payload=ambiguous", "tool_call attempt b",
			"tool_call attempt c",
			"security_event client tools/call d payload=ambiguous", "tool_call attempt d",
		},
	},
	"what is not UTF-8": {
		[]string{
			"> {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"a\",\"arguments\":{\"x\":\"\xc0\xaf\"}}}",
			"< {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"caf\xe9\"}]}}", answers("1"), "> \xff",
		},
		[]string{
			"security_event client tools/call a payload=garbled", "tool_call attempt a",
			"security_event server payload=garbled", "tool_call completion a success", "security_event server payload=stray", "security_event client payload=broken",
		},
	},
	"input that an answer asks for": {
		[]string{
			asks("1", "a"),
			`< {"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","inputRequests":{"q1":{"method":"elicitation/create","params":{"message":"?"}},"q2":{"method":"sampling/createMessage"}}}}`,
			`> {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"a","inputResponses":{"q1":{"action":"decline"},"q2":{"role":"assistant"}}}}`, answers("2"),
		},
		[]string{
			"tool_call attempt a", "tool_call completion a success needs_input=true", "approval_request server elicitation/create",
			"tool_call server sampling/createMessage", "tool_call attempt a", "approval_decision server elicitation/create blocked decline",
			"tool_call server sampling/createMessage success", "tool_call completion a success",
		},
	},
	"tasks": {
		[]string{
			asks("1", "a"), `< {"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":"t-1","status":"working"}}}`,
			`> {"jsonrpc":"2.0","id":2,"method":"tasks/result","params":{"taskId":"t-1"}}`, answers("2"),
		},
		[]string{"tool_call attempt a", "tool_call completion a success task=t-1", "tool_call attempt tasks/result t-1", "tool_call completion tasks/result t-1 success"},
	},
}

// What becomes of calls in every order of messages.
func TestCalls(t *testing.T) {
	for name, test := range orders {
		t.Run(name, func(t *testing.T) {
			k := newTalk(&Options{})
			k.started = true
			for _, line := range test.lines {
				k.says(map[byte]side{'>': client, '<': server}[line[0]], line[2:])
			}
			if d := cmp.Diff(test.want, told(k.events)); d != "" {
				t.Errorf("events (-want +got):\n%s", d)
			}
		})
	}
}

// What is open at the end is completed, and what begins a session stands before
// anything else.
func TestBeginAndEnd(t *testing.T) {
	const hello = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"1","clientInfo":{"name":"c"}}}`
	for name, test := range map[string]struct{ lines, want []string }{
		"nothing was said": {nil, []string{"session_start success", "session_end success reason=client closed"}},
		"calls at once": {
			[]string{"> " + fmt.Sprintf(toolCall, "1", "a")},
			[]string{
				"session_start success", "tool_call attempt a", "tool_call completion a error no answer: interrupted end=interrupted",
				"session_end success reason=client closed",
			},
		},
		"no word of the server": {
			[]string{"> " + hello},
			[]string{"session_start error the greeting was not answered", "session_end success reason=client closed"},
		},
		"not before the server's word": {
			[]string{"> " + hello, `< {"jsonrpc":"2.0","id":1,"result":{"serverInfo":{"name":"s"}}}`, "> " + fmt.Sprintf(toolCall, "2", "a")},
			[]string{
				"session_start success", "tool_call attempt a", "tool_call completion a error no answer: interrupted end=interrupted",
				"session_end success reason=client closed",
			},
		},
		"no greeting is needed": {
			[]string{
				`> {"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/clientInfo":{"name":"c"}}}}`,
				`< {"jsonrpc":"2.0","id":1,"result":{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}},"supportedVersions":[]}}`,
			},
			[]string{"session_start success", "session_end success reason=client closed"},
		},
		"but a server may want it": {
			[]string{
				`> {"jsonrpc":"2.0","id":1,"method":"server/discover"}`, `< {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}`,
				"> " + hello, `< {"jsonrpc":"2.0","id":1,"result":{"serverInfo":{"name":"s"}}}`,
			},
			[]string{"session_start success", "session_end success reason=client closed"},
		},
		"refused": {
			[]string{"> " + hello, `< {"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"version"}}`},
			[]string{"session_start error version", "session_end success reason=client closed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newTalk(&Options{})
			for _, line := range test.lines {
				k.says(map[byte]side{'>': client, '<': server}[line[0]], line[2:])
			}
			k.finish(&etch.Result{Type: etch.Success}, "client closed", k.now)
			k.says(client, fmt.Sprintf(toolCall, "3", "too late"))
			if d := cmp.Diff(test.want, told(k.events)); d != "" {
				t.Errorf("events (-want +got):\n%s", d)
			}
		})
	}
}

// Completions repeat what their attempt says, so that a log shows one row.
func TestCompletionRepeats(t *testing.T) {
	k := newTalk(&Options{SessionID: "agent-1", Labels: map[string]string{"team": "infra"}, Actor: etch.Actor{Username: "alice"}})
	k.says(client, `{"id":0,"method":"initialize","params":{"clientInfo":{"name":"some-client","version":"1"}}}`)
	k.says(server, `{"id":0,"result":{"serverInfo":{"name":"some-server"}}}`)
	k.says(client, `{"id":1,"method":"tools/call","params":{"name":"t","arguments":{"a":"b"},"_meta":{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","claudecode/toolUseId":"toolu_1"}}}`)
	k.says(server, `{"id":1,"result":{"content":[]}}`)
	if len(k.events) != 3 {
		t.Fatalf("got %d events, want 3: %q", len(k.events), told(k.events))
	}
	attempt, completion := k.events[1], k.events[2]
	if d := cmp.Diff(attempt.Actor, completion.Actor); d != "" {
		t.Errorf("actors differ: %s", d)
	}
	want := &etch.Actor{Username: "alice", Agent: "some-client"}
	if d := cmp.Diff(want, attempt.Actor); d != "" {
		t.Errorf("actor (-want +got): %s", d)
	}
	if got := attempt.Action; got.MCPServerID != "some-server" || got.Tool != "t" || string(got.Arguments) != `{"a":"b"}` || !got.Allowed {
		t.Errorf("got the action %+v", got)
	}
	for _, e := range []*etch.Event{attempt, completion} {
		if e.TraceID != "0af7651916cd43dd8448eb211c80319c" || e.CallID != "mcp_1_1" || e.SessionID != "agent-1" || e.Labels["mcp_session"] != "mcp_1" ||
			e.Labels["tool_use_id"] != "toolu_1" || e.Labels["team"] != "infra" || e.Labels["rpc_id"] != "1" {
			t.Errorf("got %+v", e)
		}
	}
	if got := completion.Result.Duration; got != time.Millisecond {
		t.Errorf("got the duration %v, want 1ms", got)
	}
	if got, _ := completion.Result.OutputBytes.Get(); got != uint64(len(`{"content":[]}`)) {
		t.Errorf("got %d bytes of output, want %d", got, len(`{"content":[]}`))
	}
}

// A server that writes its log to its output does not flood the log.
func TestOddMessagesAreBounded(t *testing.T) {
	k := newTalk(&Options{})
	k.started = true
	for range 1000 {
		k.says(server, "debug: still alive")
	}
	if len(k.events) != eachOdd {
		t.Errorf("got %d events, want %d", len(k.events), eachOdd)
	}
	k.finish(&etch.Result{}, "", k.now)
	rest := k.events[eachOdd]
	if got := rest.Labels["messages"]; got != "968" {
		t.Errorf("got %s messages in the rest, want 968", got)
	}
	if want := fmt.Sprintf(`{"bytes":%d,`, 968*len("debug: still alive")); !strings.HasPrefix(string(rest.Action.Arguments), want) {
		t.Errorf("got %s, want %s…", rest.Action.Arguments, want)
	}
}

// A client that is never answered takes bounded memory, and nothing is lost.
func TestOpenCallsAreBounded(t *testing.T) {
	k := newTalk(&Options{})
	k.started = true
	const asked = 3 * mostOpen
	for i := range asked {
		k.says(client, fmt.Sprintf(toolCall, fmt.Sprint(i), "t"))
		if len(k.order) > mostOpen {
			t.Fatalf("%d calls are open, at most %d", len(k.order), mostOpen)
		}
	}
	k.finish(&etch.Result{}, "", k.now)
	ends := map[string]int{}
	for _, e := range k.events {
		if e.Phase == etch.Completion {
			ends[e.Labels["end"]]++
		}
	}
	if d := cmp.Diff(map[string]int{endForgotten: asked - mostOpen, endInterrupted: mostOpen}, ends); d != "" {
		t.Errorf("completions by end (-want +got):\n%s", d)
	}
	if len(k.open[client]) != 0 {
		t.Errorf("%d calls are open at the end", len(k.open[client]))
	}
}

// An answer to the call that was given up last is known, however many were given up before
// and never answered, as most are.
func TestLateAnswerAmongMany(t *testing.T) {
	k := newTalk(&Options{})
	k.started = true
	const many = 5 * mostLate
	for i := range many {
		k.says(client, fmt.Sprintf(toolCall, fmt.Sprint(i), "t"))
		k.says(client, fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}`, i))
	}
	for range 2 {
		k.says(server, fmt.Sprintf(toolEnd, fmt.Sprint(many-1)))
	}
	want := []string{"tool_call completion t error no answer: cancelled end=cancelled", "tool_call completion t success late=true", "security_event server payload=stray"}
	if d := cmp.Diff(want, told(k.events[len(k.events)-3:])); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if n := len(k.late[client]); n >= mostLate {
		t.Errorf("%d calls are remembered", n)
	}
}
