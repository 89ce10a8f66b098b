// Package claudecode knows what is special of the hooks of Claude Code.
//
// PostToolBatch is its only complete event: calls of unknown tools, with invalid
// input or under a deny rule come to no other hook, and calls that were refused
// to none after PreToolUse. Who refused one is told by the text for the model
// and, better, by the record of the transcript, which is looked for at its end
// and not required.
package claudecode

import (
	"path/filepath"
	"runtime"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/internal/hookform"
)

var agent = hook.Agent{
	Name:     "claude-code",
	Aliases:  []string{"claude", "claudecode"},
	Adapt:    adapt,
	End:      end,
	Unended:  unended,
	Settings: settings,
	Misfit:   misfit,
	Answers:  answers,
	Posted:   posted,
}

// Agent returns what is special of Claude Code. All callers share it.
func Agent() *hook.Agent { return &agent }

func adapt(m *hook.Message) {
	switch m.Kind {
	case hook.BatchEvent:
		m.Entries(m.Body.Get("tool_calls"), func(entry hook.Payload) { batched(&m.Call, entry) })
	case hook.PromptEvent:
		// The end of each background agent comes as a prompt that nobody typed.
		m.NoPerson = strings.HasPrefix(strings.TrimSpace(m.Prompt), "<task-notification>")
	case hook.DeniedEvent:
		// It is fired for the classifier of the mode auto alone.
		m.Call.Denial = hook.Denial{By: hook.ByClassifier, Reason: m.Reason}
	}
}

// end reads the exit code of a failed command, and what it wrote, from the error.
func end(m *hook.Message) {
	c := &m.Call
	if c.Error != "" && c.Outcome != etch.Timeout && c.End == "" {
		exit(c, c.Error)
	}
}

// exit reads "Exit code 3" and the output below it.
func exit(c *hook.Call, text string) bool {
	line, output, _ := strings.Cut(text, "\n")
	if !c.ExitLine(line, "Exit code ", "") {
		return false
	}
	c.Ended, c.Outcome, c.Error = true, etch.Error, text
	c.Output = hook.OutputOf([]byte(output))
	return true
}

// batched reads from an entry of a batch how its call ended, as far as the text
// for the model tells. Calls that ran to their end are told of by other events
// before; where such an event was lost the text is what came out of the call, and any
// other text may be the words of whoever refused it: neither is told by the text.
func batched(c *hook.Call, entry hook.Payload) {
	text, ok := hook.Text(entry.Get("tool_response"))
	if !ok {
		return
	}
	if by := deniedBy(text); by != "" {
		deny(c, by, plainError(text))
		return
	}
	switch inner := plainError(text); {
	case inner != text:
		c.End = hook.EndInvalid // the tool's own validation
		if strings.HasPrefix(inner, "Error: No such tool available") {
			c.End = hook.EndUnknownTool
		}
		c.Fail(inner)
	case strings.HasPrefix(text, "[Request interrupted"), strings.HasPrefix(text, "[Tool call did not complete"):
		c.End = hook.EndInterrupted
		c.Fail(text)
	case exit(c, text):
	case hook.TimedOut(firstLine(text)):
		c.Fail(text)
	}
}

