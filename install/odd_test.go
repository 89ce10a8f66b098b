package install

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/hookform"
	"github.com/google/go-cmp/cmp"
)

// oddities returns settings files in many hands: each body in each style that
// the agent reads.
func oddities(comments, mark bool) []string {
	bodies := []string{
		`{}`, `{"hooks": {}}`, `{"hooks": {"X": []}}`, `{"model": "opus"}`, `{"a": {"b": [1, [2, {"c": null}]]}, "e": -0.5e3}`,
		`{"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "check \"it\""}]}]}}`,
		`{"hooks": {"PreToolUse": [], "BeforeTool": [{"hooks": []}], "Other": [{"hooks": [{"command": "etch"}]}]}, "z": true}`,
		`{"model": "a", "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "/x/other hook claude-code Stop"}]}]}, "model": "b"}`,
		`{"permissions": {"allow": ["Bash(echo // \"{\")", "a\u0000\ud800\u2028 😀"], "deny": []}, "$schema": "https://example.com/x.json"}`,
		`{"": 1, "hooks": {"": [], "PreToolUse": [{"matcher": "", "hooks": [{"type": "http", "url": "http://127.0.0.1/hook"}]}]}}`,
		`{"env": {"LONG": "` + strings.Repeat("x", 70000) + `"}}`, ``, ` `,
	}
	styles := []func(string) string{
		func(s string) string { return s },
		func(s string) string { return s + "\n" },
		indented("  "), indented("\t"), indented("    "), indented(" "),
		func(s string) string { return strings.ReplaceAll(indented("  ")(s), "\n", "\r\n") },
		func(s string) string { return strings.TrimSuffix(indented("  ")(s), "\n") },
		func(s string) string { return "\n\n" + s + "\n\n\n" },
		func(s string) string { return regexp.MustCompile(`": `).ReplaceAllString(s, "\" :") },
		func(s string) string { return strings.NewReplacer(": ", ":", ", ", ",").Replace(s) },
	}
	if mark {
		styles = append(styles, func(s string) string { return "\ufeff" + s }, func(s string) string { return "\ufeff" + indented("\t")(s) })
	}
	if comments {
		styles = append(styles,
			func(s string) string { return "// head\n" + s + " // tail" },
			func(s string) string { return "/* head */" + s + "/* \"hooks\": { */\n" },
			func(s string) string {
				return regexp.MustCompile(`(?m)([\[{,])$`).ReplaceAllString(indented("  ")(s), "$1 // note, with a comma")
			},
		)
	}
	var all []string
	for _, style := range styles {
		for _, body := range bodies {
			all = append(all, style(body))
		}
	}
	return all
}

// indented lays JSON out; what is none stays.
func indented(unit string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		depth, quoted, escaped := 0, false, false
		for _, r := range s {
			switch {
			case quoted:
				b.WriteRune(r)
				quoted = escaped || r != '"'
				escaped = r == '\\' && !escaped
				continue
			case r == '"':
				quoted = true
			case r == ' ' && b.Len() > 0 && strings.HasSuffix(b.String(), "\n"+strings.Repeat(unit, depth)):
				continue
			case r == '{' || r == '[':
				depth++
				b.WriteString(string(r) + "\n" + strings.Repeat(unit, depth))
				continue
			case r == '}' || r == ']':
				depth--
				b.WriteString("\n" + strings.Repeat(unit, depth))
			case r == ',':
				b.WriteString(",\n" + strings.Repeat(unit, depth))
				continue
			}
			b.WriteRune(r)
		}
		return b.String() + "\n"
	}
}

// Hundreds of odd files: hooks put in, every other value as before, nothing to
// do the second time, and the file as it was after they are taken out; also
// where somebody has changed it meanwhile.
func TestOddSettings(t *testing.T) {
	total := 0
	for _, a := range []*Agent{claudeCode, gemini, cursor} {
		for i, text := range oddities(a == gemini, a == claudeCode) {
			if testing.Short() && i%7 > 0 {
				continue
			}
			m := newTestMachine(t)
			path := a.places(a, m, User)[0].path
			put(t, path, text)
			want := tree(t, m.Home)
			if a == cursor && strings.HasPrefix(strings.TrimSpace(text), `{"hooks": {"PreToolUse"`) {
				continue // no file of it
			}
			total++
			c := mustInstall(t, a, m, User, m.hook())[0]
			if got := get(t, path); !strings.Contains(got, m.Binary) {
				t.Fatalf("%.300q: no hook in %.300q", text, got)
			}
			checkValues(t, a, text, get(t, path))
			if again := mustInstall(t, a, m, User, m.hook())[0]; !again.None() {
				t.Errorf("%.300q: changed again: %s", text, again.Diff())
			}
			mustUninstall(t, a, m, User)
			if diff := cmp.Diff(tree(t, m.Home), want); diff != "" {
				t.Errorf("%s: not restored (-got +want):\n%s", a.Name, diff)
			}
			put(t, path, string(c.After)+" ")
			mustUninstall(t, a, m, User)
			checkValues(t, a, text, get(t, path))
			if strings.Contains(get(t, path), m.Binary) {
				t.Errorf("%.300q: hooks stayed in %.300q", text, get(t, path))
			}
		}
	}
	if total < 300 && !testing.Short() {
		t.Errorf("only %d files", total)
	}
	t.Logf("%d files", total)
}

// checkValues compares two files' values without this program's hooks, by
// encoding/json and its own idea of what is a comment.
func checkValues(t *testing.T, a *Agent, before, after string) {
	t.Helper()
	if diff := cmp.Diff(foreignValues(t, after), foreignValues(t, before)); diff != "" {
		t.Errorf("%s: %.300q: values (-got +want):\n%s", a.Name, before, diff)
	}
}

