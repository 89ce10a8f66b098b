package etch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/redact"
)

// TestMaskedEqual shows that equal secrets are equal within one log, and in no
// other, and that rules of the caller's own are used.
func TestMaskedEqual(t *testing.T) {
	tag := regexp.MustCompile(`\[REDACTED:(password|pin):([0-9a-f]{8})\]`)
	var logs [][]string
	for range 2 {
		path := filepath.Join(t.TempDir(), "audit.log")
		log, err := etch.Create(path, &etch.Options{Redact: redact.Options{Rules: []redact.Rule{{Name: "pin", Pattern: `pin (\d+)`}}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"PASSWORD=hunter2 a", "mysql -phunter2 b", "mysql -pother c", "pin 4711"} {
			if _, err := log.Append(t.Context(), &etch.Event{Type: etch.CommandExecution, Action: &etch.Action{Command: command}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		stored, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var tags []string
		for _, m := range tag.FindAllStringSubmatch(string(stored), -1) {
			tags = append(tags, m[2])
		}
		if len(tags) != 4 {
			t.Fatalf("got %d masks with tags, want 4:\n%s", len(tags), stored)
		}
		logs = append(logs, tags)
	}
	if a := logs[0]; a[0] != a[1] || a[1] == a[2] {
		t.Errorf("one secret twice, then another: got the tags %q", a[:3])
	}
	if logs[0][0] == logs[1][0] {
		t.Errorf("one secret in two logs has one tag %q", logs[0][0])
	}
}

func TestBadRedactRules(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, &etch.Options{Redact: redact.Options{Allow: []string{"("}}})
	if err == nil {
		t.Fatalf("got a log, want an error: %v", log.Close())
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("stat of the log = %v, want not found", err)
	}
}
