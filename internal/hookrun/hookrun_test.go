package hookrun

import (
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/site"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		line string
		want Command
		ok   bool
	}{
		{"codex", Command{Agent: "codex"}, true},
		{"codex PreToolUse", Command{Agent: "codex", Event: "PreToolUse"}, true},
		{"--log a --config=b codex PreToolUse", Command{Site: site.Site{Log: "a", Config: "b"}, Agent: "codex", Event: "PreToolUse"}, true},
		{"codex --log a", Command{Site: site.Site{Log: "a"}, Agent: "codex"}, true},
		{"", Command{}, false},
		{"a b c", Command{Agent: "a", Event: "b"}, true},
		{"--help", Command{}, false},
		{"codex -h", Command{}, false},
		{"codex --log", Command{Agent: "codex"}, true},
		{"codex --nonsense", Command{Agent: "codex"}, true},
		{"--later value codex Stop --now", Command{Agent: "codex", Event: "Stop"}, true},
	} {
		got, ok := Parse(strings.Fields(c.line))
		if ok != c.ok || ok && (got.Agent != c.want.Agent || got.Event != c.want.Event || got.Log != c.want.Log || got.Config != c.want.Config) {
			t.Errorf("%s: %+v, %v, want %+v, %v", c.line, got, ok, c.want, c.ok)
		}
	}
}

func TestAgentNames(t *testing.T) {
	var names []string
	for _, a := range Agents() {
		for _, name := range append([]string{a.Name}, a.Aliases...) {
			if AgentNamed(strings.ToUpper(name)) != a {
				t.Errorf("%q is not %s", name, a.Name)
			}
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	if n := len(names); len(slices.Compact(names)) != n {
		t.Errorf("a name is given twice: %q", names)
	}
	if AgentNamed("nobody") != nil {
		t.Error("nobody is an agent")
	}
}
