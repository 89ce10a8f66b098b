package etch

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestQueriesNameEveryField holds docs/queries.md and the schema together.
func TestQueriesNameEveryField(t *testing.T) {
	page, err := os.ReadFile("docs/queries.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| name | other names | kind | what it is |\n|---|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var got, want []string
	for line := range strings.SplitSeq(strings.TrimSpace(table), "\n") {
		cells := strings.SplitN(strings.Trim(line, "| "), " | ", 4)
		if len(cells) != 4 || len(cells[3]) < 8 {
			t.Fatalf("a row has four cells, with a meaning in the last: %s", line)
		}
		got = append(got, strings.Join(cells[:3], " | "))
	}
	for _, name := range FieldNames() {
		field := schema.Field(fieldOf(name))
		var also []string
		for _, other := range field.Also {
			also = append(also, "`"+other+"`")
		}
		want = append(want, "`"+name+"` | "+strings.Join(also, ", ")+" | "+kindNames[field.Kind])
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("docs/queries.md and the schema (-page +schema):\n%s", diff)
	}
}

// Every expression that the page shows is one.
func TestQueriesShowExpressions(t *testing.T) {
	page, err := os.ReadFile("docs/queries.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`--where '([^']+)'`).FindAllStringSubmatch(string(page), -1)
	if len(shown) < 4 {
		t.Fatalf("%d expressions, want at least 4", len(shown))
	}
	for _, m := range shown {
		text := strings.ReplaceAll(m[1], " N", " 100")
		f, err := ParseFilter(text, time.Now())
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		again, err := ParseFilter(f.String(), time.Now())
		if err != nil || again.String() != f.String() {
			t.Errorf("%s is written %s, and read again as %v, %v", text, f, again, err)
		}
	}
	for name, kind := range map[string]string{"label.team": "text", "risk": "level", "duration_ms": "number", "time": "time", "denied": "flag", "label": "", "x": ""} {
		if got := FieldKind(name); got != kind {
			t.Errorf("FieldKind(%q) = %q, want %q", name, got, kind)
		}
	}
}
