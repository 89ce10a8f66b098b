package reconcile_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

var both = []etch.Phase{etch.Attempt, etch.Completion}

const hour = 3600

func ls(session string) hook.Call { return call(session, "Bash_0", "ls", etch.Success) }

// sameIDs are calls of one id, and mostly of one input.
var sameIDs = map[string]struct {
	record  func(t *testing.T, b *bench)
	files   map[string][]string
	session string // that is asked for
	want    string
}{
	"in another session": {
		func(t *testing.T, b *bench) { b.record(t, at(0, ls("A")), both...) },
		map[string][]string{"A": {said("A", "Bash_0", 0, "ls", "")}, "B": {said("B", "Bash_0", 5*hour, "ls", "")}},
		"",
		"missing Bash_0; hooks-silent",
	},
	"in another session, asked for alone": {
		func(t *testing.T, b *bench) { b.record(t, at(0, ls("A")), both...) },
		map[string][]string{"A": {said("A", "Bash_0", 0, "ls", "")}, "B": {said("B", "Bash_0", 5*hour, "ls", "")}},
		"B",
		"missing Bash_0; hooks-silent",
	},
	"in another session at once": {
		func(t *testing.T, b *bench) { b.record(t, at(0, ls("A")), both...) },
		map[string][]string{"A": {said("A", "Bash_0", 0, "ls", "")}, "B": {said("B", "Bash_0", 1, "ls", "")}},
		"B",
		"missing Bash_0; hooks-silent",
	},
	"lost in both": {
		func(*testing.T, *bench) {},
		map[string][]string{"A": {said("A", "Bash_0", 0, "ls", "")}, "B": {said("B", "Bash_0", 5*hour, "ls", "")}},
		"",
		"missing Bash_0; missing Bash_0; hooks-silent; hooks-silent",
	},
	"in the same, the second lost": {
		func(t *testing.T, b *bench) { b.record(t, at(0, ls("A")), both...) },
		map[string][]string{"A": {said("A", "Bash_0", 0, "ls", ""), said("A", "Bash_0", 5*hour, "ls", "")}},
		"",
		"missing Bash_0; hooks-stopped",
	},
	"in the same, the first lost": {
		func(t *testing.T, b *bench) { b.record(t, at(5*hour, ls("A")), both...) },
		map[string][]string{"A": {said("A", "Bash_0", 0, "ls", ""), said("A", "Bash_0", 5*hour, "ls", "")}},
		"",
		"missing Bash_0",
	},
	"in the same, none lost": {
		func(t *testing.T, b *bench) {
			b.record(t, at(0, ls("A")), both...)
			b.record(t, at(5*hour, ls("A")), both...)
		},
		map[string][]string{"A": {said("A", "Bash_0", 0, "ls", ""), said("A", "Bash_0", 5*hour, "ls", "")}},
		"", "",
	},
	"in the same, none lost, of a clock that nothing is known of": {
		func(t *testing.T, b *bench) {
			b.record(t, at(9*hour, ls("A")), both...)
			b.record(t, at(9*hour+1, ls("A")), both...)
		},
		map[string][]string{"A": {said("A", "Bash_0", 0, "ls", ""), said("A", "Bash_0", 5*hour, "ls", "")}},
		"", "",
	},
	"in the same, within minutes": {
		func(t *testing.T, b *bench) {
			b.record(t, at(0, ls("A")), both...)
			b.record(t, at(60, ls("A")), etch.Attempt)
			b.record(t, at(180, ls("A")), both...)
		},
		map[string][]string{"A": {said("A", "Bash_0", 0, "ls", ""), said("A", "Bash_0", 60, "ls", ""), said("A", "Bash_0", 120, "ls", ""), said("A", "Bash_0", 180, "ls", "")}},
		"",
		"open Bash_0; missing Bash_0",
	},
	"by a sub-agent": {
		func(t *testing.T, b *bench) { b.record(t, at(0, ls("A")), both...) },
		map[string][]string{"A": {said("A", "Bash_0", 0, "ls", "")}, "A/subagents/agent-zz": {said("A", "Bash_0", 60, "ls", "")}},
		"",
		"missing Bash_0; hooks-stopped",
	},
	"by a sub-agent, beside": {
		func(t *testing.T, b *bench) { b.record(t, at(0, ls("A")), both...) },
		map[string][]string{"A": {said("A", "Bash_0", 0, "ls", "")}, "agent-zz": {said("A", "x", 60, "rm x", "")}},
		"",
		"missing x; hooks-stopped",
	},
	"of another input": {
		func(t *testing.T, b *bench) { b.record(t, at(60, ls("A")), both...) },
		map[string][]string{"A": {said("A", "Bash_0", 0, "rm -rf /", ""), said("A", "Bash_0", 60, "ls", "")}},
		"",
		"missing Bash_0",
	},
	"of a session that has lost it, in another's file": {
		func(t *testing.T, b *bench) { b.record(t, at(0, ls("A")), both...) },
		map[string][]string{"A": {said("A", "Bash_0", 0, "ls", "")}, "B": {said("A", "Bash_1", 60, "pwd", "")}},
		"",
		"missing Bash_1",
	},
	"twice, by a spool and by a fill": {
		func(t *testing.T, b *bench) {
			b.record(t, at(0, ls("A")), both...)
			b.record(t, at(5*hour, ls("A")), both...)
			b.record(t, at(5*hour+1, ls("A")), both...)
		},
		map[string][]string{"A": {said("A", "Bash_0", 0, "ls", ""), said("A", "Bash_0", 5*hour, "ls", "")}},
		"",
		"twice Bash_0",
	},
	"of a clock that was set back": {
		func(*testing.T, *bench) {},
		map[string][]string{"A": {`{"type":"queue-operation","timestamp":"2026-11-21T10:00:00Z","sessionId":"A"}`, said("A", "Bash_0", -1, "rm -rf /data", "")}},
		"",
		"missing Bash_0; hooks-silent",
	},
	"of a fork that its head tells, of a call that nobody recorded": {
		func(t *testing.T, b *bench) { b.record(t, call("C", "x", "pwd", etch.Success), both...) },
		map[string][]string{
			"P": {said("P", "Bash_0", 0, "ls", "")},
			"C": {`{"type":"queue-operation","timestamp":"2026-11-21T10:01:00Z","sessionId":"C"}`, said("C", "Bash_0", 0, "ls", ""), said("C", "x", 61, "pwd", "")},
		},
		"",
		"missing Bash_0; hooks-silent",
	},
}

