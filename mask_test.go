package etch_test

import (
	"cmp"
	"os"
	"path/filepath"
	"reflect"
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
		log, err := etch.Create(path, &etch.Options{Rotate: etch.BySize, Redact: redact.Options{Rules: []redact.Rule{{Name: "pin", Pattern: `pin (\d+)`}}}}) // midnight leaves all in one file
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
	name := "x-" + secret
	ev := &etch.Event{
		Type:   etch.ToolCall,
		Actor:  &etch.Actor{Channel: name, UserID: name, Username: name, Agent: name, AgentID: name, Model: name, CallerID: name, Host: name},
		Action: &etch.Action{Tool: name, MCPServerID: name, Skill: name, ApprovedBy: name, Arguments: []byte(`{"` + name + `":{"a":[{"\u002d` + secret + `":1}]}}`)},
		Egress: &etch.Egress{Host: name},
		Labels: map[string]string{name: "value", "plain": name},
	}
	stored := storedOf(t, ev)
	const places = 8 + 4 + 2 + 1 + 2
	if n := strings.Count(stored, "[REDACTED:"); n != places || strings.Contains(stored, secret) {
		t.Errorf("got %d masks, want %d:\n%s", n, places, stored)
	}
	if ev.Actor.Agent != name || ev.Labels[name] != "value" {
		t.Errorf("the caller's event was changed: %+v, %v", ev.Actor, ev.Labels)
	}
}

// unmasked are the texts of an event that stay as they are: by ids records are found.
var unmasked = map[string]bool{"ID": true, "CallID": true, "SessionID": true, "TurnID": true, "TraceID": true}

// TestEveryTextIsMasked puts a secret into each text that an event has, one after
// the other: one that a later version adds is seen here.
func TestEveryTextIsMasked(t *testing.T) {
	const secret = "ghp_0123456789abcdefABCDEF0123456789abcd"
	texts := 0
	for at, part := range partsOf(&etch.Event{}) {
		typ := reflect.TypeOf(part).Elem()
		for i := range typ.NumField() {
			field := typ.Field(i)
			if field.Type != reflect.TypeFor[string]() {
				continue // one of a list has a type of its own
			}
			texts++
			ev := &etch.Event{Type: etch.ToolCall, Egress: &etch.Egress{}}
			reflect.ValueOf(partsOf(ev)[at]).Elem().Field(i).SetString("x-" + secret)
			if ev.Result.Type = etch.Error; field.Name == "Reason" {
				ev.Result.Type = etch.Blocked
			}
			if ev.Egress.URL == "" {
				ev.Egress.URL = "http://h/"
			}
			stored := storedOf(t, ev)
			if got := strings.Contains(stored, secret); got != (at == 0 && unmasked[field.Name]) {
				t.Errorf("%s.%s: stored in the clear: %v\n%s", typ.Name(), field.Name, got, stored)
			}
		}
	}
	if texts < 27 {
		t.Errorf("got %d texts, want 27 or more", texts)
	}
}

// partsOf returns the event and its parts, which it makes where they are missing.
func partsOf(ev *etch.Event) []any {
	ev.Actor, ev.Action, ev.Result, ev.Security = cmp.Or(ev.Actor, &etch.Actor{}), cmp.Or(ev.Action, &etch.Action{}), cmp.Or(ev.Result, &etch.Result{}), cmp.Or(ev.Security, &etch.Security{})
	ev.Egress = cmp.Or(ev.Egress, &etch.Egress{})
	return []any{ev, ev.Actor, ev.Action, ev.Result, ev.Security, ev.Egress}
}

// storedOf returns the log that one event was written to.
func storedOf(t *testing.T, ev *etch.Event) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
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
	return string(stored)
}
