package codex

import (
	"strconv"
	"strings"

	"github.com/etch-audit/etch/capture/hook"
)

// Refusal returns who refused a call and why, by what the model was told of it, and
// whether it was refused at all.
func Refusal(text string) (denial hook.Denial, refused bool) {
	if reason, ok := byHook(text); ok {
		return hook.Denial{By: hook.ByHook, Reason: reason}, true
	}
	if reason, ok := rejected(text); ok {
		by := hook.ByRule
		switch {
		case reason == "rejected by user":
			by = hook.ByUser
		case strings.Contains(reason, "AskForApproval"):
			by = hook.ByMode // nobody may be asked
		}
		return hook.Denial{By: by, Reason: reason}, true
	}
	switch {
	case strings.HasPrefix(text, "approval policy is Never; reject command"):
		return hook.Denial{By: hook.ByMode, Reason: text}, true
	case strings.HasPrefix(text, "exec command rejected by user"), strings.HasPrefix(text, "patch rejected by user"), text == "rejected by user":
		return hook.Denial{By: hook.ByUser, Reason: text}, true
	}
	return hook.Denial{}, false
}

// byHook returns the reason in "Command blocked by PreToolUse hook: reason. Command: ls".
func byHook(text string) (reason string, ok bool) {
	head, reason, ok := strings.Cut(text, ": ")
	what, name, is := strings.Cut(head, " blocked by ")
	if !ok || !is || what != "Command" && what != "Tool call" || !strings.HasSuffix(name, " hook") {
		return "", false
	}
	reason, _, _ = strings.Cut(reason, ". Command: ")
	return reason, true
}

// rejected returns the reason for which Codex did not start a command, which stands
// in its own words for an error:
//
//	exec_command failed: CreateProcess { message: "Rejected(\"`rm -f x` rejected: reason\")" }
func rejected(text string) (reason string, ok bool) {
	const begin, end = "exec_command failed: CreateProcess { message: ", " }"
	message, ok := strings.CutPrefix(strings.TrimSpace(text), begin)
	if !ok {
		return "", false
	}
	message = unquoted(strings.TrimSuffix(message, end))
	reason, ok = strings.CutPrefix(message, "Rejected(")
	return unquoted(strings.TrimSuffix(reason, ")")), ok
}

// unquoted returns what a text in quotes says; one that cannot be read so as it is.
func unquoted(text string) string {
	if plain, err := strconv.Unquote(text); err == nil {
		return plain
	}
	return text
}
