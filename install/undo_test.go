package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Settings change between installing and uninstalling: what was changed stays.
func TestUninstallAfterAChange(t *testing.T) {
	m := newTestMachine(t)
	path := filepath.Join(m.Home, ".gemini", "settings.json")
	put(t, path, foreignHooks)
	c := mustInstall(t, gemini, m, User, m.hook())[0]
	if got := get(t, c.Backup); got != foreignHooks {
		t.Errorf("the backup is %q", got)
	}
	put(t, path, strings.Replace(get(t, path), "dark", "light", 1))
	mustUninstall(t, gemini, m, User)
	if got, want := get(t, path), strings.Replace(foreignHooks, "dark", "light", 1); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := get(t, c.Backup); got != foreignHooks {
		t.Errorf("the backup of what nothing else has is %q", got)
	}
}

// What was empty before the hooks came is so again when they go, though somebody has
// changed the file meanwhile, and what they brought is gone.
func TestUninstallLeavesWhatWasEmpty(t *testing.T) {
	for _, a := range []*Agent{claudeCode, cursor, copilot} {
		event := a.Events[0]
		for _, text := range []string{
			`{"a":1}`, `{"hooks":{}}`, `{"a":1,"hooks":{"` + event + `":[]}}`, `{"hooks":{"` + event + `":[],"other":[]},"version":1}`, `{"version":1,"hooks":{}}`, `{"version":1}`,
			`{"hooks":{"` + event + `":[{"command":"mine"}]}}`, `{"version":2,"hooks":{}}`, "{}",
		} {
			m := newTestMachine(t)
			path := a.places(a, m, User)[0].path
			put(t, path, text)
			mustInstall(t, a, m, User, m.hook())
			changed := func(text string) string { return strings.Replace(text, "{", `{"theme":"light",`, 1) }
			put(t, path, changed(get(t, path)))
			mustUninstall(t, a, m, User)
			var got, want any
			if err := errors.Join(json.Unmarshal([]byte(get(t, path)), &got), json.Unmarshal([]byte(strings.Replace(changed(text), ",}", "}", 1)), &want)); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("%s: %s: (-got +want):\n%s", a.Name, text, diff)
			}
		}
	}
}

// Of a file that was made for the hooks, and has something else in it since, nothing of
// theirs stays; hooks that came after them keep the version.
func TestUninstallOfAMadeFile(t *testing.T) {
	for _, test := range []struct{ before, after, want string }{
		{"{", `{"mine":true,`, `{"mine":true}`},
		{`"hooks": {`, `"hooks": {"mine":[{"command":"x"}],`, `{"version":1,"hooks":{"mine":[{"command":"x"}]}}`},
	} {
		m := newTestMachine(t)
		path := mustInstall(t, cursor, m, User, m.hook())[0].Path
		put(t, path, strings.Replace(get(t, path), test.before, test.after, 1))
		mustUninstall(t, cursor, m, User)
		var got, want any
		if err := errors.Join(json.Unmarshal([]byte(get(t, path)), &got), json.Unmarshal([]byte(test.want), &want)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", get(t, path), diff)
		}
	}
}

// A hook that stood there before an installation knew of it goes with those that it wrote,
// and the backup that has nothing else.
func TestUninstallOfAnOlderEntry(t *testing.T) {
	m := newTestMachine(t)
	path := filepath.Join(m.Home, ".claude", "settings.json")
	const mine = "{ \"a\" : 1 }\n"
	put(t, path, mine)
	want := tree(t, m.Home)
	put(t, path, `{ "a" : 1, "hooks":{"Stop":[{"hooks":[{"type":"command","command":"/old/etch hook claude-code Stop"}]}]} }`+"\n")
	mustInstall(t, claudeCode, m, User, m.hook())
	mustInstall(t, claudeCode, m, User, Hook{Binary: "/newer/etch"})
	mustUninstall(t, claudeCode, m, User)
	if diff := cmp.Diff(tree(t, m.Home), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

// What is broken, and not by this program, is no reason not to uninstall.
func TestUninstallLeavesBrokenFiles(t *testing.T) {
	m := newTestMachine(t)
	path := filepath.Join(m.Home, ".claude", "settings.json")
	for text, fails := range map[string]bool{"{\"a\": ": false, "{\"command\": \"etch hook\", ": true} {
		put(t, path, text)
		if _, err := claudeCode.Uninstall(m, User, false); (err != nil) != fails {
			t.Errorf("%q: got %v, want an error: %v", text, err, fails)
		}
		if got := get(t, path); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}

// Directories that were made for the hooks of several agents are gone with the last of
// them, whichever was installed first, and whichever is taken out first.
func TestSharedDirectories(t *testing.T) {
	pair := [2]*Agent{gemini, antigravity} // ~/.gemini, and ~/.gemini/config
	for _, order := range [][4]int{{0, 1, 0, 1}, {0, 1, 1, 0}, {1, 0, 0, 1}, {1, 0, 1, 0}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			m := newTestMachine(t)
			before := tree(t, m.Home)
			for _, i := range order[:2] {
				mustInstall(t, pair[i], m, User, m.hook())
			}
			for _, i := range order[2:] {
				mustUninstall(t, pair[i], m, User)
			}
			if diff := cmp.Diff(tree(t, m.Home), before); diff != "" {
				t.Errorf("(-got +before):\n%s", diff)
			}
		})
	}
}

// Every agent's hooks, put in and taken out, leave nothing behind.
func TestAllUninstalled(t *testing.T) {
	m := newTestMachine(t)
	before := tree(t, m.Home)
	for _, a := range Agents() {
		mustInstall(t, a, m, User, m.hook())
	}
	for _, a := range Agents() {
		mustUninstall(t, a, m, User)
	}
	if diff := cmp.Diff(tree(t, m.Home), before); diff != "" {
		t.Errorf("(-got +before):\n%s", diff)
	}
}
