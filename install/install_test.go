package install

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newTestMachine returns a machine with an empty home.
func newTestMachine(t *testing.T) Machine {
	t.Helper()
	dir := t.TempDir()
	m := Machine{
		Home: filepath.Join(dir, "home"), Project: filepath.Join(dir, "project"), Root: filepath.Join(dir, "root"),
		GOOS: "linux", Binary: "/usr/local/bin/etch", Now: time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC),
		Getenv:   func(string) string { return "" },
		LookPath: func(string) (string, error) { return "", exec.ErrNotFound },
	}
	for _, dir := range []string{m.Home, m.Project, m.Root} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m Machine) hook() Hook { return Hook{Binary: m.Binary} }

func mustInstall(t *testing.T, a *Agent, m Machine, scope Scope, h Hook) []Change {
	t.Helper()
	changes, err := a.Install(m, scope, h, false)
	if err != nil {
		t.Fatalf("%s: %v", a.Name, err)
	}
	return changes
}

func mustUninstall(t *testing.T, a *Agent, m Machine, scope Scope) []Change {
	t.Helper()
	changes, err := a.Uninstall(m, scope, false)
	if err != nil {
		t.Fatalf("%s: %v", a.Name, err)
	}
	return changes
}

// tree returns every file below a directory with its content; directories with
// a slash.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || d.IsDir() {
			found[name+"/"] = ""
			return err
		}
		text, err := os.ReadFile(path)
		found[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Of every agent and scope: nothing there before, nothing there after, and the
// second time there is nothing to do.
func TestEveryAgentFromNothing(t *testing.T) {
	for _, a := range Agents() {
		for _, scope := range []Scope{User, Project, Managed} {
			t.Run(a.Name+" "+string(scope), func(t *testing.T) {
				m := newTestMachine(t)
				before := tree(t, filepath.Dir(m.Home))
				changes, err := a.Install(m, scope, m.hook(), false)
				if errors.Is(err, ErrNoScope) {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range changes {
					if !c.Made || !strings.Contains(string(c.After), m.Binary) {
						t.Errorf("%s: made %v: %s", c.Path, c.Made, c.After)
					}
				}
				for _, c := range mustInstall(t, a, m, scope, m.hook()) {
					if !c.None() {
						t.Errorf("%s: changed again: %s", c.Path, c.Diff())
					}
				}
				mustUninstall(t, a, m, scope)
				if diff := cmp.Diff(tree(t, filepath.Dir(m.Home)), before); diff != "" {
					t.Errorf("not restored (-got +want):\n%s", diff)
				}
			})
		}
	}
}

// An agent's entries are in the shape that it was seen, or is said, to take.
func TestShapes(t *testing.T) {
	m := newTestMachine(t)
	m.Binary = "/opt/my tools/etch"
	for agent, want := range map[string]string{
		"claude-code": `"PreToolUse": [{"hooks": [{"type": "command", "command": "'/opt/my tools/etch' hook claude-code PreToolUse --no-env --log '/var/log/a b.log'", "timeout": 5}]}]`,
		"codex":       `"PreToolUse": [{"hooks": [{"type": "command", "command": "'/opt/my tools/etch' hook codex PreToolUse --no-env --log '/var/log/a b.log'", "timeout": 5}]}]`,
		"gemini":      `"BeforeTool": [{"hooks": [{"type": "command", "name": "etch", "command": "'/opt/my tools/etch' hook gemini BeforeTool --no-env --log '/var/log/a b.log'", "timeout": 5000}]}]`,
		"qwen":        `"PreToolUse": [{"hooks": [{"type": "command", "name": "etch", "command": "'/opt/my tools/etch' hook qwen PreToolUse --no-env --log '/var/log/a b.log'", "timeout": 5}]}]`,
		"copilot":     `"preToolUse": [{"type": "command", "bash": "'/opt/my tools/etch' hook copilot preToolUse --no-env --log '/var/log/a b.log'", "powershell": "& '/opt/my tools/etch' hook copilot preToolUse --no-env --log '/var/log/a b.log'", "timeoutSec": 5}]`,
		"cursor":      `"preToolUse": [{"command": "'/opt/my tools/etch' hook cursor preToolUse --no-env --log '/var/log/a b.log'", "timeout": 5}]`,
		"windsurf":    `"pre_run_command": [{"command": "'/opt/my tools/etch' hook windsurf pre_run_command --no-env --log '/var/log/a b.log'", "show_output": false}]`,
		"goose":       `"PreToolUse": [{"hooks": [{"type": "command", "command": "'/opt/my tools/etch' hook goose PreToolUse --no-env --log '/var/log/a b.log'", "timeout": 5}]}]`,
		"opencode":    `const command = ["/opt/my tools/etch","hook","opencode","--no-env","--log","/var/log/a b.log"]`,
	} {
		h := m.hook()
		h.Log = new("/var/log/a b.log")
		changes := mustInstall(t, Named(agent), m, User, h)
		if !strings.Contains(string(changes[0].After), want) {
			t.Errorf("%s: got\n%s\nwant %s", agent, changes[0].After, want)
		}
		// What an earlier installation said stays where nothing else is said.
		for _, c := range mustInstall(t, Named(agent), m, User, m.hook()) {
			if !c.None() {
				t.Errorf("%s: the log was forgotten: %s", agent, c.Diff())
			}
		}
	}
}

// No event of which an agent tells once per piece of text is subscribed to, nor
// one that a hook takes over.
func TestNoBusyEvents(t *testing.T) {
	for _, a := range Agents() {
		seen := map[string]bool{}
		for _, event := range a.Events {
			switch event {
			case "AfterModel", "BeforeModel", "BeforeToolSelection", "MessageDisplay", "WorktreeCreate", "PreModelRequest", "PostModelRequest":
				t.Errorf("%s: %s", a.Name, event)
			}
			if seen[event] {
				t.Errorf("%s: %s twice", a.Name, event)
			}
			seen[event] = true
		}
	}
}

const foreignHooks = `{
  // mine
  "theme": "dark",
  "hooks": {
    "PreToolUse": [
      {"matcher": "Bash", "hooks": [{"type": "command", "command": "check"}]}
    ],
    "Other": []
  }
}
`

// Entries of an older path, of an older list of events, doubled, and behind a
// matcher become what they shall be, where they are.
func TestUpgrade(t *testing.T) {
	m := newTestMachine(t)
	path := filepath.Join(m.Home, ".claude", "settings.json")
	before := `{
  "hooks": {
    "PreToolUse": [
      {"hooks": [{"type": "command", "command": "mine"}, {"type": "command", "command": "/old/etch", "args": ["hook", "claude", "PreToolUse", "--log", "/x.log"]}]},
      {"hooks": [{"type": "command", "command": "/older/etch hook claude-code"}]}
    ],
    "PostToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "\"/old/etch\" hook claude-code PostToolUse", "async": true}]}],
    "MessageDisplay": [{"hooks": [{"type": "command", "command": "/old/etch", "args": ["hook", "claude-code", "MessageDisplay"]}]}],
    "Stop": [{"hooks": [{"type": "command", "command": "/other/gryph", "args": ["hook", "claude-code", "Stop"]}]}]
  }
}
`
	put(t, path, before)
	after := string(mustInstall(t, claudeCode, m, User, m.hook())[0].After)
	var s struct {
		Hooks map[string][]struct {
			Matcher *string
			Hooks   []struct {
				Command string
				Args    []string
				Async   bool
			}
		}
	}
	if err := json.Unmarshal([]byte(after), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Hooks) != len(claudeCode.Events) {
		t.Errorf("got %d events, want %d", len(s.Hooks), len(claudeCode.Events))
	}
	for event, groups := range s.Hooks {
		var commands []string
		for _, g := range groups {
			for _, h := range g.Hooks {
				commands = append(commands, strings.Join(append([]string{h.Command}, h.Args...), " "))
				if h.Async || g.Matcher != nil {
					t.Errorf("%s: %+v", event, g)
				}
			}
		}
		want := []string{"/usr/local/bin/etch hook claude-code " + event + " --no-env --log /x.log"}
		switch event {
		case "PreToolUse":
			want = append([]string{"mine"}, want...)
		case "Stop":
			want = append([]string{"/other/gryph hook claude-code Stop"}, want...)
		}
		if diff := cmp.Diff(commands, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", event, diff)
		}
	}
	mustUninstall(t, claudeCode, m, User)
	want := "{\n  \"hooks\": {\n    \"PreToolUse\": [\n      {\"hooks\": [{\"type\": \"command\", \"command\": \"mine\"}]}\n    ],\n" +
		"    \"Stop\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"/other/gryph\", \"args\": [\"hook\", \"claude-code\", \"Stop\"]}]}]\n  }\n}\n"
	if got := get(t, path); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Installed, brought up to date, uninstalled: the file is what it was at first.
func TestChainOfBackups(t *testing.T) {
	m := newTestMachine(t)
	path := filepath.Join(m.Home, ".claude", "settings.json")
	const before = "{ \"a\" : 1,\n\"hooks\":{ } }"
	put(t, path, before)
	want := tree(t, m.Home)
	for i, bin := range []string{"/a/etch", "/b/etch", "/a/etch", "/c/etch"} {
		m.Now = m.Now.Add(time.Duration(i) * time.Minute)
		mustInstall(t, claudeCode, m, User, Hook{Binary: bin})
	}
	mustUninstall(t, claudeCode, m, User)
	if diff := cmp.Diff(tree(t, m.Home), want); diff != "" {
		t.Errorf("not restored (-got +want):\n%s", diff)
	}
}

func TestGuard(t *testing.T) {
	m := newTestMachine(t)
	h := m.hook()
	h.Guard = new(true)
	h.Block = true
	mustInstall(t, claudeCode, m, User, h)
	text := get(t, filepath.Join(m.Home, ".claude", "settings.json"))
	if n := strings.Count(text, `--guard`); n != 1 || !strings.Contains(text, ` hook claude-code ConfigChange --guard --no-env"`) {
		t.Errorf("%d guards in %s", n, text)
	}
	if n := strings.Count(text, `"onFailure": "block"`); n != 1 {
		t.Errorf("%d hooks block", n)
	}
	h.Guard, h.Block = nil, true
	if c := mustInstall(t, claudeCode, m, User, h); !c[0].None() {
		t.Errorf("the guard was taken away: %s", c[0].Diff())
	}
	h.Guard = new(false)
	if mustInstall(t, claudeCode, m, User, h); strings.Contains(get(t, filepath.Join(m.Home, ".claude", "settings.json")), "--guard") {
		t.Error("the guard stayed")
	}
}

// A file that the agent would not read is refused, and left alone.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		agent      *Agent
		text, want string
	}{
		{claudeCode, "{\n  // c\n}", "line 2, column 3: a comment: Claude Code takes none there"},
		{claudeCode, "{\"a\": 1,}", "a comma after the last element"},
		{claudeCode, "{\"hooks\": {}, \"hooks\": {}}", `"hooks" is given twice`},
		{claudeCode, "{\"hooks\": {\"PreToolUse\": {}}}", "an object where an array is expected"},
		{claudeCode, "{\"hooks\": ", "line 1, column 11: the file ends where a value is expected"},
		{claudeCode, "[1]", "an array where an object is expected"},
		{codex, "\ufeff{}", "a byte order mark"},
		{gemini, "{\"a\": [1, /* c */],}", "a comma after the last element"},
		{openCode, "export const x = 1", "not of this program"},
	} {
		m := newTestMachine(t)
		path := test.agent.places(test.agent, m, User)[0].path
		put(t, path, test.text)
		before := tree(t, m.Home)
		for _, dry := range []bool{true, false} {
			if _, err := test.agent.Install(m, User, m.hook(), dry); err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), path) {
				t.Errorf("%s %q: got %v, want %s", test.agent.Name, test.text, err, test.want)
			}
		}
		if diff := cmp.Diff(tree(t, m.Home), before); diff != "" {
			t.Errorf("%s %q: changed (-got +want):\n%s", test.agent.Name, test.text, diff)
		}
	}
	m := newTestMachine(t)
	if _, err := gemini.Install(m, User, Hook{Binary: "/x/$HOME/etch"}, true); err == nil || !strings.Contains(err.Error(), "a variable") {
		t.Errorf("a path with a variable: got %v", err)
	}
}

