package install

import (
	"encoding/json"
	"errors"
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
