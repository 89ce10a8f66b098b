package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// What a file says twice is told: agents go by the last, which need not be the one that is seen.
func TestCheckTwice(t *testing.T) {
	const project = ".claude/settings.local.json"
	for name, test := range map[string]struct {
		agent *Agent
		file  string
		text  string
		want  string
	}{
		"switch":      {claudeCode, project, "{\"disableAllHooks\": false,\n\"disableAllHooks\": true}", "2: \"disableAllHooks\""},
		"in a member": {gemini, ".gemini/settings.json", "{\"hooksConfig\": {\"enabled\": true,\n\"enabled\": false}}", "2: \"enabled\""},
		"member":      {gemini, ".gemini/settings.json", "{\"hooksConfig\": {},\n\n\"hooksConfig\": {\"enabled\": false}}", "3: \"hooksConfig\""},
		"environment": {claudeCode, project, "{\"env\": {},\n\"env\": {\"LD_PRELOAD\": \"/x.so\"}}", "2: \"env\""},
		"variable":    {claudeCode, project, "{\"env\": {\"A\": \"\",\n\"A\": \"b\"}}", "2: \"A\""},
		"events":      {claudeCode, project, "{\"hooks\": {\"Stop\": [],\n\"Stop\": []}}", "2: \"Stop\""},
		"hooks":       {claudeCode, project, "{\"hooks\": {},\n\"hooks\": {}}", "2: \"hooks\""},
	} {
		t.Run(name, func(t *testing.T) {
			m := newTestMachine(t)
			newBinary(t, &m)
			mustInstall(t, test.agent, m, User, m.hook())
			put(t, filepath.Join(m.Project, test.file), test.text)
			line, member, _ := strings.Cut(test.want, ": ")
			got := findings(test.agent, m, "")
			if len(got) != 1 || !strings.HasPrefix(got[0], "problem file: ") || !strings.Contains(got[0], member+" is given twice") ||
				!strings.HasSuffix(got[0], "[P/"+test.file+":"+line+"]") {
				t.Errorf("got %q, want one problem of line %s, of %s", got, line, member)
			}
		})
	}
}

// A list of an event that another one takes the place of is found in the settings that have
// the hooks, and an installation says so and changes nothing.
func TestTwiceInPlace(t *testing.T) {
	for name, edit := range map[string]string{
		"event":   `"PreToolUse":[],"PostToolUseFailure"`,
		"command": `"PostToolUseFailure"`,
	} {
		t.Run(name, func(t *testing.T) {
			m := newTestMachine(t)
			newBinary(t, &m)
			mustInstall(t, claudeCode, m, User, m.hook())
			path := filepath.Join(m.Home, ".claude", "settings.json")
			text := strings.Replace(get(t, path), `"PostToolUseFailure"`, edit, 1)
			if name == "command" {
				text = strings.Replace(text, `"type": "command"`, `"command": "true", "type": "command"`, 1)
			}
			if text == get(t, path) {
				t.Fatal("the test does not know the settings any more")
			}
			put(t, path, text)
			got := findings(claudeCode, m, "")
			if len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), "is given twice") {
				t.Errorf("got %q", got)
			}
			if _, err := claudeCode.Install(m, User, m.hook(), false); err == nil || !strings.Contains(err.Error(), "is given twice") {
				t.Errorf("installing again: error is %v", err)
			}
			if get(t, path) != text {
				t.Error("the file was changed")
			}
		})
	}
}

// Gemini CLI switches hooks off by their names, which anybody may change.
func TestRenamedHook(t *testing.T) {
	for disabled, off := range map[string]bool{"x": true, "etch": true, "y": false} {
		m := newTestMachine(t)
		newBinary(t, &m)
		mustInstall(t, gemini, m, User, m.hook())
		path := filepath.Join(m.Home, ".gemini", "settings.json")
		put(t, path, strings.ReplaceAll(get(t, path), `"name": "etch"`, `"name": "x"`))
		put(t, filepath.Join(m.Project, ".gemini", "settings.json"), `{"hooksConfig": {"disabled": ["`+disabled+`"]}}`)
		var want []string
		if off {
			want = []string{"problem switch: hooksConfig.disabled switches hooks off [P/.gemini/settings.json:1]"}
		}
		if diff := cmp.Diff(findings(gemini, m, ""), want, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s disabled (-got +want):\n%s", disabled, diff)
		}
	}
}

// Gemini CLI's settings are where its variable says.
func TestGeminiHome(t *testing.T) {
	m := newTestMachine(t)
	newBinary(t, &m)
	elsewhere := filepath.Join(m.Root, "elsewhere")
	if err := os.MkdirAll(filepath.Join(elsewhere, ".gemini"), 0o700); err != nil {
		t.Fatal(err)
	}
	m.Getenv = func(name string) string { return map[string]string{"GEMINI_CLI_HOME": elsewhere}[name] }
	if !gemini.Found(m) {
		t.Error("it is not found there")
	}
	mustInstall(t, gemini, m, User, m.hook())
	if text := get(t, filepath.Join(elsewhere, ".gemini", "settings.json")); !strings.Contains(text, "hook gemini") {
		t.Errorf("its settings have no hooks: %s", text)
	}
	if got := findings(gemini, m, ""); len(got) > 0 {
		t.Errorf("got %q", got)
	}
	m.Getenv = func(string) string { return "" }
	if got := findings(gemini, m, ""); len(got) != 1 {
		t.Errorf("without the variable: %q, want no hooks", got)
	}
}

