package gemini

import (
	"regexp"
	"strings"

	"github.com/etch-audit/etch/capture/hook"
	hookgemini "github.com/etch-audit/etch/capture/hook/gemini"
	"github.com/etch-audit/etch/internal/later"
	"github.com/etch-audit/etch/transcript"
)

// shellTool is the tool that runs commands.
const shellTool = "run_shell_command"

// exitCode is in the last lines of what the shell tool answers: before them
// the program may have printed anything.
var exitCode = later.Value[*regexp.Regexp]{Make: func() *regexp.Regexp {
	return regexp.MustCompile(`(?s).*\nExit Code: (-?\d+)(?:\n(?:Signal|Background PIDs|Process Group PGID|Error): [^\n]*)*(?:\n</untrusted_context>)?\s*$`)
}}

// finish sets how a call ended, and reports whether it has.
func finish(c *transcript.Call, t *toolCall) bool {
	switch t.Status {
	case "success", "error", "cancelled":
	default:
		return false
	}
	var output, failure string
	for _, r := range t.Result {
		output += transcript.Text(r.FunctionResponse.Response.Output)
		failure += transcript.Text(r.FunctionResponse.Response.Error)
	}
	c.Output = hook.OutputOf([]byte(output + failure))
	c.Finish(transcript.Time(t.Timestamp), failure, t.Status != "success")
	denial, refused := hookgemini.Refusal(failure)
	switch {
	case refused:
		c.Refuse(denial.By, denial.Reason)
	case t.Status == "cancelled":
		c.Cut(hook.EndInterrupted)
	case strings.HasPrefix(failure, "Tool \"") && strings.Contains(failure, "\" not found"):
		c.Cut(hook.EndUnknownTool)
	case strings.HasPrefix(failure, "params ") || strings.HasPrefix(failure, "params/"):
		c.Cut(hook.EndInvalid)
	case c.Tool == shellTool:
		c.Exit(transcript.ExitCode(exitCode.Get(), output))
	}
	return true
}