// A call that another session, or the same one, has under the same id and input at another
// time is one of its own: servers of models count calls anew.
func TestSameIDAndInput(t *testing.T) {
	for name, c := range sameIDs {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "claude-code", "")
			c.record(t, b)
			for _, file := range slices.Sorted(maps.Keys(c.files)) {
				b.write(t, filepath.FromSlash(file), c.files[file]...)
			}
			opt := b.options(t)
			opt.Select.Session = c.session
			if got := run(t.Context(), t, opt); got.rows() != c.want {
				t.Errorf("got %s, want %s\n%v", got.rows(), c.want, got)
			}
			if !strings.Contains(c.want, "twice") {
				b.checkFill(t, run(t.Context(), t, b.options(t)))
			}
		})
	}
}

// The ends that were made because nothing was heard any more are guesses: the agent's own, and
// the transcript's, count in their place.
func TestInferredEnd(t *testing.T) {
	use, res, _ := strings.Cut(said("A", "c1", 0, "./deploy-prod", ""), "\n")
	for i := range 8 {
		recorded, end, told := []etch.Phase{etch.Attempt}[:i&1], []string{hook.EndKilled, hook.EndSessionEnded}[i>>1&1], i>>2 == 1
		t.Run(fmt.Sprintf("%v %s told=%v", recorded, end, told), func(t *testing.T) {
			b := newBench(t, "claude-code", "")
			b.record(t, at(0, call("A", "c1", "./deploy-prod", "")), recorded...)
			if end == hook.EndSessionEnded {
				b.append(t, &etch.Event{
					Timestamp: began.Add(time.Minute), Type: etch.SessionEnd, SessionID: "A", Actor: &etch.Actor{Agent: "claude-code"},
					Labels: map[string]string{"capture": hook.SourceHook},
				})
			}
			b.write(t, "A", use)
			opt := b.options(t)
			log, err := etch.Open(b.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			opt.Fill, opt.Settled = log, func(_ context.Context, _ string, calls ...hook.SettledCall) error {
				t.Errorf("hooks are told that %v are over", calls)
				return nil
			}
			run(t.Context(), t, opt)
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			events := b.all(t)
			if last := events[len(events)-1]; last.Labels[etch.LabelInferred] == "" || last.Labels["end"] != end || last.Result.Type != etch.Error {
				t.Errorf("the end is %+v %v, want one that was inferred: %s", last.Result, last.Labels, end)
			}
			if again := b.fill(t); again.sum.Filled > 0 || again.sum.Lacking() > 0 {
				t.Errorf("a second fill: %v", again)
			}

			b.write(t, "A", use, res)
			if told {
				b.record(t, at(0, call("A", "c1", "./deploy-prod", etch.Success)), etch.Completion)
				if got := run(t.Context(), t, b.options(t)); got.rows() != "" || got.sum.Recorded != 1 {
					t.Errorf("with the agent's own word behind it: %s\n%v", got.rows(), got)
				}
				return
			}
			got := run(t.Context(), t, b.options(t))
			if got.rows() != "guessed c1 outcome" || got.sum.Lacking() != 1 {
				t.Errorf("with the end in the transcript: %s\n%v", got.rows(), got)
			}
			b.checkFill(t, got)
			if rows := b.rows(t); len(rows) != 1 || !strings.HasSuffix(rows[0], " success") {
				t.Errorf("the log shows %v", rows)
			}
		})
	}
}

// What was filled is found again, also where the hooks have another clock, and where the
// transcript tells of no end.
func TestFilledUnderAnotherClock(t *testing.T) {
	b := newBench(t, "claude-code", "")
	var lines []string
	for i := range 3 {
		id := fmt.Sprintf("c%d", i)
		b.record(t, at(i+9*hour, call("A", id, "ls", etch.Success)), both...)
		lines = append(lines, said("A", id, i, "ls", ""))
	}
	use, _, _ := strings.Cut(said("A", "c1", 30, "pwd", ""), "\n")
	b.write(t, "A", append(lines, use)...)
	b.checkFill(t, run(t.Context(), t, b.options(t)))
}