// A file that Claude Code leaves out for the type of a member gets no hooks, which would not
// be run; those that are in it already can be taken out.
func TestMisfit(t *testing.T) {
	m := newTestMachine(t)
	path := filepath.Join(m.Home, ".claude", "settings.json")
	mustInstall(t, claudeCode, m, User, m.hook())
	text := strings.Replace(get(t, path), "{", "{\n  \"permissions\": 5,", 1)
	put(t, path, text)
	_, err := claudeCode.Install(m, User, m.hook(), true)
	if !errors.Is(err, ErrUnread) || !strings.Contains(err.Error(), `line 2: "permissions" is not an object`) {
		t.Errorf("got %v", err)
	}
	if got := get(t, path); got != text {
		t.Errorf("changed to %q", got)
	}
	mustUninstall(t, claudeCode, m, User)
	if got := get(t, path); strings.Contains(got, "hooks") || !strings.Contains(got, "permissions") {
		t.Errorf("after uninstall: %q", got)
	}
}

// A switch that is off is turned on, by each name that doctor finds it under, and off again.
func TestCodexSwitch(t *testing.T) {
	for _, test := range []struct{ before, after string }{
		{"model = \"x\"\n[features]\nhooks = false # slow\n", "model = \"x\"\n[features]\nhooks = true # slow\n"},
		{"[features]\ncodex_hooks = false\nweb = false\n", "[features]\ncodex_hooks = true\nweb = false\n"},
		{"features = { codex_hooks = false, hooks = false }\n", "features = { codex_hooks = true, hooks = true }\n"},
		{"features.\"codex_hooks\" = false\nfeatures.hooks = true\n", "features.\"codex_hooks\" = true\nfeatures.hooks = true\n"},
	} {
		m := newTestMachine(t)
		newBinary(t, &m)
		path := filepath.Join(m.Home, ".codex", "config.toml")
		put(t, path, test.before)
		want := tree(t, m.Home)
		mustInstall(t, codex, m, User, m.hook())
		if got := get(t, path); got != test.after {
			t.Errorf("got %q, want %q", got, test.after)
		}
		for _, f := range codex.Check(m, "", "").Findings {
			if f.Check == "switch" {
				t.Errorf("%q: doctor finds %+v still", test.before, f)
			}
		}
		mustUninstall(t, codex, m, User)
		if diff := cmp.Diff(tree(t, m.Home), want); diff != "" {
			t.Errorf("%q: not restored (-got +want):\n%s", test.before, diff)
		}
	}
}

