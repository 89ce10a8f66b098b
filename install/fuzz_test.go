package install

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/etch-audit/etch/internal/settings"
)

// Whatever a settings file holds: hooks are put in or it is refused, a second
// time changes nothing, taken out again there are none, and what is not this
// program's stays.
func FuzzPut(f *testing.F) {
	for _, text := range oddities(true, true) {
		if len(text) < 4096 {
			f.Add(text)
		}
	}
	f.Add(`{"hooks": {"Stop": [{"matcher": "x", "hooks": [{"command": "etch hook claude-code Stop"}, 1]}], "X": [{"hooks": [{"command": "/a/etch", "args": ["hook", "claude", 1]}]}]}}`)
	m := Machine{GOOS: "linux", Binary: "/usr/bin/etch", Home: "/h", Getenv: func(string) string { return "" }}
	forms := []hookFile{}
	for _, a := range []*Agent{claudeCode, gemini, cursor} {
		form := a.places(a, m, User)[0].form.(hookFile)
		form.dialect = settings.Dialect{Comments: true, TrailingCommas: true, BOM: true}
		forms = append(forms, form)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, form := range forms {
			after, err := form.put([]byte(text), m.hook())
			if err != nil {
				continue
			}
			if again, err := form.put(after, m.hook()); err != nil || !bytes.Equal(again, after) {
				t.Errorf("%s: %q: not the same the second time: %v", form.agent.Name, text, err)
			}
			back, _, err := form.take(after, nil)
			if err != nil || form.holds(back) {
				t.Errorf("%s: %q became %q, of which remains %q: %v", form.agent.Name, text, after, back, err)
				continue
			}
			before, err := settings.Parse([]byte(text))
			if err != nil {
				t.Fatalf("%q was not parsed: %v", text, err)
			}
			left, err := settings.Parse(back)
			if err != nil {
				t.Fatalf("%q: %v", back, err)
			}
			if !reflect.DeepEqual(form.others(left), form.others(before)) {
				t.Errorf("%s: %q became %q", form.agent.Name, text, back)
			}
		}
	})
}