var comment = regexp.MustCompile(`("(?:[^"\\]|\\.)*")|//[^\n]*|/\*(?s:.*?)\*/`)

func foreignValues(t *testing.T, text string) any {
	t.Helper()
	plain := strings.TrimSpace(comment.ReplaceAllString(strings.TrimPrefix(text, "\ufeff"), "$1"))
	if plain == "" {
		return nil
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(plain), &v); err != nil {
		t.Fatalf("%.300q: %v", text, err)
	}
	delete(v, "version")
	return prune(v)
}

// prune drops this program's handlers, and what is empty.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if s, ok := v["command"].(string); ok && strings.HasPrefix(s, "/usr/local/bin/etch") {
			return nil
		}
		kept := map[string]any{}
		for name, member := range v {
			if left := prune(member); left != nil {
				kept[name] = left
			}
		}
		if len(kept) == 0 {
			return nil
		}
		return kept
	case []any:
		var kept []any
		for _, element := range v {
			if left := prune(element); left != nil {
				kept = append(kept, left)
			}
		}
		if kept == nil {
			return nil
		}
		return kept
	}
	return v
}

func TestDiff(t *testing.T) {
	c := Change{
		Path:   filepath.FromSlash("/x"),
		Before: []byte("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13"),
		After:  []byte("1\n2\n3\nnew\n5\n6\n7\n8\n9\n10\n11\n12\n13\n"),
	}
	want := "--- /x\n+++ /x\n@@ -1,7 +1,7 @@\n 1\n 2\n 3\n-4\n+new\n 5\n 6\n 7\n@@ -10,4 +10,4 @@\n 10\n 11\n 12\n-13\n\\ No newline at end of file\n+13\n"
	if diff := cmp.Diff(c.Diff(), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	made := Change{Path: "/x", After: []byte("a\n"), Made: true}
	if got, want := made.Diff(), "--- /dev/null\n+++ /x\n@@ -0,0 +1 @@\n+a\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	gone := Change{Path: "/x", Before: []byte("a\nb"), Gone: true}
	if got, want := gone.Diff(), "--- /x\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n\\ No newline at end of file\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What is shown of a whole installation.
func TestDiffOfInstallation(t *testing.T) {
	m := newTestMachine(t)
	path := filepath.Join(m.Home, ".gemini", "settings.json")
	put(t, path, foreignHooks)
	line := func(event string) string {
		return `"` + event + `": [{"hooks": [{"type": "command", "name": "etch", "command": "/usr/local/bin/etch hook gemini ` + event + ` --no-env", "timeout": 5000}]}]`
	}
	want := `--- ~/.gemini/settings.json
+++ ~/.gemini/settings.json
@@ -5,6 +5,13 @@
     "PreToolUse": [
       {"matcher": "Bash", "hooks": [{"type": "command", "command": "check"}]}
     ],
-    "Other": []
+    "Other": [],
+    ` + strings.Join([]string{
		line("SessionStart"), line("SessionEnd"), line("BeforeAgent"), line("AfterAgent"), line("BeforeTool"), line("AfterTool"), line("Notification"),
	}, ",\n+    ") + `
   }
 }
`
	c := mustInstall(t, gemini, m, User, m.hook())[0]
	if diff := cmp.Diff(strings.ReplaceAll(c.Diff(), m.Home, "~"), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func wordsOf(line string, windows bool) []string {
	words, _ := hookform.Words(line, windows)
	return words
}

// A command line survives the shell that it is written for.
func TestQuote(t *testing.T) {
	for _, c := range []command{
		{binary: "/usr/bin/etch", agent: "codex", event: "Stop"},
		{binary: "/o'p t/etch", agent: "codex", event: "Stop", log: `/a "b"/$x.log`, config: "/c d", guard: true},
		{binary: "/ä/etch", agent: "codex", event: "Stop", log: "-x", config: `a\b`},
	} {
		words := append([]string{c.binary}, c.args()...)
		if diff := cmp.Diff(wordsOf(c.line(posix), false), words); diff != "" {
			t.Errorf("%s (-got +want):\n%s", c.line(posix), diff)
		}
		got, ok := parse(words, []string{"codex"}, "")
		if !ok || got != c {
			t.Errorf("%v: got %+v, want %+v", words, got, c)
		}
	}
	c := command{binary: `C:\Program Files\etch.exe`, agent: "codex", event: "Stop"}
	for shell, want := range map[shell]string{
		cmdExe: `"C:\Program Files\etch.exe" hook codex Stop`, powershell: `& 'C:\Program Files\etch.exe' hook codex Stop`,
	} {
		line := c.line(shell)
		if line != want {
			t.Errorf("got %s, want %s", line, want)
		}
		if got, ok := parse(wordsOf(line, true), []string{"codex"}, ""); !ok || got != c {
			t.Errorf("%s: got %+v", line, got)
		}
	}
	for _, words := range [][]string{{"/x/other", "hook", "codex", "Stop"}, {"etch", "hook"}, {"etch", "log", "codex"}, {"etch", "hook", "cursor"}, {}} {
		if _, ok := parse(words, []string{"codex"}, "renamed"); ok {
			t.Errorf("%q is taken for ours", words)
		}
	}
	if _, ok := parse([]string{"/opt/renamed", "hook", "codex"}, []string{"codex"}, "renamed"); !ok {
		t.Error("a renamed program is not known")
	}
}
