package hook_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// envelope is what differs from log to log.
var envelope = regexp.MustCompile(`"seq":\d+,|"event_id":"evt_[0-9a-z]{26}",|,"signature":"[^"]*"`)

// What each captured delivery of each agent is recorded as, line by line as it
// stands in a log.
func TestGolden(t *testing.T) {
	for _, folder := range []string{"claudecode", "codex", "copilot", "gemini", "opencode", "qwen"} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			byRun, runs := captures(t, folder)
			var heads []string
			var events [][]*etch.Event
			for _, run := range runs {
				if run == "mode_stop_exit2" {
					continue // forty times one turn
				}
				l := newTestLog(t, agents[folder])
				for i, c := range byRun[run] {
					l.now = l.now.Truncate(time.Second).Add(time.Second)
					events = append(events, l.deliver(c.Event, string(c.Stdin)))
					heads = append(heads, fmt.Sprintf("# %s %d %s\n", run, i, c.Event))
				}
			}
			lines := linesOf(t, slices.Concat(events...))
			for i, head := range heads {
				got.WriteString(head)
				for range events[i] {
					got.Write(lines[0])
					lines = lines[1:]
				}
			}
			name := filepath.Join("testdata", folder, "events.golden")
			if *update {
				if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got.String()); d != "" {
				t.Errorf("%s (-want +got; -update writes it anew):\n%s", name, d)
			}
		})
	}
}

// linesOf returns the lines of a log in which the events are, without what
// belongs to the log.
func linesOf(t *testing.T, events []*etch.Event) [][]byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log", "audit.jsonl")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	log, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if _, err := log.Append(t.Context(), e); err != nil {
			t.Fatalf("append %+v: %v", e, err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for line := range bytes.Lines(file) {
		if !bytes.Contains(line, []byte(`"event_type":"log_`)) {
			out = append(out, envelope.ReplaceAll(line, nil))
		}
	}
	if len(out) != len(events) {
		t.Fatalf("%d events gave %d lines", len(events), len(out))
	}
	return out
}
