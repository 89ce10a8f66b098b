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
	"github.com/etch-audit/etch/verify"
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
		opts.place, opts.verifySignatures, opts.grep, opts.utc = &place{log: path}, true, []string{"FORGED|run 0 command 4"}, true
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

// verified returns a question that has verified its log, and where it writes the answer.
func verified(t *testing.T, path string, opts *auditOptions, grep string) (*audit, *bytes.Buffer) {
	t.Helper()
	reader, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	std, out, _ := console(time.Now())
	opts.place, opts.verifySignatures, opts.utc = &place{log: path}, true, true
	if grep != "" {
		opts.grep = []string{grep}
	}
	q, err := opts.query(std.now())
	if err != nil {
		t.Fatal(err)
	}
	a := &audit{opts: opts, reader: reader, query: q, std: std}
	if err := a.verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a, out
}

// concluded answers a question, and returns what it concludes.
func concluded(t *testing.T, a *audit) error {
	t.Helper()
	run := a.run
	if a.opts.counts() {
		run = a.tally
	}
	if err := run(t.Context(), &config.Resolved{}); err != nil {
		t.Fatal(err)
	}
	return a.conclude(t.Context())
}

// What is changed between the verification and the answer is not shown, and told.
func TestChangedAfterVerified(t *testing.T) {
	for _, opts := range proofForms {
		path := sealedTwice(t, 5)
		a, out := verified(t, path, &opts, "FORGED|command 4")
		edit(t, path, func(b []byte) []byte {
			return bytes.Replace(b, []byte("run 0 command 2"), []byte("run 0 FORGED. 2"), 1)
		})
		err := concluded(t, a)
		told, ok := errors.AsType[*failure](err)
		if !ok || told.exit != exitFailed || !strings.Contains(err.Error(), "changed while it was asked") {
			t.Errorf("%s: got %v, want that it was changed", opts.format, err)
		}
		if strings.Contains(out.String(), "FORGED") {
			t.Errorf("%s: shown: %q", opts.format, out)
		}
	}
}

// Of a damaged log, too, an attempt is hidden by its completion, where both are
// proved; and what claims the number of a proved record behind them hides none.
func TestDamagedHidesAttempts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"done", "open", "done", "later"} {
		ev := &etch.Event{Type: etch.CommandExecution, CallID: id, Phase: etch.Attempt, Action: &etch.Action{Tool: "shell", Command: id}}
		if _, err := log.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
		if id == "open" {
			continue
		}
		ev = &etch.Event{Type: etch.CommandExecution, CallID: id, Phase: etch.Completion, Action: &etch.Action{Tool: "shell", Command: id}}
		if _, err := log.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil { // which seals it
		t.Fatal(err)
	}
	if log, err = etch.Open(path, nil); err != nil {
		t.Fatal(err)
	}
	end := &etch.Event{Type: etch.CommandExecution, CallID: "open", Phase: etch.Completion, Action: &etch.Action{Tool: "shell", Command: "open"}}
	for range 3 {
		if _, err := log.Append(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	forged := regexp.MustCompile(`\{"seq":(\d+),([^\n]*"phase":"completion","call_id":"open")`)
	edit(t, path, func(b []byte) []byte { return forged.ReplaceAll(b, []byte(`{"seq":5,$2`)) })
	for _, opts := range []auditOptions{{format: "jsonl"}, {format: "jsonl", reverse: true}, {format: "short", count: true}} {
		std, out, _ := console(time.Now())
		opts.place, opts.verifySignatures = &place{log: path}, true
		err := runAudit(t.Context(), opts, std)
		if told, ok := errors.AsType[*failure](err); !ok || told.exit != exitFailed {
			t.Fatalf("got %v, want a log that is damaged", err)
		}
		got := strings.Count(out.String(), "\n")
		if opts.count {
			_, err := fmt.Sscan(out.String(), &got)
			if err != nil {
				t.Fatal(err)
			}
		}
		if got != 4 { // three completions, and the attempt that is open as far as is proved
			t.Errorf("count %t, reverse %t: %d rows, want 4:\n%s", opts.count, opts.reverse, got, out)
		}
	}
}

// A segment that takes another's place during the answer is not shown in that one's
// stead.
func TestSwappedAfterVerified(t *testing.T) {
	for _, opts := range proofForms {
		path := filepath.Join(t.TempDir(), "audit.log")
		log, err := etch.Create(path, &etch.Options{NoIndex: true, SealEvery: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		for from := range 2 {
			var events []*etch.Event
			for i := range 300 {
				events = append(events, &etch.Event{Type: etch.CommandExecution, Action: &etch.Action{Tool: "shell", Command: fmt.Sprintf("command %d.", 300*from+i)}})
			}
			_, appendErr := log.AppendBatch(t.Context(), events)
			_, rotateErr := log.Rotate(t.Context())
			if err := errors.Join(appendErr, rotateErr); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		a, out := verified(t, path, &opts, "command 1.?.?[.]")
		first, err := os.ReadFile(filepath.Join(filepath.Dir(path), "audit.000001.log"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "audit.000002.log"), first, 0o600); err != nil {
			t.Fatal(err)
		}
		err = concluded(t, a)
		if told, ok := errors.AsType[*failure](err); !ok || told.exit != exitFailed || a.changed == nil {
			t.Errorf("%+v: got %v, changed %v; want that it was changed", opts, err, a.changed)
		}
		if n := strings.Count(out.String(), "command 122."); n > 1 {
			t.Errorf("%s: command 122 is shown %d times:\n%s", opts.format, n, out)
		}
		if opts.count && strings.TrimSpace(out.String()) != "111" {
			t.Errorf("counted %s, want the 111 that are there", out)
		}
	}
}

// What is not as it was verified is told with all that it may be in.
func TestChangedRegion(t *testing.T) {
	a := audit{}
	region := &verify.RegionError{From: 256, To: 512, First: 1, Last: 2, Err: verify.ErrChanged}
	a.change(&etch.Record{Segment: 2, Offset: 7}, region)
	if got, want := a.changed.Error(), "at least one of the records 256 to 511, in segments 1 to 2, is not what was verified"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	a.changed = nil
	a.change(&etch.Record{Segment: 2, Offset: 7}, verify.ErrChanged)
	if got, want := a.changed.Error(), "segment 2, offset 7: it is not what was verified"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A record that comes again, or against the order, is told and withheld.
func TestRecordAgain(t *testing.T) {
	for _, c := range []struct {
		seq, last uint64
		reverse   bool
		want      bool
	}{{5, 4, false, false}, {4, 4, false, true}, {3, 4, false, true}, {3, 4, true, false}, {4, 4, true, true}, {5, 4, true, true}} {
		a := audit{}
		if got := a.again(&etch.Record{Seq: c.seq}, c.last, c.reverse); got != c.want || (a.changed != nil) != c.want {
			t.Errorf("%d behind %d, reverse %t: got %t, told %v; want %t", c.seq, c.last, c.reverse, got, a.changed, c.want)
		}
	}
}
