package reconcile_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/google/go-cmp/cmp"
)

// prompts returns the prompts of a log, a line each, without where they are from.
func (b *bench) prompts(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, ev := range b.all(t) {
		if ev.Type == etch.UserPrompt {
			list = append(list, strings.Join([]string{ev.SessionID, ev.Actor.Agent, ev.Action.Cwd, string(ev.Action.Arguments)}, " "))
		}
	}
	return list
}

// isPrompt reports whether a delivery tells of a prompt.
func isPrompt(d delivered) bool {
	switch d.Event {
	case "UserPromptSubmit", "BeforeAgent", "userPromptSubmitted":
		return true
	}
	return false
}

// Prompts of which no hook told are missing, and recorded as the hooks would have
// recorded them; those of which hooks told are not, whatever the agent writes down.
func TestPrompts(t *testing.T) {
	for _, c := range []struct{ agent, run string }{
		{"claude-code", "basic"},
		{"claude-code", "sub"},
		{"claude-code", "tty"},
		{"claude-code", "fork"},
		{"codex", "basic"},
		{"codex", "tty"},
		{"gemini", "basic"},
		{"gemini", "tty"},
		{"qwen", "basic"},
		{"copilot", "basic"},
	} {
		for _, keep := range []bool{false, true} {
			t.Run(c.agent+"/"+c.run, func(t *testing.T) {
				told := newBench(t, c.agent, c.run)
				told.replay(t, nil)
				want := told.prompts(t)
				if len(want) == 0 {
					t.Fatal("no hook of this run tells of a prompt")
				}
				b := newBench(t, c.agent, c.run)
				b.replay(t, func(_ int, d delivered) bool { return !isPrompt(d) })
				got := run(t.Context(), t, b.options(t))
				if got.sum.PromptsMissing != len(want) || len(got.prompts) != len(want) || got.sum.Lacking() < len(want) {
					t.Errorf("missing %d of %d prompts: %v", got.sum.PromptsMissing, len(want), got)
				}
				if keep { // and as texts
					opt := b.options(t)
					opt.Recording = hook.Recording{Prompts: true}
					log := b.open(t)
					opt.Fill = log
					run(t.Context(), t, opt)
					for _, line := range b.prompts(t) {
						if !strings.Contains(line, `{"prompt":"`) {
							t.Errorf("no text: %s", line)
						}
					}
				} else {
					b.checkFill(t, got)
					got := b.prompts(t)
					slices.Sort(got)
					slices.Sort(want)
					if c.agent == "gemini" { // where it was tells a file beside the transcripts, which was not captured
						for i := range want {
							want[i] = strings.Replace(want[i], " /home/dev/project ", "  ", 1)
						}
					}
					if diff := cmp.Diff(got, want); diff != "" {
						t.Errorf("recorded (-got +want):\n%s", diff)
					}
				}
				if after := run(t.Context(), t, b.options(t)); after.sum.PromptsMissing != 0 {
					t.Errorf("after the fill: %v", after)
				}
				for _, ev := range b.all(t) {
					if ev.Type == etch.UserPrompt && ev.Labels["capture"] != hook.SourceTranscript {
						t.Errorf("not marked: %v", ev.Labels)
					}
				}
			})
		}
	}
}

// One of two prompts is lost: it alone is missing. One that came a moment ago is not
// judged.
func TestPromptLost(t *testing.T) {
	b := newBench(t, "codex", "tty")
	n := 0
	b.replay(t, func(_ int, d delivered) bool {
		if isPrompt(d) {
			n++
		}
		return !isPrompt(d) || n != 2
	})
	got := run(t.Context(), t, b.options(t))
	if n < 2 || got.sum.PromptsMissing != 1 {
		t.Fatalf("%d prompts, of which the second was lost: %v", n, got)
	}
	fresh := newBench(t, "claude-code", "mode_deny")
	opt := fresh.options(t)
	got = run(t.Context(), t, opt)
	if len(got.prompts) != 1 {
		t.Fatalf("got %v", got)
	}
	opt.Now = got.prompts[0].Start.Add(time.Second)
	if got = run(t.Context(), t, opt); got.sum.PromptsMissing != 0 {
		t.Errorf("a second later: %v", got)
	}
}
