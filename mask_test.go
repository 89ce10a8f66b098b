package etch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
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

// TestNamesAreMasked puts a secret into every name that somebody else may choose:
// a model calls tools by names of its own making.
func TestNamesAreMasked(t *testing.T) {
	const secret = "ghp_0123456789abcdefABCDEF0123456789abcd"
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	name := "x-" + secret
	ev := &etch.Event{
		Type:   etch.ToolCall,
		Actor:  &etch.Actor{Channel: name, UserID: name, Username: name, Agent: name, AgentID: name, Model: name, CallerID: name, Host: name},
		Action: &etch.Action{Tool: name, MCPServerID: name, Skill: name, ApprovedBy: name, Arguments: []byte(`{"` + name + `":{"a":[{"\u002d` + secret + `":1}]}}`)},
		Egress: &etch.Egress{Host: name},
		Labels: map[string]string{name: "value", "plain": name},
	}
	if _, err := log.Append(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const places = 8 + 4 + 2 + 1 + 2
	if n := strings.Count(string(stored), "[REDACTED:"); n != places || strings.Contains(string(stored), secret) {
		t.Errorf("got %d masks, want %d:\n%s", n, places, stored)
	}
	if ev.Actor.Agent != name || ev.Labels[name] != "value" {
		t.Errorf("the caller's event was changed: %+v, %v", ev.Actor, ev.Labels)
	}
}
