package hook_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
)

// What became of a command of Codex's is told by its rollout when the turn is
// over, unless it still runs.
func TestRolloutAtStop(t *testing.T) {
	for _, test := range []struct{ output, want string }{
		{`"Command blocked by PreToolUse hook: no. Command: x"`, "completion Bash x -> blocked denied_by=hook"},
		{`"approval policy is Never; reject command"`, "completion Bash x -> blocked denied_by=mode"},
		{`"exec command rejected by user"`, "completion Bash x -> blocked denied_by=user"},
		{`"exec_command failed: CreateProcess { message: \"Rejected(\\\"` + "`rm -f x`" + ` rejected: rm -f style commands are not permitted\\\")\" }"`, "completion Bash x -> blocked denied_by=rule"},
		{`"exec_command failed: CreateProcess { message: \"Rejected(\\\"rejected by user\\\")\" }"`, "completion Bash x -> blocked denied_by=user"},
		{`"exec_command failed: CreateProcess { message: \"No such file or directory\" }"`, "completion Bash x -> error"},
		{`"Wall time: 3.1 seconds\naborted by user"`, "completion Bash x -> error end=interrupted"},
		{`"Chunk ID: 1\nWall time: 0 seconds\nProcess exited with code 4\nOutput:\nx"`, "completion Bash x -> error 4"},
		{`"Chunk ID: 1\nWall time: 0 seconds\nProcess exited with code 0\nOutput:\nProcess exited with code 4"`, "completion Bash x -> success 0"},
		{`"Chunk ID: 1\nWall time: 0 seconds\nProcess running with session ID 7\nOutput:\n"`, ""},
		{`""`, ""},
		{`[{"type":"input_text","text":"Wall time: 0 seconds\nOutput:"},{"type":"input_text","text":"MCP error"}]`, ""},
		{`7`, ""},
	} {
		l := newTestLog(t, agents["codex"])
		name := transcriptOf(t, `{"type":"response_item","payload":{"type":"function_call_output","call_id":"c","output":`+test.output+`}}`, `{"type":"x"}`)
		l.deliver("PreToolUse", toolPayload("PreToolUse", "s", "c", "x"))
		var words []string
		for _, e := range l.deliver("Stop", `{"session_id":"s","transcript_path":`+name+`}`) {
			words = append(words, summary(e))
		}
		if got := strings.Join(words, "; "); got != test.want {
			t.Errorf("%s: got %q, want %q", test.output, got, test.want)
		}
	}
}

// Of a call whose answer may be an output or an error the rollout's record of its end tells.
func TestRolloutStatus(t *testing.T) {
	for _, test := range []struct{ status, want string }{
		{`"status":"completed"`, "completion s t -> success"},
		{`"status":"failed"`, "completion s t -> error: the password is x"},
		{`"status":"in_progress"`, "completion s t -> error end=unknown: the turn is over, and the agent told nothing of the call's end"},
	} {
		l := newTestLog(t, agents["codex"])
		name := transcriptOf(t,
			`{"type":"event_msg","payload":{"type":"item_completed","item":{"type":"McpToolCall","id":"c",`+test.status+`}}}`,
			`{"type":"response_item","payload":{"type":"function_call_output","call_id":"c","output":"the password is x"}}`, `{"type":"x"}`)
		l.deliver("PreToolUse", `{"session_id":"s","turn_id":"t","tool_name":"mcp__s__t","tool_input":{},"tool_use_id":"c"}`)
		events := l.deliver("Stop", `{"session_id":"s","turn_id":"t","transcript_path":`+name+`}`)
		if len(events) != 1 {
			t.Fatalf("%s: %d events, want 1", test.status, len(events))
		}
		got := summary(events[0])
		if words := events[0].Result.Message; words != "" {
			got += ": " + words
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.status, got, test.want)
		}
	}
}

