package claudecode

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/internal/later"
	"github.com/etch-audit/etch/transcript"
)

var exitCode = later.Value[*regexp.Regexp]{Make: func() *regexp.Regexp { return regexp.MustCompile(`^Exit code (-?\d+)(?:\n|$)`) }}

// finish sets how a call ended, by its result. Words of Claude Code's own are errors: a text
// that is none is what came out of the call, whatever it says.
func finish(c *transcript.Call, r *record, b *block) {
	text := transcript.Text(b.Content)
	c.Output = hook.OutputOf([]byte(text))
	wrong, invalid := cutTag(text)
	c.Finish(transcript.Time(r.Timestamp), wrong, b.IsError)
	switch {
	case r.DenialKind == "user-rejected" && r.Decision == nil && !r.DeniedBeforeRun && r.denialTellsWhen():
		c.Cut(hook.EndInterrupted) // Esc while it ran
	case r.DenialKind != "" || r.Decision != nil && r.Decision.Decision == "reject":
		c.Refuse(r.deniedBy(), wrong)
	case b.IsError && invalid && strings.HasPrefix(wrong, "Error: No such tool available"):
		c.Cut(hook.EndUnknownTool)
	case b.IsError && invalid:
		c.Cut(hook.EndInvalid)
	case r.stopped() || b.IsError && strings.HasPrefix(text, interrupted):
		c.Cut(hook.EndInterrupted)
	case b.IsError && c.Tool == "Bash":
		c.Exit(transcript.ExitCode(exitCode.Get(), text))
	}
}

// cutTag returns the words of an error of Claude Code's own and whether it is
// one: the tool was not run.
func cutTag(text string) (string, bool) {
	inner, ok := strings.CutPrefix(text, "<tool_use_error>")
	return strings.TrimSuffix(inner, "</tool_use_error>"), ok
}

// denialTellsWhen reports whether the version that wrote the record says of a
// rejection that it came before the call ran: those that do write
// toolDenialKind too. "User rejected tool use" is then said of both.
func (r *record) denialTellsWhen() bool {
	var said string
	transcript.Decode(r.ToolUseResult, &said)
	return said == "User rejected tool use"
}

// stopped reports whether the result says that the call was interrupted.
func (r *record) stopped() bool {
	if len(r.ToolUseResult) == 0 || r.ToolUseResult[0] != '{' {
		return false
	}
	var result struct {
		Interrupted json.RawMessage `json:"interrupted"`
	}
	transcript.Decode(r.ToolUseResult, &result)
	return string(result.Interrupted) == "true"
}

// deniedBy returns who refused, as [hook.Denial] names them.
func (r *record) deniedBy() string {
	d := r.Decision
	switch {
	case d == nil && r.DenialKind == "user-rejected":
		return hook.ByUser
	case strings.HasPrefix(r.DenialKind, "automode"):
		return hook.ByClassifier
	case d == nil:
		return hook.ByRule
	case d.Source == "hook" || d.ReasonType == "hook":
		return hook.ByHook
	case d.ReasonType == "classifier":
		return hook.ByClassifier
	case d.ReasonType == "rule":
		return hook.ByRule // the source may be the user's settings
	case d.Source == "user_reject":
		return hook.ByHost // one at the terminal has no decision
	case strings.HasPrefix(d.Source, "user"):
		return hook.ByUser
	}
	return hook.ByMode // it would have been asked, and nobody was there
}
