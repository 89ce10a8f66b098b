package install

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// newBinary puts a program onto a machine, as the one that runs.
func newBinary(t *testing.T, m *Machine) {
	t.Helper()
	m.Binary = filepath.Join(m.Home, "bin", "etch")
	put(t, m.Binary, "#!/bin/sh\n")
	if err := os.Chmod(m.Binary, 0o755); err != nil {
		t.Fatal(err)
	}
}

// ownLog is where hooks record that name no log.
const ownLog = "/home/dev/audit.log"

// findings returns what was found, a line each, with the home as ~.
func findings(a *Agent, m Machine, log string) []string {
	var all []string
	for _, f := range a.Check(m, log, ownLog).Findings {
		line := fmt.Sprintf("%s %s: %s [%s]", f.Level, f.Check, f.What, f.Where)
		all = append(all, strings.NewReplacer(m.Home, "~", m.Project, "P", m.Root, "R").Replace(line))
	}
	return all
}

// Installed, every agent's hooks are found to be in effect; Codex still has to
// be told that they are to be trusted.
func TestCheckAfterInstall(t *testing.T) {
	for _, a := range Agents() {
		for _, scope := range []Scope{User, Managed} {
			m := newTestMachine(t)
			newBinary(t, &m)
			if _, err := a.Install(m, scope, m.hook(), false); err != nil {
				continue // it has no such scope
			}
			got := findings(a, m, "")
			if a == codex && scope == User {
				want := "problem trust: Codex was not told to trust the hooks at " + strings.Join(codex.Events, ", ") + ": it skips them without a word [~/.codex/config.toml]"
				if diff := cmp.Diff(got, []string{want}); diff != "" {
					t.Errorf("codex (-got +want):\n%s", diff)
				}
				continue
			}
			if len(got) > 0 {
				t.Errorf("%s %s: %q", a.Name, scope, got)
			}
		}
	}
}

