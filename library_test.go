package etch_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
)

// sendMail is a tool of an agent: it does not act unless that is on record.
func sendMail(ctx context.Context, audit etch.Recorder, to, text string) error {
	call, err := etch.Begin(ctx, audit, &etch.Event{
		Type:   etch.ToolCall,
		Action: &etch.Action{Tool: "send_mail", Resource: "mailto:" + to, Allowed: true},
	})
	if err != nil {
		return err // not on record: do not act
	}
	err = deliver(to, text)
	return errors.Join(err, call.End(ctx, etch.ResultOf(err)))
}

// serveTurn says whose turn it is: what is recorded with its context is theirs.
func serveTurn(ctx context.Context, audit etch.Recorder, user, session string) error {
	ctx = etch.WithScope(ctx, etch.Scope{Actor: etch.Actor{Username: user, Agent: "helper"}, SessionID: session})
	return sendMail(ctx, audit, "bob@example.com", "hello")
}

func deliver(string, string) error { return errors.New("mailbox full") }

// An agent's own tools, recorded before and after each call.
func Example_library() {
	dir, err := os.MkdirTemp("", "etch-example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // an example's own directory
	path := filepath.Join(dir, "audit.log")
	audit, err := etch.Create(path, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := serveTurn(context.Background(), audit, "@alice", "s1"); err != nil {
		fmt.Println(err)
	}
	if err := audit.Close(); err != nil {
		log.Fatal(err)
	}
	r, err := etch.OpenReader(path)
	if err != nil {
		log.Fatal(err)
	}
	for rec, err := range r.Records(context.Background(), etch.Query{User: "alice"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rec.Event.SessionID, rec.Event.Action.Tool, rec.Event.Action.Resource, rec.Event.Result.Message)
	}
	// Output:
	// mailbox full
	// s1 send_mail mailto:bob@example.com mailbox full
}

// What docs/library.md shows as Go is what runs here and in the examples of the
// packages that it tells of.
func TestLibraryCode(t *testing.T) {
	examples := []string{"library_test.go"}
	for _, name := range []string{"audithttp", "auditslog", "execwrap", "mcpsdk"} {
		examples = append(examples, "capture/"+name+"/example_test.go")
	}
	shown := map[string]bool{}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read(t, "docs/library.md"), -1)
	if len(blocks) == 0 {
		t.Fatal("docs/library.md shows no Go")
	}
	for _, b := range blocks {
		in := ""
		for _, path := range examples {
			if strings.Contains(read(t, path), b[1]) {
				in, shown[path] = path, true
			}
		}
		if in == "" {
			t.Errorf("this Go of docs/library.md is in no example, byte for byte:\n%s", b[1])
		}
	}
	for _, path := range examples {
		if !shown[path] {
			t.Errorf("docs/library.md shows nothing of %s", path)
		}
	}
}
