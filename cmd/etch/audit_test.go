package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/vfs"
)

// console is the stdio of a test: nothing of its environment.
func console(now time.Time) (std stdio, out, words *bytes.Buffer) {
	out, words = new(bytes.Buffer), new(bytes.Buffer)
	return stdio{
		in: strings.NewReader(""), out: out, err: words,
		env: func(string) (string, bool) { return "", false },
		now: func() time.Time { return now },
	}, out, words
}

// eventsIn returns all events of a log, in its order.
func eventsIn(t *testing.T, path string) []etch.Event {
	t.Helper()
	r, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	var events []etch.Event
	for rec, err := range r.Records(t.Context(), etch.Query{AllPhases: true}) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, rec.Event)
	}
	return events
}

// testLog makes a log of n events in a fresh directory and returns its path.
func testLog(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, &etch.Options{Rotate: etch.BySize, SealEvery: time.Hour}) // the numbers are those of the events
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		ev := &etch.Event{
			Type: etch.CommandExecution, Timestamp: time.Date(2026, 2, 16, 23, 30, i, 0, time.UTC),
			Action: &etch.Action{Tool: "shell", Command: fmt.Sprint("command ", i), Risk: etch.RiskLow},
		}
		if _, err := log.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// The zone is that of the clock, for what is asked and for what is shown.
func TestAuditInLocalTime(t *testing.T) {
	path := testLog(t, 1)
	zone := time.FixedZone("WIB", 7*3600)
	std, out, _ := console(time.Date(2026, 2, 17, 12, 0, 0, 0, zone))
	for _, test := range []struct {
		since string
		utc   bool
		want  string
	}{
		{"today", false, "Tuesday, 2026-02-17 (WIB, +07:00)"}, // 06:30 there
		{"2026-02-17 06:30", false, "06:30:00"},
		{"2026-02-16 23:30", true, "Monday, 2026-02-16 (UTC)"},
		{"2026-02-17 06:31", false, ""},
		{"today", true, ""},
	} {
		out.Reset()
		opts := auditOptions{place: &place{log: path}, format: "table", since: test.since, utc: test.utc}
		if err := runAudit(t.Context(), opts, std); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); !strings.Contains(got, test.want) || (test.want == "") != (got == "") {
			t.Errorf("--since %q, utc %v: got %q, want %q in it", test.since, test.utc, got, test.want)
		}
	}
}

