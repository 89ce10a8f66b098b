package hook_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/capture/hook/claudecode"
)

// What a call becomes, by its tool and input.
func TestAttempt(t *testing.T) {
	const patch = `*** Begin Patch\n*** Update File: a.go\n*** Move to: b.go\n@@\n-x\n+y\n*** Add File: c.go\n+z\n*** End Patch`
	for _, test := range []struct {
		tool, input string
		kind        etch.EventType
		command     string
		resource    string
		access      string
		paths       string
		arguments   string // "" for none, "*" for any
	}{
		{"Bash", `{"command":"ls","timeout":5}`, etch.CommandExecution, "ls", "", "", "", `{"timeout":5}`},
		{"shell", `{"command":["bash","-lc","make test"]}`, etch.CommandExecution, "make test", "", "", "", ""},
		{"shell", `{"command":["git","commit","-m","it's"]}`, etch.CommandExecution, `git commit -m 'it'\''s'`, "", "", "", ""},
		{"run_terminal_cmd", `"{\"command\":\"ls\"}"`, etch.CommandExecution, "ls", "", "", "", ""},
		{"Bash", `{"command":7}`, etch.CommandExecution, "", "", "", "", `{"command":7}`},
		{"Read", `{"file_path":"/f","limit":3}`, etch.FileAccess, "", "/f", "read", "", `{"file_path":"/f","limit":3}`},
		{"read_many_files", `{"paths":["/a","/b"]}`, etch.FileAccess, "", "/a", "read", "/a\n/b", `*`},
		{"Edit", `{"file_path":"/f","old_string":"a","new_string":{"bytes":1,"sha256":"` + strings.Repeat("0", 64) + `"}}`, etch.FileAccess, "", "/f", "write", "", `*`},
		{"str_replace_editor", `{"command":"view","path":"/f"}`, etch.FileAccess, "", "/f", "read", "", `*`},
		{"apply_patch", `{"input":"` + patch + `"}`, etch.FileAccess, "", "a.go", "write", "a.go\nb.go\nc.go", `*`},
		{"Grep", `{"pattern":"x","path":"/p"}`, etch.FileAccess, "", "/p", "read", "", `*`},
		{"WebFetch", `{"url":"https://u:p@example.com:8443/x?q=1"}`, etch.NetworkEgress, "", "https://u:p@example.com:8443/x?q=1", "", "", `*`},
		{"web_fetch", `{"prompt":"see example.com"}`, etch.ToolCall, "", "", "", "", `*`},
		{"WebSearch", `{"query":"x"}`, etch.ToolCall, "", "", "", "", `{"query":"x"}`},
		{"Agent", `{"prompt":"look"}`, etch.ToolCall, "", "", "", "", `*`},
		{"Anything", `[1,"x"]`, etch.ToolCall, "", "", "", "", `[1,"x"]`},
		{"Anything", `{"a":`, etch.ToolCall, "", "", "", "", `*`},
		{"Anything", `{}`, etch.ToolCall, "", "", "", "", ""},
		{"Anything", ``, etch.ToolCall, "", "", "", "", ""},
	} {
		c := &hook.Call{ID: "1", Tool: test.tool, Input: json.RawMessage(test.input), Source: hook.SourceHook}
		for _, e := range []*etch.Event{claudecode.Agent().Attempt(c, hook.Recording{}), claudecode.Agent().Completion(c, hook.Recording{})} {
			name := fmt.Sprintf("%s %s", test.tool, test.input)
			if e.Type != test.kind || e.Action.Command != test.command || e.Action.Resource != test.resource ||
				e.Labels["access"] != test.access || e.Labels["paths"] != test.paths {
				t.Errorf("%s: got %s, command %q, resource %q, labels %v", name, e.Type, e.Action.Command, e.Action.Resource, e.Labels)
			}
			if got := string(e.Action.Arguments); test.arguments != "*" && got != test.arguments {
				t.Errorf("%s: got arguments %s, want %s", name, got, test.arguments)
			}
			if strings.Contains(string(e.Action.Arguments), "Begin Patch") {
				t.Errorf("%s: the patch itself is kept: %s", name, e.Action.Arguments)
			}
			if e.Type == etch.NetworkEgress && e.Egress.Host != "example.com" {
				t.Errorf("%s: got host %q, want example.com", name, e.Egress.Host)
			}
		}
	}
}

