package hook_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

// A settingsHome is a home and a project for one agent's settings.
type settingsHome struct {
	t   *testing.T
	dir string
	log *testLog
}

func newSettingsHome(t *testing.T, agent string) *settingsHome {
	h := &settingsHome{t: t, dir: t.TempDir(), log: newTestLog(t, agents[agent])}
	h.log.env = map[string]string{"HOME": filepath.Join(h.dir, "home"), "USERPROFILE": filepath.Join(h.dir, "home")}
	if err := os.MkdirAll(filepath.Join(h.dir, "home", "project"), 0o700); err != nil {
		t.Fatal(err)
	}
	return h
}

// write writes a file below the directory; "" removes it.
func (h *settingsHome) write(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if text == "" {
		if err := os.Remove(path); err != nil {
			h.t.Fatal(err)
		}
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// deliver delivers an event and returns the findings, a line each.
func (h *settingsHome) deliver(event string) string {
	h.t.Helper()
	said := map[string]string{
		"session_id": "s", "hook_event_name": event, "cwd": filepath.Join(h.dir, "home", "project"), "prompt": event,
	}
	if event == "ConfigChange" {
		said["file_path"] = filepath.Join(h.dir, "home", ".claude", "settings.json")
	}
	payload, err := json.Marshal(said)
	if err != nil {
		h.t.Fatal(err)
	}
	var found []string
	for _, e := range h.log.deliver(event, string(payload)) {
		if e.Type == etch.SecurityEvent {
			if e.Action.Risk != etch.RiskHigh || e.Labels["finding"] == "" {
				h.t.Errorf("risk %s, finding %q", e.Action.Risk, e.Labels["finding"])
			}
			file, err := filepath.Rel(h.dir, e.Action.Resource)
			if err != nil {
				h.t.Error(err)
			}
			found = append(found, filepath.ToSlash(file)+": "+strings.Join(e.Action.RiskReasons, "; "))
		}
	}
	return strings.Join(found, "\n")
}

// many returns settings of more than 64 members, of which the first and the last have one name.
func many(first, last string) string {
	var text strings.Builder
	text.WriteString(`{"disableAllHooks": ` + first)
	for i := range 70 {
		fmt.Fprintf(&text, `,"member%d":%d`, i, i)
	}
	return text.String() + `,"disableAllHooks": ` + last + "}"
}

// Agents that read their hooks when a session begins say nothing of a change. What
// is done to them meanwhile is told at the end of the turn, once.
func TestHooksTampered(t *testing.T) {
	const (
		off     = ": hooks-off: hooks switched off: "
		gone    = off + "the file with this program's hooks is gone or cannot be read"
		out     = off + "this program's hooks were taken out"
		changed = ": hooks-changed: this program's hooks were changed"
	)
	const idle = off + "this program's hooks were kept from being run at "
	const unread = off + "the file with this program's hooks is not read any more as it stands"
	const both = `{"hooks":{"agentStop":[{"bash":"'/opt/etch' hook copilot agentStop","powershell":"& '/opt/etch' hook copilot agentStop"}]}}`
	bent := func(variable string) string {
		return ": hooks-environment: " + variable + " is set for hooks, of which those that heed it record elsewhere"
	}
	codex := func(program string) string {
		return `{"hooks":{"PreToolUse":[{"hooks":[{"type":"command","command":"` + program + ` hook codex PreToolUse --no-env"}]}],` +
			`"Stop":[{"hooks":[{"type":"command","command":"/usr/bin/etch hook codex Stop --no-env"}]}]}}`
	}
	const noted = "{\n // mine: \"x\"\n \"hooks\": {\"AfterTool\": [{\"hooks\": [{\"command\": \"/usr/bin/etch hook gemini AfterTool\"},]}]} /* } */ }"
	const claude = `{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"/usr/bin/etch hook claude-code Stop --no-env"}]}]}}`
	misfit := func(member, value string) string {
		return strings.Replace(claude, "{", `{"`+member+`":`+value+`,`, 1)
	}
	const flat = `{"version":1,"hooks":{"stop":[{"command":"/usr/bin/etch hook cursor stop"}]}}`
	const shells = `{"version":1,"hooks":{"agentStop":[{"type":"command","bash":"/usr/bin/etch hook copilot agentStop"}]}}`
	for _, test := range []struct {
		name, agent, file, before, after, want string
	}{
		{"nothing", "codex", "home/.codex/hooks.json", codex("/usr/bin/etch"), codex("/usr/bin/etch"), ""},
		{"removed", "codex", "home/.codex/hooks.json", codex("/usr/bin/etch"), "", gone},
		{"emptied", "codex", "home/.codex/hooks.json", codex("/usr/bin/etch"), `{"hooks":{}}`, out},
		{"one of two", "codex", "home/.codex/hooks.json", codex("/usr/bin/etch"), codex("echo"), changed},
		{"rewritten", "codex", "home/.codex/hooks.json", codex("/usr/bin/etch"), `{ "hooks": {
			"Stop": [ {"hooks": [ {"command": "/usr/bin/etch hook codex Stop --no\u002denv", "type": "command"} ], "matcher": "*"} ],
			"PreToolUse": [ {"hooks": [{"type": "command", "command": "mine"}]},
				{"matcher": "", "hooks": [{"command": "/usr/bin/etch hook codex PreToolUse --no-env", "type": "command"}, {"type": "prompt"}]} ] }, "more": 1 }`, ""},
		{"narrowed", "codex", "home/.codex/hooks.json", codex("/usr/bin/etch"), strings.Replace(codex("/usr/bin/etch"), `{"hooks":[`, `{"matcher":"None","hooks":[`, 1), idle + "PreToolUse"},
		{"not waited for", "codex", "home/.codex/hooks.json", codex("/usr/bin/etch"), strings.ReplaceAll(codex("/usr/bin/etch"), `"type"`, `"async":true,"type"`), idle + "PreToolUse, Stop"},
		{"without input", "codex", "home/.codex/hooks.json", codex("/usr/bin/etch"), strings.ReplaceAll(codex("/usr/bin/etch"), "--no-env", "--no-env </dev/null"), idle + "PreToolUse, Stop"},
		{"another log", "codex", "home/.codex/hooks.json", codex("/usr/bin/etch"), strings.ReplaceAll(codex("/usr/bin/etch"), "--no-env", "--no-env --log /tmp/x.log"), changed},
		{"another path", "codex", "home/.codex/hooks.json", codex("/usr/bin/etch"), codex("/tmp/etch"), changed},
		{"more said", "codex", "home/.codex/hooks.json", codex("/usr/bin/etch"), strings.ReplaceAll(codex("/usr/bin/etch"), `"type"`, `"env":{"A":"b"},"type"`), changed},
		{"its name in a description", "cursor", "home/.cursor/hooks.json", flat, `{"version":1,"hooks":{"stop":[{"description":"/usr/bin/etch hook cursor stop","command":"true"}]}}`, out},
		{"one of two lines", "copilot", "home/.copilot/hooks/etch.json", both, strings.Replace(both, "'/opt/etch'", "true;", 1), idle + "agentStop"},
		{"one of two events", "codex", "home/.codex/hooks.json", codex("/usr/bin/etch"), strings.Replace(codex(""), "hook codex PreToolUse", "", 1), out},
		{"switched off", "codex", "home/.codex/config.toml", "model = \"x\"\n", "model = \"x\"\n[features]\n hooks = false # quietly\n", off + "features.hooks = false is set"},
		{"switched off by a project", "codex", "home/project/.codex/config.toml", "x = 1\n", "features = {web = true, codex_hooks = false}\n", off + "features.codex_hooks = false is set"},
		{"other features", "codex", "home/.codex/config.toml", "x = 1\n", "[features]\nweb = false\n[other]\nhooks = false\n", ""},
		{"with comments", "gemini", "home/.gemini/settings.json", noted, `{"hooks": {}}`, out},
		{"kept with comments", "gemini", "home/.gemini/settings.json", noted, noted + "\n// more", ""},
		{"switched off with comments", "gemini", "home/project/.gemini/settings.json", "{}", "{\"hooksConfig\": {/* x */ \"enabled\": false}}", off + "hooksConfig.enabled is false"},
		{"switched off by name", "gemini", "home/.gemini/settings.json", noted, `{"hooksConfig": {"disabled": ["other", "etch"]}}`, off + "hooksConfig.disabled names them"},
		{"others switched off", "gemini", "home/project/.gemini/settings.json", "{}", `{"hooksConfig": {"disabled": ["other"]}}`, ""},
		{"variables", "gemini", "home/project/.env", "A=1\n", "A=1\nETCH_LOG_PATH=/dev/null\n", bent("ETCH_LOG_PATH")},
		{"variables of settings", "qwen", "home/project/.qwen/.env", "A=1\n", "HOME=/tmp\n", bent("HOME")},
		{"other variables", "qwen", "home/project/.env", "A=1\n", "ENV=production\nPATH=/x\n", ""},
		{"switched off", "qwen", "home/project/.qwen/settings.json", "{}", `{"disableAllHooks": true}`, off + "disableAllHooks is set"},
		{"switched off behind blanks", "qwen", "home/project/.qwen/settings.json", "{}", "{" + strings.Repeat(" ", 3<<19) + `"disableAllHooks": true}`, off + "disableAllHooks is set"},
		{"too large", "qwen", "home/project/.qwen/settings.json", "{}", "{" + strings.Repeat(" ", 2<<20) + "}", off + "the file is larger than is looked into"},
		{"switched off by the last of many", "qwen", "home/project/.qwen/settings.json", "{}", many("false", "true"), off + "disableAllHooks is set"},
		{"not switched off by the first of many", "qwen", "home/project/.qwen/settings.json", "{}", many("true", "false"), ""},
		{"no longer JSON", "codex", "home/.codex/hooks.json", codex("/usr/bin/etch"), codex("/usr/bin/etch") + "}", unread},
		{"a comment where none is read", "codex", "home/.codex/hooks.json", codex("/usr/bin/etch"), "// x\n" + codex("/usr/bin/etch"), unread},
		{"a broken file", "gemini", "home/.gemini/settings.json", noted, noted + "}", unread},
		{"a switch that is a text", "claudecode", "home/.claude/settings.json", claude, misfit("disableAllHooks", `"true"`), unread + ": disableAllHooks is not true or false"},
		{"a text where an object is wanted", "claudecode", "home/.claude/settings.json", claude, misfit("permissions", `"x"`), unread + ": permissions is not an object"},
		{"a text inside where a list is wanted", "claudecode", "home/.claude/settings.json", claude, misfit("permissions", `{"deny":"x"}`), unread + ": permissions.deny is not a list"},
		{"a number where a text is wanted", "claudecode", "home/project/.claude/settings.local.json", claude, misfit("mod\u0065l", "5"), unread + ": model is not a text"},
		{"the last of two counts", "claudecode", "home/.claude/settings.json", claude, misfit("model", `"x","model":5`), unread + ": model is not a text"},
		{"the first of two does not", "claudecode", "home/.claude/settings.json", claude, misfit("model", `5,"model":"x"`), ""},
		{"members that nobody knows", "claudecode", "home/.claude/settings.json", claude, misfit("noSuchMember", "5"), ""},
		{"what another agent takes", "qwen", "home/.qwen/settings.json", strings.ReplaceAll(claude, "claude-code", "qwen"), strings.ReplaceAll(misfit("permissions", "5"), "claude-code", "qwen"), ""},
		{"removed", "copilot", "home/project/.github/hooks/etch.json", shells, "", gone},
		{"switched off", "copilot", "home/.copilot/hooks/etch.json", shells, strings.Replace(shells, "{", `{"disableAllHooks":true,`, 1), off + "disableAllHooks is set"},
		{"emptied", "cursor", "home/.cursor/hooks.json", flat, `{"version":1,"hooks":{}}`, out},
		{"its name elsewhere", "cursor", "home/.cursor/hooks.json", flat, `{"version":1,"note":"etch hook cursor stop","hooks":{}}`, out},
		{"removed", "opencode", "home/.config/opencode/plugins/etch.js", `const command = ["/usr/bin/etch","hook","opencode"]`, "", gone},
		{"changed", "opencode", "home/project/.opencode/plugins/etch.js", `const command = ["/usr/bin/etch","hook","opencode"]`, `const command = ["/bin/true","hook","opencode"]`, changed},
		{"removed", "opencode", "home/.config/opencode/plugins/etch.js", `const command = ["/usr/bin/etch-hook","opencode"]`, "", gone},
		{"emptied", "cursor", "home/.cursor/hooks.json", `{"version":1,"hooks":{"stop":[{"command":"'/opt/my tools/etch-hook' cursor stop"}]}}`, `{"version":1,"hooks":{}}`, out},
		{"removed", "windsurf", "home/.codeium/windsurf/hooks.json", `{"hooks":{"pre_run_command":[{"command":"/usr/bin/etch hook windsurf pre_run_command"}]}}`, "", gone},
		{"emptied", "droid", "home/.factory/settings.json", `{"hooks":{"Stop":[{"hooks":[{"command":"/usr/bin/etch hook droid Stop"}]}]}}`, "{}", out},
		{"removed", "goose", "home/.agents/plugins/etch/hooks/hooks.json", `{"hooks":{"Stop":[{"hooks":[{"command":"/usr/bin/etch hook goose Stop"}]}]}}`, "", gone},
	} {
		t.Run(test.agent+" "+test.name, func(t *testing.T) {
			want := test.want
			if want != "" {
				want = test.file + want
			}
			tamper(t, test.agent, test.file, test.before, test.after, want)
		})
	}
}

// What silences an agent, a switch of another type than it should be, and a hook that is
// switched off by its own name.
func TestHooksSilenced(t *testing.T) {
	const off = ": hooks-off: hooks switched off: "
	const claude = `{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"/usr/bin/etch hook claude-code Stop --no-env"}]}]}}`
	misfit := func(member, value string) string { return strings.Replace(claude, "{", `{"`+member+`":`+value+`,`, 1) }
	bent := func(variable string) string {
		return ": hooks-environment: " + variable + " is set for hooks, of which those that heed it record elsewhere"
	}
	silent := func(variable string) string {
		return off + variable + " is set, which switches hooks off where the agent heeds it"
	}
	const called = `{"hooks": {"AfterTool": [{"hooks": [{"name": "x", "command": "/usr/bin/etch hook gemini AfterTool"}]}]}}`
	for _, test := range []struct {
		name, agent, file, before, after, want string
	}{
		{"variables of settings", "qwen", "home/project/.qwen/settings.json", "{}", `{"env":{"ETCH_LOG_PATH":"/dev/null"}}`, bent("ETCH_LOG_PATH")},
		{"a person's own variables", "qwen", "home/.qwen/settings.json", "{}", `{"env":{"ETCH_LOG_PATH":"/log"}}`, ""},
		{"a person's own variables", "qwen", "home/.env", "A=1\n", "ETCH_LOG_PATH=/log\n", ""},
		{"silenced", "qwen", "home/project/.env", "A=1\n", "QWEN_CODE_SIMPLE=1\n", silent("QWEN_CODE_SIMPLE")},
		{"silenced", "qwen", "home/project/.qwen/.env", "A=1\n", "QWEN_CODE_SAFE_MODE=1\n", silent("QWEN_CODE_SAFE_MODE")},
		{"silenced", "qwen", "home/.qwen/.env", "A=1\n", "QWEN_CODE_SIMPLE=1\n", silent("QWEN_CODE_SIMPLE")},
		{"silenced", "qwen", "home/.env", "A=1\n", "QWEN_CODE_SIMPLE=1\n", silent("QWEN_CODE_SIMPLE")},
		{"silenced", "qwen", "home/project/.qwen/settings.json", "{}", `{"env":{"QWEN_CODE_SIMPLE":"1"}}`, silent("QWEN_CODE_SIMPLE")},
		{"not silenced", "qwen", "home/project/.qwen/settings.json", "{}", `{"env":{"QWEN_CODE_SIMPLE":"0","CLAUDE_CODE_SIMPLE":"1"}}`, ""},
		{"silenced", "claudecode", "home/.claude/settings.json", claude, misfit("env", `{"CLAUDE_CODE_SIMPLE":"1"}`), silent("CLAUDE_CODE_SIMPLE")},
		{"silenced", "claudecode", "home/.claude/settings.json", claude, misfit("env", `{"CLAUDE_CODE_SAFE_MODE":true}`), silent("CLAUDE_CODE_SAFE_MODE")},
		{"switched off by a number", "qwen", "home/project/.qwen/settings.json", "{}", `{"disableAllHooks": 1}`, off + "disableAllHooks is set"},
		{"switched off by a text", "qwen", "home/project/.qwen/settings.json", "{}", `{"disableAllHooks": "true"}`, off + "disableAllHooks is set"},
		{"not switched off by nothing", "qwen", "home/project/.qwen/settings.json", "{}", `{"disableAllHooks": 0}`, ""},
		{"switched off by a number", "gemini", "home/project/.gemini/settings.json", "{}", `{"hooksConfig":{"enabled":0}}`, off + "hooksConfig.enabled is false"},
		{"switched off by another name", "gemini", "home/.gemini/settings.json", called, strings.Replace(called, "{", `{"hooksConfig":{"disabled":["x"]},`, 1), off + "hooksConfig.disabled names them"},
		{"another name than its own", "gemini", "home/.gemini/settings.json", called, strings.Replace(called, "{", `{"hooksConfig":{"disabled":["y"]},`, 1), ""},
	} {
		t.Run(test.agent+" "+test.name, func(t *testing.T) {
			want := test.want
			if want != "" {
				want = test.file + want
			}
			tamper(t, test.agent, test.file, test.before, test.after, want)
		})
	}
}

// tamper changes a file during a session, and puts it back, and looks at what is told of
// it, and when.
func tamper(t *testing.T, agent, file, before, after, want string) {
	t.Helper()
	for _, end := range []string{"Stop", "SessionEnd"} {
		h := newSettingsHome(t, agent)
		h.write(file, before)
		if got := h.deliver("SessionStart"); got != "" {
			t.Errorf("at the start: %s", got)
		}
		h.write(file, after)
		if got := h.deliver(end); got != want {
			t.Errorf("at %s: got %q, want %q", end, got, want)
		}
		if got := h.deliver("Stop"); got != "" {
			t.Errorf("told again: %s", got)
		}
		if after != before {
			h.write(file, before)
			if got := h.deliver("Interrupt"); got != "" {
				t.Errorf("put back: %s", got)
			}
		}
	}
}

// What is switched off when a session begins is told then.
func TestHooksOffAtStart(t *testing.T) {
	h := newSettingsHome(t, "codex")
	h.write("home/project/.codex/config.toml", "[features]\nhooks = false\n")
	const want = "home/project/.codex/config.toml: hooks-off: hooks switched off: features.hooks = false is set"
	if got := h.deliver("SessionStart"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := h.deliver("Stop"); got != "" {
		t.Errorf("told again: %q", got)
	}
}

// Hooks that a session finds narrowed or idle are told when it begins, once, and keep nobody
// from changing anything else.
func TestHooksIdleAtStart(t *testing.T) {
	h := newSettingsHome(t, "claudecode")
	const file = "home/.claude/settings.json"
	idle := `{"hooks":{"PreToolUse":[{"matcher":"None","hooks":[{"type":"command","command":"/usr/bin/etch hook claude-code PreToolUse"}]}],` +
		`"Stop":[{"hooks":[{"type":"command","command":"/usr/bin/etch hook claude-code Stop"}]}]}}`
	h.write(file, idle)
	const want = file + ": hooks-off: hooks switched off: this program's hooks are kept from being run at PreToolUse"
	if got := h.deliver("SessionStart"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, content := range []string{idle, strings.Replace(idle, "{", `{"model":"opus",`, 1)} {
		h.write(file, content)
		if got := h.deliver("Stop"); got != "" || h.log.last.HooksOff {
			t.Errorf("told again: %q, HooksOff %v", got, h.log.last.HooksOff)
		}
	}
	h.write(file, strings.Replace(idle, `"type":"command","command":"/usr/bin/etch hook claude-code Stop"`, `"type":"http"`, 1))
	if got := h.deliver("Stop"); !strings.Contains(got, "kept from being run at PreToolUse") || !h.log.last.HooksOff {
		t.Errorf("got %q, HooksOff %v", got, h.log.last.HooksOff)
	}
}

// Hooks that are switched off are a finding.
func TestHooksOff(t *testing.T) {
	dir := t.TempDir()
	settings := filepath.Join(dir, ".claude", "settings.json")
	write := func(content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(settings), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(settings, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	quoted, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	change := `{"session_id":"s","hook_event_name":"ConfigChange","source":"project_settings","file_path":` + string(quoted) + `}`
	start := `{"session_id":"s","hook_event_name":"SessionStart","source":"startup"}`
	const hooked = `{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"/usr/bin/etch","args":["hook","claude-code","Stop"]}]}]}}`
	const line = `{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"'/usr/bin/etch' hook claude-code Stop"}]}]}}`
	for _, test := range []struct {
		name, before, after string
		want                bool
	}{
		{"disableAllHooks", "{}", `{"disableAllHooks": true}`, true},
		{"not quite", "{}", `{"disableAllHooks": false, "x": "disableAllHooks"}`, false},
		{"its hooks taken out", hooked, `{"hooks":{}}`, true},
		{"its hooks taken out of a line", line, `{}`, true},
		{"another form of its hooks", hooked, line, true},
		{"none before", "{}", `{"hooks":{}}`, false},
		{"no settings any more", hooked, "\xff", true},
		{"another log", "{}", `{"env":{"A":"b","ETCH_LOG_PATH":"/dev/null"}}`, true},
		{"another home", "{}", `{"env":{"HOME":"/tmp"}}`, true},
		{"another environment", "{}", `{"env":{"ETCH":"1","FOO":"bar"}}`, false},
	} {
		l := newTestLog(t, agents["claudecode"])
		l.env = map[string]string{"HOME": filepath.Join(dir, "home"), "CLAUDE_PROJECT_DIR": dir}
		write(test.before)
		l.deliver("SessionStart", start)
		write(test.after)
		events := l.deliver("ConfigChange", change)
		found := false
		for _, e := range events {
			if e.Type == etch.SecurityEvent && e.Action.Risk == etch.RiskHigh && strings.HasPrefix(e.Action.RiskReasons[0], "hooks-") {
				found = true
			}
		}
		if events[0].Type != etch.ConfigurationChange || found != test.want || l.last.HooksOff != test.want {
			t.Errorf("%s: got %d events, finding %v, HooksOff %v, want the change and %v", test.name, len(events), found, l.last.HooksOff, test.want)
		}
	}
	l := newTestLog(t, agents["claudecode"])
	l.env = map[string]string{"CLAUDE_PROJECT_DIR": dir}
	write("{}")
	l.deliver("SessionStart", start)
	for i, test := range []struct {
		content string // "": the file stays as it is, and the agent tells of it once more
		events  int
	}{
		{"{}", 1}, {`{"disableAllHooks":true}`, 2}, {"", 0}, {"{} ", 1}, {`{"disableAllHooks":true}`, 2}, {"", 0},
	} {
		if test.content != "" {
			write(test.content)
		}
		off := test.events != 1
		if events := l.deliver("ConfigChange", change); len(events) != test.events || l.last.HooksOff != off {
			t.Errorf("change %d: %d events, HooksOff %v, want %d and %v", i, len(events), l.last.HooksOff, test.events, off)
		}
	}
	write(`{"disableAllHooks":true}`)
	l = newTestLog(t, agents["claudecode"])
	l.env = map[string]string{"CLAUDE_PROJECT_DIR": dir}
	if events := l.deliver("SessionStart", start); len(events) != 2 || events[1].Type != etch.SecurityEvent {
		t.Errorf("a session in a project that switches hooks off recorded %d events, want its start and a finding", len(events))
	}
}

// Who removes what is remembered of a session removes how its settings stood, which is a
// finding of its own; and a change by which no hook is left is none that is let through.
func TestMemoryRemoved(t *testing.T) {
	const file = "home/.claude/settings.json"
	const hooked = `{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"/usr/bin/etch hook claude-code Stop"}]}]}}`
	const gone = "log.hooks: hooks-memory: what was remembered of this session is gone: whether its hooks were switched off or changed meanwhile cannot be told"
	const none = file + ": hooks-off: hooks switched off: no settings have this program's hooks any more, and how this session found them is not remembered"
	const out = file + ": hooks-off: hooks switched off: this program's hooks were taken out"
	for _, test := range []struct {
		name   string
		events []string // behind the removal; "-": the hooks are taken out
		want   string   // of the last
		off    bool
	}{
		{"change", []string{"-", "ConfigChange"}, gone + "\n" + none, true},
		{"change of something else", []string{"ConfigChange"}, gone, false},
		{"turn's end", []string{"-", "Stop"}, gone, false},
		{"end", []string{"SessionEnd"}, gone, false},
		{"end that comes twice", []string{"SessionEnd", "SessionEnd"}, "", false},
		{"in a call", []string{"PostToolUse", "-", "ConfigChange"}, out, true},
		{"in a call, with the hooks", []string{"-", "PostToolUse", "ConfigChange"}, none, true},
		{"at the end of a call", []string{"PostToolUse", "Stop"}, "", false},
		{"in a call, with the hooks that come back", []string{"-", "PostToolUse", "+", "ConfigChange"}, "", false},
		{"anew", []string{"-", "SessionStart", "ConfigChange"}, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newSettingsHome(t, "claudecode")
			h.log.sessions, h.log.dir = hook.NewSessions(filepath.Join(h.dir, "log.hooks")), filepath.Join(h.dir, "log.hooks")
			h.write(file, hooked)
			h.deliver("SessionStart")
			if err := os.RemoveAll(h.log.dir); err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, event := range test.events {
				switch event {
				case "-":
					h.write(file, `{"model":"x"}`)
				case "+":
					h.write(file, hooked)
				default:
					got = h.deliver(event)
				}
			}
			if got != test.want || h.log.last.HooksOff != test.off {
				t.Errorf("got %q, HooksOff %v, want %q, %v", got, h.log.last.HooksOff, test.want, test.off)
			}
		})
	}
}

// A session that ends with nothing on its transcript may have had no beginning.
func TestEndWithoutBeginning(t *testing.T) {
	for member, want := range map[string]int{`"transcript_path":null,`: 1, `"transcript_path":"/nowhere/at/all",`: 1, "": 2} {
		h := newSettingsHome(t, "codex")
		if events := h.log.deliver("SessionEnd", `{`+member+`"session_id":"s"}`); len(events) != want {
			t.Errorf("%s: %d events, want %d", member, len(events), want)
		}
	}
}

// A session that is made shorter begins once more, and is the same: what was done to its
// hooks before is told.
func TestHooksTamperedBeforeCompaction(t *testing.T) {
	h := newSettingsHome(t, "codex")
	h.log.parent = os.Getpid()
	const file = "home/.codex/hooks.json"
	h.write(file, `{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"/usr/bin/etch hook codex Stop"}]}]}}`)
	start := func(source string) (found []string) {
		for _, e := range h.log.deliver("SessionStart", `{"session_id":"s","source":"`+source+`"}`) {
			if e.Type == etch.SecurityEvent {
				found = append(found, e.Action.RiskReasons...)
			}
		}
		return found
	}
	if found := start("startup"); len(found) > 0 {
		t.Errorf("at the start: %q", found)
	}
	h.write(file, "{}")
	if found := start("compact"); len(found) != 1 || !strings.Contains(found[0], "taken out") {
		t.Errorf("got %q, want that the hooks were taken out", found)
	}
	if found := h.deliver("Stop"); found != "" {
		t.Errorf("told again: %q", found)
	}
}

// A project's list may name a hook of the person's settings, whatever that is called.
func TestDisabledByAnotherFile(t *testing.T) {
	h := newSettingsHome(t, "gemini")
	h.write("home/.gemini/settings.json", `{"hooks": {"AfterTool": [{"hooks": [{"name": "x", "command": "/usr/bin/etch hook gemini AfterTool"}]}]}}`)
	const file = "home/project/.gemini/settings.json"
	h.write(file, "{}")
	if got := h.deliver("SessionStart"); got != "" {
		t.Errorf("at the start: %s", got)
	}
	h.write(file, `{"hooksConfig":{"disabled":["x"]}}`)
	if got, want := h.deliver("SessionEnd"), file+": hooks-off: hooks switched off: hooksConfig.disabled names them"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
