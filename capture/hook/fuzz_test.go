package hook_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/etch-audit/etch/capture/hook"
)

// seedEvents are names of events of every kind.
var seedEvents = []string{
	"PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch", "PermissionRequest", "PermissionDenied", "UserPromptSubmit",
	"SessionStart", "SessionEnd", "Stop", "SubagentStart", "SubagentStop", "Interrupt", "ConfigChange", "InstructionsLoaded",
	"FileChanged", "Elicitation", "ElicitationResult", "Notification", "BeforeTool", "AfterTool", "preToolUse", "postToolUse",
	"tool.execute.before", "tool.execute.after", "event", "chat.message", "pre_run_command", "beforeShellExecution", "TeaTime", "",
}

// FuzzDeliver hands any bytes to an agent, twice and then once more under
// another event: whatever they are, the events are valid, and a session's file
// can be read after them.
func FuzzDeliver(f *testing.F) {
	names := slices.Sorted(maps.Keys(agents))
	for i, folder := range names {
		if _, err := os.Stat(filepath.Join("testdata", folder)); err != nil {
			continue // no program of it was there to capture
		}
		seen := make(map[string]bool)
		byRun, runs := captures(f, folder)
		for _, c := range byRun[runs[0]] {
			if !seen[c.Event] {
				f.Add(i, c.Event, []byte(c.Stdin))
			}
			seen[c.Event] = true
		}
	}
	for i, payload := range []string{"", "{", "null", "[]", `"{}"`, "\xff", `{"session_id":{"a":[1]}}`, `{"tool_calls":[1,{"tool_response":7}]}`, `{"tool_input":"{"}`} {
		f.Add(i, seedEvents[i%len(seedEvents)], []byte(payload))
	}
	f.Fuzz(func(t *testing.T, agent int, event string, payload []byte) {
		name := names[uint(agent)%uint(len(names))]
		l := newTestLog(t, agents[name])
		first := l.deliver(event, string(payload))
		if again := l.deliver(event, string(payload)); len(again) > len(first) {
			t.Errorf("%s: %s: the second delivery recorded %d events, the first %d", name, event, len(again), len(first))
		}
		l.deliver("SessionEnd", string(payload))
		for _, e := range l.events {
			if e.Action != nil && len(e.Action.Arguments) > 0 && !json.Valid(e.Action.Arguments) {
				t.Errorf("%s: %s: arguments are no JSON: %q", name, event, e.Action.Arguments)
			}
		}
		agents[name].GoOn(event)
		agents[name].Deny(event, string(payload))
	})
}

// FuzzPayload compares the package's reader of JSON with the standard library's.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `{"a":"\u00e9\ud83d\ude00\ud83d","b":[1,{"c":null}]}`, ` {"a" : {} , "a":2} `, `{"":"\\\""}`, `{"a":1}x`, `{"a"`, `[1,2]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, ok := hook.ParsePayload(raw)
		var want map[string]json.RawMessage
		if json.Unmarshal(raw, &want) != nil || want == nil || len(want) > 64 {
			return // it is more lenient than the standard library
		}
		if !ok || p.Len() != len(want) {
			t.Fatalf("%q: got %d members, %v, want %d", raw, p.Len(), ok, len(want))
		}
		for name, value := range want {
			got := p.Get(name)
			if string(value) == "null" {
				if got != nil {
					t.Errorf("%q: member %q: got %q for null", raw, name, got)
				}
				continue
			}
			if string(got) != string(value) {
				t.Errorf("%q: member %q: got %q, want %q", raw, name, got, value)
			}
			var text string
			if json.Unmarshal(value, &text) == nil {
				if got, ok := hook.Text(value); !ok || got != text {
					t.Errorf("%q: member %q says %q, %v, want %q", raw, name, got, ok, text)
				}
			}
		}
	})
}

// BenchmarkBegin is what a hook's process pays for here: to read the payload and
// the session, make the event and write the session back.
func BenchmarkBegin(b *testing.B) {
	byRun, _ := captures(b, "claudecode")
	large := `{"session_id":"s","hook_event_name":"AfterTool","tool_name":"run_shell_command","tool_input":{"command":"seq 1 20000"},"tool_response":{"llmContent":"` +
		string(slices.Repeat([]byte(`12345\n`), 43_000)) + `","returnDisplay":""}}`
	for _, bench := range []struct{ name, folder, event, payload string }{
		{"usual", "claudecode", "PreToolUse", string(byRun["basic"][4].Stdin)},
		{"output=258k", "gemini", "AfterTool", large},
	} {
		b.Run(bench.name, func(b *testing.B) {
			l := newTestLog(b, agents[bench.folder])
			b.ReportAllocs()
			for b.Loop() {
				l.deliver(bench.event, bench.payload)
				l.events = nil
			}
		})
	}
}