// A completion that says nothing of how the call ended is no success.
func TestCompletionOfNothingIsNoSuccess(t *testing.T) {
	e := claudecode.Agent().Completion(&hook.Call{Tool: "Bash"}, hook.Recording{})
	if e.Result.Type == etch.Success || e.Validate() != nil {
		t.Errorf("got %+v, %v, want no success", e.Result, e.Validate())
	}
}

// What is in the log already, with digests in place of contents, stays as it is:
// who compares records an event of it once more.
func TestArgumentsOfALogAreStable(t *testing.T) {
	c := &hook.Call{Tool: "Write", Input: json.RawMessage(`{"file_path":"/f","content":"text","edits":[{"old_string":"a"}]}`)}
	first := claudecode.Agent().Attempt(c, hook.Recording{}).Action.Arguments
	c.Input = first
	if second := claudecode.Agent().Attempt(c, hook.Recording{}).Action.Arguments; string(second) != string(first) {
		t.Errorf("got %s, want %s", second, first)
	}
}

// Who refused a call of Claude Code's, by the records of its transcript.
func TestDenialsOfTranscript(t *testing.T) {
	const words = "somebody's own words"
	for _, test := range []struct{ members, want string }{
		{`"toolDenialKind":"permission-rule","permissionDecision":{"decision":"reject","source":"config","reasonType":"rule"}`, "blocked rule"},
		{`"permissionDecision":{"decision":"reject","source":"config","reasonType":"rule"}`, "blocked rule"},
		{`"toolDenialKind":"permission-rule","permissionDecision":{"decision":"reject","source":"config","reasonType":"mode","reasonCode":"mode:dontAsk"}`, "blocked mode"},
		{`"toolDenialKind":"user-rejected","permissionDecision":{"decision":"reject","source":"config","reasonCode":"workingDir"}`, "blocked mode"},
		{`"toolDenialKind":"permission-rule","permissionDecision":{"decision":"reject","source":"hook","reasonType":"hook"}`, "blocked hook"},
		{`"toolDenialKind":"permission-rule","permissionDecision":{"decision":"reject","source":"user_reject"}`, "blocked host"},
		{`"toolDenialKind":"permission-rule","permissionDecision":{"decision":"reject","source":"user_reject","reasonType":"rule"}`, "blocked rule"},
		{`"toolDenialKind":"user-rejected","permissionDecision":{"decision":"reject","source":"user_abort"}`, "blocked user"},
		{`"toolDenialKind":"automode-unavailable","permissionDecision":{"decision":"reject","source":"config","reasonType":"classifier"}`, "blocked classifier"},
		{`"toolDenialKind":"automode-blocked"`, "blocked classifier"},
		{`"toolDenialKind":"permission-rule"`, "blocked rule"},
		{`"toolDenialKind":"user-rejected","toolDenialBeforeRun":true`, "blocked user"},
		{`"toolDenialKind":"user-rejected"`, "error interrupted"},
		{`"toolDenialKind":"interrupted"`, "error interrupted"},
		{`"toolDenialKind":"cancelled"`, "error interrupted"},
		{`"x":1`, "error "},
	} {
		l := newTestLog(t, claudecode.Agent())
		name := transcriptOf(t, `{"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","is_error":true,"content":"`+words+`"}]},`+test.members+`}`)
		l.deliver("PreToolUse", toolPayload("PreToolUse", "s", "c", "x"))
		events := l.deliver("PostToolBatch", `{"session_id":"s","transcript_path":`+name+`,"tool_calls":[{"tool_name":"Bash","tool_input":{"command":"x"},"tool_use_id":"c","tool_response":"`+words+`"}]}`)
		if len(events) != 1 {
			t.Fatalf("%s: got %d events, want 1", test.members, len(events))
		}
		e := events[0]
		if got := fmt.Sprintf("%s %s%s", e.Result.Type, e.Labels["denied_by"], e.Labels["end"]); got != test.want {
			t.Errorf("%s: got %s, want %s", test.members, got, test.want)
		}
		if e.Result.Type == etch.Blocked && e.Result.Reason != words {
			t.Errorf("%s: got reason %q, want %q", test.members, e.Result.Reason, words)
		}
	}
}
