package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
)

// sealedTwice makes a log of two closed runs of n events each, and returns its
// path.
func sealedTwice(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	open := etch.Create
	for run := range 2 {
		log, err := open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			ev := &etch.Event{Type: etch.CommandExecution, Actor: &etch.Actor{Username: "alice"}, Action: &etch.Action{Tool: "shell", Command: fmt.Sprintf("run %d command %d", run, i)}}
			if _, err := log.Append(t.Context(), ev); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Close(); err != nil { // which seals it
			t.Fatal(err)
		}
		open = etch.Open
	}
	return path
}

// edit changes a file in place.
func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	after := change(bytes.Clone(b))
	if bytes.Equal(after, b) {
		t.Fatal("nothing was changed")
	}
	if err := os.WriteFile(path, after, 0o600); err != nil {
		t.Fatal(err)
	}
}

// proofForms are the ways to be shown records or numbers of them.
var proofForms = []auditOptions{
	{format: "jsonl"},
	{format: "json"},
	{format: "csv"},
	{format: "short"},
	{format: "table"},
	{format: "zeph"},
	{format: "table", fields: []string{"seq", "command"}},
	{format: "jsonl", reverse: true},
	{format: "jsonl", limit: 3, limitSet: true},
	{format: "short", count: true},
	{format: "short", countBy: []string{"command"}},
	{format: "short", histogram: "1d"},
}

// A line that claims the number of one that is proved is not proved by that.
func TestForgedNumber(t *testing.T) {
	path := sealedTwice(t, 5)
	forged := regexp.MustCompile(`\{"seq":\d+,([^\n]*)run 1 command 3`)
	edit(t, path, func(b []byte) []byte { return forged.ReplaceAll(b, []byte(`{"seq":2,${1}run 1 FORGED 3`)) })
	for _, opts := range proofForms {
		std, out, _ := console(time.Now())
		opts.place, opts.verifySignatures, opts.grep, opts.utc = &place{log: path}, true, "FORGED|run 0 command 4", true
		err := runAudit(t.Context(), opts, std)
		if told, ok := errors.AsType[*failure](err); !ok || told.exit != exitFailed {
			t.Fatalf("%+v: got %v, want a log that is damaged", opts, err)
		}
		got := out.String()
		one := strings.Contains(got, "run 0 command 4") || strings.HasPrefix(got, "1") // number
		if strings.Contains(got, "FORGED") || !one {
			t.Errorf("%s, fields %v, count %t: got %q, want what is proved alone", opts.format, opts.fields, opts.counts(), got)
		}
	}
}

// What is changed between the verification and the answer is not shown, and told.
func TestChangedAfterVerified(t *testing.T) {
	for _, opts := range proofForms {
		path := sealedTwice(t, 5)
		reader, err := etch.OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		std, out, _ := console(time.Now())
		opts.place, opts.verifySignatures, opts.grep, opts.utc = &place{log: path}, true, "FORGED|command 4", true
		q, err := opts.query(std.now())
		if err != nil {
			t.Fatal(err)
		}
		a := audit{opts: &opts, reader: reader, query: q, std: std}
		if err := a.verify(t.Context()); err != nil {
			t.Fatal(err)
		}
		edit(t, path, func(b []byte) []byte {
			return bytes.Replace(b, []byte("run 0 command 2"), []byte("run 0 FORGED. 2"), 1)
		})
		run := a.run
		if opts.counts() {
			run = a.tally
		}
		if err := run(t.Context(), &config.Resolved{}); err != nil {
			t.Fatal(err)
		}
		err = a.conclude(t.Context())
		told, ok := errors.AsType[*failure](err)
		if !ok || told.exit != exitFailed || !strings.Contains(err.Error(), "changed while it was asked") {
			t.Errorf("%s: got %v, want that it was changed", opts.format, err)
		}
		if strings.Contains(out.String(), "FORGED") {
			t.Errorf("%s: shown: %q", opts.format, out)
		}
	}
}
