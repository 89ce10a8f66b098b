package hook_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/golden"
)

// made is an id that a call got here, which no other call has.
var made = regexp.MustCompile(`call_[0-9a-f]{26}`)

// numbered gives made ids numbers in the order in which they come first.
func numbered(lines []byte) []byte {
	known := map[string]int{}
	return made.ReplaceAllFunc(lines, func(id []byte) []byte {
		n, ok := known[string(id)]
		if !ok {
			n = len(known) + 1
			known[string(id)] = n
		}
		return fmt.Appendf(nil, "call_made%d", n)
	})
}

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
			lines := golden.Lines(t, slices.Concat(events...))
			for i, head := range heads {
				got.WriteString(head)
				for range events[i] {
					got.Write(lines[0])
					lines = lines[1:]
				}
			}
			name := filepath.Join("testdata", folder, "events.golden")
			golden.Check(t, name, numbered(got.Bytes()))
		})
	}
}
