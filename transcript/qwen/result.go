package qwen

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/internal/later"
	"github.com/etch-audit/etch/transcript"
)

// shellTool is the tool that runs commands.
const shellTool = "run_shell_command"

// maxDuration is the longest duration that is believed.
const maxDuration = 365 * 24 * time.Hour

// A result is what Qwen Code keeps of a call's end, beside what the model saw.
type result struct {
	Status     string          `json:"status"`
	Display    json.RawMessage `json:"resultDisplay"`
	ErrorType  string          `json:"errorType"`
	DurationMS int64           `json:"durationMs"`
}

// exitCode is in the last lines of what the shell tool answers: before them
// the program may have printed anything.
var exitCode = later.Value[*regexp.Regexp]{Make: func() *regexp.Regexp {
	return regexp.MustCompile(`(?s).*\nExit Code: (-?\d+)\nSignal: [^\n]*(?:\nBackground PIDs: [^\n]*)?\nProcess Group PGID: [^\n]*$`)
}}

// finish sets how a call ended.
func finish(c *transcript.Call, r *record, output, failure string) {
	c.Output = hook.OutputOf([]byte(output + failure))
	if ms := r.Result.DurationMS; ms > 0 && c.Duration == 0 {
		c.Duration = time.Duration(min(ms, maxDuration.Milliseconds())) * time.Millisecond
	}
	c.Finish(transcript.Time(r.Timestamp), failure, failure != "" || r.Result.Status == "error" || r.Result.Status == "cancelled")
	switch {
	case r.Result.deniedByUser(failure):
		c.Refuse(hook.ByUser, failure)
	case r.Result.ErrorType == "execution_denied":
		c.Refuse(deniedBy(failure), failure)
	case r.Result.ErrorType == "tool_not_registered":
		c.Cut(hook.EndUnknownTool)
	case r.Result.ErrorType == "invalid_tool_params":
		c.Cut(hook.EndInvalid)
	case r.Result.Status == "cancelled":
		c.Cut(hook.EndInterrupted)
	case c.Tool == shellTool:
		c.Exit(codeOf(r.Result.Display, output+failure))
	}
}

// deniedByUser reports whether a person refused the call. The words alone do not say so: of
// a command that ran they repeat the command, and what it printed.
func (r *result) deniedByUser(failure string) bool {
	if r.ErrorType != "execution_denied" && r.Status != "cancelled" || r.ran() {
		return false
	}
	return strings.HasPrefix(strings.TrimPrefix(failure, "[Operation Cancelled] Reason: "), "User denied execution")
}

// ran reports whether what is shown of the call is what a shell does with a command.
func (r *result) ran() bool {
	var shown struct {
		Type string `json:"type"`
	}
	if len(r.Display) > 0 && r.Display[0] == '{' {
		transcript.Decode(r.Display, &shown)
	}
	return shown.Type == "shell_result"
}

// deniedBy returns who refused, going by the words.
func deniedBy(failure string) string {
	switch {
	case strings.Contains(failure, "Matching deny rule"):
		return hook.ByRule
	case strings.HasPrefix(failure, "Qwen Code requires permission"):
		return hook.ByMode
	}
	return hook.ByHook
}

// codeOf returns the exit code of a shell call.
func codeOf(display json.RawMessage, text string) etch.Optional[int64] {
	var shown struct {
		ExitCode *int64 `json:"exitCode"`
	}
	if len(display) > 0 && display[0] == '{' {
		transcript.Decode(display, &shown)
	}
	if shown.ExitCode != nil {
		return etch.Some(*shown.ExitCode)
	}
	return transcript.ExitCode(exitCode.Get(), text)
}