// What became of a call of Claude Code's whose own event was lost is told by the record of its
// result, where that is there when the batch comes; what came out of it is no reason.
func TestTranscriptAtBatch(t *testing.T) {
	result := func(members string) string {
		return `{"type":"user",` + members + `}`
	}
	block := func(failed string) string {
		return `"message":{"role":"user","content":[{"tool_use_id":"c","type":"tool_result","content":"the password is x","is_error":` + failed + `}]}`
	}
	for _, test := range []struct {
		record, want string
		inferred     bool
	}{
		{result(block("false") + `,"toolUseResult":{"stdout":"the password is x","stderr":""}`), "completion Bash x -> success", false},
		{result(block("false")), "completion Bash x -> success", false},
		{result(block("false") + `,"toolUseResult":{"stdout":"","stderr":"","interrupted":true}`), "completion Bash x -> error end=interrupted", false},
		{result(block("true") + `,"toolDenialKind":"user-rejected","permissionDecision":{"decision":"reject","source":"user_reject"}`), "completion Bash x -> blocked denied_by=host", false},
		{`{"type":"x"}`, "completion Bash x -> error end=unknown", true},
	} {
		l := newTestLog(t, agents["claudecode"])
		name := transcriptOf(t, test.record, `{"type":"x"}`)
		l.deliver("PreToolUse", toolPayload("PreToolUse", "s", "c", "x"))
		events := l.deliver("PostToolBatch", `{"session_id":"s","transcript_path":`+name+`,"tool_calls":[{"tool_name":"Bash","tool_input":{"command":"x"},"tool_use_id":"c","tool_response":"the password is x"}]}`)
		if len(events) != 1 {
			t.Fatalf("%s: %d events, want 1", test.record, len(events))
		}
		e := events[0]
		if got := summary(e); got != test.want || (e.Labels[etch.LabelInferred] != "") != test.inferred {
			t.Errorf("%s: got %q, inferred %q; want %q", test.record, got, e.Labels[etch.LabelInferred], test.want)
		}
		if r := e.Result; e.Labels["denied_by"] == "" && strings.Contains(r.Message+r.Reason, "password") {
			t.Errorf("%s: what came out stands as the reason: %+v", test.record, r)
		}
	}
}

// What became of a call of Gemini CLI's that has no AfterTool is told by the chat,
// where that is written.
func TestChatAtEnd(t *testing.T) {
	const late, early = "2026-11-21T18:00:00.004Z", "2026-11-21T17:59:59.999Z"
	for _, test := range []struct{ event, entry, want string }{
		{"AfterAgent", entry(late, "error", "Tool execution denied by policy."), "completion run_shell_command x -> blocked denied_by=rule"},
		{"AfterAgent", entry(late, "error", "Tool execution blocked: no"), "completion run_shell_command x -> blocked denied_by=hook"},
		{"SessionEnd", entry(late, "cancelled", "[Operation Cancelled] Reason: User denied execution."), "completion run_shell_command x -> blocked denied_by=user; session_end"},
		{"SessionEnd", entry(late, "cancelled", "[Operation Cancelled] Reason: Operation cancelled by user"), "completion run_shell_command x -> error end=interrupted; session_end"},
		{"AfterAgent", entry(late, "error", "it broke"), "completion run_shell_command x -> error"},
		{"AfterAgent", entry(late, "success", ""), "completion run_shell_command x -> error end=unknown"},
		// Another call, or none that has ended: what is told without the chat.
		{"AfterAgent", entry(late, "executing", ""), "completion run_shell_command x -> blocked denied_by=unknown"},
		{"AfterAgent", entry(early, "error", "Tool execution denied by policy."), "completion run_shell_command x -> blocked denied_by=unknown"},
		{"AfterAgent", strings.Replace(entry(late, "error", "Tool execution denied by policy."), `"x"`, `"y"`, 1), "completion run_shell_command x -> blocked denied_by=unknown"},
		{"AfterAgent", `{"toolCalls":[7,{"name":"run_shell_command"}]}`, "completion run_shell_command x -> blocked denied_by=unknown"},
		{"SessionEnd", `{`, "completion run_shell_command x -> error end=session-ended; session_end"},
	} {
		l := newTestLog(t, agents["gemini"])
		name := transcriptOf(t, `{"sessionId":"s"}`, test.entry, `{"$set":{"lastUpdated":"x"}}`)
		l.deliver("BeforeTool", `{"session_id":"s","tool_name":"run_shell_command","tool_input":{"command":"x"}}`)
		var words []string
		for _, e := range l.deliver(test.event, `{"session_id":"s","transcript_path":`+name+`}`) {
			words = append(words, summary(e))
		}
		if got := strings.Join(words, "; "); got != test.want {
			t.Errorf("%s, %s: got %q, want %q", test.event, test.entry, got, test.want)
		}
	}
}