// A configuration that hooks name and that is gone takes its policy with it.
func TestCheckConfigGone(t *testing.T) {
	m := newTestMachine(t)
	newBinary(t, &m)
	h := m.hook()
	h.Config = new(filepath.Join(m.Root, "etch.toml"))
	put(t, *h.Config, "")
	mustInstall(t, claudeCode, m, User, h)
	if got := findings(claudeCode, m, ""); len(got) > 0 {
		t.Fatalf("got %q", got)
	}
	if err := os.Remove(*h.Config); err != nil {
		t.Fatal(err)
	}
	got := findings(claudeCode, m, "")
	if len(got) != 1 || !strings.HasPrefix(got[0], "warning log: the hooks name the configuration R/etch.toml, which is not there") {
		t.Errorf("got %q", got)
	}
}

// Of a file for which Droid may leave out its settings' hooks doctor tells.
func TestCheckShadowed(t *testing.T) {
	m := newTestMachine(t)
	newBinary(t, &m)
	mustInstall(t, droid, m, User, m.hook())
	put(t, filepath.Join(m.Home, ".factory", "hooks.json"), `{"PreToolUse": []}`)
	got := findings(droid, m, "")
	if len(got) != 1 || !strings.HasPrefix(got[0], "warning file: ") || !strings.HasSuffix(got[0], "[~/.factory/hooks.json]") {
		t.Errorf("got %q", got)
	}
}

// A switch that is neither true nor false is what the agent takes it for.
func TestCheckSwitchValues(t *testing.T) {
	for _, test := range []struct {
		agent  *Agent
		folder string
		text   string
		want   string
	}{
		{qwen, ".qwen", `{"disableAllHooks": 1}`, "problem switch: disableAllHooks switches hooks off"},
		{qwen, ".qwen", `{"disableAllHooks": "true"}`, "problem switch: disableAllHooks switches hooks off"},
		{qwen, ".qwen", `{"disableAllHooks": 0}`, "warning switch: disableAllHooks is neither true nor false"},
		{qwen, ".qwen", `{"disableAllHooks": false}`, ""},
		{gemini, ".gemini", `{"hooksConfig": {"enabled": 0}}`, "problem switch: hooksConfig.enabled switches hooks off"},
		{gemini, ".gemini", `{"hooksConfig": {"enabled": true}}`, ""},
	} {
		m := newTestMachine(t)
		newBinary(t, &m)
		mustInstall(t, test.agent, m, User, m.hook())
		put(t, filepath.Join(m.Project, test.folder, "settings.json"), test.text)
		got := findings(test.agent, m, "")
		if test.want == "" && len(got) > 0 || test.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], test.want)) {
			t.Errorf("%s: got %q, want %q", test.text, got, test.want)
		}
	}
}

// Variables for which an agent runs no hooks are found wherever it takes them from.
func TestCheckSilenced(t *testing.T) {
	for name, test := range map[string]struct {
		agent *Agent
		file  string
		text  string
		want  string
	}{
		"claude, user":         {claudeCode, "~/.claude/settings.local.json", `{"env": {"CLAUDE_CODE_SIMPLE": "1"}}`, ""},
		"claude, project":      {claudeCode, "P/.claude/settings.json", `{"env": {"CLAUDE_CODE_SIMPLE": "1"}}`, "warning"},
		"claude, managed":      {claudeCode, "R/etc/claude-code/managed-settings.json", `{"env": {"CLAUDE_CODE_SAFE_MODE": "1"}}`, "problem"},
		"claude, no":           {claudeCode, "R/etc/claude-code/managed-settings.json", `{"env": {"CLAUDE_CODE_SAFE_MODE": "0"}}`, ""},
		"qwen, project":        {qwen, "P/.env", "QWEN_CODE_SIMPLE=1\n", "problem"},
		"qwen, its folder":     {qwen, "P/.qwen/.env", "QWEN_CODE_SAFE_MODE=1\n", "problem"},
		"qwen, settings":       {qwen, "P/.qwen/settings.json", `{"env": {"QWEN_CODE_SIMPLE": "1"}}`, "problem"},
		"qwen, home":           {qwen, "~/.env", "QWEN_CODE_SIMPLE=1\n", "problem"},
		"qwen, what is no one": {qwen, "~/.env", "ETCH_LOG_PATH=/own\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := newTestMachine(t)
			newBinary(t, &m)
			mustInstall(t, test.agent, m, User, m.hook())
			put(t, strings.NewReplacer("~", m.Home, "P", m.Project, "R", m.Root).Replace(test.file), test.text)
			got := findings(test.agent, m, "")
			if test.want == "" && len(got) > 0 || test.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], test.want+" switch: ") || !strings.HasSuffix(got[0], "["+test.file+":1]")) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// The user's settings of Claude Code hold the hooks, too.
func TestCheckSilencedBeside(t *testing.T) {
	m := newTestMachine(t)
	newBinary(t, &m)
	path := filepath.Join(m.Home, ".claude", "settings.json")
	put(t, path, "{\n  \"env\": {\"CLAUDE_CODE_SIMPLE\": \"1\"}\n}\n")
	mustInstall(t, claudeCode, m, User, m.hook())
	got := findings(claudeCode, m, "")
	if len(got) != 1 || !strings.HasPrefix(got[0], "problem switch: CLAUDE_CODE_SIMPLE is set") || !strings.HasSuffix(got[0], ":2]") {
		t.Errorf("got %q", got)
	}
}