func deny(c *hook.Call, by, reason string) {
	c.Ended, c.Outcome, c.Denial = true, etch.Blocked, hook.Denial{By: by, Reason: reason}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// plainError returns the words of an error of Claude Code's own.
func plainError(text string) string {
	inner, ok := strings.CutPrefix(text, "<tool_use_error>")
	if !ok {
		return text
	}
	return strings.TrimSuffix(inner, "</tool_use_error>")
}

// deniedBy returns who refused a call by the text that the model gets, "" where
// the text does not tell: a hook's or a host's own words may be any.
func deniedBy(text string) string {
	inner := plainError(text)
	has := func(s string) bool { return strings.Contains(inner, s) }
	begins := func(s string) bool { return strings.HasPrefix(inner, s) }
	switch {
	case inner != text && has("denied by your permission settings"):
		return hook.ByRule
	case inner != text:
		return ""
	case begins("PreToolUse:") && has(" hook "), begins("PermissionRequest:") && has(" hook "):
		return hook.ByHook
	case begins("Permission to use ") && has("running in don't ask mode"):
		return hook.ByMode
	case begins("Permission to use ") && has("denied"):
		return hook.ByRule
	case begins("Permission for this tool use was denied"):
		return hook.ByMode
	case begins("Auto mode "), has("auto mode classifier"):
		return hook.ByClassifier
	case begins("This ") && has("require approval"), begins("This ") && has("requires approval"),
		begins("Claude requested permissions to "), begins("Cannot ") && has("while in plan mode"):
		return hook.ByMode // headless: nobody could be asked
	case begins("The user doesn't want to proceed with this tool use"), begins("The user doesn't want to take this action"):
		return hook.ByUser
	}
	return ""
}

// unended says how a call ended of which the hooks told no end.
func unended(m *hook.Message, c *hook.Call, _ bool) {
	if consult(m, c) {
		return
	}
	switch m.Kind {
	case hook.PromptEvent:
		c.End = hook.EndInterrupted // Esc, at the question whether it may run or while it ran
	case hook.EndEvent:
		c.End = hook.EndSessionEnded
	default:
		c.End = hook.EndUnknown
	}
}

// settings returns the files that can switch hooks off with disableAllHooks, of
// whatever file the hooks are in: managed ones can only be switched off by managed ones.
func settings(cwd string, getenv func(string) (string, bool)) []string {
	files := []string{filepath.Join(managed(), "managed-settings.json")}
	dir, ok := getenv("CLAUDE_CONFIG_DIR")
	if home, known := getenv("HOME"); !ok && known {
		dir = filepath.Join(home, ".claude")
	} else if home, known := getenv("USERPROFILE"); !ok && known {
		dir = filepath.Join(home, ".claude")
	}
	if dir != "" {
		files = append(files, filepath.Join(dir, "settings.json"))
	}
	project, ok := getenv("CLAUDE_PROJECT_DIR")
	if !ok || project == "" {
		project = cwd
	}
	if project != "" {
		files = append(files, filepath.Join(project, ".claude", "settings.json"), filepath.Join(project, ".claude", "settings.local.json"))
	}
	return files
}

// answers: silence to go on. Exit code 2 refuses calls and prompts, and keeps
// the settings that a ConfigChange would replace; a request for permission
// takes its refusal from standard output.
// posted refuses a call in words: exit code 2, which Claude Code takes from a process,
// is older, and all of its versions know it.
func posted(kind hook.Kind, reason string) []byte {
	if kind != hook.AttemptEvent {
		return nil
	}
	return hook.Say(`{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny","permissionDecisionReason":` + hook.Quote(reason) + `}}`).Stdout
}

func answers(event string, kind hook.Kind) (hook.Answer, func(string) hook.Answer) {
	switch kind {
	case hook.ConfigEvent:
		return hook.Answer{}, hook.Exit2
	case hook.PermissionEvent:
		return hook.Answer{}, func(reason string) hook.Answer {
			return hook.Say(`{"hookSpecificOutput":{"hookEventName":"PermissionRequest","decision":{"behavior":"deny","message":` + hook.Quote(reason) + `}}}`)
		}
	}
	return hook.SharedAnswers(event, kind)
}

// managed returns the directory of the administrator's settings.
func managed() string {
	switch runtime.GOOS {
	case "darwin":
		return "/Library/Application Support/ClaudeCode"
	case "windows":
		return `C:\Program Files\ClaudeCode`
	}
	return "/etc/claude-code"
}

// misfit knows what Claude Code leaves out a file for. The administrator's it reads without
// the member that does not fit.
func misfit(file, name string, value []byte) (member, wants string) {
	if rest, err := filepath.Rel(managed(), file); err == nil && filepath.IsLocal(rest) {
		return "", ""
	}
	return hookform.ClaudeMisfit(name, value)
}
