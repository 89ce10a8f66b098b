package config

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A row is what docs/config-reference.md says of a key.
type row struct {
	Key, Default, Env, Takes string
}

// TestReference holds the page and the code together, both ways.
func TestReference(t *testing.T) {
	page, err := os.ReadFile("../docs/config-reference.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []row
	var table string
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "## "); ok {
			table = strings.Trim(name, "`[]")
		}
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 5 || len(strings.TrimSpace(cells[4])) < 20 {
			t.Errorf("row has not five cells with a meaning in the last: %s", line)
			continue
		}
		code := func(i int) string { return strings.Trim(strings.TrimSpace(cells[i]), "`") }
		got = append(got, row{table + "." + code(0), code(1), code(2), code(3)})
	}
	var want []row
	initial := Default()
	for _, s := range settings {
		want = append(want, row{s.key(), literal(s.get(&initial)), s.env, s.allowed("")})
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("page and code differ (-page +code):\n%s", diff)
	}
}

// TestReferenceExamples loads every example of the page.
func TestReferenceExamples(t *testing.T) {
	page, err := os.ReadFile("../docs/config-reference.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```toml\n")[1:]
	if len(blocks) < 4 {
		t.Fatalf("%d examples, want at least 4", len(blocks))
	}
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		r, err := Load(fromFile(t, text))
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if cmp.Equal(r.Config, effective()) {
			t.Errorf("an example sets nothing:\n%s", text)
		}
	}
}
