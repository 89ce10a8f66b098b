package hookrun

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/config"
)

// TestAnswerOfUnjudged: where time is up before the policy was asked about a call, the
// call is refused, for what is known of it by then; where there is no policy, or it was asked, or
// nobody asks for leave, the agent goes on.
func TestAnswerOfUnjudged(t *testing.T) {
	late := errors.New("no record within 150ms")
	deny := func(r *config.Resolved) { r.Policy.DenyRisk = etch.RiskHigh }
	block := func(r *config.Resolved) { r.Hooks.Block = true }
	for name, test := range map[string]struct {
		event    string
		settings func(*config.Resolved)
		cause    error
		judged   bool
		foreseen string
		off      bool
		want     string // on standard error; "" is to go on
	}{
		"policy":               {event: "PreToolUse", settings: deny, cause: late, want: "cannot judge in time: no record within 150ms"},
		"policy, foreseen":     {event: "PreToolUse", settings: deny, cause: late, foreseen: "for rm", want: "for rm"},
		"policy, judged":       {event: "PreToolUse", settings: deny, cause: late, judged: true},
		"policy, recorded":     {event: "PreToolUse", settings: deny},
		"policy, no request":   {event: "PostToolUse", settings: deny, cause: late},
		"policy, switched off": {event: "PreToolUse", settings: deny, cause: late, off: true},
		"no policy":            {event: "PreToolUse", settings: func(*config.Resolved) {}, cause: late},
		"block":                {event: "PreToolUse", settings: block, cause: late, want: "etch cannot record this call"},
	} {
		resolved := &config.Resolved{Config: config.Default()}
		test.settings(resolved)
		resolved.Audit.Enabled = !test.off
		r := &run{
			Command: Command{Agent: "claude-code", Event: test.event}, process: Process{Out: io.Discard, Err: io.Discard},
			known: AgentNamed("claude-code"), resolved: resolved, judged: test.judged, foreseen: test.foreseen,
		}
		if test.judged {
			r.turn = &hook.Turn{Request: &hook.Call{}}
		}
		answer := r.answer(test.cause)
		if said := string(answer.Stderr); (answer.Exit == 2) != (test.want != "") || !strings.Contains(said, test.want) {
			t.Errorf("%s: exit %d, %q, want %q", name, answer.Exit, said, test.want)
		}
	}
}
