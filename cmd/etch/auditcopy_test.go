package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

// A copy for which the state was taken first is as good as the log: what is proved
// is in the answer, also past what that state remembers, and nothing is called
// changed.
func TestCopyWithOlderState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	state := filepath.Join(filepath.Dir(path), "audit.state")
	log, err := etch.Create(path, &etch.Options{Rotate: etch.BySize}) // one segment but for those that are asked for
	if err != nil {
		t.Fatal(err)
	}
	states := map[string][]byte{}
	keep := func(name string) {
		t.Helper()
		b, err := os.ReadFile(state)
		if err != nil {
			t.Fatal(err)
		}
		states[name] = b
	}
	for n := range 3 {
		for i := range 200 {
			ev := &etch.Event{Type: etch.CommandExecution, Actor: &etch.Actor{Username: "alice"}, Action: &etch.Action{Tool: "shell", Command: fmt.Sprintf("run %d command %d.", n, i)}}
			if _, err := log.Append(t.Context(), ev); err != nil {
				t.Fatal(err)
			}
			if i == 100 {
				keep(fmt.Sprintf("in segment %d", n+1))
			}
		}
		keep(fmt.Sprintf("at the end of segment %d", n+1))
		if n == 2 {
			break
		}
		if _, err := log.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		keep(fmt.Sprintf("behind segment %d", n+1))
	}
	if err := log.Close(); err != nil { // which seals it
		t.Fatal(err)
	}
	keep("as it is")
	elsewhere := t.TempDir() // without the keys, by which an old state would be a fault
	names, err := filepath.Glob(filepath.Join(filepath.Dir(path), "audit.*log"))
	if err != nil || len(names) != 3 {
		t.Fatalf("got %q, %v; want 3 segments", names, err)
	}
	for _, name := range names {
		if err := os.Rename(name, filepath.Join(elsewhere, filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	path, state = filepath.Join(elsewhere, "audit.log"), filepath.Join(elsewhere, "audit.state")
	if err := os.WriteFile(state, states["as it is"], 0o600); err != nil {
		t.Fatal(err)
	}
	answer := func(opts auditOptions) string {
		t.Helper()
		std, out, words := console(time.Now())
		opts.place, opts.verifySignatures, opts.grep, opts.utc = &place{log: path}, true, []string{"command 1.*5"}, true
		if err := runAudit(t.Context(), opts, std); err != nil {
			t.Errorf("%+v: %v: %s", opts, err, words)
		}
		return out.String()
	}
	for _, opts := range proofForms {
		want := answer(opts)
		for name, old := range states {
			if err := os.WriteFile(state, old, 0o600); err != nil {
				t.Fatal(err)
			}
			if got := answer(opts); got != want {
				t.Errorf("%+v, a state %s: got\n%s\nwant\n%s", opts, name, got, want)
			}
		}
		if err := os.WriteFile(state, states["as it is"], 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
