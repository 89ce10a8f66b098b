package install

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// A hookEdit is what somebody does to the hooks of a file: to a group, which is nil where
// the file has none, and to a handler.
type hookEdit func(group, handler map[string]any)

// editHooks edits every hook of a file, and writes it as a program does that keeps neither the
// order of members nor white space.
func editHooks(t *testing.T, path string, edit hookEdit) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var root map[string]any
	if err := decoder.Decode(&root); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hooks", "etch"} {
		events, _ := root[name].(map[string]any)
		for _, list := range events {
			for _, element := range list.([]any) {
				group := element.(map[string]any)
				handlers, grouped := group["hooks"].([]any)
				if !grouped {
					edit(nil, group)
				}
				for _, handler := range handlers {
					edit(group, handler.(map[string]any))
				}
			}
		}
	}
	after, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, after, 0o600); err != nil {
		t.Fatal(err)
	}
}

// reworded returns an edit of each command line of a handler.
func reworded(edit func(line string) string) hookEdit {
	return func(_, handler map[string]any) {
		for _, name := range []string{"command", "bash", "powershell"} {
			if line, ok := handler[name].(string); ok {
				handler[name] = edit(line)
			}
		}
	}
}

// member returns an edit that sets a member of a handler, or takes it out.
func member(name string, value any) hookEdit {
	return func(_, handler map[string]any) {
		if handler[name] = value; value == nil {
			delete(handler, name)
		}
	}
}

// grouped returns an edit that sets a member of a group, or of the handler where there is none.
func grouped(name string, value any) hookEdit {
	return func(group, handler map[string]any) {
		if group == nil {
			group = handler
		}
		group[name] = value
	}
}

// hooksFound returns what was found about hooks, without the places.
func hooksFound(a *Agent, m Machine) []string {
	var all []string
	for _, f := range a.Check(m, "", ownLog).Findings {
		if f.Check == "hooks" {
			all = append(all, string(f.Level)+" "+f.What)
		}
	}
	return all
}

// Hooks that stand in the file and are not run, or not as they were installed, are found,
// for every agent whose settings are JSON, and the next installation mends them.
func TestCheckStanding(t *testing.T) {
	const (
		kept   = `keeps them from being run for every event, or to their end`
		says   = "their command lines say more, or something else, than to start etch"
		none   = "no settings that"
		mayEnd = "gives them less time than they may need"
	)
	for name, test := range map[string]struct {
		edit hookEdit
		want string
	}{
		"matcher":         {grouped("matcher", "NoSuchTool"), `problem "matcher" ` + kept},
		"condition":       {member("if", "Bash(never:*)"), `problem "if" ` + kept},
		"group condition": {grouped("if", "Bash(never:*)"), `problem "if" ` + kept},
		"asynchronous":    {member("async", true), `problem "async" ` + kept},
		"prompt":          {member("type", "prompt"), `problem "type" ` + kept},
		"no time":         {member("timeout", 0), `problem "timeout" ` + kept},
		"hardly any time": {member("timeout", 0.1), `problem "timeout" ` + mayEnd},
		"disabled":        {member("enabled", false), `problem "enabled" ` + kept},
		"no input":        {reworded(func(l string) string { return l + " </dev/null" }), "problem " + says},
		"second command":  {reworded(func(l string) string { return l + "; true" }), "problem " + says},
		"more arguments":  {reworded(func(l string) string { return l + " --help" }), "problem " + says},
		"other event":     {reworded(func(l string) string { return strings.Replace(l, " --no-env", "x --no-env", 1) }), "problem their command lines name other events"},
		"nothing":         {reworded(func(l string) string { return ": " + l }), "problem " + none},
		"elsewhere": {func(group, handler map[string]any) {
			grouped("description", handler["command"])(group, handler)
			reworded(func(string) string { return "true" })(group, handler)
		}, "problem " + none},
		"environment": {member("env", map[string]string{"LD_PRELOAD": "/x"}), `warning nothing is known of what "env" does to them`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, a := range Agents() {
				m := newTestMachine(t)
				newBinary(t, &m)
				if _, ok := a.places(a, m, User)[0].form.(hookFile); !ok {
					continue
				}
				c := mustInstall(t, a, m, User, m.hook())[0]
				editHooks(t, c.Path, test.edit)
				level, what, _ := strings.Cut(test.want, " ")
				if handlerTime := strings.Contains(what, mayEnd); handlerTime && !strings.Contains(string(c.After), `"timeout"`) {
					continue // it says nothing of time, or not so
				}
				got := hooksFound(a, m)
				if len(got) != 1 || !strings.HasPrefix(got[0], level+" ") || !strings.Contains(got[0], what) {
					t.Errorf("%s: got %q, want %q", a.Name, got, test.want)
				}
				mustInstall(t, a, m, User, m.hook())
				if got := hooksFound(a, m); got != nil {
					t.Errorf("%s, installed again: %q", a.Name, got)
				}
			}
		})
	}
}

// What an agent makes of its own file when it writes it, what an installation may say, and what
// people write by hand that comes to the same, are no findings.
func TestCheckStandingAsInstalled(t *testing.T) {
	for name, edit := range map[string]hookEdit{
		"rewritten":  func(_, _ map[string]any) {},
		"every tool": grouped("matcher", "*"),
		"no matcher": grouped("matcher", ""),
		"words":      member("statusMessage", "recording"),
		"more time":  member("timeout", 600000),
		"quotes":     reworded(func(l string) string { program, rest, _ := strings.Cut(l, " "); return `"` + program + `" ` + rest }),
		"no event": reworded(func(l string) string {
			words := strings.Fields(l)
			return strings.Join(slices.Delete(words, 3, 4), " ")
		}),
		"another log":   reworded(func(l string) string { return l + " --log '/var/log/a b.log' --config=/x.toml" }),
		"other program": reworded(func(l string) string { return strings.Replace(l, "/bin/etch ", "/bin/../bin/etch ", 1) }),
	} {
		t.Run(name, func(t *testing.T) {
			for _, a := range Agents() {
				m := newTestMachine(t)
				newBinary(t, &m)
				if _, ok := a.places(a, m, User)[0].form.(hookFile); !ok {
					continue
				}
				h := m.hook()
				h.Block, h.Guard = true, new(true)
				c := mustInstall(t, a, m, User, h)[0]
				editHooks(t, c.Path, edit)
				if got := hooksFound(a, m); got != nil {
					t.Errorf("%s: %q", a.Name, got)
				}
			}
		})
	}
}

// A plugin that was changed, or that another version wrote, is told and written anew.
func TestCheckStandingPlugin(t *testing.T) {
	m := newTestMachine(t)
	newBinary(t, &m)
	c := mustInstall(t, openCode, m, User, m.hook())[0]
	if got := hooksFound(openCode, m); got != nil {
		t.Errorf("as installed: %q", got)
	}
	put(t, c.Path, strings.Replace(string(c.After), "await tell(", "await void(", 1))
	if got := hooksFound(openCode, m); len(got) != 1 || !strings.HasPrefix(got[0], "warning the plugin is not as this etch writes it") {
		t.Errorf("changed: %q", got)
	}
	mustInstall(t, openCode, m, User, m.hook())
	if got := hooksFound(openCode, m); got != nil {
		t.Errorf("installed again: %q", got)
	}
}
