package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	reports "github.com/etch-audit/etch/report"
	"github.com/etch-audit/etch/verify"
)

// Every member that is printed stands in the contract, in the section of its
// command.
func TestContractIsWhole(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "cli-json.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for part := range strings.SplitSeq(string(text), "\n## ") {
		title, body, _ := strings.Cut(part, "\n")
		sections[strings.Trim(title, "`")] = body
	}
	for title, v := range map[string]any{
		"show --json": showAnswer{}, "status --json": statusAnswer{}, "doctor --json": doctorAnswer{}, "verify --json": verify.Report{},
		"import --format json": importAnswer{}, "init --json": initAnswer{}, "reconcile --json": reconcileRow{}, "report --format json": reports.Report{}, "log --ack": receiptLine{}, "risk --json": riskAnswer{}, "version --json": build{},
	} {
		body, ok := sections[title]
		if !ok {
			t.Errorf("no section about %q", title)
			continue
		}
		for _, name := range members(reflect.TypeOf(v)) {
			if !regexp.MustCompile("[`.]" + name + "`").MatchString(body) {
				t.Errorf("the section about %q does not name %q", title, name)
			}
		}
	}
	for title, names := range map[string][]string{
		"audit --fields": {"sealed", "null", "jsonl"}, "audit --count`, `--count-by`, `--histogram": {"count", "time", "null"},
	} {
		for _, name := range names {
			if !strings.Contains(sections[title], "`"+name+"`") {
				t.Errorf("the section about %q does not name %q", title, name)
			}
		}
	}
	for _, code := range []string{"| 125 |", "| 126 |", "| 127 |", "141"} {
		if !strings.Contains(sections["Exit codes"], code) {
			t.Errorf("no word about exit code %s", code)
		}
	}
}

// members returns the names of all members of a type and of what it contains.
func members(t reflect.Type) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		names = append(append(names, name), members(f.Type)...)
	}
	return names
}
