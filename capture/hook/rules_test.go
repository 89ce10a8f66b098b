package hook_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/google/go-cmp/cmp"
)

// A step of a script is one delivery, and what it has to have recorded: one
// word an event, as summary writes them.
type step struct {
	event, payload string
	want           []string
}

// summary writes an event in a word.
func summary(e *etch.Event) string {
	s := string(e.Type)
	if e.Phase != "" {
		s = string(e.Phase)
	}
	if e.Action != nil {
		for _, part := range []string{e.Action.MCPServerID, e.Action.Tool, e.Action.Command, e.Action.Resource} {
			if part != "" {
				s += " " + part
			}
		}
	}
	if r := e.Result; r != nil {
		s += " -> " + string(r.Type)
		if code, ok := r.ExitCode.Get(); ok {
			s += fmt.Sprintf(" %d", code)
		}
	}
	for _, name := range []string{"denied_by", "end", "agent_type"} {
		if v := e.Labels[name]; v != "" {
			s += " " + name + "=" + v
		}
	}
	if e.Actor.AgentID != "" {
		s += " agent=" + e.Actor.AgentID
	}
	return s
}

// rules are what no captured run shows, or not alone.
var rules = []struct {
	name, folder string
	steps        []step
}{
	{"claude: a turn's end leaves the calls of background agents", "claudecode", []step{
		{"PreToolUse", `{"session_id":"s","prompt_id":"p","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"1","agent_id":"A","agent_type":"Explore"}`, []string{"attempt Bash a agent_type=Explore agent=A"}},
		{"PreToolUse", `{"session_id":"s","prompt_id":"p","tool_name":"Bash","tool_input":{"command":"b"},"tool_use_id":"2"}`, []string{"attempt Bash b"}},
		{"Stop", `{"session_id":"s","prompt_id":"p","background_tasks":[{"id":"A","status":"running"}]}`, []string{"completion Bash b -> error end=unknown"}},
		{"UserPromptSubmit", `{"session_id":"s","prompt_id":"q","prompt":"next"}`, []string{"user_prompt"}},
		{"PostToolUse", `{"session_id":"s","prompt_id":"q","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"1","agent_id":"A","agent_type":"Explore","tool_response":{"stdout":"x"}}`, []string{"completion Bash a -> success agent_type=Explore agent=A"}},
		{"SessionEnd", `{"session_id":"s","reason":"other"}`, []string{"session_end"}},
	}},
	{"claude: what ends an agent ends its calls", "claudecode", []step{
		{"SubagentStart", `{"session_id":"s","agent_id":"A","agent_type":"Explore"}`, []string{"session_start subagent agent_type=Explore agent=A"}},
		{"PreToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"1","agent_id":"A","agent_type":"Explore"}`, []string{"attempt Bash a agent_type=Explore agent=A"}},
		{"SubagentStop", `{"session_id":"s","agent_id":"A","agent_type":"Explore"}`, []string{"completion Bash a -> error end=unknown agent_type=Explore agent=A", "session_end subagent agent_type=Explore agent=A"}},
		{"SubagentStop", `{"session_id":"s","agent_id":"B","agent_type":""}`, nil}, // of /compact
	}},
	{"claude: an id that is used again is another call's", "claudecode", []step{
		{"PreToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"call_0"}`, []string{"attempt Bash a"}},
		{"PreToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"call_0"}`, nil},
		{"PostToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"call_0","tool_response":{"stdout":"x"}}`, []string{"completion Bash a -> success"}},
		{"PostToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"call_0","tool_response":{"stdout":"x"}}`, nil},
		{"PostToolBatch", `{"session_id":"s","tool_calls":[{"tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"call_0","tool_response":"x"}]}`, nil},
		{"PreToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"b"},"tool_use_id":"call_0"}`, []string{"attempt Bash b"}},
		{"PermissionRequest", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"b"},"tool_use_id":"call_0"}`, []string{"approval_request Bash b"}},
		{"PostToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"b"},"tool_use_id":"call_0","tool_response":{"stdout":"x"}}`, []string{"completion Bash b -> success"}},
		{"PreToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"call_0"}`, []string{"attempt Bash a"}},
		{"PreToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"c"},"tool_use_id":"call_0"}`, []string{"attempt Bash c"}},
		{"PostToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"c"},"tool_use_id":"call_0","tool_response":{"stdout":"x"}}`, []string{"completion Bash c -> success"}},
		{"PostToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a2"},"tool_use_id":"call_0","tool_response":{"stdout":"x"}}`, []string{"completion Bash a2 -> success"}},
		{"PostToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a2"},"tool_use_id":"call_0","tool_response":{"stdout":"x"}}`, nil},
		{"Stop", `{"session_id":"s"}`, nil},
	}},
	{"claude: an end that was faster than its attempt", "claudecode", []step{
		{"PostToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"1","tool_response":{"stdout":"x"}}`, []string{"completion Bash a -> success"}},
		{"PreToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"1"}`, []string{"attempt Bash a"}},
		{"PreToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"1"}`, nil},
		{"Stop", `{"session_id":"s"}`, nil},
	}},
	{"claude: a prompt that nobody typed is none", "claudecode", []step{
		{"UserPromptSubmit", `{"session_id":"s","prompt_id":"p","prompt":"<task-notification>\n<task-id>x</task-id>"}`, nil},
	}},
	{"claude: a batch that alone knows of calls, whatever its text", "claudecode", []step{
		{
			"PostToolBatch", `{"session_id":"s","tool_calls":[{"tool_name":"Edit","tool_input":{"file_path":"/f","old_string":"a","new_string":"b"},"tool_use_id":"1","tool_response":"<tool_use_error>String to replace not found in file.</tool_use_error>"},{"tool_name":"Bash","tool_input":{"command":"x"},"tool_use_id":"2","tool_response":"who knows"}]}`,
			[]string{"completion Edit /f -> error end=invalid", "completion Bash x -> error end=unknown"},
		},
		{"PostToolBatch", `{"tool_calls":[{"tool_use_id":"1","tool_input":{"new_string":"b","file_path":"/f","old_string":"a"},"tool_name":"Edit","tool_response":"<tool_use_error>String to replace not found in file.</tool_use_error>"}],"session_id":"s"}`, nil},
	}},
	{"claude: a batch does not tell whether its text is an output or a refusal", "claudecode", []step{
		{"PreToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"1"}`, []string{"attempt Bash a"}},
		{"PostToolBatch", `{"session_id":"s","tool_calls":[{"tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"1","tool_response":"the password is x"}]}`, []string{"completion Bash a -> error end=unknown"}},
		{"PostToolBatch", `{"session_id":"s","tool_calls":[{"tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"1","tool_response":"the password is x"}]}`, nil},
		{"PostToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"1","tool_response":{"stdout":"x"}}`, []string{"completion Bash a -> success"}},
		{"PostToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"1","tool_response":{"stdout":"x"}}`, nil},
		{"Stop", `{"session_id":"s"}`, nil},
	}},
	{"claude: the input that ran is the completion's", "claudecode", []step{
		{"PreToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"rm -rf /"},"tool_use_id":"1"}`, []string{"attempt Bash rm -rf /"}},
		{"PostToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"echo no"},"tool_use_id":"1","tool_response":{"stdout":"no"}}`, []string{"completion Bash echo no -> success"}},
	}},
	{"claude: interrupted and timed out", "claudecode", []step{
		{"PostToolUseFailure", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"1","error":"[Request interrupted by user for tool use]","is_interrupt":true}`, []string{"completion Bash a -> error end=interrupted"}},
		{"PostToolUseFailure", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"b"},"tool_use_id":"2","error":"Command timed out after 2m 0.0s","is_interrupt":false}`, []string{"completion Bash b -> timeout"}},
		{"PostToolUse", `{"session_id":"s","tool_name":"Bash","tool_input":{"command":"c"},"tool_use_id":"3","tool_response":{"stdout":"","stderr":"","interrupted":true}}`, []string{"completion Bash c -> error end=interrupted"}},
	}},
	{"codex: a command may end after its turn", "codex", []step{
		{"PreToolUse", `{"session_id":"s","turn_id":"t","tool_name":"Bash","tool_input":{"command":"sleep 9"},"tool_use_id":"1"}`, []string{"attempt Bash sleep 9"}},
		{"PreToolUse", `{"session_id":"s","turn_id":"t","tool_name":"apply_patch","tool_input":{"command":"*** Begin Patch\n*** Delete File: gone\n*** End Patch"},"tool_use_id":"2"}`, []string{"attempt apply_patch gone"}},
		{"Stop", `{"session_id":"s","turn_id":"t"}`, []string{"completion apply_patch gone -> error end=unknown"}},
		{"PostToolUse", `{"session_id":"s","turn_id":"t","tool_name":"Bash","tool_input":{"command":"sleep 9"},"tool_use_id":"1","tool_response":"done"}`, []string{"completion Bash sleep 9 -> success"}},
	}},
	{"codex: a real end after one that was inferred is recorded, once", "codex", []step{
		{"PreToolUse", `{"session_id":"s","turn_id":"t","tool_name":"Bash","tool_input":{"command":"sleep 9"},"tool_use_id":"1"}`, []string{"attempt Bash sleep 9"}},
		{"UserPromptSubmit", `{"session_id":"s","turn_id":"u","prompt":"x"}`, []string{"completion Bash sleep 9 -> error end=unknown", "user_prompt"}},
		{"PostToolUse", `{"session_id":"s","turn_id":"t","tool_name":"Bash","tool_input":{"command":"sleep 9"},"tool_use_id":"1","tool_response":"done"}`, []string{"completion Bash sleep 9 -> success"}},
		{"PostToolUse", `{"session_id":"s","turn_id":"t","tool_name":"Bash","tool_input":{"command":"sleep 9"},"tool_use_id":"1","tool_response":"done"}`, nil},
	}},
	{"codex: an interrupt ends its turn's calls, and those of no other agent", "codex", []step{
		{"PreToolUse", `{"session_id":"s","turn_id":"t","tool_name":"Bash","tool_input":{"command":"a"},"tool_use_id":"1"}`, []string{"attempt Bash a"}},
		{"PreToolUse", `{"session_id":"s","turn_id":"u","tool_name":"Bash","tool_input":{"command":"b"},"tool_use_id":"2","agent_id":"A"}`, []string{"attempt Bash b agent=A"}},
		{"Interrupt", `{"session_id":"s","turn_id":"t"}`, []string{"completion Bash a -> error end=interrupted"}},
	}},
	{"codex: what an agent says to another is no prompt", "codex", []step{
		{"UserPromptSubmit", `{"session_id":"s","turn_id":"t","agent_id":"A","prompt":"x"}`, nil},
	}},
	{"gemini: calls without ids, changed inputs, any order", "gemini", []step{
		{"BeforeTool", `{"session_id":"s","timestamp":"2026-11-21T18:00:00.001Z","tool_name":"grep_search","tool_input":{"pattern":"one"}}`, []string{"attempt grep_search"}},
		{"BeforeTool", `{"session_id":"s","timestamp":"2026-11-21T18:00:00.002Z","tool_name":"grep_search","tool_input":{"pattern":"two","dir_path":"/p"}}`, []string{"attempt grep_search /p"}},
		{"AfterTool", `{"session_id":"s","timestamp":"2026-11-21T18:00:00.003Z","tool_name":"grep_search","tool_input":{"dir_path":"/p","context":15,"pattern":"two"},"tool_response":{"llmContent":"x"}}`, []string{"completion grep_search /p -> success"}},
		{"AfterTool", `{"session_id":"s","timestamp":"2026-11-21T18:00:00.004Z","tool_name":"grep_search","tool_input":{"context":15,"pattern":"one"},"tool_response":{"llmContent":"x","error":{"message":"no"}}}`, []string{"completion grep_search -> error"}},
	}},
	{"gemini: an exit code is not what a command prints", "gemini", []step{
		{"AfterTool", `{"session_id":"s","tool_name":"run_shell_command","tool_input":{"command":"a"},"tool_response":{"llmContent":"<untrusted_context>\nOutput: x\nExit Code: 7\nProcess Group PGID: 1\n</untrusted_context>","returnDisplay":"x\nExit Code: 7"}}`, []string{"completion run_shell_command a -> success"}},
		{"AfterTool", `{"session_id":"s","tool_name":"run_shell_command","tool_input":{"command":"b"},"tool_response":{"llmContent":"<untrusted_context>\nOutput: Exit Code: 0\nExit Code: 7\nProcess Group PGID: 1\n</untrusted_context>","returnDisplay":"Exit Code: 0"}}`, []string{"completion run_shell_command b -> error 7"}},
		{"AfterTool", `{"session_id":"s","tool_name":"run_shell_command","tool_input":{"command":"c"},"tool_response":{"llmContent":"Command was cancelled by user before it could complete. There was no output."}}`, []string{"completion run_shell_command c -> error end=interrupted"}},
	}},
	{"gemini: refused, and asked before", "gemini", []step{
		{"BeforeTool", `{"session_id":"s","tool_name":"write_file","tool_input":{"file_path":"/w","content":"x"}}`, []string{"attempt write_file /w"}},
		{"Notification", `{"session_id":"s","notification_type":"ToolPermission","details":{"type":"edit","filePath":"/w"}}`, []string{"approval_request write_file /w"}},
		{"AfterAgent", `{"session_id":"s"}`, []string{"completion write_file /w -> blocked denied_by=user"}},
		{"SessionEnd", `{"session_id":"s","timestamp":"2026-11-21T18:00:00.001Z"}`, []string{"session_end"}},
		{"SessionEnd", `{"session_id":"s","timestamp":"2026-11-21T18:00:00.101Z"}`, nil},
		{"SessionEnd", `{"session_id":"s","timestamp":"2026-11-21T18:00:00.201Z"}`, nil},
	}},
	{"copilot: two of one input are ended in their order", "copilot", []step{
		{"preToolUse", `{"sessionId":"s","timestamp":1795284000001,"toolName":"bash","toolArgs":{"command":"x"}}`, []string{"attempt bash x"}},
		{"preToolUse", `{"sessionId":"s","timestamp":1795284000002,"toolName":"bash","toolArgs":{"command":"x"}}`, []string{"attempt bash x"}},
		{"postToolUse", `{"sessionId":"s","timestamp":1795284000003,"toolName":"bash","toolArgs":"{\"command\":\"x\"}","toolResult":{"resultType":"success","textResultForLlm":"<shellId: 0 completed with exit code 3>"}}`, []string{"completion bash x -> error 3"}},
		{"agentStop", `{"sessionId":"s"}`, []string{"completion bash x -> blocked denied_by=hook"}},
	}},
	{"copilot: a sub-agent's calls are its parent's session's", "copilot", []step{
		{"preToolUse", `{"sessionId":"A","toolName":"bash","toolArgs":{"command":"x"},"agentId":"A","agentType":"g","parentAgentId":"s"}`, []string{"attempt bash x agent_type=g agent=A"}},
		{"agentStop", `{"sessionId":"s"}`, nil},
		{"sessionEnd", `{"sessionId":"s","reason":"complete"}`, []string{"completion bash x -> error end=session-ended agent_type=g agent=A", "session_end"}},
	}},
	{"qwen: two ids, and no prompts between", "qwen", []step{
		{"UserPromptSubmit", `{"session_id":"s","prompt_id":"p","prompt":"x","submitted_prompt":"x"}`, []string{"user_prompt"}},
		{"PreToolUse", `{"session_id":"s","prompt_id":"p","tool_name":"run_shell_command","tool_input":{"command":"a"},"tool_use_id":"local","tool_call_id":"api"}`, []string{"attempt run_shell_command a"}},
		{"UserPromptSubmit", `{"session_id":"s","prompt_id":"p","prompt":""}`, nil},
		{"PostToolBatch", `{"session_id":"s","prompt_id":"p","tool_calls":[{"tool_name":"run_shell_command","tool_input":{"command":"a"},"tool_use_id":"api","tool_call_id":"api","status":"error","tool_response":{"error":"declined by a hook","error_type":"execution_denied"}}]}`, []string{"completion run_shell_command a -> blocked denied_by=hook"}},
	}},
	{"opencode: a tool that threw is told of by its part", "opencode", []step{
		{"event", `{"hook":"event","directory":"/p","input":{"event":{"type":"session.created","properties":{"sessionID":"c","info":{"id":"c","parentID":"s","agent":"general"}}}}}`, []string{"session_start agent_type=general agent=c"}},
		{"tool.execute.before", `{"hook":"tool.execute.before","directory":"/p","input":{"tool":"read","sessionID":"c","callID":"1"},"output":{"args":{"filePath":"/f"}}}`, []string{"attempt read /f agent=c"}},
		{"event", `{"hook":"event","directory":"/p","input":{"event":{"type":"message.part.updated","properties":{"part":{"type":"tool","tool":"read","callID":"1","sessionID":"c","state":{"status":"error","input":{"filePath":"/f"},"error":"The user has specified a rule which prevents you from using this specific tool call."}}}}}}`, []string{"completion read /f -> blocked denied_by=rule agent=c"}},
	}},
	{"cursor: one call, told of twice", "cursor", []step{
		{"preToolUse", `{"conversation_id":"c","generation_id":"g","tool_name":"Shell","tool_input":"{\"command\":\"ls\"}","tool_use_id":"1","cwd":"/p"}`, []string{"attempt Shell ls"}},
		{"beforeShellExecution", `{"conversation_id":"c","generation_id":"g","hook_event_name":"beforeShellExecution","command":"ls","cwd":"/p"}`, nil},
		{"postToolUse", `{"conversation_id":"c","tool_name":"Shell","tool_input":{"command":"ls"},"tool_output":"{\"output\":\"a\",\"exitCode\":2}","tool_use_id":"1","duration":150}`, []string{"completion Shell ls -> error 2"}},
	}},
	{"cursor: without tools, the shell's own events", "cursor", []step{
		{"", `{"conversation_id":"c","hook_event_name":"beforeShellExecution","command":"ls -la","cwd":"/p","user_email":"a@b"}`, []string{"attempt Shell ls -la"}},
		{"", `{"conversation_id":"c","hook_event_name":"afterShellExecution","command":"ls -la","output":"x","duration":3}`, []string{"completion Shell ls -la -> success"}},
	}},
	{"windsurf", "windsurf", []step{
		{"", `{"agent_action_name":"pre_run_command","trajectory_id":"t","execution_id":"e","tool_info":{"command_line":"ls","cwd":"/p"}}`, []string{"attempt run_command ls"}},
		{"", `{"agent_action_name":"post_run_command","trajectory_id":"t","execution_id":"e","tool_info":{"command_line":"ls","cwd":"/p"}}`, []string{"completion run_command ls -> success"}},
		{"", `{"agent_action_name":"pre_mcp_tool_use","trajectory_id":"t","tool_info":{"mcp_server_name":"db","mcp_tool_name":"q","mcp_tool_arguments":{"a":1}}}`, []string{"attempt db q"}},
		{"", `{"agent_action_name":"pre_write_code","trajectory_id":"t","tool_info":{"file_path":"/f","edits":[{"old_string":"a","new_string":"b"}]}}`, []string{"attempt write_code /f"}},
	}},
	{"goose", "goose", []step{
		{"", `{"event":"PreToolUse","session_id":"s","matcher_context":"developer__shell","tool_name":"developer__shell","tool_input":{"command":"ls"},"working_dir":"/p","tool_call_id":"c1"}`, []string{"attempt developer__shell ls"}},
		{"", `{"event":"PreToolUse","session_id":"s","tool_name":"memory__store","tool_input":{"k":1},"tool_call_id":"c2"}`, []string{"attempt memory store"}},
	}},
	{"antigravity", "antigravity", []step{
		{"PreToolUse", `{"conversationId":"s","toolCall":{"name":"run_command","args":{"CommandLine":"ls","Cwd":"/p"}},"stepIdx":7}`, []string{"attempt run_command ls"}},
		{"PostToolUse", `{"conversationId":"s","toolCall":{"name":"run_command","args":{"CommandLine":"ls","Cwd":"/p"}},"stepIdx":7}`, []string{"completion run_command ls -> success"}},
	}},
	{"vscode", "vscode", []step{
		{"", `{"timestamp":"2026-11-21T18:00:00Z","hookEventName":"PreToolUse","sessionId":"s","cwd":"/p","tool_name":"run_in_terminal","tool_input":{"command":"ls"},"tool_use_id":"1"}`, []string{"attempt run_in_terminal ls"}},
	}},
	{"droid", "droid", []step{
		{"PreToolUse", `{"session_id":"s","tool_name":"Execute","tool_input":{"command":"ls"}}`, []string{"attempt Execute ls"}},
	}},
	{"unknown events and bytes are recorded as what they are", "claudecode", []step{
		{"TeaTime", `{"session_id":"s","hook_event_name":"TeaTime","kettle":"on","env":{"TOKEN":"secret"}}`, []string{"security_event TeaTime"}},
		{"PreToolUse", "\x00\xff{", []string{"security_event PreToolUse"}},
		{"", `not json`, []string{"security_event"}},
		{"PreToolUse", `{"session_id":"s","tool_name":"Bash","tool_use_id":"1","tool_input":{"command":"ls`, []string{"attempt Bash"}},
	}},
}

// TestRules plays the deliveries of each rule.
func TestRules(t *testing.T) {
	for _, test := range rules {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := newTestLog(t, agents[test.folder])
			for i, s := range test.steps {
				var got []string
				for _, e := range l.deliver(s.event, s.payload) {
					got = append(got, summary(e))
				}
				if d := cmp.Diff(s.want, got); d != "" {
					t.Errorf("step %d, %s (-want +got):\n%s", i, s.event, d)
				}
			}
		})
	}
}

// Calls without ids of two MCP servers that have a tool of one name keep apart, whatever ends first.
func TestTwoServers(t *testing.T) {
	l := newTestLog(t, agents["gemini"])
	payload := func(n int, server, response string) string {
		return fmt.Sprintf(`{"session_id":"s","timestamp":"2026-11-21T18:00:00.00%dZ","tool_name":"mcp_%s_search","tool_input":{"q":"x"},"mcp_context":{"server_name":%q,"tool_name":"search"}%s}`, n, server, server, response)
	}
	l.deliver("BeforeTool", payload(1, "a", ""))
	l.deliver("BeforeTool", payload(2, "b", ""))
	l.deliver("AfterTool", payload(3, "b", `,"tool_response":{"llmContent":"ok"}`))
	l.deliver("AfterTool", payload(4, "a", `,"tool_response":{"llmContent":"bad","error":{"message":"failed"}}`))
	if len(l.events) != 4 {
		t.Fatalf("%d events, want 4", len(l.events))
	}
	for i, e := range l.events[2:] {
		attempt := l.events[1-i]
		if e.CallID != attempt.CallID || e.Action.MCPServerID != attempt.Action.MCPServerID {
			t.Errorf("%s ended call %s of server %s, want %s of %s", summary(e), e.CallID, e.Action.MCPServerID, attempt.CallID, attempt.Action.MCPServerID)
		}
	}
}

// Calls of one id have one record each, whichever agent's name the settings gave
// to the hook.
func TestTwoAgentsReadOneFile(t *testing.T) {
	l := newTestLog(t, agents["claudecode"])
	payload := toolPayload("PreToolUse", "s", "c", "x")
	l.deliver("PreToolUse", payload)
	l.agent = agents["vscode"]
	if events := l.deliver("PreToolUse", payload); len(events) != 0 {
		t.Errorf("the second agent's delivery recorded %d events, want none", len(events))
	}
}

func TestRequestForPermissionIsTied(t *testing.T) {
	l := newTestLog(t, agents["claudecode"])
	l.deliver("PreToolUse", toolPayload("PreToolUse", "s", "c1", "x"))
	l.deliver("PreToolUse", toolPayload("PreToolUse", "s", "c2", "x"))
	request := `{"session_id":"s","hook_event_name":"PermissionRequest","tool_name":"Bash","tool_input":{"command":"x"}}`
	for _, want := range []string{"c1", "c2"} {
		events := l.deliver("PermissionRequest", request)
		if len(events) != 1 || events[0].CallID != want || events[0].Type != etch.ApprovalRequest {
			t.Fatalf("got %d events, want the request of call %s", len(events), want)
		}
	}
	if events := l.deliver("PermissionRequest", request); len(events) != 0 {
		t.Errorf("got %d events for a request too many, want none", len(events))
	}
}

// What must not be stored is not: contents, prompts, outputs, environments.
func TestNothingWithheldIsKept(t *testing.T) {
	const secret = "the-very-words"
	payloads := map[string]string{
		"UserPromptSubmit":   `{"session_id":"s","prompt":"` + secret + `"}`,
		"PreToolUse":         `{"session_id":"s","tool_use_id":"1","tool_name":"Write","tool_input":{"file_path":"/f","content":"` + secret + `","env":{"TOKEN":"` + secret + `"}}}`,
		"PostToolUse":        `{"session_id":"s","tool_use_id":"2","tool_name":"Bash","tool_input":{"command":"x","env":["A=` + secret + `"]},"tool_response":{"stdout":"` + secret + `"}}`,
		"PostToolUseFailure": `{"session_id":"s","tool_use_id":"3","tool_name":"Bash","tool_input":{"command":"x"},"error":"Exit code 1\n` + secret + `"}`,
		"PostToolBatch":      `{"session_id":"s","tool_calls":[{"tool_use_id":"4","tool_name":"mcp__a__b","tool_input":{"text":"` + strings.Repeat(secret, 400) + `"},"tool_response":"x\n` + secret + `"}]}`,
		"TeaTime":            `{"session_id":"s","prompt":"` + secret + `","environment":{"X":"` + secret + `"}}`,
	}
	for _, opt := range []hook.Recording{{}, {Output: true, Prompts: true, Content: true}} {
		l := newTestLog(t, agents["claudecode"])
		l.opt = opt
		for event, payload := range payloads {
			for _, e := range l.deliver(event, payload) {
				text := fmt.Sprintf("%s %+v %v", e.Action.Arguments, e.Result, e.Labels)
				kept := strings.Contains(text, secret)
				if wanted := opt.Output && event != "TeaTime"; kept != wanted && event != "TeaTime" {
					t.Errorf("%+v: %s: kept %v, want %v: %s", opt, event, kept, wanted, text)
				}
				if strings.Contains(text, `TOKEN":"`+secret) || strings.Contains(text, "A="+secret) || strings.Contains(text, `"X":"`) {
					t.Errorf("%s: a value of the environment is kept: %s", event, text)
				}
			}
		}
	}
}

// The output's digest is that of exactly the bytes that the package says.
func TestOutputBytes(t *testing.T) {
	for _, test := range []struct{ folder, event, response, want string }{
		{"claudecode", "PostToolUse", `"tool_response":{"stdout":"out\n","stderr":"err"}`, "out\nerr"},
		{"claudecode", "PostToolUse", `"tool_response":[{"type":"text","text":"x"}]`, `[{"type":"text","text":"x"}]`},
		{"claudecode", "PostToolUseFailure", `"error":"Exit code 3\nout\nerr"`, "out\nerr"},
		{"codex", "PostToolUse", `"tool_response":"hello\n"`, "hello\n"},
		{"codex", "PostToolUse", `"tool_response":""`, ""},
		{"gemini", "AfterTool", `"tool_response":{"llmContent":"café \ud83d\ude00","returnDisplay":"y"}`, "café 😀"},
		{"copilot", "postToolUse", `"toolResult":{"resultType":"success","textResultForLlm":"x\n"}`, "x\n"},
		{"cursor", "postToolUse", `"tool_output":"{\"output\":\"o\",\"exitCode\":0}"`, "o"},
	} {
		l := newTestLog(t, agents[test.folder])
		events := l.deliver(test.event, `{"session_id":"s","tool_name":"T","tool_input":{"a":1},"tool_use_id":"1",`+test.response+`}`)
		if len(events) != 1 {
			t.Fatalf("%s: got %d events, want 1", test.folder, len(events))
		}
		want := hook.OutputOf([]byte(test.want))
		if n, _ := events[0].Result.OutputBytes.Get(); n != want.Bytes || events[0].Result.OutputSHA256 != want.SHA256 {
			t.Errorf("%s: %s: got %d bytes, %s, want those of %q", test.folder, test.response, n, events[0].Result.OutputSHA256, test.want)
		}
	}
}

// Each agent gets what it takes for "go on", and a refusal only where it can refuse.
func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		folder, event, goOn string
		exit                int // of the refusal; -1: there is none
		refusal             string
	}{
		{"claudecode", "PreToolUse", "", 2, ""},
		{"claudecode", "ConfigChange", "", 2, ""},
		{"claudecode", "UserPromptSubmit", "", 2, ""},
		{"claudecode", "PostToolUse", "", -1, ""},
		{"claudecode", "Stop", "", -1, ""},
		{"claudecode", "SubagentStop", "", -1, ""},
		{"claudecode", "PermissionRequest", "", 0, `"behavior":"deny","message":"no \"x\""`},
		{"codex", "PreToolUse", "", 2, ""},
		{"codex", "Stop", "", -1, ""},
		{"codex", "Interrupt", "", -1, ""},
		{"gemini", "BeforeTool", "{}", 0, `{"decision":"deny","reason":"no \"x\""}`},
		{"gemini", "AfterAgent", "{}", -1, ""},
		{"gemini", "SessionEnd", "{}", -1, ""},
		{"antigravity", "PreToolUse", `{"decision":"allow"}`, 0, `{"decision":"deny","reason":"no \"x\""}`},
		{"antigravity", "PostToolUse", `{"decision":"allow"}`, -1, ""},
		{"antigravity", "Stop", `{"decision":"allow"}`, -1, ""},
		{"qwen", "PreToolUse", "", 2, ""},
		{"copilot", "preToolUse", "", 2, `{"permissionDecision":"deny","permissionDecisionReason":"no \"x\""}`},
		{"copilot", "PreToolUse", "", 2, `{"permissionDecision":"deny","permissionDecisionReason":"no \"x\""}`},
		{"copilot", "userPromptSubmitted", "", -1, ""},
		{"copilot", "agentStop", "", -1, ""},
		{"cursor", "preToolUse", "{}", 2, ""},
		{"cursor", "beforeShellExecution", "{}", 2, ""},
		{"cursor", "stop", "{}", -1, ""},
		{"windsurf", "pre_run_command", "", 2, ""},
		{"windsurf", "post_cascade_response", "", -1, ""},
		{"opencode", "tool.execute.before", "", 2, ""},
		{"opencode", "session.idle", "", -1, ""},
		{"goose", "PreToolUse", "", 2, ""},
		{"droid", "PreToolUse", "", 2, ""},
		{"vscode", "PreToolUse", "", 2, ""},
		{"vscode", "NoSuchEvent", "", -1, ""},
	} {
		a := agents[test.folder]
		goOn := a.GoOn(test.event)
		if got := strings.TrimSpace(string(goOn.Stdout)); got != test.goOn || goOn.Exit != 0 || len(goOn.Stderr) > 0 {
			t.Errorf("%s %s: go on: got %q, exit %d, want %q, exit 0", test.folder, test.event, got, goOn.Exit, test.goOn)
		}
		deny, ok := a.Deny(test.event, `no "x"`)
		if ok != (test.exit >= 0) {
			t.Errorf("%s %s: can refuse: got %v, want %v", test.folder, test.event, ok, test.exit >= 0)
			continue
		}
		if ok && deny.Exit != test.exit || !strings.Contains(string(deny.Stdout), test.refusal) {
			t.Errorf("%s %s: refusal: got exit %d, %q, want %d, %q", test.folder, test.event, deny.Exit, deny.Stdout, test.exit, test.refusal)
		}
		if ok && deny.Exit == 2 && string(deny.Stderr) != "no \"x\"\n" {
			t.Errorf("%s %s: got reason %q", test.folder, test.event, deny.Stderr)
		}
		if !ok && string(deny.Stdout) != string(goOn.Stdout) {
			t.Errorf("%s %s: where there is no refusal: got %q, want the answer to go on", test.folder, test.event, deny.Stdout)
		}
	}
}

func TestInputDigest(t *testing.T) {
	same := []string{`{"a":1,"b":"x\u00e9"}`, ` {"b" : "xé", "a" : 1 } `, `"{\"b\":\"x\\u00e9\",\"a\":1}"`}
	want := hook.InputDigest(json.RawMessage(strings.TrimSpace(same[0])))
	for _, input := range same {
		if got := hook.InputDigest(json.RawMessage(strings.TrimSpace(input))); got != want {
			t.Errorf("%s: got %s, want that of %s", input, got, same[0])
		}
	}
	for _, input := range []string{`{"a":1.0,"b":"xé"}`, `{"a":1}`, `[1]`, ``, `{`} {
		if got := hook.InputDigest(json.RawMessage(input)); got == want {
			t.Errorf("%s: got the digest of %s", input, same[0])
		}
	}
}

// An agent's time is believed near the clock's, in each of its forms.
func TestTimes(t *testing.T) {
	now := time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC)
	told := now.Add(-3 * time.Second)
	for _, test := range []struct {
		timestamp string
		want      time.Time
	}{
		{`"2026-11-21T17:59:57Z"`, told},
		{`"2026-11-21T18:59:57+01:00"`, told},
		{fmt.Sprint(told.UnixMilli()), told},
		{fmt.Sprintf("%q", fmt.Sprint(told.UnixMilli())), told},
		{fmt.Sprint(told.Unix()), told},
		{`"yesterday"`, now},
		{`1`, now},
		{`-1e300`, now},
		{`{"x":1}`, now},
		{fmt.Sprint(now.Add(time.Hour).UnixMilli()), now},
		{fmt.Sprint(now.Add(-time.Hour).UnixMilli()), now},
	} {
		l := newTestLog(t, agents["gemini"])
		l.now = now
		events := l.deliver("SessionStart", `{"session_id":"s","timestamp":`+test.timestamp+`}`)
		if !events[0].Timestamp.Equal(test.want) {
			t.Errorf("%s: got %s, want %s", test.timestamp, events[0].Timestamp, test.want)
		}
	}
}

// Droid's payloads have neither ids nor times: calls in the same words are calls of their
// own, and a hook that is run twice is still one.
func TestCallsInTheSameWords(t *testing.T) {
	payload := func(event string) string {
		return `{"session_id":"s","cwd":"/p","hook_event_name":"` + event + `","tool_name":"Execute","tool_input":{"command":"npm test"}}`
	}
	for _, test := range []struct {
		name  string
		times int
		pause time.Duration
	}{
		{"once each", 1, 0}, {"twice each", 2, 0}, {"slowly", 2, 20 * time.Second}, {"over a minute", 1, 2 * time.Minute},
	} {
		l := newTestLog(t, agents["droid"])
		attempts, ends := map[string]bool{}, map[string]bool{}
		for range 3 {
			for _, event := range []string{"PreToolUse", "PostToolUse"} {
				for range test.times {
					for _, e := range l.deliver(event, payload(event)) {
						found := map[etch.Phase]map[string]bool{etch.Attempt: attempts, etch.Completion: ends}[e.Phase]
						if found[e.CallID] {
							t.Errorf("%s: %s of %s once more", test.name, e.Phase, e.CallID)
						}
						found[e.CallID] = true
					}
				}
				l.now = l.now.Add(test.pause)
			}
		}
		if len(attempts) != 3 || !maps.Equal(attempts, ends) {
			t.Errorf("%s: attempts %v, ends %v, want three of each", test.name, attempts, ends)
		}
	}
}

// A call of which nothing was told but that it was asked for is another one when it is
// asked for later.
func TestAskedForAnew(t *testing.T) {
	const payload = `{"session_id":"s","tool_name":"Execute","tool_input":{"command":"npm test"}}`
	l := newTestLog(t, agents["droid"])
	for i, want := range []int{1, 0, 1, 0} {
		if i == 2 {
			l.now = l.now.Add(6 * time.Second)
		}
		if got := l.deliver("PreToolUse", payload); len(got) != want {
			t.Errorf("delivery %d: %d events, want %d", i, len(got), want)
		}
		if l.last.Request.ID == "" {
			t.Errorf("delivery %d: the call has no id", i)
		}
	}
}