// A symbolic link stays one; mode and content are the target's.
func TestSymlink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need rights there")
	}
	for _, relative := range []bool{false, true} {
		m := newTestMachine(t)
		target := filepath.Join(m.Home, "dotfiles", "claude.json")
		put(t, target, "{}\n")
		if err := os.Chmod(target, 0o640); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(m.Home, ".claude", "settings.json")
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		to := target
		if relative {
			to = "../dotfiles/claude.json"
		}
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
		mustInstall(t, claudeCode, m, User, m.hook())
		if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("the link is gone: %v, %v", info, err)
		}
		if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o640 || !strings.Contains(get(t, target), m.Binary) {
			t.Errorf("the target: %v, %v", info, err)
		}
		mustUninstall(t, claudeCode, m, User)
		if got := get(t, target); got != "{}\n" {
			t.Errorf("got %q", got)
		}
		if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
			t.Errorf("left behind: %v, %v", entries, err)
		}
	}
}

// A link to a file that is not there yet makes that file.
func TestDanglingSymlink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need rights there")
	}
	m := newTestMachine(t)
	path := filepath.Join(m.Home, ".claude", "settings.json")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../there.json", path); err != nil {
		t.Fatal(err)
	}
	mustInstall(t, claudeCode, m, User, m.hook())
	if !strings.Contains(get(t, filepath.Join(m.Home, "there.json")), m.Binary) {
		t.Error("the target was not made")
	}
	mustUninstall(t, claudeCode, m, User)
	if _, err := os.Stat(filepath.Join(m.Home, "there.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the target is still there: %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the link is gone: %v", err)
	}
}

