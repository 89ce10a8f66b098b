package hookrun

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

// A configuration that is gone takes along what it asked for, which is told; that where one
// is looked for anyway there is none says nothing.
func TestMissedConfiguration(t *testing.T) {
	dir := t.TempDir()
	moved := filepath.Join(dir, "moved")
	for _, test := range []struct {
		name, config string
		told         bool
	}{
		{"named", filepath.Join(dir, "c.toml"), true},
		{"in the default place", filepath.Join(moved, "etch", "config.toml"), false},
		{"none named", "", false},
	} {
		log := filepath.Join(t.TempDir(), "x.log")
		code := Run(Command{Site: site.Site{Log: log, Config: test.config}, Agent: "claude-code", Event: "PreToolUse", NoEnv: true}, Process{
			In:  strings.NewReader(`{"session_id":"s","tool_name":"Bash","tool_use_id":"1","tool_input":{"command":"ls"}}`),
			Out: io.Discard, Err: io.Discard, Now: time.Now, Exit: func(int) {},
			Env: func(name string) (string, bool) {
				value, ok := map[string]string{"HOME": dir, "XDG_CONFIG_HOME": moved, "AppData": moved}[name]
				return value, ok
			},
			Patience: &Patience{Records: time.Minute, Ends: 2 * time.Minute, Locks: time.Minute},
		})
		if code != 0 {
			t.Errorf("%s: exit %d", test.name, code)
		}
		told, err := os.ReadFile(ErrorsFile(log))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if strings.Contains(string(told), "c.toml is gone") != test.told || !test.told && len(told) > 0 {
			t.Errorf("%s: the log of errors has %q", test.name, told)
		}
	}
}