// In the home directory the project's settings are the user's own: hooks are found there
// once, and what the user sets is no project's doing.
func TestCheckAtHome(t *testing.T) {
	m := newTestMachine(t)
	newBinary(t, &m)
	m.Project = m.Home
	put(t, filepath.Join(m.Home, ".claude", "settings.json"), `{"env": {"ETCH_LOG_PATH": "/x"}}`)
	mustInstall(t, claudeCode, m, User, m.hook())
	s := claudeCode.Check(m, "", "")
	want := []Source{{filepath.Join(m.Home, ".claude", "settings.json"), User, len(claudeCode.Events)}}
	if diff := cmp.Diff(s.Sources, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if len(s.Findings) > 0 {
		t.Errorf("got %+v", s.Findings)
	}
}

func TestCheckFindsNothingInstalled(t *testing.T) {
	m := newTestMachine(t)
	s := claudeCode.Check(m, "", "")
	if s.Found || s.Program != "" || len(s.Sources) != 0 {
		t.Errorf("got %+v", s)
	}
	want := []string{"problem hooks: no settings that Claude Code reads have a hook of etch []"}
	if diff := cmp.Diff(findings(claudeCode, m, ""), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

// Each way to switch hooks off, or to keep them from being read, is found where
// it is.
func TestCheckFinds(t *testing.T) {
	for name, test := range map[string]struct {
		agent   *Agent
		managed bool
		files   map[string]string
		want    []string
	}{
		"claude local": {
			claudeCode, false,
			map[string]string{"P/.claude/settings.local.json": "{\n  \"disableAllHooks\": true\n}"},
			[]string{"problem switch: disableAllHooks switches hooks off [P/.claude/settings.local.json:2]"},
		},
		"claude local against managed": {
			claudeCode, true,
			map[string]string{"P/.claude/settings.local.json": "{\"disableAllHooks\": true}"},
			[]string{"warning switch: disableAllHooks switches hooks off, but not those of the managed settings, which record [P/.claude/settings.local.json:1]"},
		},
		"claude managed off": {
			claudeCode, false,
			map[string]string{"R/etc/claude-code/managed-settings.d/x.json": "{\"disableAllHooks\": true}"},
			[]string{"problem switch: disableAllHooks switches hooks off [R/etc/claude-code/managed-settings.d/x.json:1]"},
		},
		"claude managed only": {
			claudeCode, false,
			map[string]string{"R/etc/claude-code/managed-settings.json": "{\"allowManagedHooksOnly\": true}"},
			[]string{"problem switch: the managed settings let no other hooks run than their own []"},
		},
		"claude false is fine": {claudeCode, false, map[string]string{"P/.claude/settings.json": "{\"disableAllHooks\": false}"}, nil},
		"claude comment": {
			claudeCode, false,
			map[string]string{"P/.claude/settings.json": "{\n\n/* x */}"},
			[]string{"problem file: Claude Code does not read this file: line 3, column 1: a comment [P/.claude/settings.json:3]"},
		},
		"claude broken": {
			claudeCode, false,
			map[string]string{"P/.claude/settings.local.json": "{\n\"a\": }"},
			[]string{"problem file: Claude Code does not read this file: line 2, column 6: '}' where a value is expected [P/.claude/settings.local.json:2]"},
		},
		"claude misfit": {
			claudeCode, false,
			map[string]string{"~/.claude/settings.json": "{\"hooks\": {},\n\"disableAllHooks\": \"true\"}", "P/.claude/settings.json": "{\"model\": 5, \"model\": \"x\", \"noSuch\": 5}"},
			[]string{
				"problem file: Claude Code does not read this file: \"disableAllHooks\" is not true or false [~/.claude/settings.json:2]",
				"problem hooks: no settings that Claude Code reads have a hook of etch []",
			},
		},
		"claude managed misfit is read": {
			claudeCode, true,
			map[string]string{"R/etc/claude-code/managed-settings.d/x.json": "{\"model\": 5}"},
			nil,
		},
		"gemini": {
			gemini, false,
			map[string]string{"P/.gemini/settings.json": "{\"hooksConfig\": {\n\"enabled\": false,\n\"disabled\": [\"other\", \"etch\"]}}"},
			[]string{"problem switch: hooksConfig.enabled switches hooks off [P/.gemini/settings.json:2]", "problem switch: hooksConfig.disabled switches hooks off [P/.gemini/settings.json:3]"},
		},
		"gemini other": {gemini, false, map[string]string{"P/.gemini/settings.json": "{\"hooksConfig\": {\"disabled\": [\"other\"]}}"}, nil},
		"qwen": {
			qwen, false,
			map[string]string{"R/etc/qwen-code/settings.json": "// x\n{\"disableAllHooks\": true}"},
			[]string{"problem switch: disableAllHooks switches hooks off [R/etc/qwen-code/settings.json:2]"},
		},
		"copilot": {
			copilot, false,
			map[string]string{"~/.copilot/hooks/etch.json": "{\"version\": 1,\n\"disableAllHooks\": true}"},
			[]string{
				"problem switch: disableAllHooks switches hooks off [~/.copilot/hooks/etch.json:2]",
				"problem hooks: no settings that GitHub Copilot reads have a hook of etch []",
			},
		},
		"codex": {
			codex, true,
			map[string]string{"P/.codex/config.toml": "[features]\nhooks = false\n"},
			[]string{"problem switch: features.hooks switches hooks off [P/.codex/config.toml:2]"},
		},
		"codex broken": {
			codex, true,
			map[string]string{"~/.codex/config.toml": "a = 1\n[features\n"},
			[]string{"problem file: Codex does not read this file: line 2, column 10: expected character ']' but got '\\n' [~/.codex/config.toml:2]"},
		},
		"codex managed only": {codex, true, map[string]string{"R/etc/codex/requirements.toml": "allow_managed_hooks_only = true\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := newTestMachine(t)
			newBinary(t, &m)
			scope := User
			if test.managed {
				scope = Managed
			}
			mustInstall(t, test.agent, m, scope, m.hook())
			for path, text := range test.files {
				put(t, strings.NewReplacer("~", m.Home, "P", m.Project, "R", m.Root).Replace(path), text)
			}
			got := findings(test.agent, m, "")
			if name == "codex broken" && len(got) == 1 { // the words are the library's
				got[0] = got[0][:len("problem file: Codex does not read this file: line 2, column ")]
				test.want[0] = test.want[0][:len(got[0])]
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

// What a project sets for the hooks is told, and is no problem where they do not heed it.
func TestCheckEnvironment(t *testing.T) {
	const (
		unheeded = ": nothing of the project should"
		heeded   = " for the hooks: they may record elsewhere, or not what they should"
	)
	for name, test := range map[string]struct {
		agent *Agent
		files map[string]string
		want  []string
	}{
		"claude": {
			claudeCode,
			map[string]string{"P/.claude/settings.json": "{\"env\": {\n  \"A\": \"b\",\n  \"ETCH_LOG_PATH\": \"/dev/null\"\n}}"},
			[]string{"warning switch: the project sets ETCH_LOG_PATH for the hooks, which do not heed it" + unheeded + " [P/.claude/settings.json:3]"},
		},
		"claude, of all projects": {claudeCode, map[string]string{"~/.claude/settings.local.json": `{"env": {"ETCH_LOG_PATH": "/x"}}`}, nil},
		"claude, code": {
			claudeCode,
			map[string]string{"P/.claude/settings.local.json": "{\"env\": {\"LD_PRELOAD\": \"/x.so\"}}"},
			[]string{"problem switch: the project sets LD_PRELOAD" + heeded + " [P/.claude/settings.local.json:1]"},
		},
		"gemini": {
			gemini,
			map[string]string{"P/.gemini/.env": "A=1\nexport ETCH_LOG_PATH=/dev/null\n", "P/.env": "BASH_ENV=x", "~/.gemini/.env": "ETCH_LOG_PATH=/own"},
			[]string{
				"warning switch: the project sets ETCH_LOG_PATH for the hooks, which do not heed it" + unheeded + " [P/.gemini/.env:2]",
				"problem switch: the project sets BASH_ENV" + heeded + " [P/.env:1]",
			},
		},
		"qwen": {
			qwen,
			map[string]string{"P/.env": "HOME=/tmp\n"},
			[]string{"warning switch: the project sets HOME for the hooks, which do not heed it" + unheeded + " [P/.env:1]"},
		},
		"codex reads none": {codex, map[string]string{"P/.env": "HOME=/tmp\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := newTestMachine(t)
			newBinary(t, &m)
			mustInstall(t, test.agent, m, User, m.hook())
			for path, text := range test.files {
				put(t, strings.NewReplacer("~", m.Home, "P", m.Project).Replace(path), text)
			}
			got := slices.DeleteFunc(findings(test.agent, m, ""), func(line string) bool { return strings.Contains(line, " trust: ") })
			if diff := cmp.Diff(got, test.want, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			old := filepath.Join(m.Home, ".gemini", "settings.json")
			if name != "gemini" {
				return
			}
			put(t, old, strings.ReplaceAll(get(t, old), " --no-env", ""))
			want := []string{
				"problem switch: the project sets ETCH_LOG_PATH" + heeded + " [P/.gemini/.env:2]",
				test.want[1],
				"warning log: the hooks go by their environment, which settings of a project may set: they can be made to record elsewhere [~/.gemini/settings.json:3]",
			}
			if diff := cmp.Diff(findings(gemini, m, ""), want); diff != "" {
				t.Errorf("of an older etch (-got +want):\n%s", diff)
			}
		})
	}
}

// Where the log and the configuration are that only this user's environment names is
// said to the hooks, unless an installation has said something else.
func TestOwnPlaces(t *testing.T) {
	for _, a := range []*Agent{claudeCode, openCode} {
		m := newTestMachine(t)
		h := m.hook()
		h.OwnLog, h.OwnConfig = "/own/audit.log", "/own/config.toml"
		text := string(mustInstall(t, a, m, User, h)[0].After)
		for _, want := range []string{"/own/audit.log", "/own/config.toml"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in %s", a.Name, want, text)
			}
		}
		if c := mustInstall(t, a, m, User, m.hook())[0]; !c.None() {
			t.Errorf("%s: they were forgotten: %s", a.Name, c.Diff())
		}
		named := h
		named.Log = new("/named/audit.log")
		mustInstall(t, a, m, User, named)
		text = string(mustInstall(t, a, m, User, h)[0].After)
		if !strings.Contains(text, "/named/audit.log") || strings.Contains(text, "/own/audit.log") || !strings.Contains(text, "/own/config.toml") {
			t.Errorf("%s: what was named is not kept: %s", a.Name, text)
		}
	}
}

// Hooks that are not what they should be.
func TestCheckHooks(t *testing.T) {
	m := newTestMachine(t)
	newBinary(t, &m)
	h := m.hook()
	h.Log = new("/var/log/other.log")
	mustInstall(t, cursor, m, User, h)
	path := filepath.Join(m.Home, ".cursor", "hooks.json")
	text := strings.Replace(get(t, path), m.Binary+" hook cursor stop", "/gone/etch hook cursor stop", 1)
	text = strings.Replace(text, `"sessionEnd"`, `"other"`, 1)
	text = strings.Replace(text, `[{"command": "`+m.Binary+` hook cursor preToolUse`, `[{"matcher": "Shell", "command": "etch hook cursor preToolUse`, 1)
	put(t, path, text)
	want := []string{
		"problem hooks: no hook of etch at sessionEnd [~/.cursor/hooks.json]",
		`problem hooks: the hooks at preToolUse are not as etch install writes them: "matcher" keeps them from being run for every event, or to their end [~/.cursor/hooks.json:7]`,
		`warning program: the hooks start "etch", which is looked for wherever the agent's search path leads [~/.cursor/hooks.json:7]`,
		"problem program: the hooks start /gone/etch: no such file or directory [~/.cursor/hooks.json:12]",
		"warning log: the hooks record into /var/log/other.log, not into /var/log/audit.log [~/.cursor/hooks.json:4]",
	}
	if diff := cmp.Diff(findings(cursor, m, "/var/log/audit.log"), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	h.Log = new("")
	mustInstall(t, cursor, m, User, h)
	want = []string{"warning log: the hooks record into /home/dev/audit.log, not into /var/log/audit.log [~/.cursor/hooks.json:4]"}
	if diff := cmp.Diff(findings(cursor, m, "/var/log/audit.log"), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if err := os.Chmod(m.Binary, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := findings(cursor, m, ""); len(got) != 1 || !strings.Contains(got[0], "which is no program") {
		t.Errorf("got %q", got)
	}
	other := filepath.Join(m.Home, "other")
	put(t, other, "")
	m.Binary = other
	if got := findings(cursor, m, ""); len(got) != 1 || !strings.Contains(got[0], "which is no program") {
		t.Errorf("got %q", got)
	}
}

// Codex's own keys and hashes, as its app-server of 0.169 gave them.
func TestTrust(t *testing.T) {
	m := newTestMachine(t)
	newBinary(t, &m)
	text := `{"hooks":{"PreToolUse":[{"hooks":[{"type":"command","command":"'/usr/local/bin/etch' hook codex PreToolUse","timeout":5}]}],` +
		`"SessionEnd":[{"matcher":"","hooks":[{"type":"command","command":"/usr/local/bin/etch hook codex SessionEnd","timeout":3}]}]}}`
	path := filepath.Join(m.Home, ".codex", "hooks.json")
	put(t, path, text)
	config := filepath.Join(m.Home, ".codex", "config.toml")
	trusted := "[hooks.state.\"" + path + ":pre_tool_use:0:0\"]\ntrusted_hash = \"sha256:d62d9f0f061322b5840857de207946c36109c678da274ae8cbcff5c038a82d41\"\n" +
		"[hooks.state.\"" + path + ":session_end:0:0\"]\ntrusted_hash = \"sha256:ce4d1fe7737034fd849a807b3e3f9152e120ec8d88f8fa487d1b30c68ea76fac\"\n"
	of := func() []string {
		var all []string
		for _, line := range findings(codex, m, "") {
			if strings.Contains(line, " trust: ") {
				all = append(all, line)
			}
		}
		return all
	}
	put(t, config, trusted)
	if got := of(); got != nil {
		t.Errorf("trusted: got %q", got)
	}
	put(t, config, strings.Replace(trusted, "ce4d", "ce4e", 1)+"enabled = true\n")
	if got := of(); len(got) != 1 || !strings.Contains(got[0], "other hooks than those that now stand at SessionEnd") {
		t.Errorf("changed: got %q", got)
	}
	put(t, config, trusted+"enabled = false\n")
	if got := of(); len(got) != 1 || !strings.Contains(got[0], "leave out the hooks at SessionEnd") {
		t.Errorf("disabled: got %q", got)
	}
}

// A session that began before its hooks is told.
func TestCheckSessions(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the process table is asked on Linux alone")
	}
	m := newTestMachine(t)
	newBinary(t, &m)
	mustInstall(t, gemini, m, User, m.hook())
	proc := filepath.Join(m.Root, "proc")
	put(t, filepath.Join(proc, "stat"), "cpu 1\nbtime 1000000000\n")
	stat := func(start string) string {
		return "1 (a) b) S 1" + strings.Repeat(" 0", 17) + " " + start + " 0 0\n"
	}
	for pid, of := range map[string][2]string{
		"11": {"node\x00/usr/bin/gemini\x00-p\x00", "500"}, "12": {"/usr/bin/gemini\x00", "99999999999"},
		"13": {"vim\x00notes\x00gemini\x00", "500"}, "14": {"gemini\x00", ""},
		"16": {"vim\x00gemini\x00", "500"}, "17": {"/usr/bin/etch-hook\x00gemini\x00Stop\x00", "500"},
		"18": {"/usr/bin/node\x00--max-old-space-size=9\x00/lib/gemini.js\x00", "500"}, "19": {"node\x00--version\x00", "500"},
	} {
		put(t, filepath.Join(proc, pid, "cmdline"), of[0])
		put(t, filepath.Join(proc, pid, "stat"), stat(of[1]))
	}
	put(t, filepath.Join(proc, "14", "stat"), "14 (gemini) S 1")
	var want []string
	for _, pid := range []string{"11", "18"} {
		want = append(want, "warning session: Gemini CLI runs as process "+pid+" since before its hooks were written: it does not know them [~/.gemini/settings.json]")
	}
	if diff := cmp.Diff(findings(gemini, m, ""), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	mustInstall(t, claudeCode, m, User, m.hook())
	put(t, filepath.Join(proc, "15", "cmdline"), "claude\x00")
	put(t, filepath.Join(proc, "15", "stat"), stat("500"))
	if got := findings(claudeCode, m, ""); got != nil {
		t.Errorf("an agent that reads its hooks at once: %q", got)
	}
}

// An agent is not there for its hooks alone.
func TestFoundBeforehand(t *testing.T) {
	m := newTestMachine(t)
	newBinary(t, &m)
	for _, a := range Agents() {
		mustInstall(t, a, m, User, m.hook())
	}
	for _, a := range Agents() {
		if a.Found(m) || !a.Hooked(m) {
			t.Errorf("%s: found %v, hooked %v, want its hooks alone", a.Name, a.Found(m), a.Hooked(m))
		}
	}
	put(t, filepath.Join(m.Home, ".codex", "sessions", "rollout.jsonl"), "{}\n")
	if !codex.Found(m) {
		t.Error("codex has worked, and is not found")
	}
	other := newTestMachine(t)
	newBinary(t, &other)
	if err := os.Mkdir(filepath.Join(other.Home, ".gemini"), 0o700); err != nil {
		t.Fatal(err)
	}
	mustInstall(t, gemini, other, User, other.hook())
	if !gemini.Found(other) {
		t.Error("its directory was there before its hooks, and it is not found")
	}
}

// TestCodexSwitches: doctor finds as switched off what an installation mends.
func TestCodexSwitches(t *testing.T) {
	var keys [][]string
	for _, s := range codex.switches {
		if s.off != false {
			t.Errorf("%q switches hooks off where it is %v, want false", s.path, s.off)
		}
		keys = append(keys, s.path)
	}
	var want [][]string
	for _, key := range codexSwitch.keys {
		want = append(want, []string{codexSwitch.table, key})
	}
	if diff := cmp.Diff(keys, want); diff != "" {
		t.Errorf("Codex's switches (-got +want):\n%s", diff)
	}
}
