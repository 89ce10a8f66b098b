package hook_test

import (
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/internal/danger"
)

// A call in which a text stands that readers make different things of is refused under any
// policy, and on record as what it is where there is none.
func TestUnclear(t *testing.T) {
	harmless := func(*etch.Event) (etch.Risk, []string) { return etch.RiskLow, nil }
	for name, c := range map[string]struct {
		agent, event, input string
		want                string
	}{
		"clear":                  {"claudecode", "PreToolUse", `{"command":"r\u006d \ud83d\ude00 \\ud800"}`, ""},
		"half of a pair":         {"claudecode", "PreToolUse", `{"command":"r\ud800m x"}`, "surrogate"},
		"in a name":              {"gemini", "BeforeTool", `{"comm\udc00and":"rm x"}`, "surrogate"},
		"in JSON that is a text": {"copilot", "preToolUse", `"{\"command\":\"r\\ud800m x\"}"`, "surrogate"},
		"no UTF-8":               {"claudecode", "PreToolUse", "{\"command\":\"r\xffm x\"}", "UTF-8"},
		"broken off":             {"claudecode", "PreToolUse", `{"command":"rm x"`, "breaks off"},
		"broken off in a text":   {"copilot", "preToolUse", `"{\"command\":\"rm x\""`, "begins as an object"},
		"more behind it":         {"claudecode", "PreToolUse", `{"command":"ls"}}{`, "breaks off"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTestLog(t, agents[c.agent])
			payload := `{"session_id":"s","tool_name":"Bash","tool_use_id":"t","tool_input":` + c.input + `}`
			if events := l.deliver(c.event, payload); len(events) != 1 || events[0].Phase != etch.Attempt {
				t.Fatalf("%d events, want an attempt", len(events))
			}
			none := hook.Policy{Classify: harmless}
			if _, why := none.Judge(l.agent, l.last); why != "" {
				t.Errorf("without a policy it is refused: %s", why)
			}
			strict := hook.Policy{DenyRisk: etch.RiskCritical, Classify: harmless}
			events, why := strict.Judge(l.agent, l.last)
			if !strings.Contains(why, c.want) || (why == "") != (c.want == "") {
				t.Errorf("it is refused for %q, want %q", why, c.want)
			}
			if refused := hook.Refused(events); (len(refused) > 0) != (c.want != "") {
				t.Errorf("%d refusals are recorded", len(refused))
			}
		})
	}
}

// All that may be the command of a shell tool is judged, and the worst of it counts.
func TestEveryCommandIsJudged(t *testing.T) {
	strict := hook.Policy{DenyRisk: etch.RiskHigh, Classify: danger.Of}
	for _, test := range []struct {
		agent, event, tool, input string
		command                   string
		refused                   bool
	}{
		{"claudecode", "PreToolUse", "Monitor", `{"command":"rm -rf /","description":"x"}`, "rm -rf /", true},
		{"claudecode", "PreToolUse", "Monitor", `{"command":"tail -f x.log"}`, "tail -f x.log", false},
		{"qwen", "PreToolUse", "monitor", `{"command":"rm -rf /"}`, "rm -rf /", true},
		{"claudecode", "PreToolUse", "Bash", `{"command":"ls","cmd":"rm -rf /"}`, "ls", true},
		{"claudecode", "PreToolUse", "Bash", `{"command":"ls","script":["rm","-rf","/"]}`, "ls", true},
		{"claudecode", "PreToolUse", "Bash", `{"command":"ls","description":"rm -rf /"}`, "ls", false},
		{"copilot", "preToolUse", "write_bash", `{"sessionId":"1","input":"rm -rf /{enter}"}`, "rm -rf /\n", true},
		{"copilot", "preToolUse", "write_bash", `{"input":"rm -rf /x{backspace}{enter}{up}"}`, "rm -rf /\n{up}", true},
		{"copilot", "preToolUse", "write_bash", `{"input":"{backspace}y{enter}"}`, "y\n", false},
		{"copilot", "preToolUse", "write_bash", `{"input":"{up}{enter}"}`, "{up}\n", false},
		{"antigravity", "PreToolUse", "run_command", `{"command":"ls","CommandLine":"rm -rf /"}`, "rm -rf /", true},
		{"antigravity", "PreToolUse", "run_command", `{"command":"rm -rf /","CommandLine":"ls"}`, "ls", true},
		{"antigravity", "PreToolUse", "send_command_input", `{"CommandId":"1","Input":"rm -rf /\n"}`, "rm -rf /\n", true},
	} {
		l := newTestLog(t, agents[test.agent])
		payload := `{"session_id":"s","tool_name":"` + test.tool + `","tool_input":` + test.input + `}`
		if test.agent == "antigravity" {
			payload = `{"conversationId":"s","toolCall":{"name":"` + test.tool + `","args":` + test.input + `}}`
		}
		events := l.deliver(test.event, payload)
		if len(events) != 1 || events[0].Type != etch.CommandExecution || events[0].Action.Command != test.command {
			t.Errorf("%s %s: %+v, want the command %q", test.tool, test.input, events[0].Action, test.command)
		}
		if _, why := strict.Judge(l.agent, l.last); (why != "") != test.refused {
			t.Errorf("%s %s: refused for %q, want %v", test.tool, test.input, why, test.refused)
		}
		d := &hook.Delivery{Agent: l.agent, Event: test.event, Payload: []byte(payload)}
		if why := strict.Foresee(d); (why != "") != test.refused {
			t.Errorf("%s %s: it is foreseen to be refused for %q, want %v", test.tool, test.input, why, test.refused)
		}
	}
	l := newTestLog(t, agents["copilot"])
	typed := l.deliver("preToolUse", `{"sessionId":"s","toolName":"write_bash","toolArgs":{"input":"ls{enter}"}}`)[0]
	if got := string(typed.Action.Arguments); got != `{"input":"ls{enter}"}` {
		t.Errorf("the keys are recorded as %s", got)
	}
}