// What could not be written leaves nothing that says what there was before.
func TestLinkToNowhere(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need rights there")
	}
	m := newTestMachine(t)
	dir := filepath.Join(m.Home, ".claude")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../nowhere/there.json", filepath.Join(dir, "settings.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := claudeCode.Install(m, User, m.hook(), false); err == nil {
		t.Error("hooks were put into a directory that is not there")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v, want the link alone", entries, err)
	}
}

// Many at once, over and over: one of them does it, all succeed, nothing is
// left but the file and its backup.
func TestAtOnce(t *testing.T) {
	m := newTestMachine(t)
	put(t, filepath.Join(m.Home, ".claude", "settings.json"), "{\"a\": 1}")
	want := tree(t, m.Home)
	for range 5 {
		run := func(f func()) {
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(f)
			}
			wg.Wait()
		}
		run(func() {
			if _, err := claudeCode.Install(m, User, m.hook(), false); err != nil {
				t.Error(err)
			}
		})
		if got := tree(t, filepath.Join(m.Home, ".claude")); len(got) != 3 {
			t.Errorf("left behind: %v", got)
		}
		run(func() {
			if _, err := claudeCode.Uninstall(m, User, false); err != nil {
				t.Error(err)
			}
		})
		if diff := cmp.Diff(tree(t, m.Home), want); diff != "" {
			t.Fatalf("not restored (-got +want):\n%s", diff)
		}
	}
}

