package reconcile_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	hookclaude "github.com/etch-audit/etch/capture/hook/claudecode"
	hookcodex "github.com/etch-audit/etch/capture/hook/codex"
	hookcopilot "github.com/etch-audit/etch/capture/hook/copilot"
	hookgemini "github.com/etch-audit/etch/capture/hook/gemini"
	hookqwen "github.com/etch-audit/etch/capture/hook/qwen"
	"github.com/etch-audit/etch/reconcile"
	"github.com/etch-audit/etch/transcript"
	"github.com/etch-audit/etch/transcript/claudecode"
	"github.com/etch-audit/etch/transcript/codex"
	"github.com/etch-audit/etch/transcript/copilot"
	"github.com/etch-audit/etch/transcript/gemini"
	"github.com/etch-audit/etch/transcript/qwen"
)

// A source is an agent, with the variable that says where it keeps its files.
type source struct {
	agent    *hook.Agent
	format   *transcript.Format
	variable string
}

var sources = map[string]source{
	"claude-code": {hookclaude.Agent(), claudecode.Format(), "CLAUDE_CONFIG_DIR"},
	"codex":       {hookcodex.Agent(), codex.Format(), "CODEX_HOME"},
	"gemini":      {hookgemini.Agent(), gemini.Format(), "GEMINI_CLI_HOME"},
	"qwen":        {hookqwen.Agent(), qwen.Format(), "QWEN_HOME"},
	"copilot":     {hookcopilot.Agent(), copilot.Format(), "COPILOT_HOME"},
}

// A bench is a log, and what an agent wrote in one run.
type bench struct {
	source
	path string // of the log
	dir  string // of the run
	now  time.Time

	together bool // what hooks tell is recorded when all of them have told it
	told     []*etch.Event
}

// newBench returns a new log and the captured run of an agent.
func newBench(t *testing.T, agent, run string) *bench {
	t.Helper()
	b := &bench{source: sources[agent], path: filepath.Join(t.TempDir(), "audit.log"), dir: t.TempDir()}
	if run != "" {
		b.copy(t, filepath.Join("..", "transcript", "testdata", agent, run))
	}
	log, err := etch.Create(b.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	b.now = time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)
	return b
}

// written is when the files of captured runs were written last.
var written = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

// copy copies the captured run, with times that a clone does not have.
func (b *bench) copy(t *testing.T, from string) {
	t.Helper()
	if err := os.CopyFS(b.dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	b.age(t)
}

// age gives all files the time that the captured ones had.
func (b *bench) age(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(b.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		return os.Chtimes(path, written, written)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// open opens the log for writing.
func (b *bench) open(t *testing.T) *etch.Log {
	t.Helper()
	log, err := etch.Open(b.path, &etch.Options{Rotate: etch.BySize}) // midnight leaves all in one file
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return log
}

// A delivered is one line of a run's hooks.jsonl.
type delivered struct {
	Event string          `json:"event"`
	Stdin json.RawMessage `json:"stdin"`
}

// replay records what the hooks of the run told, as "etch hook" does, for those
// that keep holds for; nil for all.
func (b *bench) replay(t *testing.T, keep func(i int, d delivered) bool) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(b.dir, "hooks.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	log := b.open(t)
	sessions := hook.NewSessions(b.path + ".hooks")
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, 1<<20)
	for i := 0; lines.Scan(); i++ {
		var d delivered
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		if keep != nil && !keep(i, d) {
			continue
		}
		b.deliver(t, log, sessions, d, i)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(b.told) > 0 {
		if _, err := log.AppendBatch(t.Context(), b.told); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *bench) deliver(t *testing.T, log *etch.Log, sessions *hook.Sessions, d delivered, i int) {
	t.Helper()
	turn, err := sessions.Begin(t.Context(), &hook.Delivery{
		Agent: b.agent, Event: d.Event, Payload: d.Stdin,
		Getenv: func(string) (string, bool) { return "", false },
		Now:    runBegan.Add(time.Duration(i) * time.Millisecond),
	})
	if err != nil {
		t.Fatal(err)
	}
	if b.together {
		b.told = append(b.told, turn.Events...)
	} else if len(turn.Events) > 0 {
		if _, err := log.AppendBatch(t.Context(), turn.Events); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
	}
	if err := turn.Keep(); err != nil {
		t.Fatal(err)
	}
}

// runBegan is before every call of the captured runs: their hooks tell no time
// of their own.
var runBegan = time.Date(2026, 11, 21, 17, 0, 0, 0, time.UTC)

// options are those of a comparison that records nothing.
func (b *bench) options(t *testing.T) reconcile.Options {
	t.Helper()
	reader, err := etch.OpenReader(b.path)
	if err != nil {
		t.Fatal(err)
	}
	return reconcile.Options{
		Log: reader, Agent: b.agent, Format: b.format, Now: b.now,
		Environment: transcript.Environment{Home: t.TempDir(), Getenv: func(name string) (string, bool) {
			return b.dir, name == b.variable
		}},
	}
}

// A result is what a comparison reported.
type result struct {
	sum      *reconcile.Summary
	calls    []*reconcile.Call
	prompts  []*reconcile.Prompt
	findings []*reconcile.Finding
	sessions []*reconcile.Session
}

// run compares with these options.
func run(ctx context.Context, t *testing.T, opt reconcile.Options) result {
	t.Helper()
	var got result
	sum, err := reconcile.Run(ctx, opt, func(row *reconcile.Row) error {
		switch {
		case row.Call != nil:
			got.calls = append(got.calls, row.Call)
		case row.Prompt != nil:
			got.prompts = append(got.prompts, row.Prompt)
		case row.Finding != nil:
			got.findings = append(got.findings, row.Finding)
		default:
			got.sessions = append(got.sessions, row.Session)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got.sum = sum
	return got
}

// String lists the rows, for messages.
func (r result) String() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%+v\n", *r.sum)
	for _, c := range r.calls {
		fmt.Fprintf(&b, "  %-11s %-22s %s %q unseen=%q %+v filled=%v\n", c.Status, c.Tool, c.ID, c.What, c.Unseen, c.Difference, c.Filled)
	}
	for _, p := range r.prompts {
		fmt.Fprintf(&b, "  prompt of %d bytes at %v, filled=%v\n", p.Bytes, p.Start, p.Filled)
	}
	for _, f := range r.findings {
		fmt.Fprintf(&b, "  %s %s %d calls since %v\n", f.Risk, f.Kind, f.Calls, f.Since)
	}
	return b.String()
}