// entry returns a line of a chat of Gemini CLI's with a call that was over at a time.
func entry(at, status, failure string) string {
	return fmt.Sprintf(`{"id":"m","type":"gemini","toolCalls":[{"id":"c","name":"run_shell_command","args":{"command":"x"},"status":%q,"timestamp":%q,"result":[{"functionResponse":{"response":{"error":%q}}}]}]}`, status, at, failure)
}

// Who refused a call of Copilot's is told by the session's events, where they are written.
func TestEventsAtEnd(t *testing.T) {
	const late, early = "2026-11-21T18:00:00.004Z", "2026-11-21T17:59:59.999Z"
	begun := `{"type":"tool.execution_start","timestamp":"2026-11-21T17:59:59.998Z","data":{"toolCallId":"c","toolName":"bash","arguments":{"command":"x"}}}`
	over := func(at, code, message string) string {
		return fmt.Sprintf(`{"type":"tool.execution_complete","timestamp":%q,"data":{"toolCallId":"c","success":false,"error":{"message":%q,"code":%q}}}`, at, message, code)
	}
	const unknown = "completion bash x -> blocked denied_by=hook" // nobody was asked
	for _, test := range []struct{ begun, over, want string }{
		{begun, over(late, "denied", "Permission to run this tool was denied due to the following rules: `x`"), "completion bash x -> blocked denied_by=rule"},
		{begun, over(late, "denied", "The user rejected this tool call."), "completion bash x -> blocked denied_by=user"},
		{begun, over(late, "denied", "Permission denied because no interactive user response was available."), "completion bash x -> blocked denied_by=mode"},
		{begun, over(late, "denied", "Permission denied by a PermissionRequest hook: no"), "completion bash x -> blocked denied_by=hook"},
		// Another call, one that failed, or nothing yet: what is told without the events.
		{begun, over(early, "denied", "The user rejected this tool call."), unknown},
		{begun, over(late, "failure", "The user rejected this tool call."), unknown},
		{strings.Replace(begun, `"x"`, `"y"`, 1), over(late, "denied", "The user rejected this tool call."), unknown},
		{strings.Replace(begun, `"bash"`, `"view"`, 1), over(late, "denied", "The user rejected this tool call."), unknown},
		{strings.Replace(begun, `"data"`, `"agentId":"a","data"`, 1), over(late, "denied", "The user rejected this tool call."), unknown},
		{begun, "", unknown},
		{"{", `{"type":"tool.execution_complete","data":7}`, unknown},
	} {
		l := newTestLog(t, agents["copilot"])
		name := transcriptOf(t, `{"type":"session.start"}`, test.begun, test.over, `{"type":"assistant.turn_end"}`)
		l.deliver("preToolUse", `{"sessionId":"s","toolName":"bash","toolArgs":{"command":"x"}}`)
		var words []string
		for _, e := range l.deliver("agentStop", `{"sessionId":"s","transcriptPath":`+name+`}`) {
			words = append(words, summary(e))
		}
		if got := strings.Join(words, "; "); got != test.want {
			t.Errorf("%s: got %q, want %q", test.over, got, test.want)
		}
	}
}