// A record is shown while the next one is still looked for.
func TestSinkShowsAtOnce(t *testing.T) {
	shown, w := io.Pipe()
	std, _, _ := console(time.Now())
	a := audit{opts: &auditOptions{format: "table"}, std: std}
	s := newSink(&output{Writer: w}, a.renderer, func() {})
	if err := s.add(&etch.Record{Seq: 17, Event: etch.Event{Type: etch.SessionStart}}); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(shown)
	for range 3 { // header, day, row
		if !lines.Scan() {
			t.Fatal("nothing came")
		}
	}
	if got := lines.Text(); !strings.Contains(got, "session_start") {
		t.Errorf("got %q", got)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// What cannot be written is an error, once, and ends the command.
func TestSinkFails(t *testing.T) {
	broken := errors.New("broken")
	std, _, _ := console(time.Now())
	for _, format := range auditFormats {
		a := audit{opts: &auditOptions{format: format}, std: std}
		s := newSink(&output{Writer: failing{broken}}, a.renderer, func() {})
		err := s.add(&etch.Record{Raw: []byte("{}"), Event: etch.Event{Type: etch.ToolCall, Action: &etch.Action{}}})
		if err == nil {
			err = s.close()
		} else if again := s.abandon(); again != nil {
			t.Errorf("%s: abandon after %v: %v", format, err, again)
		}
		if !errors.Is(err, broken) {
			t.Errorf("%s: got %v, want %v", format, err, broken)
		}
	}
}

// What a terminal shows moves no cursor in any format. Elsewhere the stored
// bytes are what they are.
func TestScreen(t *testing.T) {
	std, _, _ := console(time.Now())
	line := []byte("{\"a\":\"\u009b2J\u202e\"}")
	const bad = "\x1b[2J\u009b\u202e"
	record := etch.Record{Raw: line, Event: etch.Event{Type: etch.ToolCall, SessionID: bad, Action: &etch.Action{Tool: bad, Command: bad}}}
	for _, format := range auditFormats {
		for _, screen := range []bool{true, false} {
			var out bytes.Buffer
			a := audit{opts: &auditOptions{format: format}, std: std}
			s := newSink(&output{Writer: &out, screen: screen}, a.renderer, func() {})
			if err := errors.Join(s.add(&record), s.close()); err != nil {
				t.Fatal(err)
			}
			if screen && strings.ContainsAny(out.String(), "\x1b\u009b\u202e") {
				t.Errorf("%s lets through what a terminal obeys: %q", format, out.String())
			}
			if want := string(line) + "\n"; format == "jsonl" && !screen && out.String() != want {
				t.Errorf("got %q, want %q", out.String(), want)
			}
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// A file that is not committed leaves no trace, and one that is, is private.
func TestOutputFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.json")
	log := filepath.Join(t.TempDir(), "audit.log")
	held := keys.At(vfs.OS(), filepath.Join(filepath.Dir(log), "audit.keys"), "")
	for _, commit := range []bool{false, true} {
		out, err := newOutputFile(path, log, held)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte("[]\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Fatalf("the file is there before it is whole (%v)", err)
		}
		if commit {
			if err := out.commit(); err != nil {
				t.Fatal(err)
			}
		}
		if err := out.discard(); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if (len(entries) == 1) != commit {
			t.Errorf("commit %v: %d files are left", commit, len(entries))
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "[]\n" {
		t.Errorf("got %q, %v", text, err)
	}
}

// An interrupted export leaves what was there.
func TestInterruptedOutput(t *testing.T) {
	path := testLog(t, 3)
	file := filepath.Join(t.TempDir(), "audit.json")
	if err := os.WriteFile(file, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	std, _, _ := console(time.Now())
	err := runAudit(ctx, auditOptions{place: &place{log: path}, format: "json", output: file}, std)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	text, err := os.ReadFile(file)
	if err != nil || string(text) != "before" {
		t.Errorf("the file holds %q (%v)", text, err)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files, want 1 (%v)", len(entries), err)
	}
}

func TestSparesLog(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "audit.log")
	for _, name := range []string{log, filepath.Join(dir, "elsewhere", "x"), filepath.Join(dir, "vault", "mac"), filepath.Join(dir, "kept", "identity.key")} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, own := range []string{"audit.keys", "audit.index", "audit.torn", "audit.spool/1000", "audit.hooks"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(own)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	held := keys.At(vfs.OS(), filepath.Join(dir, "kept"), filepath.Join(dir, "vault", "mac"))
	for name, refused := range map[string]bool{
		"audit.log": true, "audit.state": true, "audit.lock": true, "audit.lock.turn": true, "audit.log.new": true,
		"audit.000001.log": true, "audit.000001.log.zst": true, "elsewhere/../audit.log": true,
		"audit.keys/epoch.key": true, "audit.keys/new": true,
		"kept/mac.key": true, "kept/new": true, "vault/mac": true, "vault/new": false, // as configured
		"audit.commit": true, "audit.zst.lock": true, "audit.import.lock": true, "audit.daemon.lock": true, "audit.sock": true,
		"audit.torn": true, "audit.index": true, "audit.torn/new": true, "audit.spool/1000/new": true, "audit.hooks/new": true,
		"audit.index/000001.idx": true, "audit.index/000001.at": true, "audit.index/new": true,
		"audit.state.csv": false, "audit.new.csv": false, "audit.json": false, "other.log": false, "elsewhere/audit.log": false, "audit.1.log": false,
	} {
		err := sparesLog(filepath.Join(dir, filepath.FromSlash(name)), log, held)
		if (err != nil) != refused {
			t.Errorf("%s: got %v, refused should be %v", name, err, refused)
		}
	}
}

// What was recorded after the log was verified is neither shown nor taken for a
// seal of what is.
func TestVerifiedThenRecorded(t *testing.T) {
	path := testLog(t, 3)
	reader, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	std, out, _ := console(time.Now())
	opts := &auditOptions{place: &place{log: path}, format: "jsonl", verifySignatures: true}
	q, err := opts.query(std.now())
	if err != nil {
		t.Fatal(err)
	}
	a := audit{opts: opts, reader: reader, query: q, std: std}
	if err := a.verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	verified := a.sealed.Size()
	log, err := etch.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), &etch.Event{Type: etch.CommandExecution, Action: &etch.Action{Command: "later"}}); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil { // which seals it
		t.Fatal(err)
	}
	if before, _ := a.query.Before.Get(); verified == 0 || before != verified {
		t.Errorf("%d records are asked for, want the %d that are proved", before, verified)
	}
	if err := a.run(t.Context(), &config.Resolved{}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "\n"); got != 3 || strings.Contains(out.String(), "later") {
		t.Errorf("got %d records, want the 3 that were verified:\n%s", got, out)
	}
}

// A proven attempt is shown whatever completion somebody without keys has put
// behind it.
func TestUnprovenCompletion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	ev := &etch.Event{Type: etch.ToolCall, Phase: etch.Attempt, CallID: "call_0", Action: &etch.Action{Tool: "shell", Command: "rm -rf /"}}
	log, err := etch.Create(path, nil)
	for _, ev.Phase = range []etch.Phase{etch.Attempt, etch.Completion} {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Phase == etch.Completion {
			ev.Result = &etch.Result{Type: etch.Error, Message: "before"}
		}
		if _, err := log.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil { // which seals it
			t.Fatal(err)
		}
		if ev.Phase == etch.Attempt {
			log, err = etch.Open(path, nil)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(b, []byte("before"), []byte("behind"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, opts := range []auditOptions{{format: "jsonl"}, {format: "short", count: true}} {
		std, out, _ := console(time.Now())
		opts.place, opts.verifySignatures = &place{log: path}, true
		err := runAudit(t.Context(), opts, std)
		if told, ok := errors.AsType[*failure](err); !ok || told.exit != exitFailed {
			t.Fatalf("got %v, want a log that is damaged", err)
		}
		if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"phase":"attempt"`) && got != "1\n" {
			t.Errorf("got %q, want the attempt", got)
		}
	}
}

// What has the same call id is no pair of another call, and however many there
// are, few are held.
func TestShowPairs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	event := func(phase etch.Phase, session string) *etch.Event {
		return &etch.Event{Type: etch.ToolCall, Phase: phase, CallID: "call_0", SessionID: session, Action: &etch.Action{Tool: "shell", Command: "ls"}}
	}
	batch := []*etch.Event{event(etch.Attempt, "s1"), event(etch.Completion, "s2")}
	for range 20 {
		batch = append(batch, event(etch.Attempt, "s2"))
	}
	if _, err := log.AppendBatch(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	s := search{ctx: t.Context(), reader: reader}
	for _, test := range []struct {
		seq     string
		pairs   int
		outcome string
	}{{"2", 0, "open"}, {"13", 16, "open"}, {"23", 8, "open"}} {
		got, err := s.answer(test.seq)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.pairs) != test.pairs || got.Outcome != test.outcome {
			t.Errorf("record %s: got %d pairs and the outcome %q, want %d and %q", test.seq, len(got.pairs), got.Outcome, test.pairs, test.outcome)
		}
		if !slices.IsSortedFunc(got.pairs, func(a, b etch.Record) int { return int(a.Seq) - int(b.Seq) }) {
			t.Errorf("record %s: its pairs are in no order", test.seq)
		}
	}
}
