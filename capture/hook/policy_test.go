package hook_test

import (
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
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