// The agent writes its settings while they are edited: its change is not lost.
func TestChangedMeanwhile(t *testing.T) {
	m := newTestMachine(t)
	path := filepath.Join(m.Home, ".claude", "settings.json")
	put(t, path, "{\"a\": 1}")
	var once sync.Once
	m.Steps = func(step string) {
		if step == "rename" {
			once.Do(func() { put(t, path, "{\"a\": 2}") })
		}
	}
	mustInstall(t, claudeCode, m, User, m.hook())
	if text := get(t, path); !strings.HasPrefix(text, "{\"a\": 2, ") || !strings.Contains(text, m.Binary) {
		t.Errorf("got %s", text)
	}
	mustUninstall(t, claudeCode, m, User)
	if got := tree(t, filepath.Dir(path)); len(got) != 2 || got["settings.json"] != "{\"a\": 2}" {
		t.Errorf("got %v", got)
	}
}

// Settings that this user may not change are left alone: another user's, also by
// the administrator, and those in a directory that is read-only, which none is
// to root.
func TestNotAllowed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("access lists decide there")
	}
	m := newTestMachine(t)
	dir := filepath.Join(m.Home, ".claude")
	put(t, filepath.Join(dir, "settings.json"), "{}")
	want := fs.ErrPermission
	if os.Geteuid() == 0 {
		want = ErrForeign
		if err := os.Chown(filepath.Join(dir, "settings.json"), 12345, 12345); err != nil {
			t.Fatal(err)
		}
	} else if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Error(err)
		}
	})
	before := tree(t, m.Home)
	if _, err := claudeCode.Install(m, User, m.hook(), false); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
	if diff := cmp.Diff(tree(t, m.Home), before); diff != "" {
		t.Errorf("changed (-got +want):\n%s", diff)
	}
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chown(m.Home, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		if _, err := gemini.Install(m, User, m.hook(), dry); !errors.Is(err, ErrForeign) {
			t.Errorf("a new directory in another's home: got %v, want %v", err, ErrForeign)
		}
	}
}

// A program that others can replace is no good one for managed hooks.
func TestManagedProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("access lists decide there")
	}
	m := newTestMachine(t)
	m.Binary = filepath.Join(m.Home, "etch")
	put(t, m.Binary, "")
	if err := os.Chmod(m.Binary, 0o777); err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(claudeCode.Notes(m, Managed), "\n"); !strings.Contains(notes, "can replace "+m.Binary+":") {
		t.Errorf("got %q", notes)
	}
	if got := replaceable("/"); got != "" {
		t.Errorf("the root directory: got %q", got)
	}
}
